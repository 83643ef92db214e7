/** @file Routines on device cpu: as WebAssembly they give what the interpreter gives, whichever outputs are wanted, and leave nothing in memory. */
import { describe, expect, it } from 'vitest'
import { openCpu } from '../../src/device/cpu/index.ts'
import type { Routine } from '../../src/kernel/index.ts'
import { repeated, runRoutine } from '../support/routines.ts'

const shapes: readonly (readonly [shape: readonly number[], dim: number])[] = [
  [[5, 7], 1],
  [[5, 7], 0],
  [[3, 1, 4], 1],
  [[2, 70_000], 1],
  [[70_000, 3], 0],
  [[131_072], 0],
]

describe.each(['max', 'min'] as const)('reduceWithIndex of %s', (op) => {
  it.each(shapes)('of %j along %i', async (shape, dim) => {
    const oracle = openCpu('interpreter').device
    const { device } = openCpu('wasm')
    const routine: Routine = { kind: 'reduceWithIndex', op, dim }
    for (const dtype of ['float32', 'float64', 'int32', 'uint32'] as const) {
      const x = repeated(dtype, shape)
      const both = await runRoutine(oracle, routine, [x])
      expect(await runRoutine(device, routine, [x])).toEqual(both)
      expect(await runRoutine(device, routine, [x], [true, false])).toEqual([both[0]])
      expect(await runRoutine(device, routine, [x], [false, true])).toEqual([both[1]])
      expect(await runRoutine(oracle, routine, [x], [false, true])).toEqual([both[1]])
    }
    expect(device.memory()).toMatchObject({ liveBytes: 0, buffers: 0 })
  })
})
