/**
 * @file JSON out of files that nothing vouches for. It is judged while it is read, so that what is refused at its first character costs nothing more;
 * nesting and the number of values are bounded, and a key that stands twice is an error (`JSON.parse` keeps the last).
 * @see https://www.rfc-editor.org/rfc/rfc8259
 */

/** Throws an error that says where the bytes come from. */
export type Fail = (message: string) => never

/** How deep objects and arrays may lie in each other. */
export const MAX_NESTING = 520
/** How many keys and values one text may hold. More are data, which belongs into tensors. */
export const MAX_PARTS = 2 ** 21
const MAX_NUMBER_LENGTH = 400
const SHOWN = 60

const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu
const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`

/** A text from elsewhere, as an error shows it: on one line, and of bounded length. */
export function quote(text: string): string {
  const shown = text.slice(0, SHOWN).replace(UNSEEN, escaped)
  return text.length > SHOWN ? `'${shown}…' (${text.length} characters)` : `'${shown}'`
}

/** Any value of a JSON text as an error shows it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object' || value === null) return String(value)
  return Array.isArray(value) ? 'an array' : 'an object'
}

export const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x)

const code = (c: string): number => c.charCodeAt(0)
const [QUOTE, BACKSLASH, MINUS, ZERO, NINE] = [code('"'), code('\\'), code('-'), code('0'), code('9')]
const isSpace = (c: number): boolean => c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09
const isDigit = (c: number): boolean => c >= ZERO && c <= NINE
const NUMBER_CHARACTERS = new Set([...'0123456789+-.eE'].map(code))
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/
const WHOLE = /^(?:0|[1-9]\d*)$/

/** Reads a text from its beginning to its end, one value after the other. */
export class JsonReader {
  readonly #text: string
  readonly #fail: Fail
  #at = 0
  #parts = 0
  #depth = 0
  /** The keys that lead to what is read. */
  readonly #keys: string[] = []

  /** @param fail called with what is wrong, and where: after which keys, and at which character of the text */
  constructor(text: string, fail: Fail) {
    this.#text = text
    this.#fail = fail
  }

  /** Calls `read` with each key; it has to read the key's value. */
  object(read: (key: string) => void): void {
    let known: Set<string> | undefined
    this.#list('object', '{', '}', () => {
      this.#count()
      const key = this.string('a key')
      known ??= new Set()
      if (known.has(key)) this.fail(`${quote(key)} stands twice`)
      if (key === '__proto__') this.fail("'__proto__' is no name for a key")
      known.add(key)
      if (this.#next() !== ':') this.#unlike("':' is missing")
      this.#at++
      this.#keys.push(key)
      read(key)
      this.#keys.pop()
    })
  }

  /** Calls `read` before each element, which it has to read. */
  array(read: () => void): void {
    this.#list('array', '[', ']', read)
  }

  string(what = 'this'): string {
    if (this.#next() !== '"') this.#unlike(`${what} is no string`)
    const start = this.#at
    return this.#skipString() ? this.#text.slice(start + 1, this.#at - 1) : this.#parsed(start)
  }

  /** A whole number ≥ 0 that a double holds exactly. */
  count(): number {
    const digits = this.#number('number')
    const value = Number(digits)
    if (!WHOLE.test(digits) || !Number.isSafeInteger(value)) this.fail(`this is no whole number from 0 to 2^53 − 1: ${quote(digits)}`)
    return value
  }

  /** Any value. */
  value(): unknown {
    this.#count()
    const c = this.#next()
    if (c === '{') {
      const record: Record<string, unknown> = {}
      this.object((key) => {
        record[key] = this.value()
      })
      return record
    }
    if (c === '[') {
      const list: unknown[] = []
      this.array(() => list.push(this.value()))
      return list
    }
    if (c === '"') {
      const start = this.#at
      this.#skipString()
      return this.#parsed(start) // always: a slice that is kept would keep the whole text
    }
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return Number(this.#number('JSON'))
  }

  /** Passes over any value. */
  skip(): void {
    const c = this.#next()
    if (c === '{') this.object(() => this.skip())
    else if (c === '[') this.array(() => this.skip())
    else if (c === '"') this.string()
    else this.value()
  }

  /** Nothing but space may follow. */
  end(): void {
    if (this.#next() !== undefined) this.#unlike('something follows')
  }

  fail(message: string): never {
    const path = this.#keys.length > 0 ? `${quote(this.#keys.join('.'))}, ` : ''
    return this.#fail(`${path}character ${this.#at}: ${message}`)
  }

  #count(): void {
    if (++this.#parts > MAX_PARTS) this.fail(`there are more than ${MAX_PARTS} keys and values`)
  }

  /** Whether the string that was passed over means what stands there, without escapes. */
  #skipString(): boolean {
    const text = this.#text
    let end = this.#at + 1
    let simple = true
    for (let c = text.charCodeAt(end); c !== QUOTE; c = text.charCodeAt(++end)) {
      if (c === BACKSLASH) end++
      if (c === BACKSLASH || c < 0x20) simple = false
      if (end >= text.length) this.fail('a string does not end')
    }
    this.#at = end + 1
    return simple
  }

  /** The string between `start` and here. */
  #parsed(start: number): string {
    const raw = this.#text.slice(start, this.#at)
    try {
      return JSON.parse(raw) as string
    } catch {
      return this.fail(`an escape or a control character that is not JSON's stands in ${quote(raw)}`)
    }
  }

  #number(kind: string): string {
    this.#next()
    const start = this.#at
    const first = this.#text.charCodeAt(start)
    if (!isDigit(first) && first !== MINUS) this.#unlike(`this is no ${kind}`)
    let end = start
    while (NUMBER_CHARACTERS.has(this.#text.charCodeAt(end)) && end - start <= MAX_NUMBER_LENGTH) end++
    const digits = this.#text.slice(start, end)
    if (digits.length > MAX_NUMBER_LENGTH) this.fail(`this is a number of more than ${MAX_NUMBER_LENGTH} characters`)
    if (!NUMBER.test(digits)) this.fail(`this is no number: ${quote(digits)}`)
    this.#at = end
    return digits
  }

  #list(kind: string, open: string, close: string, read: () => void): void {
    if (this.#next() !== open) this.#unlike(`this is no ${kind}`)
    if (++this.#depth > MAX_NESTING) this.fail(`objects and arrays lie deeper in each other than ${MAX_NESTING} levels`)
    this.#at++
    if (this.#next() !== close) {
      for (;;) {
        read()
        const c = this.#next()
        if (c === close) break
        if (c !== ',') this.#unlike(`',' or '${close}' is missing`)
        this.#at++
      }
    }
    this.#at++
    this.#depth--
  }

  /** The next character that is no space; undefined at the end. */
  #next(): string | undefined {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++
    return this.#text[this.#at]
  }

  /** Fails with what stands here. */
  #unlike(message: string): never {
    const rest = this.#text.slice(this.#at, this.#at + SHOWN / 3)
    return this.fail(`${message}: ${rest === '' ? 'the text ends here' : quote(rest)}`)
  }
}

const WORDS: readonly (readonly [string, unknown])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
]
