/** @file Long float32 sums: the error does not grow with their length, even where all terms are rounded the same way. */
import { beforeAll, describe, expect, it } from 'vitest'
import { full, init, setDefaultDevice, synchronize, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(async () => {
  await init({ device })
  setDefaultDevice(device)
})

const TENTH = Math.fround(0.1)
/** Where a workgroup is one thread, and adds up to 4,096 numbers by itself, it is some times that of device cpu. */
const WORST = device === 'cpu' ? 3e-6 : 2e-4

describe('a sum of equal numbers', () => {
  const cases: [shape: number[], dims?: number[]][] = [
    [[2 ** 22]],
    [[1_000_003]],
    [[2 ** 16, 16], [0]],
    [[100_003, 5], [0]],
    [[3, 2 ** 18], [1]],
    [[7, 100_003], [1]],
    [
      [500, 3, 777],
      [0, 2],
    ],
    [
      [64, 16, 40, 40],
      [0, 2, 3],
    ],
  ]
  it.each(cases)('of %j over %j', async (shape, dims) => {
    const x = full(shape, 0.1)
    // What is written in place is stored: nothing of it is known when the sum is planned
    x.add_(0)
    await synchronize()
    const sums = await (dims ? x.sum(dims) : x.sum()).data()
    const terms = shape.reduce((n, size) => n * size, 1) / sums.length
    const worst = Math.max(...Array.from(sums, (sum) => Math.abs(Number(sum) / (terms * TENTH) - 1)))
    expect(worst).toBeLessThan(WORST)
    x.dispose()
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
