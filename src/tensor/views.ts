/**
 * @file What a view remembers: of which tensor it is a view, and how, so that an in-place change of it can be written back. PyTorch's views share memory; here they are values, and
 * the write goes through the ops themselves.
 */
import type { Shape } from '../base/index.ts'

/** What a view asks of a tensor. (`T` below is `Tensor`, which is defined on top of this file.) */
interface Viewed {
  readonly shape: Shape
  readonly version: number
  readonly _source: unknown
}

/** What an op that makes views says about them beside its values. */
export interface ViewRule<T> {
  /** The op, once more. */
  readonly apply: (x: T, p: unknown) => T
  /** `base` with `value` where the view is. (`base` makes the tensor, of that shape: where the view covers all of it, it is not needed.) */
  readonly write: (base: () => T, value: T, p: unknown, shape: Shape) => T
  /** Whether several elements of the view may be one of the base: then nothing is written through it. Default: never. */
  readonly overlaps?: (from: Shape, to: Shape, p: unknown) => boolean
  /**
   * The strides that PyTorch's view has, of those of what it is a view of, in elements; undefined where PyTorch copies instead (a reshape of something
   * transposed): such a result is no view.
   */
  readonly strides: (of: readonly number[], from: Shape, to: Shape, p: unknown) => readonly number[] | undefined
}

/** So many views of one another are followed: what is cut anew in each round of a loop holds no more than that. */
const DEEPEST = 32

/** How a view comes from its base. */
export class ViewSource<T extends Viewed> {
  /** The tensor at the beginning, which is no view; undefined behind more views than are followed. */
  readonly root: T | undefined
  /** How what it was taken of comes from `root`, where that is a view too. */
  readonly parent: ViewSource<T> | undefined
  readonly rule: ViewRule<T>
  readonly params: unknown
  /** The shape of what it was taken of. */
  readonly from: Shape
  /** The version of `root` whose values the view shows. */
  taken: number
  readonly #depth: number
  readonly #to: Shape
  #strides: readonly number[] | undefined

  constructor(base: T, rule: ViewRule<T>, params: unknown, to: Shape) {
    const parent = base._source as ViewSource<T> | undefined
    this.#depth = parent === undefined ? 1 : parent.#depth + 1
    const follows = this.#depth <= DEEPEST
    this.parent = follows ? parent : undefined
    this.root = !follows ? undefined : parent === undefined ? base : parent.root
    this.taken = parent === undefined ? base.version : parent.taken
    this.rule = rule
    this.params = params
    this.from = base.shape
    this.#to = to
  }

  /** The strides that PyTorch's view has; undefined where it copies. */
  get strides(): readonly number[] | undefined {
    this.#strides ??= this.rule.strides(this.parent?.strides ?? rowMajor(this.from), this.from, this.#to, this.params)
    return this.#strides
  }

  /** Whether several elements of the view may be one of `root`. */
  get overlaps(): boolean {
    const { rule, parent, from, params } = this
    return rule.overlaps?.(from, this.#to, params) === true || parent?.overlaps === true
  }

  /** `root`, whose present value is `base`, with `value` where the view is. */
  write(base: T, value: T): T {
    const { rule, params, parent, from } = this
    const whole = rule.write(() => this.#parentOf(base), value, params, from)
    return parent === undefined ? whole : parent.write(base, whole)
  }

  /** What the view was taken of, of the present value of `root`. */
  #parentOf(base: T): T {
    const { parent } = this
    return parent === undefined ? base : parent.rule.apply(parent.#parentOf(base), parent.params)
  }
}

/** Strides in elements, of a tensor in row-major order. (As PyTorch counts them: a dim of size 0 counts as 1.) */
export function rowMajor(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= Math.max(1, shape[i] as number)
  }
  return strides
}

/** Whether strides are those of row-major order; dims of size 1 do not count. */
export function areRowMajor(strides: readonly number[], shape: Shape): boolean {
  if (shape.includes(0)) return true
  const wanted = rowMajor(shape)
  return strides.every((s, i) => shape[i] === 1 || s === wanted[i])
}

/**
 * The strides with which the same memory has another shape, or undefined where it has not: dims that lie one behind the other as in row-major order are taken as one, and
 * each of these is divided anew.
 */
export function stridesFor(strides: readonly number[], from: Shape, to: Shape): number[] | undefined {
  if (from.includes(0)) return rowMajor(to)
  // runs of dims, outermost first: how many elements, and how far apart
  const runs: { size: number; stride: number }[] = []
  from.forEach((size, i) => {
    const stride = strides[i] as number
    if (size === 1) return
    const last = runs.at(-1)
    if (last !== undefined && last.stride === stride * size) runs[runs.length - 1] = { size: last.size * size, stride }
    else runs.push({ size, stride })
  })
  const found = new Array<number>(to.length)
  let run = runs.pop()
  let left = run?.size ?? 1
  let step = run?.stride ?? 1
  for (let i = to.length - 1; i >= 0; i--) {
    const size = to[i] as number
    if (size !== 1 && left === 1) {
      run = runs.pop()
      left = run?.size ?? 1
      step = run?.stride ?? 1
    }
    found[i] = step
    if (left % size !== 0) return undefined
    left /= size
    step *= size
  }
  return left === 1 && runs.length === 0 ? found : undefined
}
