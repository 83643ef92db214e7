/**
 * @file Algebra of index expressions: sums of axes with whole-number coefficients, with ⌊x/c⌋ and x mod c where a reshape
 * needs them. Kept canonical (terms sorted, equal atoms merged), so that equal maps are equal strings.
 */
import { contiguousStrides, type Shape } from '../base/index.ts'
import type { Atom, Axis, Expr, Index, Term } from './ir.ts'

interface Facts {
  readonly key: string
  readonly min: number
  readonly max: number
}

const facts = new WeakMap<Index, Facts>()
const exprIds = new WeakMap<Expr, number>()
const valueSizes = new WeakMap<Expr, number>()
let lastExprId = 0

function exprId(e: Expr): number {
  const known = exprIds.get(e)
  if (known !== undefined) return known
  exprIds.set(e, ++lastExprId)
  return lastExprId
}

function atomKey(atom: Atom): string {
  switch (atom.kind) {
    case 'axis':
      return `a${atom.axis.id}`
    case 'value':
      return `v${exprId(atom.value)}`
    case 'div':
    case 'mod':
      return `${atom.kind}(${keyOf(atom.of)},${atom.by})`
  }
}

function atomRange(atom: Atom): readonly [number, number] {
  switch (atom.kind) {
    case 'axis':
      return [0, Math.max(0, atom.axis.size - 1)]
    case 'value':
      return [0, (valueSizes.get(atom.value) ?? 2 ** 31) - 1]
    case 'div': {
      const { min, max } = factsOf(atom.of)
      return [Math.floor(min / atom.by), Math.floor(max / atom.by)]
    }
    case 'mod': {
      const { min, max } = factsOf(atom.of)
      return [0, Math.min(atom.by - 1, min >= 0 ? max : atom.by - 1)]
    }
  }
}

function factsOf(index: Index): Facts {
  let f = facts.get(index)
  if (!f) {
    let min = index.offset
    let max = index.offset
    let key = `${index.offset}`
    for (const { coef, atom } of index.terms) {
      const [lo, hi] = atomRange(atom)
      min += coef > 0 ? coef * lo : coef * hi
      max += coef > 0 ? coef * hi : coef * lo
      key += `+${coef}*${atomKey(atom)}`
    }
    f = { key, min, max }
    facts.set(index, f)
  }
  return f
}

/** Equal indices have equal keys. */
export const keyOf = (index: Index): string => factsOf(index).key
export const sameIndex = (a: Index, b: Index): boolean => a === b || keyOf(a) === keyOf(b)

export const literal = (offset: number): Index => ({ offset, terms: [] })
export const ofAxis = (axis: Axis): Index =>
  axis.size === 1 ? literal(0) : { offset: 0, terms: [{ coef: 1, atom: { kind: 'axis', axis } }] }

/** A checked whole number below `size`, as an index. */
export function ofValue(value: Expr, size: number): Index {
  valueSizes.set(value, size)
  return { offset: 0, terms: [{ coef: 1, atom: { kind: 'value', value } }] }
}

/** Whether all atoms are axes, each of them once and in order. */
function inOrder(terms: readonly Term[]): boolean {
  let last = Number.NEGATIVE_INFINITY
  for (const { atom } of terms) {
    if (atom.kind !== 'axis' || atom.axis.id <= last) return false
    last = atom.axis.id
  }
  return true
}

/** As `canonical`, where all atoms are axes: no keys have to be written. */
function ofAxes(offset: number, terms: readonly Term[]): Index | undefined {
  if (inOrder(terms)) return { offset, terms }
  const sums = new Map<Axis, number>()
  for (const { coef, atom } of terms) {
    if (atom.kind !== 'axis') return undefined
    sums.set(atom.axis, coef + (sums.get(atom.axis) ?? 0))
  }
  const own: Term[] = []
  for (const { coef, atom } of terms) {
    const sum = sums.get((atom as AxisAtom).axis)
    if (!sum) continue
    own.push(sum === coef ? { coef, atom } : { coef: sum, atom })
    sums.delete((atom as AxisAtom).axis)
  }
  return { offset, terms: own.length < 2 ? own : own.sort((a, b) => (a.atom as AxisAtom).axis.id - (b.atom as AxisAtom).axis.id) }
}
type AxisAtom = Extract<Atom, { kind: 'axis' }>

/** Merges equal atoms and rejoins c·B·⌊y/B⌋ + c·(y mod B) to c·y. */
function canonical(offset: number, terms: readonly Term[]): Index {
  const simple = ofAxes(offset, terms)
  if (simple) return simple
  const merged = new Map<string, Term>()
  for (const { coef, atom } of terms) {
    const key = atomKey(atom)
    const sum = coef + (merged.get(key)?.coef ?? 0)
    if (sum === 0) merged.delete(key)
    else merged.set(key, { coef: sum, atom })
  }
  for (const [key, { coef, atom }] of merged) {
    if (atom.kind !== 'mod') continue
    const quotient = div(atom.of, atom.by)
    const part = quotient.terms[0]
    if (quotient.offset !== 0 || quotient.terms.length !== 1 || !part || part.coef !== 1) continue
    const partKey = atomKey(part.atom)
    const other = merged.get(partKey)
    if (!other || other.coef !== coef * atom.by) continue
    merged.delete(key)
    merged.delete(partKey)
    return add(canonical(offset, [...merged.values()]), scale(atom.of, coef))
  }
  const sorted = [...merged].sort(([a, { atom: x }], [b, { atom: y }]) => {
    if (x.kind === 'axis' && y.kind === 'axis') return x.axis.id - y.axis.id
    if (x.kind === 'axis' || y.kind === 'axis') return x.kind === 'axis' ? -1 : 1
    return a < b ? -1 : 1
  })
  return { offset, terms: sorted.map(([, term]) => term) }
}

export const add = (a: Index, b: Index): Index => canonical(a.offset + b.offset, [...a.terms, ...b.terms])
export const scale = (a: Index, by: number): Index =>
  by === 1 ? a : by === 0 ? literal(0) : { offset: a.offset * by, terms: a.terms.map((t) => ({ coef: t.coef * by, atom: t.atom })) }
export const shift = (a: Index, by: number): Index => (by === 0 ? a : { offset: a.offset + by, terms: a.terms })

/** Splits x into by·q + r, with all that divides evenly in q. */
function divide(x: Index, by: number): { q: Index; r: Index } {
  const even = x.terms.filter((t) => t.coef % by === 0)
  const odd = x.terms.filter((t) => t.coef % by !== 0)
  const offset = Math.floor(x.offset / by)
  return {
    q: { offset, terms: even.map((t) => ({ coef: t.coef / by, atom: t.atom })) },
    r: { offset: x.offset - offset * by, terms: odd },
  }
}

const gcd = (a: number, b: number): number => (b === 0 ? Math.abs(a) : gcd(b, a % b))

/** x = g·y + z with 0 ≤ z < g, where g > 1 divides `by`: so ⌊x/by⌋ = ⌊y/(by/g)⌋ and x mod by = g·(y mod by/g) + z. */
function common(x: Index, by: number): { g: number; y: Index; z: Index } | undefined {
  const candidates = new Set(x.terms.map((t) => gcd(t.coef, by)))
  for (const g of [...candidates].sort((a, b) => b - a)) {
    if (g === 1) continue
    const { q, r } = divide(x, g)
    const { min, max } = factsOf(r)
    if (min >= 0 && max < g) return { g, y: q, z: r }
  }
  return undefined
}

/** ⌊x / by⌋ */
export function div(x: Index, by: number): Index {
  if (by === 1) return x
  const { q, r } = divide(x, by)
  const { min, max } = factsOf(r)
  if (min >= 0 && max < by) return q
  if (min < 0) return { offset: 0, terms: [{ coef: 1, atom: { kind: 'div', of: x, by } }] }
  const part = common(r, by)
  if (part) return add(q, div(part.y, by / part.g))
  const only = r.terms[0]
  // ⌊⌊y/c⌋/by⌋ = ⌊y/(c·by)⌋
  const inner = r.offset === 0 && r.terms.length === 1 && only?.coef === 1 && only.atom.kind === 'div' ? only.atom : undefined
  const atom: Atom = inner ? { kind: 'div', of: inner.of, by: inner.by * by } : { kind: 'div', of: r, by }
  return canonical(q.offset, [...q.terms, { coef: 1, atom }])
}

/** x mod by */
export function mod(x: Index, by: number): Index {
  if (by === 1) return literal(0)
  const { r } = divide(x, by)
  const { min, max } = factsOf(r)
  if (min >= 0 && max < by) return r
  const part = min >= 0 ? common(r, by) : undefined
  if (part) return add(scale(mod(part.y, by / part.g), part.g), part.z)
  return { offset: 0, terms: [{ coef: 1, atom: { kind: 'mod', of: min >= 0 ? r : x, by } }] }
}

/** Σ coordinate · stride */
export function linear(coords: readonly Index[], strides: readonly number[]): Index {
  let offset = 0
  const terms: Term[] = []
  coords.forEach((c, i) => {
    const s = strides[i] as number
    if (s === 0) return
    offset += c.offset * s
    for (const t of c.terms) terms.push({ coef: t.coef * s, atom: t.atom })
  })
  return canonical(offset, terms)
}

/** Coordinates of the row-major position `x` in `shape`. */
export function unravel(x: Index, shape: Shape): Index[] {
  const strides = contiguousStrides(shape)
  return shape.map((n, i) => (n === 1 ? literal(0) : i === 0 ? div(x, strides[i] as number) : mod(div(x, strides[i] as number), n)))
}

/**
 * The input coordinates that a reshape reads for given output coordinates. Runs of axes with equal products are mapped by themselves, so
 * that splitting one axis leaves the others alone. Where there are no elements (around which there may be padding) any will do.
 */
export function reshapeCoords(coords: readonly Index[], from: Shape, to: Shape): Index[] {
  if (from.includes(0)) return from.map(() => literal(0))
  const result: Index[] = []
  let i = 0 // over `from`, the input
  let j = 0 // over `to`, the output
  while (i < from.length || j < to.length) {
    let m = i
    let n = j
    let a = 1
    let b = 1
    do {
      if (a <= b && m < from.length) a *= from[m++] as number
      else if (n < to.length) b *= to[n++] as number
      else a *= from[m++] as number
    } while (a !== b || (m === i && n === j))
    if (m === i + 1 && n === j + 1) result.push(a === 1 ? literal(0) : (coords[j] as Index))
    else result.push(...unravel(linear(coords.slice(j, n), contiguousStrides(to.slice(j, n))), from.slice(i, m)))
    i = m
    j = n
  }
  return result
}

/** Whether the index is offset + Σ coef · axis, moved by numbers that the kernel is given (`movesOf`). */
export const isAffine = (index: Index): boolean =>
  index.terms.every(({ atom }) => atom.kind === 'axis' || (atom.kind === 'value' && atom.value.kind === 'scalar'))

/** A number that the kernel is given, and by how many elements each of it moves an index. */
export interface Move {
  readonly coef: number
  readonly by: Extract<Expr, { kind: 'scalar' }>
}

/** By what an affine index is moved, beside its offset, whatever the axes. */
export const movesOf = (index: Index): readonly Move[] =>
  index.terms.flatMap(({ coef, atom }) => (atom.kind === 'value' && atom.value.kind === 'scalar' ? [{ coef, by: atom.value }] : []))
