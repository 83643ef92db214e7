/** @file Segments whose lengths the host or only the device has: `test/golden/ops/segment.py` has values and gradients. */
import { beforeAll, describe, expect, it } from 'vitest'
import { grad, segmentReduce, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const whole = (values: number[]): Tensor => tensor(values, { dtype: 'int32' })
/** The same values, which the host does not have. */
const ofDevice = (values: number[]): Tensor => whole(values).add(1).sub(1)
const data = (): Tensor => tensor([1, 2, 3, 4, 5], { requiresGrad: true })

describe('segmentReduce', () => {
  it('shares the gradient of equal extremes evenly', async () => {
    for (const reduce of ['max', 'min'] as const) {
      const x = tensor([1, 1, 2, 2, 2, 0, 3], { requiresGrad: true })
      const y = segmentReduce(x, reduce, { lengths: whole([2, 3, 2]) })
      const [g] = grad(y, [x], { gradOutputs: tensor([1, 3, 1]) }) as [Tensor]
      expect(await g.toArray()).toEqual([0.5, 0.5, 1, 1, 1, ...(reduce === 'max' ? [0, 1] : [1, 0])])
    }
  })

  it('leaves elements out under unsafe, in front and behind', async () => {
    const y = segmentReduce(data(), 'sum', { offsets: whole([1, 2, 4]), unsafe: true })
    expect(await y.toArray()).toEqual([2, 7])
  })

  it('takes lengths that only the device has, and reports those that do not fit', async () => {
    expect(await segmentReduce(data(), 'prod', { lengths: ofDevice([2, 0, 3]) }).toArray()).toEqual([2, 1, 60])
    for (const lengths of [
      [2, 2],
      [2, 4],
      [6, -1],
    ])
      await expect(segmentReduce(data(), 'sum', { lengths: ofDevice(lengths) }).data()).rejects.toThrow('segmentReduce')
  })

  it('of nothing is what a reduction of nothing is', async () => {
    const none = tensor([]).reshape(0)
    expect(await segmentReduce(none, 'max', { lengths: whole([0, 0]) }).toArray()).toEqual([-Infinity, -Infinity])
    expect(await segmentReduce(none, 'mean', { lengths: whole([0]), initial: 2 }).toArray()).toEqual([2])
    expect(segmentReduce(tensor([]).reshape(0, 3), 'sum', { lengths: tensor(new Int32Array(0)) }).shape).toEqual([0, 3])
  })

  it('refuses at the call what the host can see', () => {
    const of =
      (lengths: Tensor, more: object = {}) =>
      () =>
        segmentReduce(data(), 'sum', { lengths, ...more })
    expect(of(whole([2, 2]))).toThrow(
      'segmentReduce: lengths must add up to the 5 elements along the axis, got [2,2]. { unsafe: true } leaves elements out',
    )
    expect(of(whole([6, -1]))).toThrow('segmentReduce: lengths must not be negative, got [6,-1]')
    expect(of(whole([5]), { offsets: whole([0, 5]) })).toThrow('segmentReduce: one of lengths and offsets must be given')
    expect(of(tensor([[5]], { dtype: 'int32' }))).toThrow(
      'segmentReduce: lengths [1, 1] must have the dims of data [5] up to axis 0, which is cut',
    )
    expect(() => segmentReduce(data().int(), 'sum', { lengths: whole([5]) })).toThrow(
      'segmentReduce: data must be of a float dtype, got int32',
    )
    expect(() => segmentReduce(data(), 'sum', { offsets: whole([0, 4]) })).toThrow(
      'segmentReduce: offsets must go from 0 to the 5 elements',
    )
  })
})
