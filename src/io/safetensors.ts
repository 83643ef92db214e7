/**
 * @file The safetensors format: eight bytes that count the header's, a header in JSON (a dtype, a shape and a place for each name, and
 * `__metadata__`, texts by name), then the values.
 * @see https://github.com/huggingface/safetensors#format
 */
import { type DType, dtypeInfo, type Shape, showShape, sizeOf, type TypedArray } from '../base/index.ts'
import { tensor } from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'

/** A tensor's values in storage form: halves for float16, 0/1 for bool. */
export interface Values {
  readonly dtype: DType
  readonly shape: Shape
  readonly data: TypedArray
}

/** What a file holds. */
export interface Contents {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

/** Throws an error that says where the bytes come from. */
export type Fail = (message: string) => never

export const METADATA = '__metadata__'
const LENGTH_BYTES = 8

const NAME_OF: Readonly<Record<DType, string>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  int32: 'I32',
  uint32: 'U32',
  int8: 'I8',
  uint8: 'U8',
  bool: 'BOOL',
}

/** How a dtype of the format is read: bytes per element, the dtype here, and the values from a place that is aligned to the element. */
interface Reading {
  readonly bytes: number
  readonly dtype: DType
  readonly values: (buffer: ArrayBufferLike, offset: number, length: number) => TypedArray | Int16Array | BigInt64Array | BigUint64Array
}

/** The dtypes of the format. Those that are not there here become the nearest that is; 64-bit integers past the range of int32 are an error. */
const READING: ReadonlyMap<string, Reading> = new Map<string, Reading>([
  ...Object.entries(NAME_OF).map(([dtype, name]): [string, Reading] => {
    const { bytes, view } = dtypeInfo[dtype as DType]
    return [name, { bytes, dtype: dtype as DType, values: view }]
  }),
  // a bfloat16 is the upper half of a float32
  [
    'BF16',
    { bytes: 2, dtype: 'float32', values: (b, at, n) => new Float32Array(Uint32Array.from(new Uint16Array(b, at, n), upper).buffer) },
  ],
  ['I16', { bytes: 2, dtype: 'int32', values: (b, at, n) => new Int16Array(b, at, n) }],
  ['U16', { bytes: 2, dtype: 'int32', values: (b, at, n) => Int32Array.from(new Uint16Array(b, at, n)) }],
  ['I64', { bytes: 8, dtype: 'int32', values: (b, at, n) => new BigInt64Array(b, at, n) }],
  ['U64', { bytes: 8, dtype: 'int32', values: (b, at, n) => new BigUint64Array(b, at, n) }],
])
const upper = (bits: number): number => bits << 16

/** The bytes of a file. Wider dtypes come first, so that every tensor is aligned to its elements. */
export function encode(tensors: ReadonlyMap<string, Values>, metadata: Readonly<Record<string, string>> | undefined): Uint8Array {
  const order = [...tensors].sort(([, a], [, b]) => dtypeInfo[b.dtype].bytes - dtypeInfo[a.dtype].bytes)
  let end = 0
  const entries = order.map(([name, { dtype, shape, data }]) => {
    const begin = end
    end += data.byteLength
    return [name, { dtype: NAME_OF[dtype], shape, data_offsets: [begin, end] }] as const
  })
  const text = JSON.stringify(Object.fromEntries([...(metadata ? [[METADATA, metadata] as const] : []), ...entries]))
  const json = new TextEncoder().encode(text)
  const header = LENGTH_BYTES * Math.ceil(json.length / LENGTH_BYTES)
  const bytes = new Uint8Array(LENGTH_BYTES + header + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header), true)
  bytes.set(json, LENGTH_BYTES)
  bytes.fill(0x20, LENGTH_BYTES + json.length, LENGTH_BYTES + header)
  let at = LENGTH_BYTES + header
  for (const [, { data }] of order) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return bytes
}

interface Entry {
  readonly name: string
  readonly reading: Reading
  readonly shape: Shape
  readonly begin: number
  readonly end: number
}

/** The contents of a file's bytes. Nothing in them is taken on trust. */
export function decode(bytes: Uint8Array, fail: Fail): Contents {
  if (bytes.length < LENGTH_BYTES)
    fail(`a safetensors file begins with ${LENGTH_BYTES} bytes that count its header; there are ${bytes.length} in all`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  const room = bytes.length - LENGTH_BYTES
  if (length > room)
    fail(`the header is said to take ${length} bytes, but only ${room} follow: the file is cut off, or no safetensors file`)
  const data = bytes.subarray(LENGTH_BYTES + Number(length))
  const { [METADATA]: metadata = {}, ...header } = readHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + Number(length)), fail)
  if (!isRecord(metadata) || Object.values(metadata).some((text) => typeof text !== 'string')) fail(`${METADATA} is no record of texts`)
  const entries = Object.entries(header).map(([name, entry]) => readEntry(name, entry, data.length, fail))
  checkCover(entries, data.length, fail)
  return {
    tensors: new Map(entries.map((entry) => [entry.name, readTensor(entry, data, fail)])),
    metadata: metadata as Record<string, string>,
  }
}

function readHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let text = ''
  let header: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    header = JSON.parse(text)
  } catch (e) {
    fail(`the header is no JSON text (${(e as Error).message})`)
  }
  if (!isRecord(header)) return fail('the header is no JSON object')
  const twice = repeatedKey(text)
  if (twice !== undefined) fail(`'${twice}' stands twice in the header`)
  if (Object.hasOwn(header, '__proto__')) fail("a tensor is named '__proto__', which is no name for a key")
  return header
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x)
const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0

/** A key that an object of a (valid) JSON text has twice: `JSON.parse` would keep the last in silence. */
function repeatedKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []
  for (let at = 0; at < text.length; at++) {
    const c = text[at]
    if (c === '{') open.push(new Set())
    else if (c === '[') open.push(undefined)
    else if (c === '}' || c === ']') open.pop()
    else if (c === '"') {
      const start = at++
      while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1
      let next = at + 1
      while (' \t\n\r'.includes(text[next] ?? '.')) next++
      if (text[next] !== ':') continue
      const key = JSON.parse(text.slice(start, at + 1)) as string
      const keys = open[open.length - 1] as Set<string>
      if (keys.has(key)) return key
      keys.add(key)
    }
  }
  return undefined
}

function readEntry(name: string, entry: unknown, bytes: number, fail: Fail): Entry {
  if (!isRecord(entry)) return fail(`the header's entry of '${name}' is no object`)
  const { dtype, shape, data_offsets: offsets } = entry
  const reading = READING.get(dtype as string)
  if (!reading) return fail(`'${name}' is of dtype ${JSON.stringify(dtype)}; known are ${[...READING.keys()].join(', ')}`)
  if (!Array.isArray(shape) || !shape.every(isCount)) return fail(`the shape of '${name}' is no list of sizes: ${JSON.stringify(shape)}`)
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 && offsets.every(isCount) ? (offsets as [number, number]) : [1, 0]
  if (begin > end) fail(`the offsets of '${name}' are not where something begins and ends: ${JSON.stringify(offsets)}`)
  if (end > bytes) fail(`'${name}' lies at bytes ${begin} to ${end} of the data, of which there are ${bytes}: the file is cut off`)
  const size = sizeOf(shape) * reading.bytes
  if (size !== end - begin)
    fail(`'${name}' is ${String(dtype)} ${showShape(shape)}, which takes ${size} bytes, but its offsets leave ${end - begin}`)
  return { name, reading, shape, begin, end }
}

/** Tensors lie one behind the other, as the format demands: no byte belongs to two of them, and none to nobody. */
function checkCover(entries: readonly Entry[], bytes: number, fail: Fail): void {
  let last = { name: '', end: 0 }
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin < last.end)
      fail(`'${last.name}' and '${entry.name}' overlap: one ends at byte ${last.end}, the other begins at ${entry.begin}`)
    if (entry.begin > last.end) fail(`bytes ${last.end} to ${entry.begin} of the data belong to no tensor`)
    last = entry
  }
  if (last.end !== bytes) fail(`bytes ${last.end} to ${bytes} of the data belong to no tensor`)
}

function readTensor({ name, reading, shape, begin, end }: Entry, data: Uint8Array, fail: Fail): Tensor {
  const { bytes, dtype, values } = reading
  const at = data.byteOffset + begin
  const aligned = at % bytes === 0
  const numbers = values(aligned ? data.buffer : data.slice(begin, end).buffer, aligned ? at : 0, (end - begin) / bytes)
  try {
    return tensor(numbers, { dtype, shape })
  } catch (e) {
    return fail(`'${name}': ${(e as Error).message}`)
  }
}
