/**
 * @file What rows are sent, joined. The targets are counted, which says where in a list each row's senders stand, and listed, in their order; then threads share the
 * rows, each of which joins what it receives in a register. float32 is summed and multiplied as float64, and rounded once.
 */
import { type Join, type RoutineCall, type RoutineOf, reduceOps, type TensorType } from '../../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../../routine-plan.ts'
import { type Code, four, type Local, type Opcode, type Words } from '../assembler/assembler.ts'
import type { KernelCode } from '../kernel-code.ts'
import { address, loopKernel } from './loop-kernel.ts'

type Call = RoutineCall<RoutineOf<'scatter'>>
type Dtype = 'float32' | 'float64' | 'int32' | 'uint32'

/** Buffers: targets; how many rows in front of each, and itself, have received, as it ends; and the senders, row by row. */
const listKernel = (label: string, targets: number, rows: number): KernelCode =>
  loopKernel({
    label,
    buffers: 3,
    rows: 1,
    work: 4 * targets + rows,
    body: ({ code, buffers: [from, ends, senders] }) => {
      const [i, count, row, all, at, sum] = Array.from({ length: 6 }, () => code.local('i32')) as [Local, Local, Local, Local, Local, Local]
      code.i32(rows).set(all).i32(targets).set(count)
      code.i32(0).set(row)
      code.for(row, all, 1, () =>
        address(code, ends as Local, row, 2)
          .i32(0)
          .memory('i32.store'),
      )
      // A target outside is one that has been reported
      const eachTarget = (body: () => void): void => {
        code.i32(0).set(i)
        code.for(i, count, 1, () => {
          address(code, from as Local, i, 2)
            .memory('i32.load')
            .tee(row)
            .get(all)
            .op('i32.lt_u')
          code.if(() => {
            address(code, ends as Local, row, 2).set(at)
            body()
            code.get(at).get(at).memory('i32.load').i32(1).op('i32.add').memory('i32.store')
          })
        })
      }
      eachTarget(() => {})
      code.i32(0).set(sum).i32(0).set(row)
      code.for(row, all, 1, () => {
        address(code, ends as Local, row, 2)
          .tee(at)
          .get(sum)
        code.get(at).memory('i32.load').get(sum).op('i32.add').set(sum)
        code.memory('i32.store')
      })
      eachTarget(() => {
        code
          .get(senders as Local)
          .get(at)
          .memory('i32.load')
          .i32(2)
          .op('i32.shl')
          .op('i32.add')
          .get(i)
          .memory('i32.store')
      })
    },
  })

/** How vectors of elements are joined. */
interface Joining {
  /** Vectors that hold what was joined, for a vector of elements. */
  readonly vectors: 1 | 2
  readonly identity: Words
  readonly join: Opcode
}

const INFINITY = { max: [0xff800000, 0xfff00000], min: [0x7f800000, 0x7ff00000] } as const

/** In which vectors, of what, elements of a dtype are joined. */
function joiningOf(dtype: Dtype, op: Join): Joining {
  switch (dtype) {
    case 'int32':
    case 'uint32': {
      const sign = dtype === 'int32' ? 's' : 'u'
      const least = { max: sign === 's' ? 0x80000000 : 0, min: sign === 's' ? 0x7fffffff : 0xffffffff }
      const identity = four(op === 'add' ? 0 : op === 'mul' ? 1 : least[op])
      return { vectors: 1, identity, join: op === 'add' || op === 'mul' ? `i32x4.${op}` : `i32x4.${op}_${sign}` }
    }
    case 'float32':
      if (op === 'max' || op === 'min') return { vectors: 1, identity: four(INFINITY[op][0]), join: `f32x4.${op}` }
      return { vectors: 2, identity: op === 'add' ? four(0) : [0, 0x3ff00000, 0, 0x3ff00000], join: `f64x2.${op}` }
    case 'float64': {
      const high = op === 'add' ? 0 : op === 'mul' ? 0x3ff00000 : INFINITY[op][1]
      return { vectors: 1, identity: [0, high, 0, high], join: `f64x2.${op}` }
    }
  }
}

const UPPER = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15]
const LOWER_OF_BOTH = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]

/** Joins elements `first`, first + 1, … of what a row receives: a vector of them, or one. */
class RowWriter {
  readonly #code: Code
  readonly #joining: Joining
  readonly #wide: boolean
  readonly #alone: boolean
  readonly #joined: readonly Local[]
  readonly #value: Local

  /** @param alone one element at a time */
  constructor(code: Code, joining: Joining, dtype: Dtype, alone: boolean) {
    this.#code = code
    this.#joining = joining
    this.#wide = dtype === 'float64'
    this.#alone = alone
    this.#joined = Array.from({ length: alone ? 1 : joining.vectors }, () => code.local('v128'))
    this.#value = code.local('v128')
  }

  begin(): void {
    for (const joined of this.#joined) this.#code.v128(this.#joining.identity).set(joined)
  }

  /** Joins what is at the address on the stack. */
  join(): void {
    const code = this.#code
    code.memory(!this.#alone ? 'v128.load' : this.#wide ? 'v128.load64_zero' : 'v128.load32_zero').set(this.#value)
    this.#joined.forEach((joined, half) => {
      code.get(joined).get(this.#value)
      if (half === 1) code.get(this.#value).shuffle(UPPER)
      if (this.#joining.vectors === 2) code.op('f64x2.promote_low_f32x4')
      code.op(this.#joining.join).set(joined)
    })
  }

  /** Stores what was joined at the address on the stack. */
  store(): void {
    const code = this.#code
    this.#joined.forEach((joined, half) => {
      code.get(joined)
      if (this.#joining.vectors === 2) code.op('f32x4.demote_f64x2_zero')
      if (half === 1) code.shuffle(LOWER_OF_BOTH)
    })
    if (!this.#alone) code.memory('v128.store')
    else code.laneMemory(this.#wide ? 'v128.store64_lane' : 'v128.store32_lane', 0)
  }
}

/** Nanoseconds for an element that is joined, and for one that is stored. */
const [JOINED, STORED] = [1, 0.4]

/** Buffers: what is sent; ends and senders; and what comes of it, the joined elements and how many there were, where they are wanted. */
function joinKernel(call: Call, features: number, targets: number): KernelCode {
  const { op, rows } = call.routine
  const dtype = (call.inputs[1] as TensorType).dtype as Dtype
  const [joined, counts] = call.outputs
  const shift = dtype === 'float64' ? 3 : 2
  const lanes = dtype === 'float64' ? 2 : 4
  return loopKernel({
    label: call.label,
    buffers: 3 + Number(joined !== undefined) + Number(counts !== undefined),
    rows,
    work: (JOINED * targets + STORED * rows) * (joined ? features : 1),
    body: ({ code, buffers: [from, ends, senders, ...to], row }) => {
      const [begin, end, at, f, last, line] = Array.from({ length: 6 }, () => code.local('i32')) as [
        Local,
        Local,
        Local,
        Local,
        Local,
        Local,
      ]
      code.i32(0).set(begin).get(row)
      code.if(() =>
        address(code, ends as Local, row, 2)
          .i32(4)
          .op('i32.sub')
          .memory('i32.load')
          .set(begin),
      )
      address(code, ends as Local, row, 2)
        .memory('i32.load')
        .set(end)
      if (counts)
        address(code, to.at(-1) as Local, row, 2)
          .get(end)
          .get(begin)
          .op('i32.sub')
          .memory('i32.store')
      if (!joined) return
      code
        .get(to[0] as Local)
        .get(row)
        .i32(features << shift)
        .op('i32.mul')
        .op('i32.add')
        .set(line)
      code.i32(0).set(f)
      const inBlocks = (size: number, until: number): void => {
        const writer = new RowWriter(code, joiningOf(dtype, reduceOps[op].joins), dtype, size === 1)
        code.i32(until).set(last)
        code.for(f, last, size, () => {
          writer.begin()
          code.get(begin).set(at)
          code.for(at, end, 1, () => {
            code.get(from as Local)
            address(code, senders as Local, at, 2)
              .memory('i32.load')
              .i32(features)
              .op('i32.mul')
              .get(f)
              .op('i32.add')
            code.i32(shift).op('i32.shl').op('i32.add')
            writer.join()
          })
          address(code, line, f, shift)
          writer.store()
        })
      }
      const vectors = features - (features % lanes)
      if (vectors > 0) inBlocks(lanes, vectors)
      if (vectors < features) inBlocks(1, features)
    },
  })
}

export function scatter(call: Call): RoutinePlan<KernelCode> {
  const plan = new PlanWriter<KernelCode>(call)
  const { rows } = call.routine
  const [, { shape }] = call.inputs as readonly [TensorType, TensorType]
  const [targets, features] = shape as readonly [number, number]
  if (rows === 0) return plan.plan()
  const [index, from] = plan.inputs as readonly [number, number]
  const ends = plan.scratch('int32', rows)
  const senders = plan.scratch('int32', Math.max(1, targets))
  plan.run(listKernel(call.label, targets, rows), [index, ends, senders])
  plan.run(joinKernel(call, features, targets), [from, ends, senders, ...plan.outputs.filter((output) => output !== undefined)])
  return plan.plan()
}
