/** @file Loops that take another slice at every step: what they compute, forward and backward, and that their kernels are found again. */
import { describe, expect, it } from 'vitest'
import { cat, noGrad, stack, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'

const [ROWS, COLUMNS] = [11, 6]
const data = Float32Array.from({ length: ROWS * COLUMNS }, (_, i) => Math.fround(Math.sin(i + 1)))
const entry = (r: number, c: number): number => data[r * COLUMNS + c] as number

/** A loss of `x` at step i, and its gradient by plain loops: what each entry of x is multiplied by. */
interface Case {
  readonly loss: (x: Tensor, i: number) => Tensor
  readonly weight: (r: number, c: number, i: number) => number
}

const within = (r: number, from: number, count: number): boolean => r >= from && r < from + count

/** Where slices begin at step i: at the same place in the step in which both are found to vary. */
const first = (i: number): number => (i * 5) % 8
const second = (i: number): number => (i === 1 ? first(1) : (i * 3 + 1) % 8)

const cases: Readonly<Record<string, Case>> = {
  'one slice': { loss: (x, i) => x.narrow(0, first(i), 3).sum(), weight: (r, _, i) => Number(within(r, first(i), 3)) },
  'two slices, which begin at one place at some steps': {
    loss: (x, i) =>
      x
        .narrow(0, first(i), 3)
        .mul(2)
        .add(x.narrow(0, second(i), 3))
        .sum(),
    weight: (r, _, i) => 2 * Number(within(r, first(i), 3)) + Number(within(r, second(i), 3)),
  },
  'a slice of a slice': {
    loss: (x, i) =>
      x
        .narrow(0, first(i), 3)
        .narrow(1, i % 4, 2)
        .sum(),
    weight: (r, c, i) => Number(within(r, first(i), 3) && within(c, i % 4, 2)),
  },
  'an element, with and without a step': {
    loss: (x, i) =>
      x
        .at(first(i), i % COLUMNS)
        .mul(3)
        .add(x.at(`${i % 2}:10:2`).sum()),
    weight: (r, c, i) => 3 * Number(r === first(i) && c === i % COLUMNS) + Number(r < 10 && r % 2 === i % 2),
  },
  'slices put together': {
    loss: (x, i) =>
      cat([x.narrow(0, first(i), 2), x.narrow(0, second(i), 2).neg()], 0)
        .mul(tensor([1, 2, 3, 4], { device }).unsqueeze(1))
        .sum(),
    weight: (r, _, i) => [0, 1].reduce((w, k) => w + (r === first(i) + k ? 1 + k : 0) - (r === second(i) + k ? 3 + k : 0), 0),
  },
  'a slice in a product': {
    loss: (x, i) =>
      x
        .narrow(0, first(i), 3)
        .matmul(tensor([1, 2, 3, 4, 5, 6], { device }).unsqueeze(1))
        .sum(),
    weight: (r, c, i) => Number(within(r, first(i), 3)) * (c + 1),
  },
}

describe('a loop that takes another slice at every step', () => {
  it.each(Object.entries(cases))('%s', async (_, { loss, weight }) => {
    const x = tensor(data, { shape: [ROWS, COLUMNS], device, requiresGrad: true })
    const made: number[] = []
    for (let i = 0; i < 16; i++) {
      x.grad = null
      const y = loss(x, i)
      y.backward()
      const gradient = noGrad(() => (x.grad as Tensor).mul(1))
      const [value, found] = await Promise.all([y.item(), gradient.data()])
      let sum = 0
      for (let r = 0; r < ROWS; r++)
        for (let c = 0; c < COLUMNS; c++) {
          expect(found[r * COLUMNS + c], `step ${i}, gradient at [${r}, ${c}]`).toBe(weight(r, c, i))
          sum += weight(r, c, i) * entry(r, c)
        }
      expect(value, `step ${i}`).toBeCloseTo(sum, 4)
      made.push(deviceCounters(device).pipelines)
    }
    // The places vary one after the other; then nothing is compiled any more
    expect(made.at(-1)).toBe(made[7])
  })
})

describe('products of slices that are others at every step', () => {
  /** Whole numbers, so that sums are exact in any order. */
  const numbers = (n: number, seed: number): Float32Array => Float32Array.from({ length: n }, (_, i) => ((i * 7 + seed * 3) % 11) - 5)

  it.each([
    ['float32', 1, 3, 6],
    ['float32', 5, 1, 9],
    ['float32', 17, 24, 33],
    ['float16', 17, 24, 33],
    ['float16', 64, 48, 40],
    ['float32', 130, 70, 64],
    ['float32', 256, 128, 96],
  ] as const)('%s, %i rows, %i columns, sums of %i', async (dtype, m, n, k) => {
    const [a, b] = [numbers((m + 8) * (k + 4), 1), numbers((k + 4) * (n + 8), 2)]
    const left = tensor(a, { shape: [m + 8, k + 4], dtype, device })
    const right = tensor(b, { shape: [n + 8, k + 4], dtype, device })
    const made: number[] = []
    for (let i = 0; i < 8; i++) {
      const [row, column, term] = [(i * 5) % 8, (i * 3 + 1) % 8, (i * 7) % 4]
      const x = left.narrow(0, row, m).narrow(1, term, k)
      const y = right.narrow(0, column, n).narrow(1, term, k)
      const product = x.matmul(y.T)
      const [forth, back, stacked] = [product, y.matmul(x.T), stack([x, x]).matmul(y.T).add(1)]
      const [found, turned, twice] = await Promise.all([forth.data(), back.data(), stacked.data()])
      for (const [p, q] of [
        [0, 0],
        [m - 1, n - 1],
        [m >> 1, n >> 1],
        [m - 1, 0],
        [0, n - 1],
      ] as const) {
        // biome-ignore format: a table
        let sum = 0
        for (let t = 0; t < k; t++) sum += (a[(row + p) * (k + 4) + term + t] as number) * (b[(column + q) * (k + 4) + term + t] as number)
        const at = `step ${i} at [${p}, ${q}]`
        expect([found[p * n + q], turned[q * m + p], twice[(m + p) * n + q]], at).toEqual([sum, sum, sum + 1])
      }
      made.push(deviceCounters(device).pipelines)
    }
    expect(made.at(-1)).toBe(made[4])
  })
})
