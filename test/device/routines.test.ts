/** @file Routines on device cpu: as WebAssembly they give what the interpreter gives, whichever outputs are wanted, and leave nothing in memory. */
import { describe, expect, it } from 'vitest'
import { openCpu } from '../../src/device/cpu/index.ts'
import type { Routine } from '../../src/kernel/index.ts'
import { chooser } from '../support/random-graph.ts'
import { ARRANGEMENTS, arranged, repeated, runRoutine, sent, TARGETS } from '../support/routines.ts'

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

describe.each(ARRANGEMENTS)('sort of %s numbers', (kind) => {
  it.each([
    [1],
    [2],
    [5, 1],
    [63],
    [64],
    [65],
    [300, 7],
    [40, 200],
    [2 ** 14 - 1],
    [2 ** 14],
    [2, 2 ** 14 + 1],
    [70_001],
    [0],
    [0, 3],
    [3, 0],
  ])('of %j', async (...shape) => {
    const oracle = openCpu('interpreter').device
    const { device } = openCpu('wasm')
    const random = chooser(shape.length + (shape[0] as number))
    for (const dtype of ['float32', 'float64', 'int32', 'uint32'] as const)
      for (const descending of [false, true]) {
        const x = arranged(dtype, shape, kind, random)
        const routine: Routine = { kind: 'sort', descending }
        const both = await runRoutine(oracle, routine, [x])
        expect(await runRoutine(device, routine, [x]), `${dtype} ${descending}`).toEqual(both)
        expect(await runRoutine(device, routine, [x], [true, false])).toEqual([both[0]])
        expect(await runRoutine(device, routine, [x], [false, true])).toEqual([both[1]])
      }
    expect(device.memory()).toMatchObject({ liveBytes: 0, buffers: 0 })
  })

  it.each([1, 3, 8, 9, 17])('of %i bits', async (bits) => {
    const oracle = openCpu('interpreter').device
    const { device } = openCpu('wasm')
    const random = chooser(bits)
    for (const size of [50, 5000])
      for (const descending of [false, true]) {
        const values = Int32Array.from({ length: size }, () => random() * 2 ** bits)
        const x = { dtype: 'int32', shape: [size], values } as const
        const routine: Routine = { kind: 'sort', descending, bits }
        expect(await runRoutine(device, routine, [x])).toEqual(await runRoutine(oracle, routine, [x]))
      }
  })
})

describe.each(TARGETS)('scatter to %s', (kind) => {
  it.each([
    [1, 1, 1],
    [3, 5, 2],
    [100, 7, 3],
    [1000, 40, 9],
    [500, 3000, 5],
    [20_000, 9000, 1],
    [2048, 500, 64],
    [90, 500, 3],
    [300, 200, 18],
    [300, 200, 23],
    [0, 3, 2],
    [3, 4, 0],
  ])('of %i, %i rows, %i features', async (senders, rows, features) => {
    const oracle = openCpu('interpreter').device
    const { device } = openCpu('wasm')
    const random = chooser(senders + rows)
    for (const dtype of ['float32', 'float64', 'int32', 'uint32'] as const)
      for (const op of ['sum', 'prod', 'max', 'min'] as const) {
        const inputs = sent(kind, dtype, senders, rows, features, random)
        const routine: Routine = { kind: 'scatter', op, rows }
        const both = await runRoutine(oracle, routine, inputs)
        expect(await runRoutine(device, routine, inputs), `${op} of ${dtype}`).toEqual(both)
        expect(await runRoutine(device, routine, inputs, [true, false])).toEqual([both[0]])
        expect(await runRoutine(device, routine, inputs, [false, true])).toEqual([both[1]])
      }
    expect(device.memory()).toMatchObject({ liveBytes: 0, buffers: 0 })
  })

  it('leaves rows alone that there are not, and nothing else', async () => {
    const { device } = openCpu('wasm')
    const targets = { dtype: 'int32', shape: [4], values: Int32Array.of(-1, 1, 2 ** 31 - 1, 3) } as const
    const values = { dtype: 'float32', shape: [4, 1], values: Float32Array.of(1, 2, 3, 4) } as const
    const [sums, counts] = await runRoutine(device, { kind: 'scatter', op: 'sum', rows: 3 }, [targets, values])
    expect([sums, counts]).toEqual([
      [0, 2, 0],
      [0, 1, 0],
    ])
  })
})

it('scatter sums float32 in the order of what is sent, as float64', async () => {
  const { device } = openCpu('wasm')
  const terms = [1e8, 1, -1e8]
  // Narrow rows, and wide ones: in vectors alone, and with elements that are left over
  const of = (features: number) =>
    runRoutine(device, { kind: 'scatter', op: 'sum', rows: 1 }, [
      { dtype: 'int32', shape: [3], values: new Int32Array(3) },
      { dtype: 'float32', shape: [3, features], values: Float32Array.from({ length: 3 * features }, (_, i) => terms[Math.floor(i / features)] as number) },
    ], [true, false]) // biome-ignore format: a call
  for (const features of [1, 4, 8, 22]) expect(await of(features)).toEqual([new Array(features).fill(1)])
})
