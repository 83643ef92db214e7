/** @file The identity of each reduction over each dtype: where a reduction begins, and what lengthens one without changing it. */
import type { DType } from '../base/index.ts'
import type { ReduceOp, ValueType } from './ir.ts'
import { reduceOps } from './operators.ts'

const INFINITE = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const
/** The least and the largest number of each dtype. */
const RANGE: Readonly<Record<DType, readonly [least: number, largest: number]>> = {
  float64: INFINITE,
  float32: INFINITE,
  float16: INFINITE,
  bfloat16: INFINITE,
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int8: [-128, 127],
  uint8: [0, 255],
  bool: [0, 1],
}

/** The dtype whose elements are exactly the numbers of a value type. */
export const dtypeOfValue: Readonly<Record<ValueType, DType>> = { float: 'float64', i32: 'int32', u32: 'uint32', bool: 'bool' }

/** The number that changes nothing when it is reduced along with others; where a position is reduced to, the one that any other replaces. */
export function identityOf(op: ReduceOp, dtype: DType): number {
  const [least, largest] = RANGE[dtype]
  switch (reduceOps[op].joins) {
    case 'add':
      return 0
    case 'mul':
      return 1
    case 'max':
      return least
    case 'min':
      return largest
  }
}
