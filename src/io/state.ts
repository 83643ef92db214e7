/**
 * @file States as bytes: a tree of objects and arrays becomes tensors by their dotted paths, and one text that says how the tree is built
 * of them. A flat record of tensors needs no such text: it is a file as anybody writes it.
 */
import { ArgumentError, CheckpointError, OutOfMemoryError, type TypedArray } from '../base/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { collect, isTag, kindOf, MAX_BIGINT_DIGITS, NUMBERS } from './collect.ts'
import { type Piece, type Reader, readLayout, readTensors } from './decode.ts'
import { type Fail, isRecord, JsonReader, quote, show } from './json.ts'
import { encodeHead, MAX_HEADER_BYTES } from './safetensors.ts'

/** The name of the tree in a file's metadata. */
const TREE = 'tapegrad'
const VERSION = 1

/** A state as it was at one moment, on its way into a file. */
export interface Moment {
  /** All bytes before the values. */
  readonly head: Uint8Array
  /** Bytes in all. */
  readonly size: number
  /** In the order of the file. */
  readonly values: Promise<(TypedArray | undefined)[]>
}

/**
 * `state` as it is now. Up to its end nothing else runs: the tree is taken apart and all reads begin, in one run, before a step can change anything.
 * @throws ArgumentError for what a state cannot hold
 */
export function momentOf(op: string, state: object): Moment {
  const { tree, tensors, flat } = collect(op, state)
  const head = encodeHead(tensors, flat ? undefined : { [TREE]: `{"version":${VERSION},"state":${tree}}` })
  if (!head)
    throw new ArgumentError(
      op,
      `names, shapes and plain values of the state are past the ${MAX_HEADER_BYTES} bytes that a file holds of them`,
    )
  const { bytes, order, size } = head
  const read = tensors.map((tensor) => tensor.read())
  const values = Promise.all(order.map((i) => read[i]))
  values.catch(() => {}) // rejects for those that await it
  return { head: bytes, size: bytes.length + size, values }
}

/** The bytes of a file, tensor by tensor. What has been handed out is not held any longer. */
export async function* piecesOf({ head, values }: Moment): AsyncGenerator<Uint8Array, void, void> {
  const list = await values
  yield head
  for (const [i, data] of list.entries()) {
    list[i] = undefined
    if (data && data.byteLength > 0) yield new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
}

/** Reads the state out of a file of `size` bytes. */
export function* readState(size: number, fail: Fail): Reader<object> {
  const layout = yield* readLayout(size, TREE, fail)
  const { entries, text } = layout
  if (text === undefined) return Object.fromEntries(yield* readTensors(layout, fail))
  const { state, places } = readTree(text, (message) => fail(`the tree of the state, ${message}`))
  for (const name of places.keys()) if (!entries.has(name)) fail(`the tree of the state names a tensor ${quote(name)}, which is not there`)
  for (const name of entries.keys())
    if (!places.has(name)) fail(`the tree of the state does not name the tensor ${quote(name)}, which is there`)
  for (const [name, tensor] of yield* readTensors(layout, fail)) for (const put of places.get(name) ?? []) put(tensor)
  return state
}

/** A tree whose tensors have not been read: what puts each of them into its places, by its name in the file. */
interface Tree {
  readonly state: object
  readonly places: Map<string, ((x: Tensor) => void)[]>
}

function readTree(text: string, fail: Fail): Tree {
  const json = new JsonReader(text, fail)
  const value = json.value()
  json.end()
  const { version, state } = isRecord(value) ? value : {}
  if (version !== VERSION) fail(`version: it is ${show(version)}, known is ${VERSION}`)
  const places: Tree['places'] = new Map()
  // The path to what is looked at, for errors
  const keys: (string | number)[] = []
  const failHere: Fail = (message) => fail(`${keys.length === 0 ? 'the root' : quote(keys.join('.'))}: ${message}`)

  /** Puts together what stands at `key`, in place. */
  const assemble = <K extends string | number>(holder: Record<K, unknown>, key: K): void => {
    const x = holder[key]
    if (typeof x !== 'object' || x === null) return
    const put = (tensor: Tensor): void => {
      holder[key] = tensor
    }
    const inside = isRecord(x) ? meaning(x, put) : x
    if (inside !== x) holder[key] = inside
    if (typeof inside !== 'object' || inside === null) return
    for (const k of Array.isArray(inside) ? inside.keys() : Object.keys(inside)) {
      keys.push(k)
      assemble(inside as Record<string | number, unknown>, k)
      keys.pop()
    }
  }

  /** What an object of the tree stands for. */
  const meaning = (x: Record<string, unknown>, put: (x: Tensor) => void): unknown => {
    const names = Object.keys(x)
    if (!isTag(names)) return x
    const tag = names[0] as string
    const value = x[tag]
    if (tag === '$object' && isRecord(value)) return value
    if (tag === '$tensor' && typeof value === 'string') {
      const known = places.get(value)
      if (known) known.push(put)
      else places.set(value, [put])
      return undefined
    }
    if (tag === '$bigint' && typeof value === 'string') return bigintOf(value, failHere)
    const number = tag === '$number' && typeof value === 'string' ? NUMBERS.get(value) : undefined
    return number ?? failHere(`it is { ${quote(tag)}: ${show(value)} }, which this version does not know`)
  }

  const root = { state }
  assemble(root, 'state')
  const result = root.state
  return typeof result === 'object' && result !== null ? { state: result, places } : fail('the state is neither an object nor an array')
}

function bigintOf(digits: string, fail: Fail): bigint {
  if (digits.length > MAX_BIGINT_DIGITS + 1) fail(`a bigint has at most ${MAX_BIGINT_DIGITS} digits, here are ${digits.length}`)
  return /^-?\d+$/.test(digits) ? BigInt(digits) : fail(`${quote(digits)} is no bigint`)
}

/** Throws errors that name `op`, and `path` where there is one. */
export function failing(op: string, path?: string): Fail {
  return (message) => {
    throw new CheckpointError(op, path === undefined ? message : `${path}: ${message}`, path)
  }
}

/**
 * The bytes of a safetensors file that holds `state`: for `fetch`, IndexedDB, or a file (see {@link saveState}). Values are taken at the call.
 * Equal states give equal bytes.
 * @param state any plain object or array of tensors, numbers (also NaN, ±Infinity, −0), texts, booleans, null, bigints, and objects and
 * arrays of these
 * @throws ArgumentError for anything else in it, with its path; OutOfMemoryError where no array can hold that many bytes (`saveState` needs none).
 */
export async function serializeState(state: object): Promise<Uint8Array> {
  const moment = momentOf('serializeState', state)
  await moment.values
  const bytes = allocate(moment.size)
  let at = 0
  for await (const piece of piecesOf(moment)) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

function allocate(size: number): Uint8Array {
  try {
    return new Uint8Array(size)
  } catch {
    throw new OutOfMemoryError('serializeState', size, `the state takes ${size} bytes, and there is no array of that length to be had`)
  }
}

/**
 * The state that {@link serializeState} made bytes of; of the bytes of any other safetensors file the flat `{ name: Tensor }`. Tensors are on
 * the host until something is computed with them. What is in the file decides what comes back: `S` is the caller's word for it.
 *
 * Dtypes that are not there here are converted: BF16 to float32; I16, U16, I64 and U64 to int32.
 * @throws CheckpointError for bytes that are no safetensors file, are cut off or contradict themselves, and for dtypes or 64-bit integers that
 * have no place here.
 */
export function parseState<S extends object = Record<string, Tensor>>(bytes: Uint8Array): S {
  if (!(bytes instanceof Uint8Array)) throw new ArgumentError('parseState', `bytes are a Uint8Array, got ${kindOf(bytes)}`)
  const reader = readState(bytes.length, failing('parseState'))
  let step = reader.next()
  while (!step.done) {
    const { at, into }: Piece = step.value
    into.set(bytes.subarray(at, at + into.length))
    step = reader.next()
  }
  return step.value as S
}
