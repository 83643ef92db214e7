/** @file How operands meet: numbers become 0-d tensors, dtypes are promoted as PyTorch does. */
import {
  ArgumentError,
  DTYPE,
  type DType,
  DTypeError,
  dtypeInfo,
  isFloat,
  isInteger,
  kindRank,
  meetingType,
  mismatch,
  operandOf,
  rangeOf,
  showArgument,
  signature,
  type Taking,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { OPERAND, Tensor } from '../tensor/index.ts'

/** A tensor, or a number (or boolean) that meets it. */
export type Operand = Tensor | number | boolean

/** A literal of an op's definition, with the dtype of `like`: compiled into the kernel. */
export function lit(value: number, like: Tensor): Tensor {
  return new Tensor(graph.constant(value, like._node.dtype))
}

/** A number that a user gave, as `dtype` holds it (`src/base/numbers.ts`): it reaches the kernel as data, so that another number is no other kernel. */
export function number(value: number, dtype: DType): Tensor {
  return new Tensor(graph.scalar(value, dtype))
}

/** The dtype in which a number meets a tensor of `dtype`: whole numbers fit any number type, fractions need a float. */
function dtypeWithNumber(dtype: DType, value: number | boolean): DType {
  if (typeof value === 'boolean') return dtype
  if (isFloat(dtype)) return dtype
  if (!Number.isInteger(value)) return 'float32'
  return dtype === 'bool' ? 'int32' : dtype
}

const PROMOTE_TYPES = signature('promoteTypes', { type1: DTYPE, type2: DTYPE })

/**
 * The dtype in which two operands of these dtypes meet (`int8` with `uint8` is `int32`, where PyTorch has int16).
 * @see https://pytorch.org/docs/stable/generated/torch.promote_types.html
 */
export function promoteTypes(type1: DType, type2: DType): DType {
  PROMOTE_TYPES.check(type1, type2)
  return meetingType(type1, type2)
}

/** PyTorch's `result_type` of two tensors: a 0-d tensor does not widen one with dims of its own kind. */
export function commonType(a: Tensor, b: Tensor): DType {
  const da = a._node.dtype
  const db = b._node.dtype
  if (da === db) return da
  const za = a._node.shape.length === 0
  if (za !== (b._node.shape.length === 0)) {
    const [full, zero] = za ? [db, da] : [da, db]
    return kindRank(zero) > kindRank(full) ? zero : full
  }
  return meetingType(da, db)
}

/** The dtype in which those of a float dtype meet, by the rule of {@link commonType}. */
export function floatType(tensors: readonly (Tensor | undefined)[]): DType | undefined {
  const floats = tensors.filter((x): x is Tensor => x !== undefined && isFloat(x._node.dtype))
  const full = floats.filter((x) => x._node.shape.length > 0)
  const dtypes = (full.length > 0 ? full : floats).map((x) => x._node.dtype)
  return dtypes.length > 0 ? dtypes.reduce(promoteTypes) : undefined
}

/** Pair of operands as tensors, and the dtype they meet in. Reused between calls: read at once. */
const met = { a: undefined as unknown as Tensor, b: undefined as unknown as Tensor, dtype: 'float32' as DType }

/** What becomes of operands: as they are (`any`), integers as float32 (`float`), or truth values (`bool`). */
export type Domain = 'any' | 'float' | 'bool'

const inDomain = (dtype: DType, domain: Domain): DType => (domain === 'any' ? dtype : domain === 'float' ? floatOf(dtype) : 'bool')

/** How each operand is taken where it is a number. */
export interface Takings {
  readonly a: Taking
  readonly b: Taking
}
const OPERANDS: Takings = { a: operandOf, b: operandOf }

/** Operands of which one is a tensor, and the dtype that they meet in. */
export function meet(op: string, a: Operand, b: Operand, domain: Domain = 'any', take: Takings = OPERANDS): typeof met {
  if (a instanceof Tensor) {
    met.a = a
    if (b instanceof Tensor) {
      met.b = b
      met.dtype = inDomain(commonType(a, b), domain)
    } else {
      met.dtype = inDomain(dtypeWithNumber(a._node.dtype, checkNumber(op, 'b', b)), domain)
      met.b = number(take.b(op, 'b', Number(b), met.dtype), met.dtype)
    }
  } else {
    met.b = checkPair(op, a, b)
    met.dtype = inDomain(dtypeWithNumber(met.b._node.dtype, a), domain)
    met.a = number(take.a(op, 'a', Number(a), met.dtype), met.dtype)
  }
  return met
}

/** The tensor beside the number `a`. @throws ArgumentError where there is none, or `a` is no number */
export function checkPair(op: string, a: unknown, b: unknown): Tensor {
  checkNumber(op, 'a', a)
  if (b instanceof Tensor) return b
  checkNumber(op, 'b', b)
  throw new ArgumentError(op, `one of a and b must be a Tensor, got ${showArgument(a)} and ${showArgument(b)}`)
}

/** A number or a boolean, or an error that names the op and the operand. */
export function checkNumber(op: string, role: string, x: unknown): number | boolean {
  if (typeof x !== 'number' && typeof x !== 'boolean') throw new ArgumentError(op, mismatch(OPERAND, role, x))
  return x
}

/** The dtype in which a float function of `dtype` is computed. */
export const floatOf = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'float32')

export function checkFloat(op: string, role: string, x: Tensor): void {
  if (dtypeInfo[x.dtype].kind !== 'float')
    throw new DTypeError(op, `${role} must be of a float dtype, got ${x.dtype}. Convert with .float()`)
}

/** `x` as integers of another dtype, with what lies outside of it at its end: a bound, a position. (A cast wraps.) */
export function saturated(x: graph.Node, dtype: DType): graph.Node {
  if (!isInteger(x.dtype) || !isInteger(dtype)) return graph.cast(x, dtype)
  const [least, most] = rangeOf(dtype)
  const [lowest, highest] = rangeOf(x.dtype)
  const above = least > lowest ? graph.binary('max', x, least) : x
  return graph.cast(most < highest ? graph.binary('min', above, most) : above, dtype)
}
