/** @file Sums of float32: the error does not grow with their length, even where all terms are rounded the same way. */
import { beforeAll, describe, expect, it } from 'vitest'
import { full, init, nn, setDefaultDevice, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

const F = nn.functional

beforeAll(async () => {
  await init({ device })
  setDefaultDevice(device)
})

/** The most that a sum or a mean of numbers of one sign may be off, relative to it. */
const WORST = 1e-6

/** What makes errors add up: all terms are rounded alike, or at random; one large number hides the others. */
const VALUES: Readonly<Record<string, (i: number) => number>> = {
  tenths: () => 0.1,
  'negative thirds': () => -1 / 3,
  'numbers between 0 and 1': (i) => ((i + 1) * Math.SQRT2) % 1,
  'one large number and small ones': (i) => (i === 0 ? 1e6 : 0.1),
}

/** Sums over `dims` in double precision of what float32 holds. */
function exactSums(x: Float32Array, shape: readonly number[], dims: readonly number[]): number[] {
  const kept = shape.map((size, d) => (dims.includes(d) ? 1 : size))
  const sums = new Array<number>(kept.reduce((n, size) => n * size, 1)).fill(0)
  x.forEach((value, i) => {
    let [at, rest, stride] = [0, i, 1]
    for (let d = shape.length - 1; d >= 0; d--) {
      const size = shape[d] as number
      if (!dims.includes(d)) {
        at += (rest % size) * stride
        stride *= size
      }
      rest = Math.floor(rest / size)
    }
    sums[at] = (sums[at] as number) + value
  })
  return sums
}

/** How far the sums and means of numbers made by `f` are off, at most, relative to them. */
async function worstOf(f: (i: number) => number, shape: readonly number[], dims: readonly number[]): Promise<number> {
  const data = Float32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, (_, i) => f(i))
  const x = tensor(data, { shape: [...shape] })
  const [sums, means] = await Promise.all([x.sum([...dims]).data(), x.mean([...dims], { keepdim: true }).data()])
  const terms = dims.reduce((n, d) => n * (shape[d] as number), 1)
  const off = exactSums(data, shape, dims).map((sum, i) =>
    Math.max(Math.abs(Number(sums[i]) / sum - 1), Math.abs((Number(means[i]) * terms) / sum - 1)),
  )
  x.dispose()
  return off.reduce((a, b) => Math.max(a, b), 0)
}

/** Around what an invocation adds at once, or without a look at what is lost; what is done in one pass; what the parts of two passes are. */
const LENGTHS = [
  1,
  3,
  15,
  16,
  17,
  20,
  63,
  65,
  255,
  257,
  1000,
  1023,
  1025,
  4095,
  4096,
  4097,
  16_383,
  65_537,
  262_143,
  262_145,
  1_000_003,
  2 ** 22,
]

describe('a sum and a mean of numbers of one sign', () => {
  for (const [name, f] of Object.entries(VALUES)) {
    it(`${name}, any number of them`, async () => {
      for (const n of LENGTHS) expect(await worstOf(f, [n], [0]), `${n}`).toBeLessThan(WORST)
    })
    it(`${name}, over any axis`, async () => {
      for (const n of [17, 100, 5000]) {
        expect(await worstOf(f, [n, 37], [0]), `[${n}, 37] over 0`).toBeLessThan(WORST)
        expect(await worstOf(f, [37, n], [1]), `[37, ${n}] over 1`).toBeLessThan(WORST)
        expect(await worstOf(f, [3, n, 5], [1]), `[3, ${n}, 5] over 1`).toBeLessThan(WORST)
        expect(await worstOf(f, [n, 3, 50], [0, 2]), `[${n}, 3, 50] over 0 and 2`).toBeLessThan(WORST)
      }
      expect(await worstOf(f, [6, 4, 70, 70], [0, 2, 3])).toBeLessThan(WORST)
      expect(await worstOf(f, [3, 2 ** 17], [1])).toBeLessThan(WORST)
      expect(await worstOf(f, [30_011, 5], [0])).toBeLessThan(WORST)
    })
  }

  it('as part of variances and norms', async () => {
    for (const n of [1000, 4097, 300_000]) {
      const data = Float32Array.from({ length: n }, (_, i) => 3 + ((i * Math.SQRT2) % 1))
      const x = tensor(data)
      const mean = data.reduce((sum, v) => sum + v, 0) / n
      const variance = data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1)
      const norm = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0))
      const got = await Promise.all([x.var().item(), x.std().item(), x.square().sum().sqrt().item()])
      const off = [variance, Math.sqrt(variance), norm].map((want, i) => Math.abs(Number(got[i]) / want - 1))
      // The numbers less their mean are rounded as numbers of its size are
      expect(Math.max(...off), `${n}: ${off}`).toBeLessThan(3 * WORST)
    }
  })
})

describe('products of matrices and convolutions of numbers of one sign', () => {
  // Equal products are all rounded alike: these, by as much as any
  const [A, B] = [1.3177, 1.0931].map(Math.fround) as [number, number]
  const off = (got: ArrayLike<number | boolean | bigint>, terms: number): number =>
    Array.from(got).reduce<number>((worst, y) => Math.max(worst, Math.abs(Number(y) / (terms * A * B) - 1)), 0)

  // Around what is summed plainly, in parts, and in parts whose sum keeps what it loses; in several workgroups or parts of the sum
  it.each([64, 255, 256, 257, 320, 321, 512, 1000, 4095, 4096, 16_384, 16_385, 50_000])('%d terms', async (k) => {
    for (const [m, n] of [
      [3, 5],
      [40, 33],
    ] as const) {
      const [a, b] = [full([m, k], A), full([k, n], B)]
      expect(off(await a.matmul(b).data(), k), `[${m}, ${k}] · [${k}, ${n}]`).toBeLessThan(5e-6)
      expect(off(await b.mT.matmul(a.mT).data(), k), 'transposed').toBeLessThan(5e-6)
    }
  })

  it('a million terms', async () => {
    const [a, b] = [full([2, 1e6], A), full([1e6, 3], B)]
    expect(off(await a.matmul(b).data(), 1e6)).toBeLessThan(5e-6)
  })

  it.each([
    [40, 3, 3],
    [300, 1, 3],
    [7, 5, 5],
    [3, 20, 20],
    [1, 1, 30],
  ])('a convolution over %d channels and %d × %d taps', async (channels, height, width) => {
    const x = full([2, channels, height + 3, width + 5], A)
    const y = F.conv2d(x, full([9, channels, height, width], B))
    expect(off(await y.data(), channels * height * width)).toBeLessThan(5e-6)
  })

  it('are infinite where a term is', async () => {
    for (const k of [100, 1000, 20_000]) {
      const a = new Float32Array(2 * k).fill(1)
      a[k + 7] = Number.POSITIVE_INFINITY
      const y = await tensor(a, { shape: [2, k] })
        .matmul(full([k, 2], B))
        .data()
      expect([...y].slice(2), `${k}`).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
      expect(Number(y[0]) / (k * B)).toBeCloseTo(1, 5)
    }
  })
})

describe('a long sum with an infinity', () => {
  it.each([
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY],
    [Number.NaN, Number.NaN],
  ])('%d is %d, of one row and of each column', async (value, sum) => {
    const numbers = new Float32Array(300_000).fill(1)
    numbers[70_000] = value
    const x = tensor(numbers)
    expect(await x.sum().item()).toEqual(sum)
    const columns = await x.reshape([30_000, 10]).sum(0).data()
    expect([...columns]).toEqual([sum, ...new Array(9).fill(30_000)])
  })
})
