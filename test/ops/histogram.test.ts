/** @file Histograms beside NaN, in halves, and of values that only the device has: `test/golden/ops/histogram.py` has the rest. */
import { beforeAll, describe, expect, it } from 'vitest'
import { histc, histogram, histogramdd, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number
const listed = (found: Tensor): Promise<unknown> => found.toArray()

describe('NaN', () => {
  it('is in no bin', async () => {
    const x = tensor([1, 2, 1, nan, infinity, -1, 3])
    expect(await listed(histc(x, 4, 0, 3))).toEqual([0, 2, 1, 1])
    expect(await listed(x.histogram(4, { range: [0, 3] }).hist)).toEqual([0, 2, 1, 1])
    expect(await listed(histogram(x, tensor([0, 1, 3])).hist)).toEqual([0, 4])
    expect(
      await listed(
        histogramdd(
          tensor([
            [0, nan],
            [1, 1],
            [nan, 0],
          ]),
          [tensor([0, 1]), tensor([0, 1])],
        ).hist,
      ),
    ).toEqual([[1]])
  })

  it('in values of the device makes counts NaN where they say the range', async () => {
    const x = tensor([1, 0, -1]).sqrt()
    expect(await listed(histc(x, 2))).toEqual([nan, nan])
    const { hist, binEdges } = histogram(tensor([1, 0]).log(), 1)
    expect([await listed(hist), await listed(binEdges)]).toEqual([[nan], [nan, nan]])
  })
})

describe('bins', () => {
  it('hold their left edges, whatever a quotient of the device is off by', async () => {
    for (const bins of [3, 7, 41, 100, 1000]) {
      const edges = Array.from({ length: bins }, (_, i) => i)
      expect(await listed(histc(tensor(edges), bins, 0, bins))).toEqual(edges.map(() => 1))
    }
  })

  it('count halves past the largest of them, and densities of them', async () => {
    const x = tensor(new Float32Array(70_000).fill(1), { dtype: 'float16' })
    const { hist } = histogram(x, tensor([0, 1, 2], { dtype: 'float16' }), { density: true })
    expect(hist.dtype).toBe('float16')
    expect(await listed(hist)).toEqual([0, 1])
  })

  it('count 2²⁴ and one more', async () => {
    const x = tensor([1]).expand(2 ** 24 + 2)
    expect(await listed(histc(x, 1, 0, 2))).toEqual([2 ** 24 + 2])
  })
})

describe('misuse', () => {
  it('is an error that names function and argument', () => {
    const x = tensor([1, 2, 3])
    expect(() => histc(tensor([1, nan]), 3)).toThrow('histc: x holds NaN, so that it does not say where bins begin and end. Give a range')
    expect(() => histc(x, 3, 2, 1)).toThrow('histc: min must not be above max, got 2 and 1')
    expect(() => histc(x.int(), 3)).toThrow('histc: x must be of a float dtype, got int32. Convert with .float()')
    expect(() => histogram(x, x, { range: [0, 1] })).toThrow('histogram: edges say the range: give a number of bins, or no range')
    expect(() => histogram(x, x.int())).toThrow(
      "histogram: bins must have the dtype of x (float32), got int32. Convert with .to('float32')",
    )
    expect(() => histogram(x, tensor([1]))).toThrow(
      'histogram: bins must be a number, or edges [n] of which there are at least two, got [1]',
    )
    expect(() => histogram(x, 2, { range: [3, 1] })).toThrow('histogram: range must ascend, got [3, 1]')
    expect(() => histogram(x, 2, { weight: tensor([1]) })).toThrow(
      'histogram: weight [1] must be [3], one for each that is counted of x [3]',
    )
    expect(() => histogramdd(x, 2)).toThrow('histogramdd: x must be [..., dims], points of several coordinates, got [3]')
    expect(() => histogramdd(x.reshape(1, 3), [2, 2])).toThrow(
      'histogramdd: bins must be one for each of the 3 coordinates of x [1, 3], got 2',
    )
    expect(() => histogramdd(x.reshape(1, 3), 2, { range: [0, 1] })).toThrow(
      'histogramdd: range must be 6 numbers, least and most for each coordinate, got 2',
    )
  })
})
