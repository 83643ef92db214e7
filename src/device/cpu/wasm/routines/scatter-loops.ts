/** @file What both ways to scatter are written with: how elements are joined, and the loop over senders. */
import { type Join, type RoutineCall, type RoutineOf, reduceOps, type TensorType } from '../../../../kernel/index.ts'
import { type Code, four, type Local, type Opcode, type Words } from '../assembler/assembler.ts'
import { address } from './loop-kernel.ts'

export type ScatterCall = RoutineCall<RoutineOf<'scatter'>>
export type ScatterDtype = 'float32' | 'float64' | 'int32' | 'uint32'

/** Bytes of a vector. */
export const VECTOR = 16

/** How vectors of elements are joined. */
export interface Joining {
  /** Vectors that hold what was joined, for a vector of elements: sums and products of float32 are doubles. */
  readonly halves: 1 | 2
  /** What leaves others as they are, as it is joined and as it is stored. */
  readonly identity: Words
  readonly stored: Words
  readonly join: Opcode
}

const INFINITY = { max: [0xff800000, 0xfff00000], min: [0x7f800000, 0x7ff00000] } as const
const doubles = (high: number): Words => [0, high, 0, high]
const ONE = doubles(0x3ff00000)

export const dtypeOf = ({ inputs }: ScatterCall): ScatterDtype => (inputs[1] as TensorType).dtype as ScatterDtype

/** In which vectors, of what, elements are joined. */
export function joiningOf(call: ScatterCall): Joining {
  const op: Join = reduceOps[call.routine.op].joins
  const dtype = dtypeOf(call)
  switch (dtype) {
    case 'int32':
    case 'uint32': {
      const sign = dtype === 'int32' ? 's' : 'u'
      const least = { max: sign === 's' ? 0x80000000 : 0, min: sign === 's' ? 0x7fffffff : 0xffffffff }
      const identity = four(op === 'add' ? 0 : op === 'mul' ? 1 : least[op])
      return { halves: 1, identity, stored: identity, join: op === 'add' || op === 'mul' ? `i32x4.${op}` : `i32x4.${op}_${sign}` }
    }
    case 'float32': {
      if (op === 'add') return { halves: 2, identity: four(0), stored: four(0), join: 'f64x2.add' }
      if (op === 'mul') return { halves: 2, identity: ONE, stored: four(0x3f800000), join: 'f64x2.mul' }
      const identity = four(INFINITY[op][0])
      return { halves: 1, identity, stored: identity, join: `f32x4.${op}` }
    }
    case 'float64': {
      const identity = op === 'add' ? four(0) : op === 'mul' ? ONE : doubles(INFINITY[op][1])
      return { halves: 1, identity, stored: identity, join: `f64x2.${op}` }
    }
  }
}

type Locals<N extends number, L extends readonly Local[] = []> = L['length'] extends N ? L : Locals<N, readonly [...L, Local]>

/** So many locals. */
export const wordsOf = <N extends number>(code: Code, n: N): Locals<N> =>
  Array.from({ length: n }, () => code.local('i32')) as unknown as Locals<N>

/** Fills `bytes` from an address on with a vector, and less than a vector more: blocks of memory have room behind them, and so have pieces of a pack. */
export function fill(code: Code, to: Local, bytes: number, vector: Words): void {
  const [at, end] = wordsOf(code, 2)
  code.get(to).tee(at).i32(bytes).op('i32.add').set(end)
  code.for(at, end, VECTOR, () => code.get(at).v128(vector).memory('v128.store'))
}

interface Senders {
  readonly targets: number
  readonly rows: number
  /** Where the targets are. */
  readonly from: Local
  /** Set in the body: the sender, and the row that it sends to. */
  readonly sender: Local
  readonly row: Local
}

/** Runs `body` for each sender, in their order or the last one first. One whose target is no row is left out: it has been reported. */
export function eachSender(
  code: Code,
  { targets, rows, from, sender, row }: Senders,
  order: 'forward' | 'backward',
  body: () => void,
): void {
  const [i, count] = wordsOf(code, 2)
  code.i32(targets).set(count).i32(0).set(i)
  code.for(i, count, 1, () => {
    code.get(i)
    if (order === 'backward') code.i32(-1).op('i32.xor').i32(targets).op('i32.add')
    code.set(sender)
    address(code, from, sender, 2).memory('i32.load').tee(row).i32(rows).op('i32.lt_u')
    code.if(body)
  })
}

/** One sender more of a row. */
export function countSender(code: Code, counts: Local, row: Local): void {
  const [at] = wordsOf(code, 1)
  address(code, counts, row, 2).tee(at).get(at).memory('i32.load').i32(1).op('i32.add').memory('i32.store')
}
