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

/**
 * Turns the loop `for (var k = 0u; k < c.k; k++)` into nested loops over `sizes` (their variables are k0, k1, …), so that nothing is divided to tell
 * positions along several axes; within it, calls `name(k)` become the texts given.
 */
export function nest(text: string, variable: string, sizes: readonly string[], calls: Readonly<Record<string, string>>): string {
  const head = `for (var ${variable} = 0u; ${variable} < c.${variable}; ${variable}++) {`
  const start = text.indexOf(head)
  if (start < 0) throw new Error(`nest: there is no loop over ${variable}`)
  const open = start + head.length - 1
  const end = closing(text, open)
  let body = text.slice(open + 1, end)
  for (const [name, value] of Object.entries(calls)) body = body.replaceAll(`${name}(${variable})`, `(${value})`)
  const heads = sizes.map((size, i) => `for (var ${variable}${i} = 0u; ${variable}${i} < ${size}; ${variable}${i}++) {`)
  return `${text.slice(0, start)}${heads.join(' ')}${sizes.length === 0 ? '{' : ''}${body}${'}'.repeat(Math.max(1, sizes.length))}${text.slice(end + 1)}`
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

/** Turns arrays of which every element is named by a number into variables. */
function scalarize(text: string, constants: Readonly<Record<string, number>>): string {
  const folded = text.replace(/\[(\d+)u \* (\w+) \+ (\d+)u\]/g, (whole, a: string, by: string, b: string) => {
    const factor = constants[by]
    return factor === undefined ? whole : `[${Number(a) * factor + Number(b)}u]`
  })
  const one = /var (\w+): array<(\w+), (\w+)>;/g
  const two = /var (\w+): array<array<(\w+), (\w+)>, (\w+)>;/g
  let result = folded.replace(two, (whole, name: string, type: string, inner: string, outer: string) => {
    const [n, m] = [constants[outer], constants[inner]]
    return n === undefined || m === undefined ? whole : declare(name, type, n, m)
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
