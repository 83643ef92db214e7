/** @file A routine by itself, on a device, with all or some of its outputs. */
import { type DType, dtypeInfo, type TypedArray } from '../../src/base/index.ts'
import type { Device, Program, Slot } from '../../src/device/index.ts'
import { type Routine, routineRow } from '../../src/kernel/index.ts'

export interface HostArray {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly values: TypedArray
}

const lengthOf = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1)

/** The program of one routine. @param wanted which of its outputs */
export function routineProgram(routine: Routine, inputs: readonly Omit<HostArray, 'values'>[], wanted: readonly boolean[]): Program {
  const row = routineRow(routine)
  const all = row.outputs(routine, inputs)
  const outputs = all.map((output, i) => (wanted[i] ? output : undefined))
  const slotOf = (kind: Slot['kind'], { dtype, shape }: Omit<HostArray, 'values'>): Slot => ({ kind, dtype, length: lengthOf(shape) })
  const slots = [...inputs.map((x) => slotOf('input', x)), ...outputs.flatMap((x) => (x ? [slotOf('output', x)] : []))]
  const call = { routine, label: row.label(routine), inputs, outputs, sites: row.sites(routine) }
  return { steps: [{ kind: 'routine', call, slots: slots.map((_, s) => s), pieces: [] }], slots, scalars: [] }
}

/** A list of the numbers. (To spread an array of so many takes longer than the routine.) */
function numbersOf(values: TypedArray): number[] {
  const list = new Array<number>(values.length)
  for (let i = 0; i < list.length; i++) list[i] = values[i] as number
  return list
}

/** Runs one routine; gives the outputs that are wanted. */
export async function runRoutine(
  device: Device,
  routine: Routine,
  inputs: readonly HostArray[],
  wanted: readonly boolean[] = [true, true],
): Promise<number[][]> {
  const program = routineProgram(routine, inputs, wanted)
  const outputs = program.slots.filter((s) => s.kind === 'output').map(({ dtype, length }) => device.allocate(dtype, length))
  device.run(device.compile(program), { inputs: inputs.map((x) => x.values), outputs, scalars: [], evacuate: [] })
  const values = await Promise.all(outputs.map((output) => device.read(output)))
  for (const output of outputs) device.release(output)
  return values.map(numbersOf)
}

/** Whole numbers, most of them several times, with a NaN where the dtype has one. */
export function repeated(dtype: DType, shape: readonly number[]): HostArray {
  const values = dtypeInfo[dtype].create(lengthOf(shape))
  for (let i = 0; i < values.length; i++) values[i] = (Math.imul(i, 7919) >>> 3) % 11
  if (dtype.startsWith('float') && values.length > 40) values[37] = Number.NaN
  return { dtype, shape, values }
}

/** Arrangements that sorts meet, each of so many numbers. */
export const ARRANGEMENTS = ['random', 'few', 'equal', 'sorted', 'reversed'] as const

/** Numbers of an arrangement; among random floats there are NaN, infinities, subnormal numbers and zeros of both signs. */
export function arranged(dtype: DType, shape: readonly number[], kind: (typeof ARRANGEMENTS)[number], random: () => number): HostArray {
  const values = dtypeInfo[dtype].create(lengthOf(shape))
  const isFloat = dtype.startsWith('float')
  const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e-40, -1e-40, 3e38, -3e38]
  const low = dtype === 'uint32' ? 0 : 2 ** 31
  for (let i = 0; i < values.length; i++) {
    const v =
      kind === 'equal' ? 7 : kind === 'sorted' ? i : kind === 'reversed' ? values.length - i : Math.floor(random() * 5) - (low ? 2 : 0)
    values[i] = kind !== 'random' ? v : !isFloat ? Math.floor(random() * 2 ** 32) - low : random() < 0.2 ? (special[Math.floor(random() * 9)] as number) : (random() - 0.5) * 10 ** Math.floor(random() * 20 - 10) // biome-ignore format: a choice
  }
  return { dtype, shape, values }
}

/** How targets of a scatter may lie. */
export const TARGETS = ['random', 'one row', 'few rows', 'a permutation'] as const

/** Targets of `senders` elements among so many rows, and small whole numbers that are sent there, with a NaN now and then. */
export function sent(
  kind: (typeof TARGETS)[number],
  dtype: DType,
  senders: number,
  rows: number,
  features: number,
  random: () => number,
): readonly [HostArray, HostArray] {
  const rowOf = { random: () => random() * rows, 'one row': () => rows - 1, 'few rows': () => Math.floor(random() * 3) * (rows / 3), 'a permutation': (i: number) => (i * 7919) % rows } // biome-ignore format: a table
  const targets = Int32Array.from({ length: senders }, (_, i) => rowOf[kind](i))
  const values = dtypeInfo[dtype].create(senders * features)
  const low = dtype === 'uint32' ? 0 : 2
  for (let i = 0; i < values.length; i++) values[i] = Math.floor(random() * 5) - low
  if (dtype.startsWith('float') && values.length > 20) values[17] = Number.NaN
  return [
    { dtype: 'int32', shape: [senders], values: targets },
    { dtype, shape: [senders, features], values },
  ]
}
