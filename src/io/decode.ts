/**
 * @file A safetensors file is read from its beginning to its end: the header, which is judged before anything else is read or made room for, then one
 * tensor after the other. Nothing in it is taken on trust.
 *
 * What reads is a generator that yields the pieces of the file that it needs: of bytes in memory they are there at once, of a file when they have been read.
 */
import { type DType, dtypeInfo, type Shape, showShape, type TypedArray } from '../base/index.ts'
import { hostLeaf } from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { type Fail, JsonReader, quote } from './json.ts'
import { countBytes, LENGTH_BYTES, MAX_DIMS, MAX_HEADER_BYTES, METADATA, READING, type Reading } from './safetensors.ts'

/** A part of the file that is wanted: the bytes from `at` on are put into `into`. */
export interface Piece {
  readonly at: number
  readonly into: Uint8Array
}
/** Yields the pieces of a file that it needs; returns what was read from them. */
export type Reader<T> = Generator<Piece, T, void>

interface Entry {
  readonly name: string
  readonly reading: Reading
  readonly shape: Shape
  /** Of the bytes of its values, counted from the first behind the header. */
  readonly begin: number
  readonly end: number
}

/** What a header says. */
export interface Layout {
  /** In the order of the header. */
  readonly entries: ReadonlyMap<string, Entry>
  /** The text of the metadata that was asked for. */
  readonly text: string | undefined
  /** Where the values begin in the file. */
  readonly start: number
}

/**
 * Reads and judges the header of a file of `size` bytes.
 * @param wanted the key of the metadata whose text is kept
 */
export function* readLayout(size: number, wanted: string, fail: Fail): Reader<Layout> {
  if (size < LENGTH_BYTES) fail(`a safetensors file begins with ${LENGTH_BYTES} bytes that count its header; there are ${size} in all`)
  const count = new Uint8Array(LENGTH_BYTES)
  yield { at: 0, into: count }
  const length = new DataView(count.buffer).getBigUint64(0, true)
  const room = size - LENGTH_BYTES
  if (length > room)
    fail(`the header is said to take ${length} bytes, but only ${room} follow: the file is cut off, or no safetensors file`)
  if (length > MAX_HEADER_BYTES)
    fail(`the header is said to take ${length} bytes; a safetensors file has at most ${MAX_HEADER_BYTES}: this is none`)
  const header = new Uint8Array(Number(length))
  yield { at: LENGTH_BYTES, into: header }
  const start = LENGTH_BYTES + header.length
  const { entries, text } = readHeader(header, size - start, wanted, fail)
  checkCover([...entries.values()], size - start, fail)
  return { entries, text, start }
}

function readHeader(bytes: Uint8Array, room: number, wanted: string, fail: Fail): Omit<Layout, 'start'> {
  const json = new JsonReader(decodeText(bytes, fail), (message) => fail(`the header, ${message}`))
  const entries = new Map<string, Entry>()
  let text: string | undefined
  json.object((name) => {
    if (/\p{Surrogate}/u.test(name)) json.fail(`${quote(name)} is no Unicode`)
    if (name === METADATA) {
      json.object((key) => {
        const value = json.string()
        if (key === wanted) text = value
      })
    } else entries.set(name, readEntry(json, name, room))
  })
  json.end()
  return { entries, text }
}

/** The text of UTF-8 bytes, a byte order mark included. */
function decodeText(bytes: Uint8Array, fail: Fail): string {
  const decode = (fatal: boolean): string => new TextDecoder('utf-8', { fatal, ignoreBOM: true }).decode(bytes)
  try {
    return decode(true)
  } catch {
    // what is no UTF-8 is replaced, and so comes back as other bytes
    const again = new TextEncoder().encode(decode(false))
    return fail(`the header is no UTF-8 at byte ${LENGTH_BYTES + bytes.findIndex((byte, i) => byte !== again[i])} of the file`)
  }
}

function readEntry(json: JsonReader, name: string, room: number): Entry {
  let dtype: string | undefined
  let shape: number[] | undefined
  let offsets: number[] | undefined
  json.object((key) => {
    if (key === 'dtype') dtype = json.string()
    else if (key === 'shape') shape = readCounts(json, MAX_DIMS)
    else if (key === 'data_offsets') offsets = readCounts(json, 2)
    else json.skip()
  })
  if (dtype === undefined || !shape || !offsets)
    return json.fail(`there is no ${dtype === undefined ? 'dtype' : shape ? 'data_offsets' : 'shape'}`)
  const reading = READING.get(dtype)
  if (!reading) return json.fail(`the dtype is ${quote(dtype)}; known are ${[...READING.keys()].join(', ')}`)
  const [begin = 0, end] = offsets
  if (end === undefined || begin > end) return json.fail(`data_offsets are not where something begins and ends: [${offsets.join(', ')}]`)
  if (end > room) json.fail(`it lies at bytes ${begin} to ${end} of the data, of which there are ${room}: the file is cut off`)
  const size = countBytes(reading.bytes, shape)
  if (size !== end - begin) json.fail(`${dtype} ${showShape(shape)} takes ${size} bytes, but data_offsets leave ${end - begin}`)
  return { name, reading, shape, begin, end }
}

/** An array of whole numbers. */
function readCounts(json: JsonReader, most: number): number[] {
  const list: number[] = []
  json.array(() => {
    if (list.length === most) json.fail(`there are more than ${most} numbers`)
    list.push(json.count())
  })
  return list
}

/** Tensors lie one behind the other, as the format demands: no byte belongs to two of them, and each to one. */
function checkCover(entries: readonly Entry[], room: number, fail: Fail): void {
  let last = { name: '', end: 0 }
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin < last.end)
      fail(`${quote(last.name)} and ${quote(entry.name)} overlap: one ends at byte ${last.end}, the other begins at ${entry.begin}`)
    if (entry.begin > last.end) fail(`bytes ${last.end} to ${entry.begin} of the data belong to no tensor`)
    last = entry
  }
  if (last.end !== room) fail(`bytes ${last.end} to ${room} of the data belong to no tensor`)
}

/** Reads the tensors of a file, in the order in which they lie there; those that are converted in pieces. */
export function* readTensors({ entries, start }: Layout, fail: Fail): Reader<ReadonlyMap<string, Tensor>> {
  const found = new Map<string, Tensor>()
  for (const entry of [...entries.values()].sort((a, b) => a.begin - b.begin)) {
    const { name, reading, shape, begin, end } = entry
    const failHere: Fail = (message) => fail(`${quote(name)}: ${message}`)
    const values = allocate(reading.dtype, (end - begin) / reading.bytes, failHere)
    if (reading.convert) yield* convertInto(values, reading, start + begin, failHere)
    else yield { at: start + begin, into: new Uint8Array(values.buffer) }
    if (reading.dtype === 'bool') for (let i = 0; i < values.length; i++) values[i] = values[i] === 0 ? 0 : 1
    found.set(name, hostLeaf(values, shape, reading.dtype))
  }
  return new Map(Array.from(entries.keys(), (name) => [name, found.get(name) as Tensor]))
}

/** Elements that are read at once where they are converted. */
const CONVERTED = 2 ** 17

function* convertInto(values: TypedArray, { bytes, convert }: Reading, start: number, fail: Fail): Reader<void> {
  const piece = new ArrayBuffer(bytes * Math.min(CONVERTED, values.length))
  for (let at = 0; at < values.length; at += CONVERTED) {
    const length = Math.min(CONVERTED, values.length - at)
    yield { at: start + bytes * at, into: new Uint8Array(piece, 0, bytes * length) }
    convert?.(piece, length, values, at, fail)
  }
}

function allocate(dtype: DType, length: number, fail: Fail): TypedArray {
  try {
    return dtypeInfo[dtype].create(length)
  } catch {
    return fail(`its ${length} elements take ${length * dtypeInfo[dtype].bytes} bytes as ${dtype}, for which there is no room in memory`)
  }
}
