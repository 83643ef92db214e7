/** @file Arithmetic of shapes: sizes, strides, dims, broadcasting. Pure. */
import { ShapeError, showShape } from './errors.ts'

/** Sizes of the axes, outermost first. */
export type Shape = readonly number[]

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let n = 1
  for (let i = 0; i < shape.length; i++) n *= shape[i] as number
  return n
}

/** The elements that a tensor may have: positions and counts are int32. */
export const MOST_ELEMENTS = 2 ** 31 - 1

/** Throws where a result would have more elements than a tensor may. */
export function checkElements(op: string, shape: Shape): void {
  const count = sizeOf(shape)
  if (count > MOST_ELEMENTS)
    throw new ShapeError(op, `the result would be ${showShape(shape)}, of ${count} elements; a tensor has at most 2³¹ − 1`, [shape])
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Row-major strides, in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= shape[i] as number
  }
  return strides
}

/** How many there are, in words: `1 dim`, `2 dims`. */
export const counted = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`

/** `dim` counted from the front; negative dims count from the back. */
export function normalizeDim(op: string, dim: number, ndim: number, what = 'dim'): number {
  const room = Math.max(ndim, 1) // PyTorch takes dims −1 and 0 for a 0-d tensor
  if (!Number.isInteger(dim) || dim < -room || dim >= room) {
    throw new ShapeError(op, `${what} ${dim} is out of range for a tensor of ${counted(ndim, 'dim')} (expected ${-room} to ${room - 1})`)
  }
  return dim < 0 ? dim + room : dim
}

/** The dims of a reduction: all of them when none is named; repeated dims are an error. Ascending. */
export function normalizeDims(op: string, dims: number | readonly number[] | undefined | null, ndim: number): number[] {
  const list: number[] = []
  if (dims === undefined || dims === null || (typeof dims === 'object' && dims.length === 0)) {
    for (let d = 0; d < ndim; d++) list.push(d)
    return list
  }
  if (typeof dims === 'number') list.push(normalizeDim(op, dims, ndim))
  else for (let i = 0; i < dims.length; i++) list.push(normalizeDim(op, dims[i] as number, ndim))
  if (list.length > 1) {
    if (new Set(list).size !== list.length) throw new ShapeError(op, `a dim appears twice in [${list.join(', ')}]`)
    list.sort((a, b) => a - b)
  }
  return ndim === 0 ? [] : list
}

/** A shape without some of its dims: what a reduction leaves. */
export function withoutDims(shape: Shape, dims: readonly number[]): number[] {
  const rest: number[] = []
  for (let d = 0; d < shape.length; d++) if (!dims.includes(d)) rest.push(shape[d] as number)
  return rest
}

/** A shape with 1 in place of some of its dims: what a reduction leaves under `keepdim`. */
export function onesAt(shape: Shape, dims: readonly number[]): number[] {
  const kept = shape.slice()
  for (let i = 0; i < dims.length; i++) {
    const d = dims[i] as number
    if (d < kept.length) kept[d] = 1
  }
  return kept
}

/** The shape two operands broadcast to, as in NumPy. */
export function broadcastShapes(op: string, a: Shape, b: Shape): Shape {
  if (expandsTo(b, a)) return a
  if (expandsTo(a, b)) return b
  const ndim = Math.max(a.length, b.length)
  const out = new Array<number>(ndim)
  for (let i = 1; i <= ndim; i++) {
    const x = a[a.length - i] ?? 1
    const y = b[b.length - i] ?? 1
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        op,
        `shapes do not broadcast: ${showShape(a)} and ${showShape(b)} differ at dim −${i} (${x} and ${y}), and neither is 1`,
        [a, b],
      )
    }
    out[ndim - i] = x === 1 ? y : x
  }
  return out
}

/** Whether `from` broadcasts to exactly `to`. */
export function expandsTo(from: Shape, to: Shape): boolean {
  if (from.length > to.length) return false
  for (let i = 1; i <= from.length; i++) {
    const s = from[from.length - i]
    if (s !== 1 && s !== to[to.length - i]) return false
  }
  return true
}

/** Fills in a single −1 so that the element count is kept. */
export function inferReshape(op: string, from: Shape, to: Shape): Shape {
  const unknown = to.indexOf(-1)
  const count = sizeOf(from)
  for (const s of to) {
    if (!Number.isInteger(s) || s < -1)
      throw new ShapeError(op, `a size must be a whole number ≥ 0, or −1 once: got ${showShape(to)}`, [from, to])
  }
  if (unknown < 0) {
    if (sizeOf(to) !== count)
      throw new ShapeError(op, `${showShape(from)} has ${counted(count, 'element')}, ${showShape(to)} has ${sizeOf(to)}`, [from, to])
    return to
  }
  if (to.indexOf(-1, unknown + 1) >= 0) throw new ShapeError(op, `only one size may be −1: got ${showShape(to)}`, [from, to])
  const rest = sizeOf(to.map((s) => (s === -1 ? 1 : s)))
  if (rest === 0 || count % rest !== 0) {
    throw new ShapeError(
      op,
      `${counted(count, 'element')} of ${showShape(from)} ${count === 1 ? 'does' : 'do'} not fill ${showShape(to)}`,
      [from, to],
    )
  }
  return to.map((s) => (s === -1 ? count / rest : s))
}
