/** @file Options objects: a key that a function does not know is an error, not silence. */
import { ArgumentError } from './errors.ts'

const plain = (key: string): string => key.toLowerCase().replaceAll('_', '')

/** How many letters must be put in, taken out or exchanged. */
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

/**
 * Throws for an options argument that is no object, or has a key that `known` does not list.
 * @example checkOptions('sum', { keepDim: true }, ['dim', 'keepdim']) // sum: unknown option 'keepDim'. Did you mean 'keepdim'?
 */
export function checkOptions(op: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    const got = options === null ? 'null' : Array.isArray(options) ? 'an array' : `${String(options)} (a ${typeof options})`
    throw new ArgumentError(op, `options go by name, in an object { ${known.join(', ')} }; got ${got}`)
  }
  for (const key in options) if (!known.includes(key)) throw unknownOption(op, options, key, known)
}

/** An argument of any kind as an error shows it: `3`, `'3'`, `[1, 'a']`, `{ padding }`. */
export function showArgument(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (Array.isArray(value)) return `[${value.map(showArgument).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return value.constructor === Object
    ? `{ ${Object.keys(value).join(', ')} }`.replace('{  }', '{}')
    : `a ${value.constructor?.name ?? 'nameless object'}`
}

function unknownOption(op: string, options: object, key: string, known: readonly string[]): ArgumentError {
  const kind = options.constructor?.name ?? 'Object'
  if (kind !== 'Object') return new ArgumentError(op, `options go by name, in an object { ${known.join(', ')} }; got a ${kind}`)
  const [nearest, away] = known
    .map((k) => [k, distance(plain(key), plain(k))] as const)
    .reduce((best, candidate) => (candidate[1] < best[1] ? candidate : best), ['', Number.POSITIVE_INFINITY])
  const hint = away <= Math.max(1, key.length / 3) ? `Did you mean '${nearest}'?` : `Known are ${known.join(', ')}`
  return new ArgumentError(op, `unknown option '${key}'. ${hint}`)
}
