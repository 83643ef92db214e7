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

  it('rows with NaN are each one by itself, behind others; zeros are equal', async () => {
    const rows = tensor([
      [1, 2],
      [Number.NaN, 1],
      [0, 5],
      [1, 2],
      [Number.NaN, 1],
      [-0, 5],
      [1, -1],
    ])
    expect(await listed(await unique(rows, { dim: 0, ...ALL }))).toEqual([
      [
        [0, 5],
        [1, -1],
        [1, 2],
        [Number.NaN, 1],
        [Number.NaN, 1],
      ],
      [2, 3, 0, 2, 4, 0, 1],
      [2, 1, 2, 1, 1],
    ])
  })

  it('many rows of many columns', async () => {
    const [n, m] = [400, 33]
    const values = Float32Array.from({ length: n * m }, (_, i) => (i % m < m - 2 ? 1 : ((i * 2654435761) >>> 7) % 5))
    const [output, inverse, counts] = await unique(tensor(values, { shape: [n, m] }), { dim: 0, ...ALL })
    const texts = Array.from({ length: n }, (_, i) => [...values.subarray(i * m, i * m + m)].join())
    const wanted = [...new Set(texts)].sort()
    expect(((await output.toArray()) as number[][]).map((row) => row.join())).toEqual(wanted)
    expect(await inverse.toArray()).toEqual(texts.map((text) => wanted.indexOf(text)))
    expect(await counts.toArray()).toEqual(wanted.map((text) => texts.filter((other) => other === text).length))
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
    await expect(unique(tensor([]).reshape(2, 0), { dim: 0 })).rejects.toThrow('unique: the parts along dim 0 of x [2, 0] have no elements')
    await expect(bincount(tensor([1.5]))).rejects.toThrow('bincount: x must be integers, got float32. Convert with .int()')
  })
})
