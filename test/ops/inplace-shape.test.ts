/** @file In place, what changes a tensor's own shape: its gradient, its views and its base, what took it before; and triangles and diagonals in place. */
import { beforeAll, describe, expect, it } from 'vitest'
import { checkpoint, linalg, noGrad, ones, setDefaultDevice, stack, type Tensor, tensor, vander, zeros } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const grid = (...shape: number[]): Tensor => {
  const n = shape.reduce((a, b) => a * b, 1)
  return tensor(
    Float32Array.from({ length: n }, (_, i) => i + 1),
    { shape },
  )
}

/** Each form, the form that gives a view, and a shape that it changes. */
const FORMS: Readonly<Record<string, { shape: number[]; change: (x: Tensor) => Tensor; view: (x: Tensor) => Tensor }>> = {
  t_: { shape: [2, 3], change: (x) => x.t_(), view: (x) => x.t() },
  transpose_: { shape: [2, 3, 2], change: (x) => x.transpose_(0, -1), view: (x) => x.transpose(0, -1) },
  swapaxes_: { shape: [2, 3], change: (x) => x.swapaxes_(0, 1), view: (x) => x.transpose(0, 1) },
  swapdims_: { shape: [2, 3], change: (x) => x.swapdims_(1, 0), view: (x) => x.transpose(0, 1) },
  squeeze_: { shape: [1, 3, 1], change: (x) => x.squeeze_(), view: (x) => x.squeeze() },
  'squeeze_ of a dim': { shape: [1, 3, 1], change: (x) => x.squeeze_(-1), view: (x) => x.squeeze(-1) },
  unsqueeze_: { shape: [2, 3], change: (x) => x.unsqueeze_(1), view: (x) => x.unsqueeze(1) },
}

describe.each(Object.entries(FORMS))('%s', (_, { shape, change, view }) => {
  it('is the view, behind the same handle', async () => {
    const x = grid(...shape)
    const want = view(x)
    expect(change(x)).toBe(x)
    expect([x.shape, x.version, x.isLeaf, x._source]).toEqual([want.shape, 1, true, undefined])
    expect(await x.toArray()).toEqual(await want.toArray())
  })

  it('is on the tape', async () => {
    const leaf = grid(...shape).requiresGrad_()
    const x = leaf.mul(2)
    const weights = view(grid(...shape)).square()
    change(x)
    expect([x.requiresGrad, x.isLeaf]).toEqual([true, false])
    x.mul(weights).sum().backward()
    const want = grid(...shape)
      .square()
      .mul(2)
    expect(await (leaf.grad as Tensor).toArray()).toEqual(await want.toArray())
  })

  it('leaves what was taken before as it was, and refuses to change that in place', async () => {
    const x = grid(...shape)
    const [values, before] = [await x.toArray(), x.reshape(-1)]
    const [clone, detached] = [x.clone(), x.detach()]
    change(x)
    x.add_(1)
    for (const y of [clone, detached]) expect(await y.toArray()).toEqual(values)
    expect(before.shape).toEqual([x.numel()])
    expect(await before.toArray()).toEqual((values as unknown[]).flat(3))
    expect(() => before.add_(1)).toThrow(/was changed in place since: .* Take the view again/)
  })

  it('of a view, the view stays one of its base', async () => {
    const base = zeros([...shape, 2])
    const v = base.select(-1, 1)
    change(v)
    const added = view(grid(...shape))
    expect(v.add_(added)).toBe(v)
    expect(await v.toArray()).toEqual(await added.toArray())
    expect(await base.toArray()).toEqual(await stack([zeros(shape), grid(...shape)], -1).toArray())
    change(view(base.select(-1, 0)))
    expect(base.shape).toEqual([...shape, 2])
  })

  it('of a view, gradients go on through both', async () => {
    const leaf = grid(...shape, 2).requiresGrad_()
    const base = leaf.mul(1)
    const v = base.select(-1, 0)
    change(v)
    v.mul_(view(grid(...shape)))
    base.sum().backward()
    const want = stack([grid(...shape), ones(shape)], -1)
    expect(await (leaf.grad as Tensor).toArray()).toEqual(await want.toArray())
  })

  it('is noticed by what saved the tensor', () => {
    const x = grid(...shape)
      .requiresGrad_()
      .mul(1)
    const y = x.square()
    change(x)
    expect(() => y.sum().backward()).toThrow(/was changed in place: it is at version 1, version 0 was saved/)
  })

  it('of a leaf that requires grad goes under noGrad only', async () => {
    const x = grid(...shape).requiresGrad_()
    const earlier = x.mul(2).sum()
    expect(() => change(x)).toThrow(/a leaf that requires grad may not be changed in place while recording/)
    expect(() => change(x.reshape(shape))).toThrow(/a view of a leaf that requires grad may not be changed in place while recording/)
    expect([x.shape, x.version]).toEqual([shape, 0])
    noGrad(() => change(x))
    expect([x.isLeaf, x.requiresGrad]).toEqual([true, true])
    expect(() => earlier.backward()).toThrow(/^backward: a leaf \[.*\] has changed its shape in place since it was used/)
    expect(x.grad).toBe(null)
    x.square().sum().backward()
    expect((x.grad as Tensor).shape).toEqual(x.shape)
    expect(await (x.grad as Tensor).toArray()).toEqual(await x.detach().mul(2).toArray())
    expect(() => noGrad(() => change(x))).toThrow(/has a gradient of this shape, to which others would be added\. Set x\.grad = null first/)
  })

  it('of a recorded result is recorded, or refused', () => {
    const x = grid(...shape)
      .requiresGrad_()
      .mul(2)
    expect(() => noGrad(() => change(x))).toThrow(/is a recorded result, whose gradient has this shape\./)
    expect(x.shape).toEqual(shape)
  })

  it('happens once under checkpoint, to a tensor from outside too', async () => {
    const leaf = grid(...shape).requiresGrad_()
    const outside = grid(...shape)
    const base = zeros([...shape, 2])
    const v = base.select(-1, 1)
    const y = checkpoint((x: Tensor) => {
      change(outside)
      change(v)
      v.add_(outside)
      return change(x.mul(2)).mul(outside).square().mul(v)
    }, leaf)
    y.sum().backward()
    expect([outside.version, outside.shape, v.shape]).toEqual([1, view(grid(...shape)).shape, view(grid(...shape)).shape])
    // d/dx (2x · k)² · k, k = x
    const want = grid(...shape)
      .pow(4)
      .mul(8)
    expect(await (leaf.grad as Tensor).toArray()).toEqual(await want.toArray())
    v.add_(1)
    expect(await base.select(-1, 1).toArray()).toEqual(
      await grid(...shape)
        .add(1)
        .toArray(),
    )
  })
})

describe('changes of shape', () => {
  it('of an expanded view are allowed, since nothing is written', async () => {
    const v = grid(1, 3).expand(2, 3)
    expect(await v.t_().toArray()).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    expect(() => v.add_(1)).toThrow(/is an expanded view/)
  })

  it('leave a view that its base has left behind as it is', () => {
    const base = grid(2, 3)
    const v = base.select(0, 0)
    base.add_(1)
    v.unsqueeze_(0)
    expect(v.shape).toEqual([1, 3])
    expect(() => v.add_(1)).toThrow(/was changed in place since/)
  })

  it('that cannot be are errors at the call, and change nothing', () => {
    const x = grid(2, 3)
    const wrong: readonly (readonly [() => unknown, string])[] = [
      [() => zeros([2, 2, 2]).t_(), 't_: at most 2 dims are wanted, x is [2, 2, 2]. Use transpose(dim0, dim1) or x.mT'],
      [() => x.transpose_(0, 2), 'transpose_: dim1 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
      [() => x.unsqueeze_(4), 'unsqueeze_: dim 4 is out of range for a tensor of 3 dims (expected -3 to 2)'],
      [() => x.squeeze_(2), 'squeeze_: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
    ]
    for (const [call, message] of wrong) expect(messageOf(call)).toBe(message)
    expect([x.shape, x.version]).toEqual([[2, 3], 0])
  })
})

describe('triangles and diagonals in place', () => {
  it('tril_ and triu_ keep one triangle, with their gradients', async () => {
    for (const [change, keep] of [
      [(x: Tensor) => x.tril_(), (x: Tensor) => x.tril()],
      [(x: Tensor) => x.triu_(1), (x: Tensor) => x.triu(1)],
      [(x: Tensor) => x.tril_({ diagonal: -1 }), (x: Tensor) => x.tril(-1)],
    ] as const) {
      const leaf = grid(2, 3, 3).requiresGrad_()
      const x = leaf.mul(2)
      expect(change(x)).toBe(x)
      expect(await x.toArray()).toEqual(await keep(grid(2, 3, 3).mul(2)).toArray())
      x.sum().backward()
      expect(await (leaf.grad as Tensor).toArray()).toEqual(await keep(ones([2, 3, 3]).mul(2)).toArray())
    }
    const base = grid(2, 4)
    base.narrow(1, 0, 2).triu_()
    expect(await base.toArray()).toEqual([
      [1, 2, 3, 4],
      [0, 6, 7, 8],
    ])
  })

  it('fillDiagonal_ fills where all positions are one, and begins again with wrap', async () => {
    const rows = async (x: Tensor): Promise<number[][]> => (await x.nonzero().then((p) => p.toArray())) as number[][]
    expect(await rows(zeros([3, 7]).fillDiagonal_(1, true))).toEqual([
      [0, 0],
      [1, 1],
      [2, 2],
    ])
    const tall = [0, 1, 2].map((i) => [i, i])
    expect(await rows(zeros([9, 3]).fillDiagonal_(1))).toEqual(tall)
    expect(await rows(zeros([9, 3]).fillDiagonal_(1, { wrap: true }))).toEqual([...tall, [4, 0], [5, 1], [6, 2], [8, 0]])
    expect(await rows(zeros([2, 2, 2]).fillDiagonal_(1, true))).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ])
    const leaf = grid(2, 2).requiresGrad_()
    const x = leaf.mul(3)
    x.fillDiagonal_(5)
    x.sum().backward()
    expect(await (leaf.grad as Tensor).toArray()).toEqual([
      [0, 3],
      [3, 0],
    ])
    expect(await zeros([2, 2], { dtype: 'bool' }).fillDiagonal_(1).toArray()).toEqual([
      [true, false],
      [false, true],
    ])
    expect(await rows(zeros([0, 3]).fillDiagonal_(1, true))).toEqual([])
    expect(messageOf(() => zeros([2]).fillDiagonal_(1))).toBe('fillDiagonal_: at least 2 dims are wanted, x is [2]')
    expect(messageOf(() => zeros([2, 3, 3]).fillDiagonal_(1))).toBe(
      'fillDiagonal_: all sizes of more than 2 dims must be equal, x is [2, 3, 3]',
    )
    expect(messageOf(() => zeros([2, 2]).int().fillDiagonal_(0.5))).toBe(
      'fillDiagonal_: fillValue is 0.5, which int32 cannot hold: it has a fraction',
    )
  })

  it('fill_ takes one value', () => {
    expect(messageOf(() => zeros([2]).fill_(ones([2])))).toBe('fill_: value must be a number or 0-d, got [2]. Use copy_')
  })
})

describe('linalg.vander', () => {
  it('gives the powers of many vectors upwards', async () => {
    const x = grid(2, 3).sub(3)
    const want = stack(
      x.unbind().map((row) => vander(row, 4, true)),
      0,
    )
    expect(await linalg.vander(x, { N: 4 }).toArray()).toEqual(await want.toArray())
    expect(linalg.vander(x).shape).toEqual([2, 3, 3])
    expect(linalg.vander(x.to('uint8')).dtype).toBe('int32')
  })
  it('says what it takes', () => {
    expect(messageOf(() => linalg.vander(zeros([])))).toBe('linalg.vander: a tensor with dims is wanted, x is 0-d')
    expect(messageOf(() => linalg.vander(zeros([3, 1])))).toBe('linalg.vander: N must be 2 or more, got 1, the last size of x [3, 1]')
    expect(messageOf(() => linalg.vander(zeros([3]).bool()))).toBe('linalg.vander: x must be numbers, got bool. Convert with .int()')
    expect(messageOf(() => vander(zeros([2, 2])))).toBe('vander: a vector is wanted, x is [2, 2]')
  })
})

function messageOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}
