/** @file What kernels in vectors do at the edges: sizes that are no multiple of four, NaN and equals in extremes, strides and remainders, against plain loops. */
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'

beforeAll(async () => {
  await tg.init({ device: 'cpu' })
})

/** Few different numbers, so that there are equals, and among them what is no number. */
function values(rows: number, columns: number, odd: readonly number[]): number[][] {
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: columns }, (_, c) => {
      const h = (r * 7919 + c * 104729 + ((r * c) % 13) * 31) % 23
      return h < odd.length ? (odd[h] as number) : h - 11
    }),
  )
}
const row = (of: readonly number[], more: (a: number, b: number) => boolean): number =>
  of.reduce((best, v, i) => {
    const old = of[best] as number
    return !Number.isNaN(old) && (Number.isNaN(v) || more(v, old)) ? i : best
  }, 0)
const columnsOf = (m: number[][]): number[][] => (m[0] as number[]).map((_, c) => m.map((r) => r[c] as number))
const larger = (a: number, b: number): boolean => a > b
const smaller = (a: number, b: number): boolean => a < b

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 10, 15, 16, 17, 31, 33, 64, 67]
const ODD = { plain: [], nan: [Number.NaN], infinite: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -0] }

describe.each(Object.entries(ODD))('rows and columns of numbers, %s', (_, odd) => {
  it.each(SIZES)('%i long', async (size) => {
    const m = values(9, size, odd)
    const x = tg.tensor(m)
    for (const [dim, list] of [
      [1, m],
      [0, columnsOf(m)],
    ] as const) {
      expect(await tg.argmax(x, dim).toArray(), `argmax along ${dim}`).toEqual(list.map((r) => row(r, larger)))
      expect(await tg.argmin(x, dim).toArray(), `argmin along ${dim}`).toEqual(list.map((r) => row(r, smaller)))
      expect(await tg.amax(x, dim).toArray(), `amax along ${dim}`).toEqual(list.map((r) => Math.max(...r)))
      expect(await tg.amin(x, dim).toArray(), `amin along ${dim}`).toEqual(list.map((r) => Math.min(...r)))
      expect(await tg.sum(x, dim).toArray(), `sum along ${dim}`).toEqual(list.map((r) => r.reduce((a, b) => a + b, 0)))
    }
  })
})

it.each([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NaN])(
  'argmax and argmin of nothing but %d are the first',
  async (v) => {
    for (const size of SIZES) {
      const x = tg.full([size], v)
      expect([await tg.argmax(x).item(), await tg.argmin(x).item()], `${size}`).toEqual([0, 0])
    }
  },
)

it.each(SIZES)('transposed, reversed, every second and third of %i', async (size) => {
  const m = values(11, size, [])
  const x = tg.tensor(m)
  expect(await x.t().add(1).toArray()).toEqual(columnsOf(m).map((r) => r.map((v) => v + 1)))
  expect(await tg.flip(x, 1).add(1).toArray()).toEqual(m.map((r) => r.toReversed().map((v) => v + 1)))
  for (const step of [2, 3]) {
    const wanted = m.map((r) => r.filter((_, i) => i % step === 0).map((v) => v + 1))
    expect(await x.at(':', `::${step}`).add(1).toArray(), `step ${step}`).toEqual(wanted)
  }
})

/** Sums over columns of what is moved about first: places with quotients and remainders, in several vectors at a time. */
it.each([
  [[3, 4, 2, 4], [1, 0, 2, 3], 2],
  [[5, 3, 4], [1, 2, 0], 3],
  [[5, 3, 4], [1, 0, 2], 3],
  [[4, 7, 9], [2, 1, 0], 6],
  [[2, 3, 5, 7], [3, 1, 0, 2], 10],
  [[6, 16, 2], [2, 0, 1], 3],
] as const)('%j permuted to %j, in %i rows', async (shape, order, rows) => {
  const size = shape.reduce<number>((n, s) => n * s, 1)
  const columns = size / rows
  const stride = (d: number): number => shape.slice(d + 1).reduce<number>((n, s) => n * s, 1)
  const moved = Array.from({ length: size }, (_, at) => {
    let [rest, from] = [at, 0]
    for (const d of order.toReversed()) {
      from += (rest % (shape[d] as number)) * stride(d)
      rest = Math.floor(rest / (shape[d] as number))
    }
    return from
  })
  const wanted = Array.from({ length: columns }, (_, c) => Array.from({ length: rows }, (_, r) => moved[r * columns + c] as number))
  const x = tg.arange(size).float().reshape(shape).detach()
  const y = (): tg.Tensor => x.permute(order).reshape(rows, columns)
  expect(await y().sum(0).toArray()).toEqual(wanted.map((list) => list.reduce((a, b) => a + b, 0)))
  expect(await y().amax(0).toArray()).toEqual(wanted.map((list) => Math.max(...list)))
  // Where an index is a number of the memory, too
  const picks = Array.from({ length: columns }, (_, c) => (c * 5) % columns)
  const picked = y().indexSelect(1, tg.tensor(picks, { dtype: 'int32' }).add(0))
  expect(await picked.sum(0).toArray()).toEqual(picks.map((c) => wanted[c]?.reduce((a, b) => a + b, 0)))
})

it.each([2, 3, 4, 6, 8, 12])('repeated and joined in rows of %i', async (size) => {
  const m = values(6, size, [])
  const x = tg.tensor(m)
  // Each element twice: the place is a quotient; and the rows twice: a remainder
  const twice = x
    .unsqueeze(2)
    .expand(6, size, 2)
    .reshape(6, 2 * size)
    .add(0.5)
  expect(await twice.toArray()).toEqual(m.map((r) => r.flatMap((v) => [v + 0.5, v + 0.5])))
  const again = x
    .unsqueeze(1)
    .expand(6, 2, size)
    .reshape(6, 2 * size)
    .add(0.5)
  expect(await again.toArray()).toEqual(m.map((r) => [...r, ...r].map((v) => v + 0.5)))
})

/** Whole numbers, so that sums are exact in any order. A whole tensor is one axis: where the short operand stands is a remainder, in each part of it. */
it.each([3, 4, 5, 6, 7, 10, 13, 33])('%i numbers beside rows of as many', async (size) => {
  for (const rows of [11, 400]) {
    const m = values(rows, size, [])
    const short = Array.from({ length: size }, (_, c) => c - 2)
    const [x, y] = [tg.tensor(m), tg.tensor(short)]
    const products = m.map((r) => r.map((v, c) => v * (short[c] as number)))
    const total = (list: number[][]): number => list.flat().reduce((a, b) => a + b, 0)
    expect(await x.mul(y).sum().item()).toBe(total(products))
    expect(await x.mul(y).toArray()).toEqual(products)
    expect(await x.at('1:').mul(y).reshape((rows - 1) * size).add(1).toArray()).toEqual(products.slice(1).flat().map((v) => v + 1)) // biome-ignore format: one line
    // Windows over the columns: the same numbers again from a little further on
    expect(await x.at(':', '1:').mul(y.at('1:')).sum().item()).toBe(total(products.map((r) => r.slice(1))))
  }
})

it('a sum of ten million float32 is as exact as its parts are many', async () => {
  const n = 1e7
  const data = Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1009) / 1009)
  const exact = data.reduce((a, b) => a + b, 0)
  const sum = await tg.sum(tg.tensor(data)).item()
  expect(Math.abs(sum - exact) / exact).toBeLessThan(2e-6)
})

it('what lies in front of an axis is not read, where its place would be divided', async () => {
  const x = tg.arange(336).float().sin().reshape(4, 2, 7, 6).detach().requiresGrad_()
  const y = tg.nn.functional.maxPool2d(x, [2, 3], { stride: 3, padding: [1, 0], dilation: [2, 1], ceilMode: true }) // [4, 2, 3, 2]
  const sums = tg.cat([y, tg.zeros([3, 2, 3, 2]), y], 0).sum([1, 3], { keepdim: true }) // [11, 1, 3, 1]
  const z = tg.stack([sums, sums.mul(2), tg.ones([11, 1, 3, 1])], 2)
  z.mul(tg.arange(99).float().sub(40).reshape(z.shape).detach()).sum().backward()
  // Each window gives its weights to one element: 1 and 2 times those of both places it was joined at, for 2 · 2 windows that are summed
  const weight = (n: number, s: number, h: number): number => 9 * n + 3 * s + h - 40
  let wanted = 0
  for (let n = 0; n < 4; n++)
    for (let h = 0; h < 3; h++) for (const at of [n, n + 7]) wanted += 4 * (weight(at, 0, h) + 2 * weight(at, 1, h))
  expect(await (x.grad as tg.Tensor).sum().item()).toBe(wanted)
})
