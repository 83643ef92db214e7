/** @file Scattering to narrow rows: elements are joined to them as they come, in memory; where float32 is summed or multiplied, in doubles beside the result. */
import { dtypeInfo } from '../../../../base/index.ts'
import { type Code, four, type Local } from '../assembler/assembler.ts'
import type { KernelCode } from '../kernel-code.ts'
import { loopKernel } from './loop-kernel.ts'
import { countSender, dtypeOf, eachSender, fill, type Joining, joiningOf, type ScatterCall, VECTOR, wordsOf } from './scatter-loops.ts'

/** Nanoseconds to take an element, and to fill and round one of a row. */
const [TAKEN, STORED] = [2, 0.5]

/** Whether elements are joined in doubles, which take a buffer. */
export const joinsInDoubles = (call: ScatterCall): boolean => call.outputs[0] !== undefined && joiningOf(call).halves === 2

/** Buffers: targets, what is sent; the doubles, if there are any; the joined elements and how many there were, where they are wanted. */
export function narrowKernel(call: ScatterCall, features: number, targets: number): KernelCode {
  const { rows } = call.routine
  const [joined, counts] = call.outputs
  const joining = joiningOf(call)
  const bytes = dtypeInfo[dtypeOf(call)].bytes
  const cellBytes = bytes * joining.halves
  const doubles = joinsInDoubles(call)
  return loopKernel({
    label: call.label,
    buffers: 2 + Number(doubles) + Number(joined !== undefined) + Number(counts !== undefined),
    rows: 1,
    work: (TAKEN * targets + STORED * rows) * features,
    body: ({ code, buffers }) => {
      const [from, elements, ...others] = buffers as readonly [Local, Local, ...Local[]]
      const cells = joined && (others[0] as Local)
      const counted = counts && (others.at(-1) as Local)
      const [sender, row, cell, element] = wordsOf(code, 4)
      if (cells) fill(code, cells, cellBytes * rows * features, joining.identity)
      if (counted) fill(code, counted, 4 * rows, four(0))
      eachSender(code, { targets, rows, from, sender, row }, 'forward', () => {
        if (counted) countSender(code, counted, row)
        if (!cells) return
        place(code, cells, row, cellBytes * features, cell)
        place(code, elements, sender, bytes * features, element)
        for (let f = 0; f < features; f++) take(code, joining, { cell, cellBytes, element, bytes, f })
      })
      if (doubles) round(code, cells as Local, others[1] as Local, rows * features)
    },
  })
}

/** Where a row of so many bytes begins. */
function place(code: Code, base: Local, row: Local, bytes: number, to: Local): void {
  code.get(base).get(row).i32(bytes).op('i32.mul').op('i32.add').set(to)
}

interface Taking {
  /** Addresses, and bytes of a number. */
  readonly cell: Local
  readonly cellBytes: number
  readonly element: Local
  readonly bytes: number
  /** The feature. */
  readonly f: number
}

/** Joins an element to a cell. */
function take(code: Code, { halves, join }: Joining, { cell, cellBytes, element, bytes, f }: Taking): void {
  code.get(cell).get(cell)
  code.memory(cellBytes === 8 ? 'v128.load64_zero' : 'v128.load32_zero', f * cellBytes)
  code.get(element).memory(bytes === 8 ? 'v128.load64_zero' : 'v128.load32_zero', f * bytes)
  if (halves === 2) code.op('f64x2.promote_low_f32x4')
  code.op(join).laneMemory(cellBytes === 8 ? 'v128.store64_lane' : 'v128.store32_lane', 0, f * cellBytes)
}

/** Doubles, rounded: four at a time, and up to three more than there are. */
function round(code: Code, from: Local, to: Local, numbers: number): void {
  const [at, out, end] = wordsOf(code, 3)
  code
    .get(to)
    .tee(out)
    .i32(4 * numbers)
    .op('i32.add')
    .set(end)
    .get(from)
    .set(at)
  code.for(out, end, VECTOR, () => {
    code.get(out)
    for (const offset of [0, VECTOR]) code.get(at).memory('v128.load', offset).op('f32x4.demote_f64x2_zero')
    code.shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]).memory('v128.store')
    code
      .get(at)
      .i32(2 * VECTOR)
      .op('i32.add')
      .set(at)
  })
}
