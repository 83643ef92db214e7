/**
 * @file States as bytes: a tree of objects and arrays becomes tensors by their dotted paths, and one text that says how the tree is built
 * of them. A flat record of tensors needs no such text: it is a file as anybody writes it.
 */
import { ArgumentError, CheckpointError, type TypedArray } from '../base/index.ts'
import { hostValues, isShared, keepTensor, ownValue, Tensor } from '../tensor/index.ts'
import { decode, encode, type Fail, METADATA, type Values } from './safetensors.ts'

/** The name in a file's metadata under which the tree is told. */
const TREE = 'tapegrad'
const VERSION = 1
/** Deeper trees are no states but mistakes, or attempts to exhaust the stack. */
const MAX_DEPTH = 256

/** JSON has no word for these: they are told as `{ $number: … }`. */
const NUMBERS: readonly number[] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0]
const textOf = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))

/** A tree as JSON can say it: an object of one key that begins with $ stands for what JSON has no word for. */
type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

interface Collected {
  readonly tree: Json
  readonly tensors: ReadonlyMap<string, Snapshot>
  /** Whether the names alone tell the state. */
  readonly flat: boolean
}

type Snapshot = Omit<Values, 'data'> & { read(): Promise<TypedArray> }

/**
 * What `x` is now. What the host has is there, and what `detach()` and `stateDict()` give is stored for its own sake. Of anything else, such as a
 * parameter itself, a copy is taken: its value may be replaced before it has been read, and would stay stored beside the arena that it is part of.
 */
function snapshot(x: Tensor): Snapshot {
  const { dtype, shape } = x
  const host = hostValues(x)
  if (host) return { dtype, shape, read: async () => host }
  if (isShared(x._node) && x.version === 0 && !x.requiresGrad) {
    keepTensor(x)
    return { dtype, shape, read: () => x.data({ raw: true }) }
  }
  const copy = ownValue(x)
  return { dtype, shape, read: () => copy.data({ raw: true }).finally(() => copy.dispose()) }
}

/** Takes a tree apart, now: what is done to it later is not seen. */
function collect(op: string, state: unknown): Collected {
  if (!Array.isArray(state) && !isPlain(state))
    throw new ArgumentError(
      op,
      `a state is a plain object or an array, such as { model: model.stateDict() }; got ${kindOf(state)}.${hintFor(state)}`,
    )
  const tensors = new Map<string, Snapshot>()
  const above: object[] = []
  let flat = isPlain(state)

  const nameFor = (path: string): string => {
    // readers in other languages refuse texts that are no Unicode
    const text = path.replace(/\p{Surrogate}/gu, '\ufffd')
    const base = text === METADATA ? `${text}~` : text
    let name = base
    for (let i = 2; tensors.has(name); i++) name = `${base}~${i}`
    return name
  }

  const visit = (x: unknown, path: string): Json => {
    if (x instanceof Tensor) {
      const name = nameFor(path)
      if (name !== path || above.length !== 1) flat = false
      tensors.set(name, snapshot(x))
      return { $tensor: name }
    }
    if (above.length > 0) flat = false
    if (x === null || typeof x === 'string' || typeof x === 'boolean') return x
    if (typeof x === 'number') return Number.isFinite(x) && !Object.is(x, -0) ? x : { $number: textOf(x) }
    if (typeof x === 'bigint') return { $bigint: String(x) }
    const where = above.length === 0 ? 'the state' : `'${path}'`
    if (!Array.isArray(x) && !isPlain(x)) throw new ArgumentError(op, `${where} is ${kindOf(x)}; ${TAKEN}${hintFor(x)}`)
    if (above.includes(x)) throw new ArgumentError(op, `${where} is a part of itself`)
    if (above.length === MAX_DEPTH) throw new ArgumentError(op, `${where} lies deeper than ${MAX_DEPTH} levels`)
    above.push(x)
    const join = (key: string | number): string => (above.length === 1 ? String(key) : `${path}.${key}`)
    try {
      if (Array.isArray(x)) return Array.from(x, (value, i) => visit(value, join(i)))
      if (Object.hasOwn(x, '__proto__')) throw new ArgumentError(op, `${where} has a key '__proto__', which is no name for a key`)
      const entries = Object.entries(x).map(([key, value]) => [key, visit(value, join(key))] as const)
      const object: Json = Object.fromEntries(entries)
      return isTag(Object.keys(object)) ? { $object: object } : object
    } finally {
      above.pop()
    }
  }

  const tree = visit(state, '')
  return { tree, tensors, flat }
}

const TAKEN = 'a state is made of tensors, numbers, texts, booleans, null, bigints, and arrays and plain objects of these.'
const isTag = (keys: readonly string[]): boolean => keys.length === 1 && (keys[0] as string).startsWith('$')

/** Whether `x` is an object without a class. (One of another realm, such as a worker's or a test's, has another `Object`.) */
function isPlain(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) return false
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function kindOf(x: unknown): string {
  if (typeof x === 'object' && x !== null) return `a ${x.constructor?.name ?? 'object of a class'}`
  return x === null || x === undefined ? String(x) : `a ${typeof x}`
}

function hintFor(x: unknown): string {
  if (typeof (x as { stateDict?: unknown } | undefined)?.stateDict === 'function') return ' Give its stateDict()'
  if (typeof (x as { getState?: unknown } | undefined)?.getState === 'function') return ' Give its getState()'
  if (ArrayBuffer.isView(x)) return ' Make a tensor of it: tensor(…)'
  return x === undefined ? ' Leave the key out, or use null' : ''
}

/** Puts the tree together again. */
function assemble(tree: unknown, tensors: ReadonlyMap<string, Tensor>, fail: Fail, depth = 0): unknown {
  if (typeof tree !== 'object' || tree === null) return tree
  if (depth > 2 * MAX_DEPTH) return fail(`the tree is deeper than ${MAX_DEPTH} levels`)
  const inner = (x: unknown): unknown => assemble(x, tensors, fail, depth + 1)
  if (Array.isArray(tree)) return tree.map(inner)
  const object = (x: object): object => {
    if (Object.hasOwn(x, '__proto__')) fail("the tree has a key '__proto__', which is no name for a key")
    return Object.fromEntries(Object.entries(x).map(([key, value]) => [key, inner(value)]))
  }
  const keys = Object.keys(tree)
  if (!isTag(keys)) return object(tree)
  const tag = keys[0] as string
  const value = (tree as Record<string, unknown>)[tag]
  if (tag === '$object' && isPlain(value)) return object(value)
  if (tag === '$tensor') return tensors.get(value as string) ?? fail(`the tree names a tensor '${String(value)}', which is not there`)
  if (tag === '$bigint' && typeof value === 'string' && /^-?\d+$/.test(value)) return BigInt(value)
  const number = tag === '$number' ? NUMBERS.find((n) => textOf(n) === value) : undefined
  return number ?? fail(`the tree says ${JSON.stringify(tree).slice(0, 80)}, which this version does not know`)
}

/** As {@link serializeState}; errors name `op`. */
export async function bytesOf(op: string, state: object): Promise<Uint8Array> {
  // Up to the first await nothing else runs: the tree is taken apart and all reads are asked for, in one run, before a step can change anything.
  const { tree, tensors, flat } = collect(op, state)
  const metadata = flat ? undefined : { [TREE]: JSON.stringify({ version: VERSION, state: tree }) }
  const read = [...tensors].map(async ([name, { dtype, shape, read }]): Promise<[string, Values]> => {
    return [name, { dtype, shape, data: await read() }]
  })
  return encode(new Map(await Promise.all(read)), metadata)
}

/** As {@link parseState}; errors name `op` and `path`. */
export function stateOf(op: string, bytes: Uint8Array, path?: string): object {
  const fail: Fail = (message) => {
    throw new CheckpointError(op, path === undefined ? message : `${path}: ${message}`, path)
  }
  const { tensors, metadata } = decode(bytes, fail)
  const text = metadata[TREE]
  if (text === undefined) return Object.fromEntries(tensors)
  let tree: unknown
  try {
    tree = JSON.parse(text)
  } catch (e) {
    fail(`the tree of the state is no JSON text (${(e as Error).message})`)
  }
  const { version, state } = isPlain(tree) ? tree : {}
  if (version !== VERSION) fail(`the tree of the state is of version ${String(version)}, known is ${VERSION}`)
  const result = assemble(state, tensors, fail)
  return typeof result === 'object' && result !== null ? result : fail('the state is neither an object nor an array')
}

/**
 * The bytes of a safetensors file that holds `state`: for `fetch`, IndexedDB, or a file (see {@link saveState}). Values are taken at the call.
 * Equal states give equal bytes.
 * @param state any plain object or array of tensors, numbers (also NaN, ±Infinity, −0), texts, booleans, null, bigints, and objects and
 * arrays of these
 * @throws ArgumentError for anything else in it, with its path.
 */
export async function serializeState(state: object): Promise<Uint8Array> {
  return bytesOf('serializeState', state)
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
  return stateOf('parseState', bytes) as S
}
