/** @file Scans by themselves, on a device and by the interpreter: inputs of every kind, and how near results have to be. */
import { type DType, dtypeInfo } from '../../src/base/index.ts'
import { openCpu } from '../../src/device/cpu/index.ts'
import type { Device } from '../../src/device/index.ts'
import type { Routine, RoutineOf, ScanOp } from '../../src/kernel/index.ts'
import { type HostArray, runRoutine } from './routines.ts'

export type Scan = RoutineOf<'scan'>

/** The dtypes that each scan has. */
export const SCANNED: { readonly [Op in ScanOp]: readonly DType[] } = {
  sum: ['float32', 'float64', 'int32', 'uint32'],
  prod: ['float32', 'float64', 'int32', 'uint32'],
  max: ['float32', 'float64', 'int32', 'uint32'],
  min: ['float32', 'float64', 'int32', 'uint32'],
  logaddexp: ['float32', 'float64'],
  recurrence: ['float32', 'float64'],
}
export const OPS = Object.keys(SCANNED) as ScanOp[]

const hash = (i: number, salt: number): number => (Math.imul(i + 1, 0x9e3779b1 ^ salt) >>> 8) / 2 ** 24

/** The number at a position: products stay near 1, sums of floats are of both signs, extremes come several times. */
const ELEMENT: { readonly [Op in ScanOp]: (u: number) => number } = {
  sum: (u) => u - 0.4,
  prod: (u) => (u < 0.02 ? -1 : 0.97 + 0.06 * u),
  max: (u) => Math.floor(u * 23) - 11,
  min: (u) => Math.floor(u * 23) - 11,
  logaddexp: (u) => 20 * u - 10,
  recurrence: (u) => 1.6 * u - 0.8,
}

/** Elements of one input. @param salt another number, other elements */
export function elements(op: ScanOp, dtype: DType, shape: readonly number[], salt = 0): HostArray {
  const values = dtypeInfo[dtype].create(shape.reduce((n, s) => n * s, 1))
  const isFloat = dtype.startsWith('float')
  for (let i = 0; i < values.length; i++) {
    const u = hash(i, salt)
    values[i] = isFloat ? ELEMENT[op](u) : op === 'prod' ? 2 * Math.floor(u * 2 ** 20) + 1 : Math.floor((u - 0.5) * 2 ** 32)
  }
  return { dtype, shape, values }
}

export const inputsOf = (op: ScanOp, dtype: DType, shape: readonly number[]): HostArray[] =>
  op === 'recurrence' ? [elements(op, dtype, shape), elements(op, dtype, shape, 77)] : [elements(op, dtype, shape)]

export const scanOf = (op: ScanOp, dim: number, reverse = false): Scan => ({ kind: 'scan', op, dim, reverse })

const oracle = openCpu('interpreter').device

/** The largest difference from the interpreter, relative to the larger of a result and `scale`; integers and what is not finite have to be equal. */
export async function difference(device: Device, routine: Routine, inputs: readonly HostArray[], scale = 1): Promise<number> {
  const [got, want] = [await runRoutine(device, routine, inputs), await runRoutine(oracle, routine, inputs)]
  let worst = got.length === want.length ? 0 : Number.POSITIVE_INFINITY
  want.forEach((list, output) => {
    list.forEach((w, i) => {
      const g = got[output]?.[i] as number
      if (Object.is(g, w) || g === w) return
      const near = output === 0 && inputs[0]?.dtype.startsWith('float') && Number.isFinite(w) && Number.isFinite(g)
      worst = Math.max(worst, near ? Math.abs(g - w) / Math.max(Math.abs(w), scale) : Number.POSITIVE_INFINITY)
    })
  })
  return worst
}
