/** @file What rearrange, reduce and repeat have in common: axes are taken apart, put in order, reduced, repeated, and put together: reshape, permute, reduce, expand, reshape. */
import { ArgumentError, counted, ShapeError, showShape } from '../base/index.ts'
import * as ops from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { axesOf, DOTS, type Group, isNumber, parsePattern, type Side } from './notation.ts'

/** Sizes of axes, by name. */
export type AxisSizes = Readonly<Record<string, number>>
/** How axes that the right side lacks are reduced; a function gets the tensor and the dims. */
export type Reduction = 'mean' | 'max' | 'min' | 'sum' | 'prod' | 'any' | 'all' | ((x: Tensor, dims: readonly number[]) => Tensor)

interface Call {
  readonly op: string
  readonly pattern: string
}

/** An axis of the left side, or of '...' there. */
interface Axis {
  readonly name: string
  readonly size: number
}

const REDUCERS: Readonly<Record<Exclude<Reduction, (...args: never[]) => unknown>, (x: Tensor, dim: number) => Tensor>> = {
  mean: (x, dim) => ops.mean(x, dim),
  max: (x, dim) => ops.amax(x, dim),
  min: (x, dim) => ops.amin(x, dim),
  sum: (x, dim) => ops.sum(x, dim),
  prod: (x, dim) => ops.prod(x, dim),
  any: (x, dim) => ops.any(x, dim),
  all: (x, dim) => ops.all(x, dim),
}
export const REDUCTIONS: readonly string[] = Object.keys(REDUCERS)

const dotted = (i: number): string => `${DOTS}${i}`
const refuse = ({ op, pattern }: Call, what: string): ArgumentError => new ArgumentError(op, `'${pattern}': ${what}`)

/** '...' as its axes. */
const expanded = (group: Group, rank: number): string[] =>
  group.flatMap((axis) => (axis === DOTS ? Array.from({ length: rank }, (_, i) => dotted(i)) : [axis]))

/** The axes of the left side with their sizes; one of each group may follow from the size of its dim. */
function axesOfLeft(call: Call, { groups, text }: Side, x: Tensor, sizes: AxisSizes): { readonly axes: Axis[]; readonly rank: number } {
  const dots = groups.some((group) => group.includes(DOTS))
  const rank = x.ndim - groups.length + (dots ? 1 : 0)
  if (rank < 0 || (!dots && rank > 0)) {
    throw new ShapeError(
      call.op,
      `'${call.pattern}': '${text}' is for ${dots ? `at least ${counted(groups.length - 1, 'dim')}` : counted(groups.length, 'dim')}, x is ${showShape(x.shape)}`,
      [x.shape],
    )
  }
  const dims = groups.flatMap((group): Group[] => (group.includes(DOTS) ? expanded(group, rank).map((axis) => [axis]) : [group]))
  const axes = dims.flatMap((group, d): Axis[] => {
    const size = x.shape[d] as number
    const own = group.map((axis) => (isNumber(axis) ? Number(axis) : sizes[axis]))
    const open = own.flatMap((s, i) => (s === undefined ? [i] : []))
    const known = own.reduce<number>((n, s) => n * (s ?? 1), 1)
    const shown = group.length === 1 ? group[0] : `(${group.join(' ')})`
    if (open.length > 1)
      throw refuse(
        call,
        `the sizes of ${open.map((i) => group[i]).join(' and ')} in ${shown} do not follow from its size ${size}: give all but one`,
      )
    if (open.length === 1 ? known === 0 || size % known !== 0 : known !== size) {
      const given = group.flatMap((axis, i) => (own[i] === undefined ? [] : [isNumber(axis) ? axis : `${axis} = ${own[i]}`]))
      throw new ShapeError(
        call.op,
        `'${call.pattern}': dim ${d} of x ${showShape(x.shape)} has size ${size}, ${group.length === 0 ? 'and 1 is wanted' : `which ${shown} with ${given.join(', ')} does not ${open.length ? 'divide' : 'make'}`}`,
        [x.shape],
      )
    }
    return group.map((axis, i) => ({ name: isNumber(axis) ? `${axis}#${d}.${i}` : axis, size: own[i] ?? size / known }))
  })
  return { axes, rank }
}

function checkSizes(call: Call, sizes: AxisSizes, names: readonly string[]): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!names.includes(name)) throw refuse(call, `there is no axis ${name}, whose size is given`)
    if (!Number.isSafeInteger(size) || size < 0) throw refuse(call, `the size of ${name} must be a whole number ≥ 0, got ${String(size)}`)
  }
}

/** Which axes a function may drop, and which it may add. */
export interface Allowed {
  readonly reduction?: Reduction
  readonly repeats?: boolean
}

function checkNames(call: Call, left: Side, right: Side, sizes: AxisSizes, { reduction, repeats = false }: Allowed): void {
  const [from, to] = [axesOf(left), axesOf(right)]
  const dropped = from.filter((axis) => !to.includes(axis))
  const added = to.filter((axis) => !from.includes(axis))
  if (dropped.length > 0 && reduction === undefined)
    throw refuse(call, `${dropped.join(', ')} of the left is not on the right. reduce drops axes`)
  if (added.length > 0 && !repeats) throw refuse(call, `${added.join(', ')} of the right is not on the left. repeat adds axes`)
  const unknown = added.find((axis) => sizes[axis] === undefined)
  if (unknown !== undefined) throw refuse(call, `${unknown} is new on the right: give its size, { ${unknown}: … }`)
  const numbered = ({ groups }: Side): string | undefined => groups.flat().find(isNumber)
  const number = (reduction === undefined ? numbered(left) : undefined) ?? (repeats ? undefined : numbered(right))
  if (number !== undefined)
    throw refuse(
      call,
      `an axis of size ${number} without a name stands on the ${repeats ? 'left' : 'wrong side'}: only reduce takes one on the left, repeat one on the right`,
    )
  checkSizes(call, sizes, [...from, ...to])
}

export function transform(op: string, x: Tensor, pattern: string, sizes: AxisSizes, allowed: Allowed): Tensor {
  const call = { op, pattern }
  const { left, right } = parsePattern(op, pattern)
  checkNames(call, left, right, sizes, allowed)
  const { axes, rank } = axesOfLeft(call, left, x, sizes)
  const dims = right.groups.flatMap((group, i): Group[] =>
    i === right.dots ? expanded(group, rank).map((axis) => [axis]) : [expanded(group, rank)],
  )
  const groups = dims.map((group, d) => group.map((axis, i) => (isNumber(axis) ? `${axis}#${d}.${i}` : axis)))
  const order = groups.flat()
  const names = axes.map(({ name }) => name)
  const kept = order.filter((axis) => names.includes(axis) && !axis.includes('#'))
  const dropped = names.filter((axis) => !kept.includes(axis))
  let y = ops.reshape(
    x,
    axes.map(({ size }) => size),
  )
  y = ops.permute(
    y,
    [...kept, ...dropped].map((axis) => names.indexOf(axis)),
  )
  if (dropped.length > 0) y = reduced(call, y, kept.length, allowed.reduction as Reduction)
  const sizeNow = (axis: string): number => axes.find(({ name }) => name === axis)?.size ?? sizes[axis] ?? Number(axis.split('#')[0])
  if (kept.length < order.length) {
    const apart = order.map((axis) => (kept.includes(axis) ? sizeNow(axis) : 1))
    y = ops.expand(ops.reshape(y, apart), order.map(sizeNow))
  }
  return ops.reshape(
    y,
    groups.map((group) => group.reduce((n, axis) => n * sizeNow(axis), 1)),
  )
}

/** The dims from `first` on, reduced. */
function reduced(call: Call, x: Tensor, first: number, reduction: Reduction): Tensor {
  if (typeof reduction !== 'function') return REDUCERS[reduction](ops.flatten(x, first), first)
  const y = reduction(
    x,
    Array.from({ length: x.ndim - first }, (_, i) => first + i),
  )
  const shape = x.shape.slice(0, first)
  if (y?.shape === undefined || y.shape.join() !== shape.join())
    throw refuse(call, `the reduction must give ${showShape(shape)} for the last ${x.ndim - first} dims of ${showShape(x.shape)}`)
  return y
}
