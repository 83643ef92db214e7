/** @file What users do with convolution and pooling, each against what it must equal; on any device. */
import { expect } from 'vitest'
import { manualSeed, nn, ones, randn, type Tensor, zeros } from '../../src/index.ts'
import { assertClose } from '../../src/testing/index.ts'
import type { WindowSetting } from './check-windows.ts'

const { avgPool2d, conv2d, maxPool2d, relu } = nn.functional

interface Here {
  leaf(...shape: number[]): Tensor
  same(got: Tensor | null, want: Tensor | null): Promise<void>
}

const here =
  (check: (here: Here, setting: WindowSetting) => Promise<void>) =>
  (setting: WindowSetting): Promise<void> => {
    manualSeed(7)
    const { device, dtype, error } = setting
    const leaf = (...shape: number[]): Tensor => randn(shape, { device, dtype }).detach().requiresGrad_()
    const same = (got: Tensor | null, want: Tensor | null): Promise<void> =>
      assertClose(got as Tensor, want as Tensor, { rtol: error, atol: error })
    return check({ leaf, same }, setting)
  }

/** A leaf of the same values. */
const copy = (x: Tensor): Tensor => x.detach().clone().requiresGrad_()

export const checkUses: Record<string, (setting: WindowSetting) => Promise<void>> = {
  'channels that come last are permuted in and out': here(async ({ leaf, same }) => {
    const [x, w, b] = [leaf(2, 6, 5, 3), leaf(4, 3, 3, 3), leaf(4)]
    const [plain, w2, b2] = [copy(x.permute(0, 3, 1, 2)), copy(w), copy(b)]
    const y = maxPool2d(conv2d(x.permute(0, 3, 1, 2), w, b, { padding: 1 }), 2).permute(0, 2, 3, 1)
    const want = maxPool2d(conv2d(plain, w2, b2, { padding: 1 }), 2)
    await same(y, want.permute(0, 2, 3, 1))
    y.square().sum().backward()
    want.square().sum().backward()
    await same(x.grad, (plain.grad as Tensor).permute(0, 2, 3, 1))
    await same(w.grad, w2.grad)
    await same(b.grad, b2.grad)
  }),

  'a slice is convolved, and of the output only a view is used': here(async ({ leaf, same }) => {
    const [x, w] = [leaf(3, 4, 9, 8), leaf(2, 2, 3, 2)]
    const crop = (t: Tensor): Tensor => t.narrow(1, 1, 2).narrow(2, 2, 6).narrow(0, 1, 2)
    const [small, w2] = [copy(crop(x)), copy(w)]
    const view = (y: Tensor): Tensor => y.select(1, 1).narrow(1, 1, 3).transpose(1, 2)
    const [y, want] = [view(conv2d(crop(x), w)), view(conv2d(small, w2))]
    await same(y, want)
    y.sin().sum().backward()
    want.sin().sum().backward()
    await same(crop(x.grad as Tensor), small.grad)
    await same((x.grad as Tensor).select(0, 0), zeros([4, 9, 8], { device: x.device as 'cpu', dtype: x.dtype }))
    await same(w.grad, w2.grad)
  }),

  'a weight that two convolutions share gets both gradients': here(async ({ leaf, same }) => {
    const [x, z, w] = [leaf(2, 3, 6, 6), leaf(1, 3, 4, 5), leaf(3, 3, 3, 3)]
    const [first, second] = [copy(w), copy(w)]
    const f = (a: Tensor, b: Tensor): Tensor => {
      const inner = relu(conv2d(x, a, null, { padding: 1 }))
      return conv2d(inner, b, null, { stride: 2 }).sum().add(conv2d(z, b).square().sum())
    }
    f(w, w).backward()
    f(first, second).backward()
    await same(w.grad, (first.grad as Tensor).add(second.grad as Tensor))
  }),

  'an image without a batch is a batch of one': here(async ({ leaf, same }) => {
    const [x, w, b] = [leaf(2, 7, 6), leaf(4, 2, 3, 3), leaf(4)]
    const [whole, w2, b2] = [copy(x.unsqueeze(0)), copy(w), copy(b)]
    const f = (t: Tensor, weight: Tensor, bias: Tensor): Tensor =>
      avgPool2d(maxPool2d(conv2d(t, weight, bias, { padding: 1 }), 2, { padding: 1 }), [2, 1])
    const [y, want] = [f(x, w, b), f(whole, w2, b2)]
    expect(y.shape).toEqual([4, 2, 4])
    await same(y, want.squeeze(0))
    y.exp().sum().backward()
    want.exp().sum().backward()
    await same(x.grad, (whole.grad as Tensor).squeeze(0))
    await same(w.grad, w2.grad)
    await same(b.grad, b2.grad)
    const { indices } = maxPool2d(x, 2, { returnIndices: true })
    expect(indices.shape).toEqual([2, 3, 3])
  }),

  'an empty batch gives empty outputs and gradients of zeros': here(async ({ leaf, same }, { device, dtype }) => {
    const x = zeros([0, 2, 6, 6], { device, dtype, requiresGrad: true })
    const [w, b] = [leaf(4, 2, 3, 3), leaf(4)]
    const y = avgPool2d(maxPool2d(conv2d(x, w, b, { padding: 1 }), 2), 3)
    expect(y.shape).toEqual([0, 4, 1, 1])
    y.sum().backward()
    expect((x.grad as Tensor).shape).toEqual([0, 2, 6, 6])
    await same(w.grad, zeros([4, 2, 3, 3], { device, dtype }))
    await same(b.grad, zeros([4], { device, dtype }))
    expect(await y.data()).toHaveLength(0)
  }),

  'an input that is broadcast counts every copy': here(async ({ leaf, same }) => {
    const [x, w] = [leaf(1, 1, 5, 5), leaf(2, 3, 2, 2)]
    const [wide, w2] = [copy(x.expand(2, 3, 5, 5)), copy(w)]
    conv2d(x.expand(2, 3, 5, 5), w)
      .square()
      .sum()
      .backward()
    conv2d(wide, w2).square().sum().backward()
    await same(x.grad, (wide.grad as Tensor).sum([0, 1], { keepdim: true }))
    await same(w.grad, w2.grad)
  }),

  'an input that is its own weight has both gradients': here(async ({ leaf, same }) => {
    const x = leaf(2, 2, 3, 3)
    const [a, b] = [copy(x), copy(x)]
    conv2d(x, x, null, { padding: 1 }).sin().sum().backward()
    conv2d(a, b, null, { padding: 1 }).sin().sum().backward()
    await same(x.grad, (a.grad as Tensor).add(b.grad as Tensor))
  }),

  'a loss over a sum of outputs is the sum of the weight over windows': here(async ({ leaf, same }, { device, dtype }) => {
    const w = leaf(1, 1, 2, 2)
    const y = conv2d(ones([1, 1, 4, 4], { device, dtype }), w)
    await same(y, w.sum().expand(1, 1, 3, 3))
    y.sum().backward()
    await same(w.grad, ones([1, 1, 2, 2], { device, dtype }).mul(9))
  }),
}
