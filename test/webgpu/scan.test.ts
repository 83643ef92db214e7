/** @file Scans on WebGPU, in every form in which invocations may share them: they give what the interpreter gives. */
import { afterEach, describe, expect, it } from 'vitest'
import type { LoopStrategy } from '../../src/device/webgpu/strategy.ts'
import { runRoutine } from '../support/routines.ts'
import { difference, elements, inputsOf, OPS, SCANNED, scanOf } from '../support/scans.ts'
import { openDevice } from './kernels.ts'

const device = await openDevice()
const { chooseLoops } = device
afterEach(() => {
  device.chooseLoops = chooseLoops
})

const strategies: readonly LoopStrategy[] = [
  { kind: 'point', workgroup: 64, elements: 1 },
  { kind: 'point', workgroup: 8, elements: 1, sweep: 3 },
  { kind: 'group', workgroup: 64 },
]
/** Around the tiles of workgroups, and the lengths from which on rows are scanned in parts, and the parts of these. */
const shapes: readonly (readonly [shape: readonly number[], dim: number])[] = [
  [[1], 0],
  [[5, 7], 1],
  [[3, 256, 4], 1],
  [[257], 0],
  [[2047, 9], 0],
  [[2, 2049], 1],
  [[8193, 2], 0],
  [[140_001], 0],
]

describe.each(strategies)('scans by $kind, workgroups of $workgroup', (strategy) => {
  it.each(shapes)('of %j along %i', async (shape, dim) => {
    device.chooseLoops = () => strategy
    for (const op of OPS)
      for (const [n, dtype] of SCANNED[op].filter((d) => d !== 'float64').entries()) {
        const worst = await difference(device, scanOf(op, dim, n % 2 === 1), inputsOf(op, dtype, shape))
        expect(worst, `${op} of ${dtype}`).toBeLessThanOrEqual(op === 'prod' ? 1e-4 : 3e-6)
      }
  })

  it('writes the outputs alone that are wanted', async () => {
    device.chooseLoops = () => strategy
    for (const shape of [[70], [9000]]) {
      const x = elements('min', 'float32', shape)
      const both = await runRoutine(device, scanOf('min', 0), [x])
      expect(await runRoutine(device, scanOf('min', 0), [x], [true, false])).toEqual([both[0]])
      expect(await runRoutine(device, scanOf('min', 0), [x], [false, true])).toEqual([both[1]])
    }
  })

  it('joins NaN, infinities and zeros of either sign as the interpreter does', async () => {
    device.chooseLoops = () => strategy
    for (const op of OPS)
      for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0]) {
        // What is infinite in one part may be NaN in the next, where all factors in between come to 0
        if (op === 'recurrence' && Math.abs(value) === Number.POSITIVE_INFINITY) continue
        for (const [n, at] of [0, 3, 8500].entries()) {
          const inputs = inputsOf(op, 'float32', [9000])
          for (const { values } of inputs) {
            values[at] = value
            values[at + 2] = value
          }
          const worst = await difference(device, scanOf(op, 0, n === 1), inputs)
          expect(worst, `${op} of ${value} at ${at}`).toBeLessThan(op === 'prod' ? 1e-4 : 3e-6)
        }
      }
    const nothing = new Float32Array(9000).fill(Number.NEGATIVE_INFINITY)
    expect(await difference(device, scanOf('logaddexp', 0), [{ dtype: 'float32', shape: [9000], values: nothing }])).toBe(0)
  })
})

it('keeps ten million terms of one sign to the last digits', async () => {
  const values = new Float32Array(1e7).fill(0.1)
  const [sums] = await runRoutine(device, scanOf('sum', 0), [{ dtype: 'float32', shape: [values.length], values }])
  for (const n of [10, 1e3, 1e5, 1e6, 1e7]) {
    const want = n * Math.fround(0.1)
    expect(Math.abs((sums?.[n - 1] as number) - want) / want).toBeLessThan(1e-6)
  }
})
