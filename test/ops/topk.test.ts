/** @file topk of long rows, where few elements are found without sorting all: the same as the first of a sort, to the position. */
import { describe, expect, it } from 'vitest'
import { type DType, type Tensor, tensor } from '../../src/index.ts'

/** Whole numbers from 0 to below n, no two runs alike. */
function draws(seed: number, length: number, below: number): number[] {
  let state = seed
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  })
}

async function expectFirstOfSort(x: Tensor, k: number, dim: number, largest: boolean): Promise<void> {
  const { values, indices } = x.topk(k, dim, { largest })
  const sorted = x.sort(dim, { descending: largest })
  const want = [sorted.values.narrow(dim, 0, k), sorted.indices.narrow(dim, 0, k)] as const
  expect(indices.shape).toEqual(want[1].shape)
  expect(await indices.data()).toEqual(await want[1].data())
  expect(await values.data()).toEqual(await want[0].data())
}

describe('topk of few of many', () => {
  it.each([
    ['of which many are equal', 1000, 10, 12],
    ['that are nearly all equal', 5000, 7, 2],
    ['that are all equal', 700, 10, 1],
    ['of a length that no chunk divides', 1021, 5, 60_000],
    ['one of them', 4097, 1, 1000],
    ['as many as are found so', 640, 10, 300],
  ])('is exact among numbers %s', async (_, length, k, below) => {
    for (const dtype of ['float32', 'int32', 'float16'] as const satisfies readonly DType[])
      for (const largest of [true, false]) {
        const x = tensor(draws(length + k, 3 * length, below), { shape: [3, length], dtype })
        await expectFirstOfSort(x, k, 1, largest)
        await expectFirstOfSort(x.t().mul(1), k, 0, largest)
      }
  })

  it.each([true, false])('puts NaN, infinities and zeros where sort does, largest: %s', async (largest) => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1, -1]
    for (const share of [7, 40, 2000]) {
      const values = draws(share, 2 * 1500, share).map((i) => special[i] ?? i / 100)
      await expectFirstOfSort(tensor(values, { shape: [2, 1500] }), 12, 1, largest)
    }
    for (const all of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      const values = Array.from({ length: 1000 }, (_, i) => (i === 777 ? 3 : all))
      await expectFirstOfSort(tensor(values), 9, 0, largest)
    }
  })

  it('takes the smallest int32 and the largest uint32', async () => {
    const int = tensor(
      draws(3, 2000, 4).map((i) => [-(2 ** 31), 2 ** 31 - 1, 0, -1][i] as number),
      { dtype: 'int32' },
    )
    const uint = tensor(
      draws(4, 2000, 4).map((i) => [2 ** 32 - 1, 2 ** 31, 0, 1][i] as number),
      { dtype: 'uint32' },
    )
    for (const x of [int, uint]) for (const largest of [true, false]) await expectFirstOfSort(x, 20, 0, largest)
  })

  it('has the gradient of what it takes', async () => {
    const x = tensor(Float32Array.from(draws(9, 2000, 100)), { shape: [2, 1000], requiresGrad: true })
    const y = x.detach().requiresGrad_()
    const by = tensor(Float32Array.from(draws(10, 16, 50)), { shape: [2, 8] })
    x.topk(8).values.mul(by).sum().backward()
    y.sort({ descending: true }).values.narrow(1, 0, 8).mul(by).sum().backward()
    expect(await (x.grad as Tensor).data()).toEqual(await (y.grad as Tensor).data())
  })
})
