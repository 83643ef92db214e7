/**
 * @file Unrolls WGSL for adapters in software. SwiftShader neither unrolls loops nor keeps arrays in registers (a register-tile product runs 9 times
 * slower rolled up), and the text written by people should have loops and arrays all the same.
 */

const LOOP = /for \(var (\w+) = 0u; \1 < (\w+); \1\+\+\) \{/

/** Where the brace that opens at `open` is closed. */
function closing(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new Error('unroll: a brace is not closed')
}

/** Where a sum over several axes is cut into parts: after so many positions along one of them. */
export interface Cut {
  readonly axis: number
  /** Positions, as text. */
  readonly part: string
}

const PARTS = 'for (var part = 0u; part < c.k; part += c.part) {'
const TERMS = 'for (var k = part; k < min(part + c.part, c.k); k++) {'

/**
 * Turns the loops over the parts of a sum and the terms of each into nested loops over `sizes` (their variables are k0, k1, …), so that nothing is divided to
 * tell positions along several axes; within them, calls `name(k)` become the texts given. Without a cut there is one part.
 */
export function nest(text: string, sizes: readonly string[], calls: Readonly<Record<string, string>>, cut?: Cut): string {
  const [outer, inner] = [text.indexOf(PARTS), text.indexOf(TERMS)]
  if (outer < 0 || inner < 0) throw new Error('nest: there are no loops over parts and terms')
  const [outerEnd, innerEnd] = [PARTS, TERMS].map((head, i) => closing(text, (i === 0 ? outer : inner) + head.length - 1)) as [
    number,
    number,
  ]
  let body = text.slice(inner + TERMS.length, innerEnd)
  for (const [name, value] of Object.entries(calls)) body = body.replaceAll(`${name}(k)`, `(${value})`)
  const over = (i: number): string => `for (var k${i} = 0u; k${i} < ${sizes[i]}; k${i}++) {`
  const all = sizes.map((_, i) => i)
  const around = cut ? all.slice(0, cut.axis).map(over) : []
  const within = cut ? all.slice(cut.axis + 1).map(over) : all.map(over)
  if (cut) {
    const size = sizes[cut.axis]
    around.push(`for (var part = 0u; part < ${size}; part += ${cut.part}) {`)
    within.unshift(`for (var k${cut.axis} = part; k${cut.axis} < min(part + ${cut.part}, ${size}); k${cut.axis}++) {`)
  }
  const wrapped = (heads: readonly string[], lines: string): string =>
    `${heads.join(' ') || '{'}${lines}${'}'.repeat(Math.max(1, heads.length))}`
  const part = text.slice(outer + PARTS.length, inner) + wrapped(within, body) + text.slice(innerEnd + 1, outerEnd)
  return text.slice(0, outer) + wrapped(around, part) + text.slice(outerEnd + 1)
}

const BRANCH = /if \((\w+)\) \{/g

/** Decides branches on constants: `if (NAME) { … } else { … }`. */
export function decide(text: string, constants: Readonly<Record<string, boolean>>): string {
  for (const match of text.matchAll(BRANCH)) {
    const value = constants[match[1] as string]
    if (value === undefined) continue
    const open = match.index + match[0].length - 1
    const end = closing(text, open)
    const other = /^ else \{/.exec(text.slice(end + 1))
    const last = other ? closing(text, end + other[0].length) : end
    const chosen = value ? text.slice(open + 1, end) : other ? text.slice(end + 1 + other[0].length, last) : ''
    return decide(text.slice(0, match.index) + chosen.trim() + text.slice(last + 1), constants)
  }
  return text
}

/** Repeats the bodies of loops from 0u to a named constant. Other loops stay. */
function unrollLoops(text: string, constants: Readonly<Record<string, number>>): string {
  let result = ''
  let rest = text
  for (let match = LOOP.exec(rest); match; match = LOOP.exec(rest)) {
    const open = match.index + match[0].length - 1
    const end = closing(rest, open)
    const count = constants[match[2] as string]
    const body = unrollLoops(rest.slice(open + 1, end), constants)
    result += rest.slice(0, match.index)
    if (count === undefined) result += `${match[0]}${body}}`
    else {
      const variable = new RegExp(`\\b${match[1]}\\b`, 'g')
      const indent = /[^\n]*$/.exec(result)?.[0] ?? ''
      // Copies that declare nothing need no scope of their own
      const copies = Array.from({ length: count }, (_, i) => {
        const copy = body.replace(variable, `${i}u`).trim()
        return /^(let|var) /m.test(copy.replace(/^ +/gm, '')) ? `{ ${copy} }` : copy
      })
      result += copies.join(`\n${indent}`)
    }
    rest = rest.slice(end + 1)
  }
  return result + rest
}

/** Turns arrays of which every element is named by a number into variables; those that nothing reads or writes are left out. */
function scalarize(text: string, constants: Readonly<Record<string, number>>): string {
  const folded = text.replace(/\[(\d+)u \* (\w+) \+ (\d+)u\]/g, (whole, a: string, by: string, b: string) => {
    const factor = constants[by]
    return factor === undefined ? whole : `[${Number(a) * factor + Number(b)}u]`
  })
  const one = /var (\w+): array<(\w+), (\w+)>;/g
  const two = /var (\w+): array<array<(\w+), (\w+)>, (\w+)>;/g
  let result = folded.replace(two, (whole, name: string, type: string, inner: string, outer: string) => {
    const [n, m] = [constants[outer], constants[inner]]
    return n === undefined || m === undefined ? whole : folded.includes(`${name}[`) ? declare(name, type, n, m) : ''
  })
  result = result.replace(one, (whole, name: string, type: string, size: string) => {
    const n = constants[size]
    return n === undefined ? whole : declare(name, type, n)
  })
  return result.replace(/\b(\w+)\[(\d+)u\](?:\[(\d+)u\])?/g, (whole, name: string, i: string, j?: string) => {
    const variable = j === undefined ? `${name}_${i}` : `${name}_${i}_${j}`
    return result.includes(`var ${variable}: `) ? variable : whole
  })
}

function declare(name: string, type: string, n: number, m?: number): string {
  const lines: string[] = []
  for (let i = 0; i < n; i++) {
    if (m === undefined) lines.push(`var ${name}_${i}: ${type};`)
    else for (let j = 0; j < m; j++) lines.push(`var ${name}_${i}_${j}: ${type};`)
  }
  return lines.join(' ')
}

/** `text` with its constant loops written out; `constants` are the prelude's. */
export const unroll = (text: string, constants: Readonly<Record<string, number>>): string =>
  scalarize(unrollLoops(text, constants), constants)
