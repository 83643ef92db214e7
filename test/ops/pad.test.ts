/** @file Padding with elements of the tensor: any rank against plain loops, with its gradients; its kernels; what is refused. */
import { describe, expect, it } from 'vitest'
import { constantPadNd, grad as gradOf, nn, pad, type Tensor, tensor, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'

const { functional: F } = nn
const MODES = ['reflect', 'replicate', 'circular'] as const
type Mode = (typeof MODES)[number]

/** The element that position k of a padded dim shows. */
function shown(mode: Mode, size: number, before: number, after: number, k: number): number {
  let i = k - before
  if (mode === 'replicate') return Math.min(Math.max(i, 0), size - 1)
  if (mode === 'circular') {
    const [first, last] = [Math.max(0, -before), size - Math.max(0, -after)]
    while (i < first) i += last - first
    while (i >= last) i -= last - first
    return i
  }
  while (i < 0 || i >= size) i = i < 0 ? -i : 2 * (size - 1) - i
  return i
}

/** For each element of the padded shape, the position of the one that it shows. */
function sources(mode: Mode, shape: readonly number[], padding: readonly number[]): { shape: number[]; from: number[] } {
  const endOf = (d: number): [number, number] => [padding[2 * (shape.length - 1 - d)] ?? 0, padding[2 * (shape.length - 1 - d) + 1] ?? 0]
  const to = shape.map((n, d) => n + endOf(d)[0] + endOf(d)[1])
  let from = [0]
  shape.forEach((n, d) => {
    const [before, after] = endOf(d)
    from = from.flatMap((i) => Array.from({ length: to[d] as number }, (_, k) => i * n + shown(mode, n, before, after, k)))
  })
  return { shape: to, from }
}

const CASES: readonly (readonly [shape: readonly number[], padding: readonly number[]])[] = [
  [[4], [2, 3]],
  [
    [3, 4],
    [1, 2, 2, 0],
  ],
  [
    [2, 3, 4],
    [1, 1, 2, 1, 1, 1],
  ],
  [
    [3, 2, 1, 4, 3],
    [2, 1, 3, -1],
  ],
  [
    [2, 3, 2, 2, 2, 2],
    [1, 0, 0, 1, 1, 1, 1, 0],
  ],
  [[5], [-3, 4]],
  [[5], [4, -3]],
  [
    [6, 4],
    [-2, -1, -4, 1],
  ],
  [[12], [-11, 12]], // in mode circular so often that its gradient is sent to positions
]

describe.each(MODES)("pad in mode '%s'", (mode) => {
  it.each(CASES)('%j by %j, and its gradients', async (shape, padding) => {
    if (mode === 'reflect' && padding.includes(12)) return
    const n = shape.reduce((a, b) => a * b, 1)
    const values = Float32Array.from({ length: n }, (_, i) => i + 1)
    const x = tensor(values, { shape: [...shape], device, requiresGrad: true })
    const want = sources(mode, shape, padding)
    const y = pad(x, padding, { mode })
    expect(y.shape).toEqual(want.shape)
    expect([...(await y.data())]).toEqual(want.from.map((i) => values[i]))
    // (whole numbers, so that sums are exact)
    const weights = want.from.map((_, i) => ((i * 7) % 11) - 5)
    const w = tensor(weights, { device, requiresGrad: true })
    const [gx] = grad(y.reshape(-1).mul(w).sum(), [x], true)
    const sent = new Array<number>(n).fill(0)
    want.from.forEach((i, k) => {
      sent[i] = (sent[i] as number) + (weights[k] as number)
    })
    expect([...(await (gx as Tensor).data())]).toEqual(sent)
    // of the gradient, which is linear in the weights: each place of the padded tensor gets what its element has
    const [gw] = grad((gx as Tensor).mul(x.detach()).sum(), [w], false)
    expect([...(await (gw as Tensor).data())]).toEqual(want.from.map((i) => values[i]))
  })

  it('moves elements of every dtype as they are', async () => {
    for (const dtype of ['float16', 'bfloat16', 'int32', 'uint32', 'int8', 'uint8', 'bool'] as const) {
      const y = pad(tensor([0, 1, 1], { dtype, device }), [1, 1], mode)
      expect(y.dtype).toBe(dtype)
      const want = sources(mode, [3], [1, 1]).from.map((i) => [0, 1, 1][i])
      expect([...(await y.data())].map(Number)).toEqual(want)
    }
    const large = tensor([2 ** 24 + 1, -(2 ** 31), 5], { dtype: 'int32', device })
    expect(await pad(large, [1, 0], mode).data()).toHaveLength(4)
    expect([...(await pad(large, [1, 0], mode).narrow(0, 1, 3).data())]).toEqual([2 ** 24 + 1, -(2 ** 31), 5])
  })

  it('sums gradients of halves once: many elements of one, and rounds them at the end', async () => {
    const x = tensor([0, 1], { dtype: 'float16', device, requiresGrad: true })
    // 1 + 2048 + … in steps would stay at 2048
    const y = pad(x.reshape(1, 2), mode === 'reflect' ? [1, 1] : [2, 2], mode)
    y.mul(tensor(mode === 'reflect' ? [2048, 1, 1, 1] : [2048, 1, 1, 1, 1, 1], { dtype: 'float16', device }))
      .sum()
      .backward()
    const want = { reflect: [2, 2049], replicate: [2050, 3], circular: [2050, 3] }[mode]
    expect([...(await (x.grad as Tensor).data())]).toEqual(want.map((v) => (v === 2049 ? 2048 : v)))
  })

  it('is a table of positions and one kernel more; the gradient of padding by one is one', async () => {
    const x = tensor(Float32Array.from({ length: 2 * 3 * 8 * 8 }, Math.sin), { shape: [2, 3, 8, 8], device, requiresGrad: true })
    await x.data()
    expect(await kernelsOf(() => pad(x, [1, 1, 1, 1], mode).detach().data())).toBe(2)
    const g = tensor(Float32Array.from({ length: 2 * 3 * 10 * 10 }, Math.cos), { shape: [2, 3, 10, 10], device })
    const y = pad(x, [1, 1, 1, 1], mode)
    await y.data()
    const [gx] = grad(y, [x], false, g)
    expect(await kernelsOf(() => (gx as Tensor).data())).toBe(1)
  })

  it('takes empty batches, and dims of no size that are not padded', () => {
    expect(pad(zeros([0, 2, 3]), [1, 1], mode).shape).toEqual([0, 2, 5])
    expect(pad(zeros([2, 0, 3]), [1, 1], mode).shape).toEqual([2, 0, 5])
    expect(pad(zeros([0, 2, 3, 4]), [1, 1, 1, 1], mode).shape).toEqual([0, 2, 5, 6])
  })

  it('by nothing is a copy', () => {
    const x = zeros([2, 3])
    const y = pad(x, [0, 0], mode)
    y.add_(1)
    expect(x.version).toBe(0)
  })
})

it('what does not fit is refused at the call', () => {
  const z = (...shape: number[]): Tensor => zeros(shape)
  const wrong: readonly (readonly [() => unknown, string])[] = [
    [
      () => pad(z(2, 3), [3, 0], 'reflect'),
      "pad: in mode 'reflect' padding must be less than the size, which is mirrored without its edge: got [3, 0] for dim 1 of [2, 3] (size 3)",
    ],
    [
      () => pad(z(2, 3), [4, -2], 'reflect'),
      "pad: in mode 'reflect' padding must be less than the size, which is mirrored without its edge: got [4, -2] for dim 1 of [2, 3] (size 3)",
    ],
    [
      () => pad(z(2, 0), [1, 0], 'reflect'),
      "pad: in mode 'reflect' padding must be less than the size, which is mirrored without its edge: got [1, 0] for dim 1 of [2, 0] (size 0)",
    ],
    [
      () => pad(z(2, 3), [0, 0, 1, 3], 'circular'),
      "pad: in mode 'circular' padding may be no more than the size: got [1, 3] for dim 0 of [2, 3] (size 2)",
    ],
    [
      () => pad(z(2, 3), [-3, 1], 'circular'),
      "pad: mode 'circular' has no element to pad with: [-3, 1] leaves none of dim 1 of [2, 3] (size 3)",
    ],
    [
      () => pad(z(2, 0), [1, 1], 'replicate'),
      "pad: mode 'replicate' has no element to pad with: [1, 1] leaves none of dim 1 of [2, 0] (size 0)",
    ],
    [
      () => pad(z(2, 3), [-2, -1], 'reflect'),
      "pad: mode 'reflect' has no element to pad with: [-2, -1] leaves none of dim 1 of [2, 3] (size 3)",
    ],
    [() => pad(z(2, 3), [1, 1], 'reflect', 2), "pad: mode 'reflect' takes no value: it pads with elements of x"],
    [() => pad(z(2, 3), [1]), 'pad: padding must have 2 numbers for each of at most 2 dims, got 1'],
    [() => pad(z(2), [1, 1, 1, 1], 'reflect'), 'pad: padding must have 2 numbers for each of at most 1 dim, got 4'],
    [
      () => pad(z(2), [1, 1], 'mirror' as 'reflect'),
      "pad: mode must be 'constant', 'reflect', 'replicate' or 'circular', or options { mode, value }, got 'mirror'",
    ],
    [() => constantPadNd(z(2, 3), [1, 1, 1, 1, 1, 1]), 'constantPadNd: pad must have 2 numbers for each of at most 2 dims, got 6'],
    [() => constantPadNd(z(2, 3), [-2, -2]), 'constantPadNd: padding [-2, -2] leaves less than nothing of [2, 3]'],
    [() => constantPadNd(z(2).int(), [1, 1], 0.5), 'constantPadNd: value is 0.5, which int32 cannot hold: it has a fraction'],
  ]
  for (const [call, message] of wrong) expect(messageOf(call)).toBe(message)
  expect(F.pad).toBe(pad)
})

function messageOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    return (error as Error).message
  }
  return 'no error'
}

const grad = (y: Tensor, inputs: readonly Tensor[], createGraph: boolean, seed?: Tensor): readonly Tensor[] =>
  gradOf([y], inputs, { createGraph, ...(seed && { gradOutputs: [seed] }) }) as readonly Tensor[]

async function kernelsOf(fn: () => Promise<unknown>): Promise<number> {
  const before = deviceCounters(device).dispatches
  await fn()
  return deviceCounters(device).dispatches - before
}
