/** @file Places in rows of any length, of which long ones are searched by way of every 16th element: compared with counting, and in dtypes whose order is their own. */
import { beforeAll, describe, expect, it } from 'vitest'
import { isin, searchsorted, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const VALUES = 50
/** Ascending whole numbers, some of them equal: element i of row r is ⌊(i + r) / 3⌋ · 2. */
const element = (row: number, i: number): number => 2 * Math.floor((i + row) / 3)

describe('searchsorted', () => {
  for (const n of device === 'cpu' ? [1, 2, 3, 15, 16, 17, 255, 256, 1000, 4096, 4097, 4111, 4112, 70_001] : [17, 4112, 70_001]) {
    for (const dtype of ['float32', 'int32', 'float16'] as const) {
      if (dtype === 'float16' && n > 2048) continue
      it(`counts what stands before, in rows of ${n} of ${dtype}`, async () => {
        const rows = [0, 1].map((row) => Array.from({ length: n }, (_, i) => element(row, i)))
        const wanted = rows.map((row) =>
          Array.from({ length: VALUES }, (_, i) => (i === 0 ? -1 : i === 1 ? 1e4 : (row[(i * 7919) % n] as number) + (i % 2))),
        )
        const [sorted, values] = [tensor(rows, { dtype }), tensor(wanted, { dtype })]
        const counted = (isBefore: (a: number, b: number) => boolean): number[][] =>
          wanted.map((of, row) => of.map((v) => (rows[row] as number[]).filter((e) => isBefore(e, v)).length))
        expect(await searchsorted(sorted, values).toArray()).toEqual(counted((e, v) => e < v))
        expect(await searchsorted(sorted, values, { right: true }).toArray()).toEqual(counted((e, v) => e <= v))
        const flat: Tensor = searchsorted(sorted.at(0), values.at(0))
        expect(await flat.toArray()).toEqual(counted((e, v) => e < v)[0])
      })
    }
  }

  it('goes through three levels', async () => {
    const n = 1_100_003
    const [at, odd] = [
      [0, 1, 4095, 65_536, 549_999, n - 2, n - 1],
      [-1, 7, 2 * n + 1],
    ]
    const sorted = tensor(
      Float32Array.from({ length: n }, (_, i) => 2 * i),
      { dtype: 'int32' },
    )
    const values = tensor([...at.map((i) => 2 * i), ...odd], { dtype: 'int32' })
    expect(await searchsorted(sorted, values).toArray()).toEqual([...at, 0, 4, n])
    expect(await searchsorted(sorted, values, { right: true }).toArray()).toEqual([...at.map((i) => i + 1), 0, 4, n])
  })

  it('orders integers as their dtype does, and values of another dtype by what they are', async () => {
    const big = tensor(new Uint32Array([1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]))
    expect(await searchsorted(big, tensor(new Uint32Array([0, 2 ** 31, 2 ** 32 - 1]))).toArray()).toEqual([0, 2, 3])
    expect(await searchsorted(big, tensor([-1, 5], { dtype: 'int32' }), { right: true }).toArray()).toEqual([0, 1])
    const ints = tensor([-(2 ** 31), -1, 16_777_217, 2 ** 31 - 1], { dtype: 'int32' })
    expect(await searchsorted(ints, tensor([-1, 16_777_217], { dtype: 'int32' })).toArray()).toEqual([1, 2])
    expect(await searchsorted(ints, tensor([-0.5, 16_777_216, Number.NaN, -1e10])).toArray()).toEqual([2, 2, 4, 0])
    expect(await searchsorted(tensor([-1.5, 0, 2]), tensor([0, 2, -1], { dtype: 'int8' }), { right: true }).toArray()).toEqual([2, 3, 1])
  })

  it('takes NaN for the largest', async () => {
    const sorted = tensor([1, 2, 3, Number.NaN, Number.NaN])
    expect(await searchsorted(sorted, tensor([2, 3.5, Number.NaN])).toArray()).toEqual([1, 3, 5])
    expect(await searchsorted(sorted, tensor([2, 3.5, Number.NaN]), { right: true }).toArray()).toEqual([2, 3, 5])
  })
})

it('isin finds what is there beside NaN', async () => {
  const list = tensor([Number.NaN, 3, 1, Number.NaN, 2])
  expect(await isin(tensor([1, 2, 3, 4, Number.NaN]), list).toArray()).toEqual([true, true, true, false, false])
})
