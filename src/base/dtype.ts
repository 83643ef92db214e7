/** @file Element types: their names, how the host stores them, and which of two wins. */

/** The element types. PyTorch's int64 is `int32` here; `float64` lives on the CPU device. */
export type DType = 'float32' | 'float16' | 'bfloat16' | 'float64' | 'int32' | 'uint32' | 'int8' | 'uint8' | 'bool'

/** Host arrays in which values of a dtype are kept (`float16` and `bfloat16` as their 16 bits, `bool` as 0/1 bytes). */
export type TypedArray = Float32Array | Float64Array | Uint16Array | Int32Array | Uint32Array | Int8Array | Uint8Array

export type DTypeKind = 'bool' | 'int' | 'float'

interface DTypeInfo {
  /** bytes per element */
  readonly bytes: number
  readonly kind: DTypeKind
  readonly create: (length: number) => TypedArray
  readonly view: (buffer: ArrayBufferLike, byteOffset: number, length: number) => TypedArray
}

const of = (
  bytes: number,
  kind: DTypeKind,
  A: { new (n: number): TypedArray; new (b: ArrayBufferLike, o: number, n: number): TypedArray },
): DTypeInfo => ({
  bytes,
  kind,
  create: (n) => new A(n),
  view: (b, o, n) => new A(b, o, n),
})

export const dtypeInfo: Readonly<Record<DType, DTypeInfo>> = {
  float32: of(4, 'float', Float32Array),
  float16: of(2, 'float', Uint16Array),
  bfloat16: of(2, 'float', Uint16Array),
  float64: of(8, 'float', Float64Array),
  int32: of(4, 'int', Int32Array),
  uint32: of(4, 'int', Uint32Array),
  int8: of(1, 'int', Int8Array),
  uint8: of(1, 'int', Uint8Array),
  bool: of(1, 'bool', Uint8Array),
}

/** All dtypes, the default one first. */
export const dtypes = Object.keys(dtypeInfo) as readonly DType[]

export const isDType = (name: unknown): name is DType => typeof name === 'string' && name in dtypeInfo
/** Whether the elements are floating-point numbers. (Asked for every op: comparisons cost less than the table.) */
export function isFloat(dtype: DType): boolean {
  switch (dtype) {
    case 'float32':
    case 'float16':
    case 'bfloat16':
    case 'float64':
      return true
    case 'int32':
    case 'uint32':
    case 'int8':
    case 'uint8':
    case 'bool':
      return false
  }
}
/** The floats of two bytes, which are stored so and computed in float32. */
export type HalfDType = 'float16' | 'bfloat16'
/** Whether a dtype is one of {@link HalfDType}. */
export function isHalf(dtype: DType | undefined): dtype is HalfDType {
  switch (dtype) {
    case 'float16':
    case 'bfloat16':
      return true
    case undefined:
    case 'float32':
    case 'float64':
    case 'int32':
    case 'uint32':
    case 'int8':
    case 'uint8':
    case 'bool':
      return false
  }
}
export const isInteger = (dtype: DType): boolean => dtypeInfo[dtype].kind === 'int'

const RANK: Readonly<Record<DType, number>> = {
  bool: 0,
  uint8: 1,
  int8: 1,
  int32: 2,
  uint32: 3,
  float16: 4,
  bfloat16: 4,
  float32: 5,
  float64: 6,
}

/** The dtype in which two operands meet (PyTorch's `promote_types`; `int8` with `uint8` is `int32`, where PyTorch has int16). Neither of two of one rank holds the other. */
export function meetingType(a: DType, b: DType): DType {
  if (a === b) return a
  if (RANK[a] === RANK[b]) return isHalf(a) ? 'float32' : 'int32'
  return RANK[a] > RANK[b] ? a : b
}

const KIND_RANK: Readonly<Record<DTypeKind, number>> = { bool: 0, int: 1, float: 2 }
/** Orders the kinds of dtype: bool < int < float. */
export const kindRank = (dtype: DType): number => KIND_RANK[dtypeInfo[dtype].kind]
