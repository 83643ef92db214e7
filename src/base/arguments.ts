/**
 * @file What functions take: each public function describes its arguments once, in a {@link Signature}, by kinds. One mechanism checks them at the call, so that
 * every error names function and argument, what came, and what fits. What only shapes can tell is checked behind it, by the function itself.
 */
import { dtypes } from './dtype.ts'
import { ArgumentError } from './errors.ts'

/** What an argument may be. */
export interface Kind {
  /** What fits, as an error says it: `a whole number ≥ 0`. */
  readonly fits: string
  accepts(value: unknown): boolean
  /** A closer description of what is wrong with a value that does not fit: the whole message behind the function's name. */
  problem?(role: string, value: unknown): string | undefined
  /** What helps with a value that does not fit. */
  hint?(value: unknown): string | undefined
}

// ── numbers, texts, choices ──

/** Any number, NaN and ±∞ included. */
export const NUMBER: Kind = { fits: 'a number', accepts: (x) => typeof x === 'number', hint: numberHint }
/** A number other than NaN and ±∞. */
export const FINITE: Kind = { fits: 'a finite number', accepts: Number.isFinite, hint: numberHint }
export const BOOLEAN: Kind = { fits: 'true or false', accepts: (x) => typeof x === 'boolean' }
export const STRING: Kind = { fits: 'a string', accepts: (x) => typeof x === 'string' }
export const FUNCTION: Kind = { fits: 'a function', accepts: (x) => typeof x === 'function' }
/** Something that `for … of` goes through, other than a string or the pairs of a Map. */
export const ITERABLE: Kind = {
  fits: 'an array, or something else that for … of goes through',
  accepts: (x) => typeof x === 'object' && x !== null && Symbol.iterator in x && !(x instanceof Map),
}
/** Whatever it is, the function judges by itself. */
export const ANYTHING: Kind = { fits: 'anything', accepts: () => true }

const MANY = Number.MAX_SAFE_INTEGER

/** A whole number from `least` to `most`. */
export function whole(least = -MANY, most = MANY): Kind {
  const range = least === -MANY ? '' : most === MANY ? ` ≥ ${least}` : ` from ${least} to ${most}`
  return {
    fits: `a whole number${range}`,
    accepts: (x) => Number.isSafeInteger(x) && (x as number) >= least && (x as number) <= most,
    hint: numberHint,
  }
}
/** A whole number. */
export const WHOLE: Kind = whole()
/** A whole number ≥ 0: a length, a size. */
export const COUNT: Kind = whole(0)

/** A whole number that int32 holds. */
export const INT32: Kind = whole(-(2 ** 31), 2 ** 31 - 1)

/** A finite number ≥ `least`. */
export const atLeast = (least: number): Kind => ({
  fits: `a number ≥ ${least}`,
  accepts: (x) => Number.isFinite(x) && (x as number) >= least,
  hint: numberHint,
})

/** A number within [`least`, `most`]; `open` leaves `most` out. */
export const within = (least: number, most: number, open?: 'open'): Kind => ({
  fits: open ? `a number from ${least} to below ${most}` : `a number from ${least} to ${most}`,
  accepts: (x) => typeof x === 'number' && x >= least && (open ? x < most : x <= most),
  hint: numberHint,
})

function numberHint(x: unknown): string | undefined {
  if (typeof x === 'bigint' || (typeof x === 'string' && x.trim() !== '' && Number.isFinite(Number(x))))
    return `Give the number ${Number(x)}`
  return undefined
}

/** One of some strings. `others` says what is meant by strings that are none of them. */
export function choice(names: readonly string[], others: Readonly<Record<string, string>> = {}): Kind {
  const quoted = names.map((name) => `'${name}'`)
  return {
    fits: quoted.length === 1 ? (quoted[0] as string) : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`,
    accepts: (x) => typeof x === 'string' && names.includes(x),
    hint: (x) => (typeof x === 'string' ? (Object.hasOwn(others, x) ? others[x] : nearest(x, names)) : undefined),
  }
}

/** As `choice`, with a word for what the strings name. */
export function named(what: string, names: readonly string[], others?: Readonly<Record<string, string>>): Kind {
  const kind = choice(names, others)
  return { ...kind, fits: `${what} (${kind.fits})` }
}

/** The name of a dtype. */
export const DTYPE: Kind = named('a dtype', dtypes, {
  int64: "'int32' stands for PyTorch's int64",
  long: "'int32' stands for PyTorch's int64",
  int: "'int32' is meant",
  int16: "'int32' holds its values",
  short: "'int32' holds its values",
  float: "'float32' is meant",
  double: "'float64' is meant, which is on device cpu",
  half: "'float16' is meant",
  boolean: "'bool' is meant",
})

const NAMED_DEVICE: Kind = named('a device', ['webgpu', 'cpu'], {
  cuda: "'webgpu' is the GPU",
  gpu: "'webgpu' is the GPU",
  mps: "'webgpu' is the GPU",
})
const NUMBERED = /^(webgpu|cuda|cpu|mps):(0|[1-9]\d{0,3})$/

/** The name of a device; `webgpu:1` is the second adapter. */
export const DEVICE: Kind = {
  ...NAMED_DEVICE,
  accepts: (x) => NAMED_DEVICE.accepts(x) || (typeof x === 'string' && NUMBERED.exec(x)?.[1] === 'webgpu'),
  hint(x) {
    const [, kind, number] = (typeof x === 'string' && NUMBERED.exec(x)) || []
    if (kind === undefined) return NAMED_DEVICE.hint?.(x)
    return kind === 'cpu' ? "'cpu' is meant" : `'webgpu:${number}' is the GPU of that number`
  },
}

// ── lists, objects ──

/** An array of such things, of `least` elements or more. */
export function listOf(element: Kind, least = 0): Kind {
  return {
    fits: `an array ${least > 0 ? `of at least ${least} ` : ''}(each element ${element.fits})`,
    accepts(x) {
      if (!Array.isArray(x) || x.length < least) return false
      // (not by every(), which passes over holes)
      for (let i = 0; i < x.length; i++) if (!element.accepts(x[i])) return false
      return true
    },
    problem(role, x) {
      if (!Array.isArray(x)) return undefined
      if (x.length < least) return `${role} must have at least ${least} element${least === 1 ? '' : 's'}, got ${showArgument(x)}`
      const i = x.findIndex((v) => !element.accepts(v))
      return i < 0 ? undefined : mismatch(element, `${role}[${i}]`, x[i])
    },
  }
}

/** A shape: sizes of the axes. */
export const SHAPE: Kind = { ...listOf(COUNT), fits: 'a shape (an array of whole numbers ≥ 0)' }

/** An instance of a class. `fits`: `a Generator`. */
export const instanceOf = (Class: abstract new (...args: never[]) => unknown, fits: string): Kind => ({
  fits,
  accepts: (x) => x instanceof Class,
})

/** Any of several kinds. What is wrong is told by the first that knows. */
export function oneOf(...kinds: readonly Kind[]): Kind {
  const told = <T>(ask: (kind: Kind) => T | undefined): T | undefined => {
    for (const kind of kinds) {
      const answer = ask(kind)
      if (answer !== undefined) return answer
    }
    return undefined
  }
  return {
    fits: kinds.map((kind) => kind.fits).join(', or '),
    accepts(x) {
      for (const kind of kinds) if (kind.accepts(x)) return true
      return false
    },
    // Options stand in another argument's place here: what is no object was not meant for them
    problem: (role, x) => told((kind) => (kind instanceof Options && !isPlainObject(x) ? undefined : kind.problem?.(role, x))),
    hint: (x) => told((kind) => kind.hint?.(x)),
  }
}

const widened = (kind: Kind, fits: string, also: (value: unknown) => boolean): Kind => ({
  fits,
  accepts: (x) => also(x) || kind.accepts(x),
  problem: (role, x) => kind.problem?.(role, x),
  hint: (x) => kind.hint?.(x),
})

/** The kind, or undefined: an argument that may be left out. */
export const optional = (kind: Kind): Kind => widened(kind, kind.fits, (x) => x === undefined)
/** The kind, or null or undefined. */
export const nullable = (kind: Kind): Kind => widened(kind, `${kind.fits}, or null`, (x) => x === undefined || x === null)

/** Whether `x` is an object without a class (of any realm: a test's or a worker's `Object` is another). */
export function isPlainObject(x: unknown): x is Record<string, unknown> {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) return false
  const prototype: unknown = Object.getPrototypeOf(x)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** An options object: keys of these names, whose values are of these kinds. Every key may be left out, or be undefined. */
export class Options<O = unknown> implements Kind {
  readonly fits: string
  readonly kinds: ReadonlyMap<string, Kind>

  constructor(kinds: Readonly<Record<keyof O & string, Kind>>) {
    this.kinds = new Map(Object.entries<Kind>(kinds))
    this.fits = `options { ${[...this.kinds.keys()].join(', ')} }`
  }

  accepts(x: unknown): boolean {
    if (!isPlainObject(x)) return false
    for (const key in x) {
      const kind = this.kinds.get(key)
      if (kind === undefined || (x[key] !== undefined && !kind.accepts(x[key]))) return false
    }
    return true
  }

  problem(_role: string, x: unknown): string | undefined {
    if (!isPlainObject(x)) return `options go by name, in an object { ${[...this.kinds.keys()].join(', ')} }; got ${showArgument(x)}`
    for (const key in x) {
      const kind = this.kinds.get(key)
      if (kind === undefined) {
        const names = [...this.kinds.keys()]
        return `unknown option '${shorten(key)}'. ${nearest(key, names) ?? `Known are ${names.join(', ')}`}`
      }
      if (x[key] !== undefined && !kind.accepts(x[key])) return mismatch(kind, key, x[key])
    }
    return undefined
  }
}

/** Describes the options `O`: a kind for each of its keys, as the compiler checks. */
export const options = <O>(kinds: { readonly [K in keyof O & string]-?: Kind }): Options<O> => new Options<O>(kinds)

// ── what errors say ──

const plain = (key: string): string => key.toLowerCase().replaceAll('_', '')

/** How many letters must be put in, taken out or exchanged (Levenshtein's distance). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const exchanged = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(exchanged, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

/** `Did you mean 'keepdim'?`, where a name is near. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > 100) return undefined
  const [name, away] = names
    .map((k) => [k, distance(plain(word), plain(k))] as const)
    .reduce((best, candidate) => (candidate[1] < best[1] ? candidate : best), ['', Number.POSITIVE_INFINITY])
  return away <= Math.max(1, word.length / 3) ? `Did you mean '${name}'?` : undefined
}

const shorten = (text: string, most = 60): string => (text.length <= most ? text : `${text.slice(0, most)}…`)

/** A value of any kind as an error shows it, in a few words: `3`, `'3'`, `[1, 'a']`, `{ padding }`, `a Tensor [2, 3]`. */
export function showArgument(x: unknown, depth = 0): string {
  switch (typeof x) {
    case 'string':
      return `'${shorten(x)}'`
    case 'bigint':
      return `${shorten(String(x))}n`
    case 'symbol':
      return 'a symbol'
    case 'function':
      return /^class\b/.test(Function.prototype.toString.call(x)) ? `the class ${x.name}` : 'a function'
    case 'object':
      return x === null ? 'null' : showObject(x, depth)
    default:
      return String(x)
  }
}

const SHOWN = 6

function showObject(x: object, depth: number): string {
  if (Array.isArray(x)) {
    if (depth > 2) return '[…]'
    const some = Array.from(x.slice(0, SHOWN), (v) => showArgument(v, depth + 1))
    return `[${some.join(', ')}${x.length > SHOWN ? `, … (${x.length})` : ''}]`
  }
  if (isPlainObject(x)) {
    const keys = Object.keys(x)
    const some = keys.slice(0, SHOWN).map((k) => shorten(k, 20))
    return keys.length === 0 ? '{}' : `{ ${some.join(', ')}${keys.length > SHOWN ? ', …' : ''} }`
  }
  const { name } = x.constructor ?? {}
  const shape = (x as { readonly shape?: unknown }).shape
  return `a ${typeof name === 'string' && name ? shorten(name) : 'nameless object'}${Array.isArray(shape) ? ` ${showArgument(shape, 1)}` : ''}`
}

const isThenable = (x: unknown): boolean =>
  typeof x === 'object' && x !== null && typeof (x as { readonly then?: unknown }).then === 'function'

/** The message for a value that is not of the kind: `dim must be a whole number, got '0'. Give the number 0`. */
export function mismatch(kind: Kind, role: string, x: unknown): string {
  const closer = kind.problem?.(role, x)
  if (closer !== undefined) return closer
  const hint = isThenable(x) ? 'It is a promise: await it first' : kind.hint?.(x)
  const { fits } = kind
  return `${role} must be ${fits}, got ${showArgument(x)}${hint === undefined ? '' : `. ${hint}`}`
}

// ── functions ──

/** The arguments of a function, described: their names in order, and the kind of each. */
export class Signature {
  /** The function, as errors name it. */
  readonly name: string
  readonly roles: readonly string[]
  readonly kinds: readonly Kind[]
  /** How many arguments, from the first on, may not all be left out: an undefined one behind them fits. */
  readonly #required: number

  constructor(name: string, parameters: Readonly<Record<string, Kind>>) {
    this.name = name
    this.roles = Object.keys(parameters)
    this.kinds = Object.values(parameters)
    if (this.kinds.length > 6) throw new RangeError(`${name} has more arguments than check() takes`)
    this.#required = this.kinds.findLastIndex((kind) => !kind.accepts(undefined)) + 1
  }

  /** Throws for the first argument that is not of its kind. */
  check(a?: unknown, b?: unknown, c?: unknown, d?: unknown, e?: unknown, f?: unknown): void {
    this.checkAs(this.name, a, b, c, d, e, f)
  }

  /** As `check`, for a function of another name: a subclass. (Arguments are not gathered into an array: this runs at each call of each function.) */
  checkAs(name: string, a?: unknown, b?: unknown, c?: unknown, d?: unknown, e?: unknown, f?: unknown): void {
    const { kinds } = this
    const n = kinds.length
    if (n > 0 && (a !== undefined || this.#required > 0) && !(kinds[0] as Kind).accepts(a)) this.#fail(name, 0, a)
    if (n > 1 && (b !== undefined || this.#required > 1) && !(kinds[1] as Kind).accepts(b)) this.#fail(name, 1, b)
    if (n > 2 && (c !== undefined || this.#required > 2) && !(kinds[2] as Kind).accepts(c)) this.#fail(name, 2, c)
    if (n > 3 && (d !== undefined || this.#required > 3) && !(kinds[3] as Kind).accepts(d)) this.#fail(name, 3, d)
    if (n > 4 && (e !== undefined || this.#required > 4) && !(kinds[4] as Kind).accepts(e)) this.#fail(name, 4, e)
    if (n > 5 && (f !== undefined || this.#required > 5) && !(kinds[5] as Kind).accepts(f)) this.#fail(name, 5, f)
  }

  /** Throws where there are more arguments than the function has. */
  checkCount(count: number): void {
    if (count > this.roles.length) {
      const taken = this.roles.length === 0 ? 'no arguments' : `(${this.roles.join(', ')})`
      throw new ArgumentError(this.name, `takes ${taken}, got ${count} arguments`)
    }
  }

  #fail(name: string, i: number, value: unknown): never {
    throw new ArgumentError(name, mismatch(this.kinds[i] as Kind, this.roles[i] as string, value))
  }
}

const known = new Map<string, Signature>()
/** Every described function, by name: what tests go through. */
export const signatures: ReadonlyMap<string, Signature> = known

/**
 * Describes the arguments of a function.
 * @example const NARROW = signature('narrow', { x: TENSOR, dim: WHOLE, start: WHOLE, length: COUNT })
 */
export function signature(name: string, parameters: Readonly<Record<string, Kind>>): Signature {
  const made = new Signature(name, parameters)
  known.set(name, made)
  return made
}
