/**
 * @file The safetensors format: eight bytes that count the header's, a header in JSON (a dtype, a shape and a place for each name, and
 * `__metadata__`, texts by name), then the values. Here its dtypes, its bounds, and the head of a file that is written.
 * @see https://github.com/huggingface/safetensors#format
 */
import { type DType, dtypeInfo, type Shape, type TypedArray } from '../base/index.ts'
import type { Fail } from './json.ts'

/** The key of the header that names no tensor. */
export const METADATA = '__metadata__'
/** Bytes that count the header's. */
export const LENGTH_BYTES = 8
/** The longest header, in bytes, that the format's own library reads. */
export const MAX_HEADER_BYTES = 100_000_000
/** As many dims as PyTorch's tensors have. */
export const MAX_DIMS = 64

const NAME_OF: Readonly<Record<DType, string>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int32: 'I32',
  uint32: 'U32',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
}

/** A tensor as a header describes it. */
export interface Description {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
}

/** The bytes of a tensor's values. Infinity where its sizes, other than 0, come to more than can be counted. */
export function bytesOf({ dtype, shape }: Omit<Description, 'name'>): number {
  return countBytes(dtypeInfo[dtype].bytes, shape)
}

export function countBytes(width: number, shape: Shape): number {
  const most = shape.reduce((n, s) => n * (s || 1), width)
  if (most > Number.MAX_SAFE_INTEGER) return Number.POSITIVE_INFINITY
  return shape.includes(0) ? 0 : most
}

/** How a dtype of the format is read. */
export interface Reading {
  /** per element */
  readonly bytes: number
  /** what it becomes here */
  readonly dtype: DType
  /** Puts elements into `values` from `at` on; without it the bytes are the values. */
  readonly convert?: (bytes: ArrayBuffer, length: number, values: TypedArray, at: number, fail: Fail) => void
}

/** 64-bit integers as int32. @param fits whether int32 holds the number of these two words */
function narrowed(fits: (low: number, high: number) => boolean, whole: (bytes: ArrayBuffer) => ArrayLike<bigint>): Reading {
  const convert: Reading['convert'] = (bytes, length, values, at, fail) => {
    const words = new Int32Array(bytes, 0, 2 * length)
    for (let i = 0; i < length; i++) {
      const low = words[2 * i] as number
      if (!fits(low, words[2 * i + 1] as number))
        fail(`element ${at + i} is ${whole(bytes)[i]}, which int32 cannot hold (-2147483648 to 2147483647)`)
      values[at + i] = low
    }
  }
  return { bytes: 8, dtype: 'int32', convert }
}

/** The dtypes of the format. Those that are not there here become the nearest that is; 64-bit integers past the range of int32 are an error. */
export const READING: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  ...Object.entries(NAME_OF).map(([dtype, name]): [string, Reading] => {
    return [name, { bytes: dtypeInfo[dtype as DType].bytes, dtype: dtype as DType }]
  }),
  ['I16', { bytes: 2, dtype: 'int32', convert: (bytes, length, values, at) => values.set(new Int16Array(bytes, 0, length), at) }],
  ['U16', { bytes: 2, dtype: 'int32', convert: (bytes, length, values, at) => values.set(new Uint16Array(bytes, 0, length), at) }],
  [
    'I64',
    narrowed(
      (low, high) => high === low >> 31,
      (bytes) => new BigInt64Array(bytes),
    ),
  ],
  [
    'U64',
    narrowed(
      (low, high) => high === 0 && low >= 0,
      (bytes) => new BigUint64Array(bytes),
    ),
  ],
])

/** The head of a file: all that stands before the values. */
export interface Head {
  readonly bytes: Uint8Array
  /** Places in the list of tensors, in the order in which their values follow. */
  readonly order: readonly number[]
  /** Bytes of the values. */
  readonly size: number
}

/**
 * The head of a file with these tensors. Wider dtypes come first, so that every tensor is aligned to its elements. Undefined where the header would be
 * longer than {@link MAX_HEADER_BYTES}.
 */
export function encodeHead(tensors: readonly Description[], metadata: Readonly<Record<string, string>> | undefined): Head | undefined {
  const width = (i: number): number => dtypeInfo[(tensors[i] as Description).dtype].bytes
  const order = [...tensors.keys()].sort((a, b) => width(b) - width(a))
  let size = 0
  const entries = order.map((i) => {
    const { name, dtype, shape } = tensors[i] as Description
    const begin = size
    size += bytesOf({ dtype, shape })
    return [name, { dtype: NAME_OF[dtype], shape, data_offsets: [begin, size] }] as const
  })
  const text = JSON.stringify(Object.fromEntries([...(metadata ? [[METADATA, metadata] as const] : []), ...entries]))
  if (text.length > MAX_HEADER_BYTES) return undefined
  const json = new TextEncoder().encode(text)
  const length = LENGTH_BYTES * Math.ceil(json.length / LENGTH_BYTES)
  if (length > MAX_HEADER_BYTES) return undefined
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20, LENGTH_BYTES + json.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true)
  bytes.set(json, LENGTH_BYTES)
  return { bytes, order, size }
}
