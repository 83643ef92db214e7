/**
 * @file Autocast: in which dtype the float32 and the halves among an op's tensors are computed. An op's definition says its class; that is all it knows of
 * the mode, which one function looks at (`autocasted` in define.ts). float64 and integers are never touched.
 * @see https://pytorch.org/docs/stable/amp.html
 */
import { type DType, DTypeError, isHalf } from '../base/index.ts'
import { type Autocast, currentAutocast, Tensor, withAutocast, withGrad } from '../tensor/index.ts'

/**
 * What autocast does with an op. `lower`: it is computed in autocast's dtype (products, which gain by it). `float32`: in float32 (what loses too much in a
 * half, or leaves its range). `widest`: in the widest dtype among its tensors. `refused`: it throws, for what no cast makes safe. An op without a class is
 * computed in the types that it is given.
 */
export type AutocastClass = 'lower' | 'float32' | 'widest' | Refused
/** What an op that is refused says: which function to call in its place. */
export interface Refused {
  readonly refused: string
}

type Cast = (x: Tensor, dtype: DType) => Tensor

const classes = new Map<string, AutocastClass>()
/** The class of every op and function that has one, by name. */
export const autocastClasses: ReadonlyMap<string, AutocastClass> = classes

/** How a function is autocast: its name and class, what puts casts on the tape, and which calls say their dtype themselves. */
export interface Autocasting<A extends readonly unknown[]> {
  readonly name: string
  readonly autocast: AutocastClass
  readonly cast: Cast
  readonly keeps?: ((args: A) => boolean) | undefined
}

/**
 * `fn`, of its arguments in an array, with a class: under autocast its tensors (arguments, those in lists, and in objects of options) are cast first, and what it
 * is made of is computed without autocast.
 */
export function listWithClass<A extends readonly unknown[], R>(how: Autocasting<A>, fn: (args: A) => R): (args: A) => R {
  declare(how)
  return (args) => {
    const mode = currentAutocast()
    return mode === undefined ? fn(args) : underAutocast(how, mode, fn, args)
  }
}

/** The most parameters of a function that is called without arrays. */
const MOST_FIXED = 4

/** As {@link listWithClass}. Of a function of fixed parameters, at most four, no array is made without autocast. */
export function withClass<A extends readonly unknown[], R>(how: Autocasting<A>, fn: (...args: A) => R): (...args: A) => R {
  if (fn.length === 0) {
    const looked = listWithClass(how, (args: A) => fn(...args))
    return (...args) => looked(args)
  }
  if (fn.length > MOST_FIXED) throw new Error(`autocast: ${how.name} has more than ${MOST_FIXED} parameters. Give it their array`)
  declare(how)
  const fixed = fn as unknown as (a: unknown, b: unknown, c: unknown, d: unknown) => R
  const call = (a: unknown, b: unknown, c: unknown, d: unknown): R => {
    const mode = currentAutocast()
    return mode === undefined ? fixed(a, b, c, d) : underAutocast(how, mode, (args: A) => fn(...args), [a, b, c, d] as unknown as A)
  }
  return call as unknown as (...args: A) => R
}

function declare<A extends readonly unknown[]>({ name, autocast }: Autocasting<A>): void {
  const known = classes.get(name)
  if (known !== undefined && known !== autocast) throw new Error(`autocast: ${name} is ${known} and ${autocast}`)
  classes.set(name, autocast)
}

function underAutocast<A extends readonly unknown[], R>(how: Autocasting<A>, mode: Autocast, fn: (args: A) => R, args: A): R {
  const given = how.keeps?.(args) ? args : castAll(how.name, how.autocast, mode, args, how.cast)
  return withAutocast(undefined, () => fn(given))
}

const isNarrow = (x: Tensor): boolean => isHalf(x._node.dtype)
const isFloat32 = (x: Tensor): boolean => x._node.dtype === 'float32'

/** The arguments, with their tensors cast as the class wants it. */
function castAll<A extends readonly unknown[]>(name: string, autocast: AutocastClass, mode: Autocast, args: A, cast: Cast): A {
  if (typeof autocast === 'object') {
    throw new DTypeError(
      name,
      `it is not safe under autocast: its gradient leaves the range of ${mode.dtype}. Use ${autocast.refused}, or wrap the call in amp.autocast({ enabled: false }, …) with float32 tensors`,
    )
  }
  const each = (f: (x: Tensor) => Tensor): A => args.map((x) => mapped(x, f)) as unknown as A
  switch (autocast) {
    case 'lower':
      return each((x) => (isFloat32(x) || (isNarrow(x) && x._node.dtype !== mode.dtype) ? lowered(x, mode, cast) : x))
    case 'float32':
      return each((x) => (isNarrow(x) ? cast(x, 'float32') : x))
    case 'widest': {
      let wide = false
      each((x) => {
        wide ||= isFloat32(x)
        return x
      })
      return wide ? each((x) => (isNarrow(x) ? cast(x, 'float32') : x)) : args
    }
  }
}

/** `x` in autocast's dtype. A leaf's cast is kept: it is one for all ops of a step, and gradients are summed before they are cast back. */
function lowered(x: Tensor, { dtype, casts }: Autocast, cast: Cast): Tensor {
  const { _node: node, _edge: edge } = x
  if (casts === undefined || edge === undefined || edge.entry !== undefined || !isFloat32(x)) return cast(x, dtype)
  const known = casts.get(x)
  if (known?.node === node && known.edge === edge && known.cast._node.dtype === dtype) return known.cast
  // On the tape in any case: an evaluation under noGrad may come before the step
  const made = withGrad(true, () => cast(x, dtype))
  casts.set(x, { node, edge, cast: made })
  return made
}

/** An argument, with `f` of the tensors in it. */
function mapped(x: unknown, f: (x: Tensor) => Tensor): unknown {
  if (x instanceof Tensor) return f(x)
  if (Array.isArray(x)) return x.some((v) => v instanceof Tensor) ? x.map((v) => (v instanceof Tensor ? f(v) : v)) : x
  if (!isOptions(x)) return x
  const entries = Object.entries(x)
  if (!entries.some(([, v]) => v instanceof Tensor)) return x
  return Object.fromEntries(entries.map(([key, v]) => [key, v instanceof Tensor ? f(v) : v]))
}

/** Whether it is an object of options, as the caller has written it. */
export const isOptions = (x: unknown): x is object => typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype
