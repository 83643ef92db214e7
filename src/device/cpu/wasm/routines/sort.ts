/**
 * @file Rows in order. Elements become keys, whole numbers whose order is theirs. Short rows are sorted by insertion; others digit by digit, the last one first,
 * 8 bits a digit: chunks of rows are counted, and then moved, by threads side by side. Stable, so the result is the same whoever computed it.
 */
import { sizeOf } from '../../../../base/index.ts'
import type { RoutineCall, RoutineOf, TensorType } from '../../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../../routine-plan.ts'
import type { Code, Local } from '../assembler/assembler.ts'
import type { KernelCode } from '../kernel-code.ts'
import { address, copy, loopKernel } from './loop-kernel.ts'

type Call = RoutineCall<RoutineOf<'sort'>>

/** Rows of so many elements are sorted by insertion: counting 256 digits costs more. */
const SHORT = 64
/** Elements that are counted and moved together. */
const CHUNK = 2 ** 14
const DIGITS = 256
const SIGN = 0x80000000

/** What is sorted. */
interface Rows {
  readonly label: string
  readonly rows: number
  readonly size: number
  /** Keys and elements are of 2^shift bytes. */
  readonly shift: 2 | 3
}

/** The key of a float32 in `v`, or of the upper word of a float64, whose lower word is in `low`: negative ones are complemented, and −0 becomes 0. */
function flipFloat(code: Code, v: Local, low: Local | undefined): void {
  const words = low ? [v, low] : [v]
  const sign = code.local('i32')
  const size = code.local('i32')
  code.get(v).i32(1).op('i32.shl')
  if (low) code.get(low).op('i32.or')
  code.op('i32.eqz')
  code.if(() => code.i32(0).set(v))
  code.get(v).i32(0x7fffffff).op('i32.and').set(size)
  code.get(v).i32(31).op('i32.shr_s').set(sign)
  code.get(v).get(sign).i32(SIGN).op('i32.or').op('i32.xor').set(v)
  if (low) code.get(low).get(sign).op('i32.xor').set(low)
  // NaN is larger than infinity. Of a float64, what follows the upper word of infinity makes the difference, too
  if (low) {
    const rest = code.local('i32')
    code.get(low).get(sign).op('i32.xor').i32(0).op('i32.ne').set(rest)
    code.get(size).get(rest).op('i32.add').i32(0x7ff00000).op('i32.gt_u')
  } else code.get(size).i32(0x7f800000).op('i32.gt_u')
  code.if(() => {
    for (const word of words) code.i32(-1).set(word)
  })
}

/** Buffers: elements, keys. */
function keysKernel(call: Call, { label, rows, size, shift }: Rows): KernelCode {
  const { descending, bits } = call.routine
  const [{ dtype }] = call.inputs as readonly [TensorType]
  return loopKernel({
    label,
    buffers: 2,
    rows: rows * size,
    work: 1.5 * rows * size,
    body: ({ code, buffers: [from, to], row }) => {
      const words = shift === 3 ? [code.local('i32'), code.local('i32')] : [code.local('i32')]
      words.forEach((word, w) => {
        address(code, from as Local, row, shift)
          .memory('i32.load', 4 * w)
          .set(word)
      })
      const top = words.at(-1) as Local
      if (dtype.startsWith('float')) flipFloat(code, top, shift === 3 ? words[0] : undefined)
      else if (dtype === 'int32' && bits === undefined) code.get(top).i32(SIGN).op('i32.xor').set(top)
      words.forEach((word, w) => {
        address(code, to as Local, row, shift).get(word)
        if (descending) code.i32(-1).op('i32.xor')
        code.memory('i32.store', 4 * w)
      })
    },
  })
}

/** Buffers: keys, which come into order, and their positions. */
const insertionKernel = ({ label, rows, size, shift }: Rows): KernelCode =>
  loopKernel({
    label,
    buffers: 2,
    rows,
    work: rows * size * (2 + size / 4),
    body: ({ code, buffers: [keys, positions], row }) => {
      const [start, n, i, at, before] = Array.from({ length: 5 }, () => code.local('i32')) as [Local, Local, Local, Local, Local]
      const wide = shift === 3
      const key = code.local(wide ? 'i64' : 'i32')
      const load = wide ? 'i64.load' : 'i32.load'
      code.get(row).i32(size).op('i32.mul').set(start)
      code.i32(size).set(n).i32(0).set(i)
      code.for(i, n, 1, () => {
        code.get(start).get(i).op('i32.add').set(at)
        address(code, keys as Local, at, shift)
          .memory(load)
          .set(key)
        code.block((leave) => {
          code.loop((again) => {
            code.get(at).get(start).op('i32.eq').brIf(leave)
            code.get(at).i32(1).op('i32.sub').set(before)
            address(code, keys as Local, before, shift)
              .memory(load)
              .get(key)
              .op(wide ? 'i64.gt_u' : 'i32.gt_u')
              .op('i32.eqz')
              .brIf(leave)
            copy(
              code,
              shift,
              () => address(code, keys as Local, at, shift),
              () => address(code, keys as Local, before, shift),
            )
            copy(
              code,
              2,
              () => address(code, positions as Local, at, 2),
              () => address(code, positions as Local, before, 2),
            )
            code.get(before).set(at).br(again)
          })
        })
        address(code, keys as Local, at, shift)
          .get(key)
          .memory(wide ? 'i64.store' : 'i32.store')
        address(code, positions as Local, at, 2)
          .get(i)
          .memory('i32.store')
      })
    },
  })

/** Buffers: elements, positions, and the elements at these positions of their rows. */
const takeKernel = ({ label, rows, size, shift }: Rows): KernelCode =>
  loopKernel({
    label,
    buffers: 3,
    rows: rows * size,
    work: 2 * rows * size,
    body: ({ code, buffers: [from, positions, to], row }) => {
      const at = code.local('i32')
      address(code, positions as Local, row, 2).memory('i32.load')
      code.get(row).i32(size).op('i32.div_u').i32(size).op('i32.mul').op('i32.add').set(at)
      copy(
        code,
        shift,
        () => address(code, to as Local, row, shift),
        () => address(code, from as Local, at, shift),
      )
    },
  })

const chunksOf = (size: number): number => Math.ceil(size / CHUNK)

/** Runs `body` for every element of a chunk. @param row the chunk @param first where the chunk's row of elements begins */
function overChunk(code: Code, { size }: Rows, row: Local, body: (i: Local, first: Local) => void): void {
  const chunks = chunksOf(size)
  const [first, i, end] = [code.local('i32'), code.local('i32'), code.local('i32')]
  code.get(row).i32(chunks).op('i32.div_u').i32(size).op('i32.mul').set(first)
  code.get(row).i32(chunks).op('i32.rem_u').i32(CHUNK).op('i32.mul').tee(i)
  code.i32(CHUNK).op('i32.add').set(end)
  code.get(end).i32(size).get(end).i32(size).op('i32.lt_u').op('select').set(end)
  code.get(i).get(first).op('i32.add').set(i)
  code.get(end).get(first).op('i32.add').set(end)
  code.for(i, end, 1, () => body(i, first))
}

/** The counter of the digit of an element's key, in `counter`. */
function findCounter(code: Code, { shift }: Rows, digit: number, keys: Local, i: Local, counters: Local, counter: Local): void {
  address(code, keys, i, shift).memory('i32.load8_u', digit).i32(2).op('i32.shl').get(counters).op('i32.add').set(counter)
}

/** Where the counters of a chunk begin. */
const countersOf = (code: Code, counts: Local, row: Local, counters: Local): Code =>
  code.get(counts).get(row).i32(4 * DIGITS).op('i32.mul').op('i32.add').set(counters) // biome-ignore format: one expression

/** Buffers: keys, and for each chunk the number of its keys of each digit. */
const countKernel = (of: Rows, digit: number): KernelCode =>
  loopKernel({
    label: of.label,
    buffers: 2,
    rows: of.rows * chunksOf(of.size),
    work: of.rows * of.size + of.rows * chunksOf(of.size) * DIGITS * 0.2,
    body: ({ code, buffers: [keys, counts], row }) => {
      const [counters, counter, end] = [code.local('i32'), code.local('i32'), code.local('i32')]
      countersOf(code, counts as Local, row, counters)
        .get(counters)
        .tee(counter)
      code.i32(4 * DIGITS).op('i32.add').set(end) // biome-ignore format: one expression
      code.for(counter, end, 16, () => code.get(counter).v128([0, 0, 0, 0]).memory('v128.store'))
      overChunk(code, of, row, (i) => {
        findCounter(code, of, digit, keys as Local, i, counters, counter)
        code.get(counter).get(counter).memory('i32.load').i32(1).op('i32.add').memory('i32.store')
      })
    },
  })

/** Buffers: the numbers of keys, in place of which comes where the first of them goes. */
const offsetsKernel = ({ label, rows, size }: Rows): KernelCode =>
  loopKernel({
    label,
    buffers: 1,
    rows,
    work: rows * chunksOf(size) * DIGITS,
    body: ({ code, buffers: [counts], row }) => {
      const chunks = chunksOf(size)
      const [at, start, digit, chunk, digits, all, sum, count] = Array.from({ length: 8 }, () => code.local('i32')) as [
        Local, Local, Local, Local, Local, Local, Local, Local,
      ] // biome-ignore format: a list
      code.get(row).i32(size).op('i32.mul').set(sum)
      countersOf(code, counts as Local, row, start)
      if (chunks > 1) code.get(start).get(row).i32(4 * DIGITS * (chunks - 1)).op('i32.mul').op('i32.add').set(start) // biome-ignore format: one expression
      code.i32(DIGITS).set(digits).i32(chunks).set(all).i32(0).set(digit)
      code.for(digit, digits, 1, () => {
        address(code, start, digit, 2).set(at)
        code.i32(0).set(chunk)
        code.for(chunk, all, 1, () => {
          code.get(at).memory('i32.load').set(count)
          code.get(at).get(sum).memory('i32.store')
          code.get(sum).get(count).op('i32.add').set(sum)
          code.get(at).i32(4 * DIGITS).op('i32.add').set(at) // biome-ignore format: one expression
        })
      })
    },
  })

/** What a pass moves: buffers by their position among the kernel's. */
interface Move {
  readonly keys: number
  readonly counts: number
  /** Undefined in the first pass: then elements are where they were. */
  readonly positions?: number | undefined
  readonly keysTo?: number | undefined
  readonly positionsTo?: number | undefined
  /** Elements, and where they are wanted in order. */
  readonly elements?: number | undefined
  readonly elementsTo?: number | undefined
}

const moveKernel = (of: Rows, digit: number, move: Move, buffers: number): KernelCode =>
  loopKernel({
    label: of.label,
    buffers,
    rows: of.rows * chunksOf(of.size),
    work: 3 * of.rows * of.size,
    body: ({ code, buffers: all, row }) => {
      const of_ = (b: number): Local => all[b] as Local
      const [counters, counter, to, position] = Array.from({ length: 4 }, () => code.local('i32')) as [Local, Local, Local, Local]
      const { shift } = of
      countersOf(code, of_(move.counts), row, counters)
      overChunk(code, of, row, (i, first) => {
        findCounter(code, of, digit, of_(move.keys), i, counters, counter)
        code.get(counter).get(counter).memory('i32.load').tee(to).i32(1).op('i32.add').memory('i32.store')
        if (move.positions === undefined) code.get(i).get(first).op('i32.sub').set(position)
        else address(code, of_(move.positions), i, 2).memory('i32.load').set(position)
        const { keysTo, positionsTo, elements, elementsTo } = move
        if (positionsTo !== undefined) address(code, of_(positionsTo), to, 2).get(position).memory('i32.store')
        const moved = (from: number, at: Local, into: number): void =>
          copy(
            code,
            shift,
            () => address(code, of_(into), to, shift),
            () => address(code, of_(from), at, shift),
          )
        if (keysTo !== undefined) moved(move.keys, i, keysTo)
        if (elements !== undefined && elementsTo !== undefined) {
          code.get(position).get(first).op('i32.add').set(position)
          moved(elements, position, elementsTo)
        }
      })
    },
  })

/** Digit by digit: keys and positions go back and forth between two buffers each, the last time into the outputs. */
function byDigits(plan: PlanWriter<KernelCode>, call: Call, of: Rows, keys: number): void {
  const length = of.rows * of.size
  const digits = Math.ceil((call.routine.bits ?? 8 * 2 ** of.shift) / 8)
  const counts = plan.scratch('int32', of.rows * chunksOf(of.size) * DIGITS)
  const other = digits > 1 ? plan.scratch(of.shift === 3 ? 'float64' : 'uint32', length) : keys
  const positions = Array.from({ length: Math.min(2, digits - 1) }, () => plan.scratch('int32', length))
  const [values, indices] = plan.outputs
  for (let digit = 0; digit < digits; digit++) {
    const [from, to] = digit % 2 === 0 ? [keys, other] : [other, keys]
    const isLast = digit === digits - 1
    plan.run(countKernel(of, digit), [from, counts])
    plan.run(offsetsKernel(of), [counts])
    const buffers: number[] = []
    const bind = (buffer: number | undefined): number | undefined => (buffer === undefined ? undefined : buffers.push(buffer) - 1)
    const move: Move = {
      keys: bind(from) as number,
      counts: bind(counts) as number,
      positions: bind(digit > 0 ? positions[(digit - 1) % 2] : undefined),
      keysTo: bind(isLast ? undefined : to),
      positionsTo: bind(isLast ? indices : positions[digit % 2]),
      elements: bind(isLast && values !== undefined ? plan.inputs[0] : undefined),
      elementsTo: bind(isLast ? values : undefined),
    }
    plan.run(moveKernel(of, digit, move, buffers.length), buffers)
  }
}

export function sort(call: Call): RoutinePlan<KernelCode> {
  const [{ dtype, shape }] = call.inputs as readonly [TensorType]
  const plan = new PlanWriter<KernelCode>(call)
  const length = sizeOf(shape)
  if (length === 0) return plan.plan()
  const size = shape.at(-1) as number
  const of: Rows = { label: call.label, rows: length / size, size, shift: dtype === 'float64' ? 3 : 2 }
  const [x] = plan.inputs as readonly [number]
  const keys = plan.scratch(of.shift === 3 ? 'float64' : 'uint32', length)
  plan.run(keysKernel(call, of), [x, keys])
  if (size > SHORT) {
    byDigits(plan, call, of, keys)
    return plan.plan()
  }
  const [values, indices] = plan.outputs
  const positions = indices ?? plan.scratch('int32', length)
  plan.run(insertionKernel(of), [keys, positions])
  if (values !== undefined) plan.run(takeKernel(of), [x, positions, values])
  return plan.plan()
}
