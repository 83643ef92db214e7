/** @file Routines on WebGPU, in every form in which invocations may share them: they give what the interpreter gives, whichever outputs are wanted. */
import { afterEach, describe, expect, it } from 'vitest'
import { openCpu } from '../../src/device/cpu/index.ts'
import { printRoutine } from '../../src/device/webgpu/routines/index.ts'
import type { LoopStrategy, ScatterStrategy } from '../../src/device/webgpu/strategy.ts'
import { type Routine, routineRow } from '../../src/kernel/index.ts'
import { chooser } from '../support/random-graph.ts'
import { ARRANGEMENTS, arranged, repeated, runRoutine, sent, TARGETS } from '../support/routines.ts'
import { openDevice } from './kernels.ts'

const device = await openDevice()
const { chooseLoops, chooseScatter } = device
const oracle = openCpu('interpreter').device
afterEach(() => {
  device.chooseLoops = chooseLoops
  device.chooseScatter = chooseScatter
})

const strategies: readonly LoopStrategy[] = [
  { kind: 'point', workgroup: 64, elements: 1 },
  { kind: 'point', workgroup: 8, elements: 1, sweep: 3 },
  { kind: 'group', workgroup: 64 },
  { kind: 'group', workgroup: 256 },
]
const shapes: readonly (readonly [shape: readonly number[], dim: number])[] = [
  [[5, 7], 1],
  [[70, 300], 1],
  [[3, 130, 4], 1],
  [[2, 4099], 1],
  [[9000, 3], 0],
]

describe.each(strategies)('reduceWithIndex by $kind, workgroups of $workgroup', (strategy) => {
  it.each(shapes)('of %j along %i', async (shape, dim) => {
    device.chooseLoops = () => strategy
    for (const [op, dtype] of [
      ['max', 'float32'],
      ['min', 'float32'],
      ['max', 'uint32'],
      ['min', 'int32'],
    ] as const) {
      // biome-ignore format: one line
      const routine: Routine = { kind: 'reduceWithIndex', op, dim }
      const x = repeated(dtype, shape)
      expect(await runRoutine(device, routine, [x]), `${op} of ${dtype}`).toEqual(await runRoutine(oracle, routine, [x]))
    }
  })

  it('writes the outputs alone that are wanted', async () => {
    device.chooseLoops = () => strategy
    for (const shape of [
      [5, 7],
      [2, 5000],
    ]) {
      // biome-ignore format: one line
      const routine: Routine = { kind: 'reduceWithIndex', op: 'max', dim: 1 }
      const x = repeated('float32', shape)
      const both = await runRoutine(oracle, routine, [x])
      expect(await runRoutine(device, routine, [x], [true, false])).toEqual([both[0]])
      expect(await runRoutine(device, routine, [x], [false, true])).toEqual([both[1]])
    }
  })
})

const rowsOf: readonly (readonly number[])[] = [
  [1],
  [5, 1],
  [3, 127],
  [3, 128],
  [3, 129],
  [1023],
  [1025],
  [80, 300],
  [2047],
  [2, 2049],
  [33_000],
  [0, 3],
  [3, 0],
]

describe.each(strategies)('sort by $kind, workgroups of $workgroup', (strategy) => {
  it.each(rowsOf)('of %j', { timeout: 120_000 }, async (...shape) => {
    device.chooseLoops = () => strategy
    const random = chooser(shape.length + (shape[0] as number))
    for (const kind of ARRANGEMENTS) {
      const dtypes = kind === 'random' ? (['float32', 'int32', 'uint32'] as const) : (['float32'] as const)
      for (const dtype of dtypes) {
        const descending = random() < 0.5
        const x = arranged(dtype, shape, kind, random)
        const routine: Routine = { kind: 'sort', descending }
        const both = await runRoutine(oracle, routine, [x])
        expect(await runRoutine(device, routine, [x]), `${kind} ${dtype} ${descending}`).toEqual(both)
        if (kind === 'random') expect(await runRoutine(device, routine, [x], [false, true])).toEqual([both[1]])
      }
    }
  })

  it.each([1, 4, 5, 17])('of %i bits', async (bits) => {
    device.chooseLoops = () => strategy
    const random = chooser(bits)
    for (const descending of [false, true]) {
      const values = Int32Array.from({ length: 5000 }, () => random() * 2 ** bits)
      const x = { dtype: 'int32', shape: [5000], values } as const
      const routine: Routine = { kind: 'sort', descending, bits }
      expect(await runRoutine(device, routine, [x])).toEqual(await runRoutine(oracle, routine, [x]))
    }
  })
})

const sizes: readonly (readonly [senders: number, rows: number, features: number])[] = [
  [1, 1, 1],
  [3, 5, 2],
  [127, 7, 3],
  [128, 7, 3],
  [700, 900, 5],
  [5000, 3, 2],
  [9000, 9000, 1],
  [0, 3, 2],
  [3, 4, 0],
]

/** Gives what the interpreter gives, for all ops and ways in which targets may lie. */
async function scatters(senders: number, rows: number, features: number): Promise<void> {
  const random = chooser(senders + rows)
  for (const kind of TARGETS) {
    const ops = kind === 'random' ? (['sum', 'prod', 'max', 'min'] as const) : (['sum'] as const)
    for (const op of ops) {
      const dtype = op === 'sum' || op === 'max' ? 'float32' : op === 'prod' ? 'uint32' : 'int32'
      const inputs = sent(kind, dtype, senders, rows, features, random)
      const routine: Routine = { kind: 'scatter', op, rows }
      const both = await runRoutine(oracle, routine, inputs)
      expect(await runRoutine(device, routine, inputs), `${op} to ${kind}`).toEqual(both)
      if (op === 'sum') expect(await runRoutine(device, routine, inputs, [true, false])).toEqual([both[0]])
    }
  }
}

describe.each(strategies)('scatter by $kind, workgroups of $workgroup', (strategy) => {
  it.each(sizes)('of %i, %i rows, %i features', { timeout: 120_000 }, async (senders, rows, features) => {
    device.chooseLoops = () => strategy
    device.chooseScatter = () => ({ kind: 'sorted' })
    await scatters(senders, rows, features)
  })
})

const scatterStrategies: readonly ScatterStrategy[] = [
  { kind: 'sorted' },
  { kind: 'ranges', ranges: 16, lanes: 1 },
  { kind: 'ranges', ranges: 3, lanes: 8 },
]

describe.each(scatterStrategies.slice(1))('scatter by %o', (strategy) => {
  it.each([...sizes, [300, 40, 19], [64, 2, 8]] as const)(
    'of %i, %i rows, %i features',
    { timeout: 120_000 },
    async (senders, rows, features) => {
      device.chooseScatter = () => strategy
      await scatters(senders, rows, features)
    },
  )
})

it.each(scatterStrategies)('scatter sums a long segment in parts, level by level: %o', { timeout: 120_000 }, async (strategy) => {
  device.chooseScatter = () => strategy
  const senders = 2 * 64 ** 3 + 77
  const values = Float32Array.from({ length: senders }, (_, i) => i % 3)
  const targets = Int32Array.from({ length: senders }, (_, i) => Number(i > 70))
  const inputs = [
    { dtype: 'int32', shape: [senders], values: targets },
    { dtype: 'float32', shape: [senders, 1], values },
  ] as const
  const routine: Routine = { kind: 'scatter', op: 'sum', rows: 2 }
  expect(await runRoutine(device, routine, inputs)).toEqual(await runRoutine(oracle, routine, inputs))
  // Sums that no float32 holds on the way: with every term added to the whole, a fiftieth would be lost
  const tenths = [inputs[0], { dtype: 'float32', shape: [senders, 1], values: values.fill(0.1) }] as const
  const [sums] = await runRoutine(device, routine, tenths)
  const wanted = Math.fround(0.1) * (senders - 71)
  expect(Math.abs((sums?.[1] as number) - wanted) / wanted).toBeLessThan(2e-6)
})

it('scatter takes no buffer of its own that is larger than what it writes', () => {
  for (const rows of [2 ** 22, 2 ** 22 + 1, 2 ** 24 + 3]) {
    const inputs = [
      { dtype: 'int32', shape: [5000] },
      { dtype: 'float32', shape: [5000, 1] },
    ] as const
    const routine = { kind: 'scatter', op: 'sum', rows } as const
    const outputs = routineRow(routine).outputs(routine, inputs)
    const { scratch } = printRoutine({ label: 'scatter', sites: [], routine, inputs, outputs: [outputs[0], undefined] }, device)
    for (const { length } of scratch) expect(length).toBeLessThanOrEqual(rows + 1)
  }
})
