/** @file What is there and how often, of floats: `test/golden/ops/unique.py` has integers. */
import { beforeAll, describe, expect, it } from 'vitest'
import { bincount, setDefaultDevice, type Tensor, tensor, unique, uniqueConsecutive } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const listed = (found: readonly Tensor[]): Promise<unknown[]> => Promise.all(found.map((y) => y.toArray()))
const ALL = { returnInverse: true, returnCounts: true } as const

describe('of floats', () => {
  const x = (): Tensor => tensor([3, Number.NaN, 1, 0, -0, Number.NaN, 3])

  it('unique takes zeros for equal, and each NaN by itself, as the largest', async () => {
    expect(await listed(await unique(x(), ALL))).toEqual([
      [0, 1, 3, Number.NaN, Number.NaN],
      [2, 3, 1, 0, 0, 4, 2],
      [2, 1, 2, 1, 1],
    ])
    expect(await (await x().unique()).toArray()).toEqual([0, 1, 3, Number.NaN, Number.NaN])
  })

  it('uniqueConsecutive compares neighbours', async () => {
    expect(await listed(await uniqueConsecutive(x(), ALL))).toEqual([
      [3, Number.NaN, 1, 0, Number.NaN, 3],
      [0, 1, 2, 3, 3, 4, 5],
      [1, 1, 1, 2, 1, 1],
    ])
  })

  it('bincount sums weights', async () => {
    const index = tensor([2, 0, 2], { dtype: 'int32' })
    expect(await (await bincount(index, tensor([0.5, 2, 0.25]))).toArray()).toEqual([2, 0, 0.75])
    expect(await (await index.bincount({ weights: tensor([0.5, 2, 0.25]), minlength: 4 })).toArray()).toEqual([2, 0, 0.75, 0])
  })
})

describe('misuse', () => {
  it('is an error that names function and argument', async () => {
    await expect(bincount(tensor([1, -2], { dtype: 'int32' }))).rejects.toThrow('bincount: x must be whole numbers ≥ 0, got -2')
    await expect(bincount(tensor([1.5]))).rejects.toThrow('bincount: x must be integers, got float32. Convert with .int()')
  })
})
