/** @file Takes a state apart at a moment: its tensors by their dotted paths, and a text in JSON that says how the tree is built of them. */
import { ArgumentError, showShape, type TypedArray } from '../base/index.ts'
import { hostValues, isShared, keepTensor, ownValue, Tensor } from '../tensor/index.ts'
import { MAX_PARTS, quote } from './json.ts'
import { bytesOf, type Description, MAX_DIMS, MAX_HEADER_BYTES, METADATA } from './safetensors.ts'

/** Deeper trees are no states but mistakes, or attempts to exhaust the stack. */
export const MAX_DEPTH = 256
/** Pieces of a text that are joined at once. */
const JOINED = 4096
/** As many as Python turns into an integer: the time for it grows faster than the number of digits. */
export const MAX_BIGINT_DIGITS = 4300

/** A tensor, and the values that it had, in storage form. */
export interface Snapshot extends Description {
  read(): Promise<TypedArray>
}

/** A state that has been taken apart. */
export interface Collected {
  /** The tree in JSON, where an object of one key that begins with $ stands for what JSON has no word for. */
  readonly tree: string
  readonly tensors: readonly Snapshot[]
  /** Whether the tensors' names alone are the state. */
  readonly flat: boolean
}

const TAKEN = 'a state is made of tensors, numbers, texts, booleans, null, bigints, and arrays and plain objects of these.'

/** Whether an object of these keys stands for something else in a tree. */
export const isTag = (keys: readonly string[]): boolean => keys.length === 1 && (keys[0] as string).startsWith('$')

const prototypeOf = (x: object): object | null => Object.getPrototypeOf(x)

/** Whether `x` is an object without a class. (One of another realm, such as a worker's or a test's, has another `Object`.) */
export function isPlain(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) return false
  const prototype = prototypeOf(x)
  return prototype === null || prototypeOf(prototype) === null
}

/** Whether `x` is an array and of no class of its own. */
function isList(x: unknown): x is readonly unknown[] {
  if (!Array.isArray(x)) return false
  const prototype = prototypeOf(x)
  const above = prototype && prototypeOf(prototype)
  return above !== null && prototypeOf(above) === null
}

export function kindOf(x: unknown): string {
  if (typeof x === 'object' && x !== null) return `a ${x.constructor?.name ?? 'object of a class'}`
  return x === null || x === undefined ? String(x) : `a ${typeof x}`
}

function hintFor(x: unknown): string {
  if (typeof (x as { stateDict?: unknown } | undefined)?.stateDict === 'function') return ' Give its stateDict()'
  if (typeof (x as { getState?: unknown } | undefined)?.getState === 'function') return ' Give its getState()'
  if (ArrayBuffer.isView(x)) return ' Make a tensor of it: tensor(…)'
  return x === undefined ? ' Leave the key out, or use null' : ''
}

/**
 * What `x` is now. What the host has is there, and what `detach()` and `stateDict()` give is stored for its own sake. Of anything else, such as a
 * parameter itself, a copy is taken: its value may be replaced before it has been read, and would stay stored beside the arena that it is part of.
 */
function snapshot(x: Tensor, name: string): Snapshot {
  const { dtype, shape } = x
  const host = hostValues(x)
  if (host) return { name, dtype, shape, read: async () => host }
  if (isShared(x._node) && x.version === 0 && !x.requiresGrad) {
    keepTensor(x)
    return { name, dtype, shape, read: () => x.data({ raw: true }) }
  }
  const copy = ownValue(x)
  return { name, dtype, shape, read: () => copy.data({ raw: true }).finally(() => copy.dispose()) }
}

/**
 * Takes a tree apart, now: what is done to it later is not seen.
 * @throws ArgumentError, which names the place in the tree, for what cannot be saved
 */
export function collect(op: string, state: unknown): Collected {
  const collector = new Collector(op)
  if (!isList(state) && !isPlain(state))
    throw new ArgumentError(
      op,
      `a state is a plain object or an array, such as { model: model.stateDict() }; got ${kindOf(state)}.${hintFor(state)}`,
    )
  collector.visit(state)
  return { tree: collector.text(), tensors: [...collector.tensors.values()], flat: collector.flat && isPlain(state) }
}

class Collector {
  readonly #op: string
  readonly tensors = new Map<string, Snapshot>()
  flat = true
  /** The text so far, in pieces that are joined now and then: one long chain of them would take many times its length. */
  readonly #text: string[] = []
  #recent: string[] = []
  #length = 0
  /** The objects and arrays that are being visited, and the keys that lead to the value that is. */
  readonly #above: object[] = []
  readonly #keys: (string | number)[] = []
  /** Keys and values of the text; four are around every state. */
  #parts = 4

  constructor(op: string) {
    this.#op = op
  }

  text(): string {
    return [...this.#text, ...this.#recent].join('')
  }

  visit(x: unknown): void {
    this.#count(1)
    if (x instanceof Tensor) {
      this.#tensor(x)
      return
    }
    if (this.#above.length > 0) this.flat = false
    if (x === null || typeof x === 'boolean') this.#write(String(x))
    else if (typeof x === 'string') this.#string(x)
    else if (typeof x === 'number') this.#number(x)
    else if (typeof x === 'bigint') this.#bigint(x)
    else if (isList(x) || isPlain(x)) this.#inside(x)
    else this.#refuse(`is ${kindOf(x)}; ${TAKEN}${hintFor(x)}`)
  }

  #number(x: number): void {
    if (Number.isFinite(x) && !Object.is(x, -0)) this.#write(String(x))
    else this.#tag('$number', numberText(x))
  }

  #tensor(x: Tensor): void {
    const path = this.#keys.join('.')
    const name = this.#nameFor(path)
    if (name !== path || this.#above.length !== 1) this.flat = false
    if (x.ndim > MAX_DIMS) this.#refuse(`is a tensor of ${x.ndim} dims; a file takes up to ${MAX_DIMS}`)
    if (bytesOf(x) === Number.POSITIVE_INFINITY) this.#refuse(`is a tensor of shape ${showShape(x.shape)}, whose size no file can say`)
    this.#tag('$tensor', name)
    this.tensors.set(name, snapshot(x, name))
  }

  /** The path, or the path and a number where another tensor has its name. */
  #nameFor(path: string): string {
    // readers in other languages refuse texts that are no Unicode
    const text = path.replace(/\p{Surrogate}/gu, '\ufffd')
    const base = text === METADATA ? `${text}~` : text
    let name = base
    for (let i = 2; this.tensors.has(name); i++) name = `${base}~${i}`
    return name
  }

  #bigint(x: bigint): void {
    tooLarge ??= 10n ** BigInt(MAX_BIGINT_DIGITS)
    if (x >= tooLarge || -x >= tooLarge) this.#refuse(`is a bigint of more than ${MAX_BIGINT_DIGITS} digits`)
    this.#tag('$bigint', String(x))
  }

  #inside(x: readonly unknown[] | Readonly<Record<string, unknown>>): void {
    const above = this.#above
    if (above.includes(x)) this.#refuse('is a part of itself')
    if (above.length === MAX_DEPTH) this.#refuse(`lies deeper than ${MAX_DEPTH} levels`)
    const keys = Object.keys(x)
    if (Object.getOwnPropertySymbols(x).some((key) => Object.prototype.propertyIsEnumerable.call(x, key)))
      this.#refuse('has a key that is a symbol; keys are texts')
    above.push(x)
    if (isList(x)) {
      if (keys.length > x.length) this.#refuse(`is an array with a key ${quote(keys[x.length] as string)} beside its elements`)
      this.#list('[', ']', x.length, (i) => this.#part(i, x[i]))
    } else {
      if (Object.hasOwn(x, '__proto__')) this.#refuse("has a key '__proto__', which is no name for a key")
      const tagged = isTag(keys)
      if (tagged) {
        this.#count(2)
        this.#write('{"$object":')
      }
      this.#list('{', '}', keys.length, (i) => {
        const key = keys[i] as string
        this.#count(1)
        this.#string(key)
        this.#write(':')
        this.#part(key, x[key])
      })
      if (tagged) this.#write('}')
    }
    above.pop()
  }

  #part(key: string | number, x: unknown): void {
    this.#keys.push(key)
    this.visit(x)
    this.#keys.pop()
  }

  #list(open: string, close: string, length: number, write: (i: number) => void): void {
    this.#write(open)
    for (let i = 0; i < length; i++) {
      if (i > 0) this.#write(',')
      write(i)
    }
    this.#write(close)
  }

  /** An object of one key, for what JSON has no word for. */
  #tag(tag: string, text: string): void {
    this.#count(2)
    this.#write(`{"${tag}":`)
    this.#string(text)
    this.#write('}')
  }

  #count(parts: number): void {
    this.#parts += parts
    if (this.#parts > MAX_PARTS) this.#refuse(`is past the ${MAX_PARTS} keys and values that a file holds; a tensor holds long lists`)
  }

  #string(text: string): void {
    this.#roomFor(text.length)
    this.#write(JSON.stringify(text))
  }

  #write(part: string): void {
    this.#roomFor(part.length)
    this.#length += part.length
    if (this.#recent.push(part) < JOINED) return
    this.#text.push(this.#recent.join(''))
    this.#recent = []
  }

  #roomFor(length: number): void {
    if (this.#length + length > MAX_HEADER_BYTES)
      this.#refuse(`is past the ${MAX_HEADER_BYTES} bytes that a file holds beside its tensors; a tensor holds long lists`)
  }

  #refuse(message: string): never {
    throw new ArgumentError(this.#op, `${this.#keys.length === 0 ? 'the state' : quote(this.#keys.join('.'))} ${message}`)
  }
}

/** The least bigint that no tree holds, made when it is first needed. */
let tooLarge: bigint | undefined

/** The numbers that JSON has no word for, as a tree says them. */
const numberText = (x: number): string => (Object.is(x, -0) ? '-0' : String(x))
export const NUMBERS: ReadonlyMap<string, number> = new Map(
  [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0].map((x) => [numberText(x), x]),
)
