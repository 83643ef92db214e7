/**
 * @file What rows are sent, joined, in the order in which it is sent; float32 as float64, and rounded once. Narrow rows take elements as they come
 * (scatter-narrow.ts). Of wide ones the senders are chained, in their order; then threads share the rows, each of which joins what it receives in registers.
 */
import { dtypeInfo } from '../../../../base/index.ts'
import type { TensorType } from '../../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../../routine-plan.ts'
import { type Code, four, type Local } from '../assembler/assembler.ts'
import type { KernelCode } from '../kernel-code.ts'
import { address, loopKernel } from './loop-kernel.ts'
import { countSender, dtypeOf, eachSender, fill, type Joining, joiningOf, type ScatterCall, VECTOR, wordsOf } from './scatter-loops.ts'
import { joinsInDoubles, narrowKernel } from './scatter-narrow.ts'

/** Features of a narrow row, at most, and rows for each sender: where there are more, most of them receive nothing. */
const [NARROW, SPARSE] = [4, 4]
/** Vectors of elements that a row joins at once. */
const AT_ONCE = 4
/** Nanoseconds to chain a sender; for an element that is joined, and for one that is stored. */
const [CHAINED, JOINED, STORED] = [2, 0.5, 0.15]

/** Buffers: targets; for each row its first sender + 1, or 0; for each sender the next one of its row; and how many there are of each row, where that is wanted. */
const chainKernel = ({ label, routine: { rows }, outputs: [, counts] }: ScatterCall, targets: number): KernelCode =>
  loopKernel({
    label,
    buffers: 3 + Number(counts !== undefined),
    rows: 1,
    work: CHAINED * targets + rows,
    body: ({ code, buffers }) => {
      const [from, first, next, counted] = buffers as readonly [Local, Local, Local, Local | undefined]
      const [sender, row, at] = wordsOf(code, 3)
      fill(code, first, 4 * rows, four(0))
      if (counted) fill(code, counted, 4 * rows, four(0))
      // From the last to the first, each in front of those that follow it
      eachSender(code, { targets, rows, from, sender, row }, 'backward', () => {
        address(code, first, row, 2).set(at)
        address(code, next, sender, 2).get(at).memory('i32.load').memory('i32.store')
        code.get(at).get(sender).i32(1).op('i32.add').memory('i32.store')
        if (counted) countSender(code, counted, row)
      })
    },
  })

const UPPER = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]
const LOWER_OF_BOTH = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]

/** Joins neighbouring elements of what a row receives, in registers: vectors of them, or one by one. */
class RowWriter {
  readonly #code: Code
  readonly #joining: Joining
  readonly #bytes: number
  readonly #offsets: readonly number[]
  /** For each offset what is joined, in halves. */
  readonly #joined: readonly (readonly Local[])[]
  readonly #value: Local

  /** @param bytes of a vector, or of an element @param offsets where these are, behind an address */
  constructor(code: Code, joining: Joining, bytes: number, offsets: readonly number[]) {
    this.#code = code
    this.#joining = joining
    this.#bytes = bytes
    this.#offsets = offsets
    const halves = bytes === VECTOR ? joining.halves : 1
    this.#joined = offsets.map(() => Array.from({ length: halves }, () => code.local('v128')))
    this.#value = code.local('v128')
  }

  begin(): void {
    for (const half of this.#joined.flat()) this.#code.v128(this.#joining.identity).set(half)
  }

  /** Joins what is at an address. */
  join(from: Local): void {
    const code = this.#code
    this.#joined.forEach((halves, i) => {
      code.get(from)
      code.memory(this.#bytes === VECTOR ? 'v128.load' : this.#bytes === 8 ? 'v128.load64_zero' : 'v128.load32_zero', this.#offsets[i])
      code.set(this.#value)
      halves.forEach((half, n) => {
        code.get(half).get(this.#value)
        if (n === 1) code.get(this.#value).shuffle(UPPER)
        if (this.#joining.halves === 2) code.op('f64x2.promote_low_f32x4')
        code.op(this.#joining.join).set(half)
      })
    })
  }

  /** Stores what was joined. */
  store(to: Local): void {
    const code = this.#code
    this.#joined.forEach((halves, i) => {
      code.get(to)
      halves.forEach((half, n) => {
        code.get(half)
        if (this.#joining.halves === 2) code.op('f32x4.demote_f64x2_zero')
        if (n === 1) code.shuffle(LOWER_OF_BOTH)
      })
      this.#put(i)
    })
  }

  /** Stores what comes of nothing. */
  storeNothing(to: Local): void {
    for (const i of this.#offsets.keys()) {
      this.#code.get(to).v128(this.#joining.stored)
      this.#put(i)
    }
  }

  #put(i: number): void {
    const offset = this.#offsets[i]
    if (this.#bytes === VECTOR) this.#code.memory('v128.store', offset)
    else this.#code.laneMemory(this.#bytes === 8 ? 'v128.store64_lane' : 'v128.store32_lane', 0, offset)
  }
}

/** Buffers: what is sent; first and next senders; and the joined elements. */
function joinKernel(call: ScatterCall, features: number, targets: number): KernelCode {
  const { rows } = call.routine
  const bytes = dtypeInfo[dtypeOf(call)].bytes
  return loopKernel({
    label: call.label,
    buffers: 4,
    rows,
    work: (JOINED * targets + STORED * rows) * features,
    body: ({ code, buffers, row }) => {
      const [from, first, next, to] = buffers as readonly [Local, Local, Local, Local]
      const [head, sender, line, source, target] = wordsOf(code, 5)
      address(code, first, row, 2).memory('i32.load').set(head)
      const size = bytes * features
      code.get(to).get(row).i32(size).op('i32.mul').op('i32.add').set(line)
      const blocks = blocksOf(code, size, bytes, joiningOf(call))
      code.get(head).op('i32.eqz')
      code.if(
        () => eachBlock(code, blocks, line, target, (writer) => writer.storeNothing(target)),
        () =>
          eachBlock(code, blocks, line, target, (writer) => {
            writer.begin()
            code.get(head).set(sender)
            code.loop((again) => {
              code.get(sender).i32(1).op('i32.sub').tee(sender).i32(size).op('i32.mul').get(from).op('i32.add')
              code.get(target).get(line).op('i32.sub').op('i32.add').set(source)
              writer.join(source)
              address(code, next, sender, 2).memory('i32.load').tee(sender).brIf(again)
            })
            writer.store(target)
          }),
      )
    },
  })
}

/** Parts of a row that are joined in one go: from `begin` to `end`, so many bytes each. */
interface Blocks {
  readonly begin: number
  readonly end: number
  readonly size: number
  readonly writer: RowWriter
}

/** A row in blocks: of several vectors, then of those that are left. The last vector may overlap the one in front of it: what both hold is the same. */
function blocksOf(code: Code, size: number, bytes: number, joining: Joining): Blocks[] {
  const steps = (length: number, by: number): number[] => Array.from({ length: Math.floor(length / by) }, (_, i) => i * by)
  if (size < VECTOR) return [{ begin: 0, end: size, size, writer: new RowWriter(code, joining, bytes, steps(size, bytes)) }]
  const large = AT_ONCE * VECTOR
  const left = size % large
  const blocks: Blocks[] = []
  if (size >= large)
    blocks.push({ begin: 0, end: size - left, size: large, writer: new RowWriter(code, joining, VECTOR, steps(large, VECTOR)) })
  if (left > 0) {
    const length = Math.max(left, VECTOR)
    const offsets = steps(length, VECTOR)
    if (length % VECTOR > 0) offsets.push(length - VECTOR)
    blocks.push({ begin: size - length, end: size, size: length, writer: new RowWriter(code, joining, VECTOR, offsets) })
  }
  return blocks
}

/** Runs `body` for each block of the row at `line`, with its address in `target`. */
function eachBlock(code: Code, blocks: readonly Blocks[], line: Local, target: Local, body: (writer: RowWriter) => void): void {
  const [last] = wordsOf(code, 1)
  for (const { begin, end, size, writer } of blocks) {
    code.get(line).i32(begin).op('i32.add').set(target)
    code.get(line).i32(end).op('i32.add').set(last)
    code.for(target, last, size, () => body(writer))
  }
}

export function scatter(call: ScatterCall): RoutinePlan<KernelCode> {
  const plan = new PlanWriter<KernelCode>(call)
  const { rows } = call.routine
  const [, { shape }] = call.inputs as readonly [TensorType, TensorType]
  const [targets, features] = shape as readonly [number, number]
  if (rows === 0) return plan.plan()
  const [index, from] = plan.inputs as readonly [number, number]
  const [joined, counts] = plan.outputs
  const counted = counts === undefined ? [] : [counts]
  if (joined === undefined || (features <= NARROW && rows <= SPARSE * targets)) {
    const doubles = joinsInDoubles(call) ? [plan.scratch('float64', rows * features)] : []
    plan.run(narrowKernel(call, features, targets), [index, from, ...doubles, ...(joined === undefined ? [] : [joined]), ...counted])
    return plan.plan()
  }
  const first = plan.scratch('int32', rows)
  const next = plan.scratch('int32', Math.max(1, targets))
  plan.run(chainKernel(call, targets), [index, first, next, ...counted])
  plan.run(joinKernel(call, features, targets), [from, first, next, joined])
  return plan.plan()
}
