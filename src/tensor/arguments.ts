/** @file Kinds of arguments that know tensors (`src/base/arguments.ts` has the others). */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  isPlainObject,
  type Kind,
  listOf,
  mismatch,
  NUMBER,
  nullable,
  Options,
  oneOf,
  optional,
  type Signature,
  showArgument,
  signature,
  WHOLE,
} from '../base/index.ts'
import { Tensor } from './tensor.ts'

/** A Tensor of another copy of the library: none of ours, though it has all that one has. */
const isForeign = (x: object): boolean => '_node' in x && 'shape' in x && 'dtype' in x

function tensorHint(x: unknown): string | undefined {
  if (typeof x === 'function') return 'A function is called first; a module computes by its forward'
  if (typeof x !== 'object') return typeof x === 'number' || typeof x === 'boolean' || typeof x === 'bigint' ? MAKE : undefined
  if (x === null) return undefined
  if (isForeign(x)) return 'It is a Tensor of another copy of tapegrad: `npm ls tapegrad` shows who brings it'
  if (typeof (x as { readonly forward?: unknown }).forward === 'function') return 'It is a module: give the result of its forward'
  return Array.isArray(x) || ArrayBuffer.isView(x) ? MAKE : undefined
}
const MAKE = 'Make one with tensor(…)'

/** A tensor. */
export const TENSOR: Kind = { fits: 'a Tensor', accepts: (x) => x instanceof Tensor, hint: tensorHint }
/** A tensor, or null or undefined where there is none. */
export const MAYBE_TENSOR: Kind = nullable(TENSOR)
/** A tensor, or null, which has to be said. */
export const TENSOR_OR_NULL: Kind = {
  fits: 'a Tensor, or null',
  accepts: (x) => x === null || x instanceof Tensor,
  hint: tensorHint,
}
/** A tensor, or a number or boolean that meets one. */
export const OPERAND: Kind = {
  fits: 'a Tensor or a number',
  accepts: (x) => x instanceof Tensor || typeof x === 'number' || typeof x === 'boolean',
  hint: (x) => (typeof x === 'bigint' || typeof x === 'string' ? NUMBER.hint?.(x) : tensorHint(x)),
}
/** One tensor, or an array of them. */
export const TENSORS: Kind = { ...oneOf(TENSOR, listOf(TENSOR)), fits: 'a Tensor or an array of them' }

/** One dim, counted from the back where it is negative. Whether the tensor has it is checked with its shape (`normalizeDim`). */
export const DIM: Kind = WHOLE
/** One dim or several. */
export const DIMS: Kind = { ...oneOf(WHOLE, listOf(WHOLE)), fits: 'a whole number or an array of them' }

/** In the place of a dim, options that may name it. An empty object names nothing: more likely another thing was meant. */
class DimOptions extends Options {
  override accepts(x: unknown): boolean {
    return super.accepts(x) && Object.keys(x as object).length > 0
  }
}

/** `dim` or options in one place, which may be left out. */
export const dimOr = (dim: Kind, options: Options): Kind => optional(oneOf(dim, new DimOptions(Object.fromEntries(options.kinds))))

/** The options of a function that takes `(dim, options)` or `(options)`. @throws ArgumentError where they are given in both places */
export function optionsIn<O extends object>(op: string, dim: unknown, options: O | undefined): O | undefined {
  if (typeof dim !== 'object' || dim === null || Array.isArray(dim)) return options
  if (options !== undefined) throw new ArgumentError(op, `options are given twice: ${showArgument(dim)} and ${showArgument(options)}`)
  return dim as O
}

/**
 * Describes a function whose last arguments go by position or by name, as in PyTorch: `x.diagonal(1, 0, 2)`, `x.diagonal(1, { dim1: 0, dim2: 2 })`,
 * `x.diagonal({ offset: 1 })`. `first` are those that go by position only.
 */
export class NamedArguments<O extends object> {
  readonly #given: Signature
  readonly #names: readonly (keyof O & string)[]
  readonly #first: number

  constructor(name: string, first: Readonly<Record<string, Kind>>, named: { readonly [K in keyof O & string]-?: Kind }) {
    const all = describe<O>(named)
    const inPlaces = Object.entries<Kind>(named).map(([key, kind]) => [key, dimOr(kind, all)] as const)
    this.#given = signature(name, { ...first, ...Object.fromEntries(inPlaces) })
    this.#names = Object.keys(named) as (keyof O & string)[]
    this.#first = Object.keys(first).length
  }

  /** The named arguments of a call, checked with the others. @throws ArgumentError where one is given twice, or something stands behind the options */
  read(...args: readonly unknown[]): Partial<O> {
    const given = this.#given
    given.check(...(args as Parameters<Signature['check']>))
    const found: Partial<O> = {}
    const rest = args.slice(this.#first)
    const last = rest.findLastIndex((v) => v !== undefined)
    for (const [i, value] of rest.entries()) {
      if (isPlainObject(value)) {
        if (i < last) throw new ArgumentError(given.name, 'the options come last')
        for (const key of this.#names) {
          const option = (value as Partial<O>)[key]
          if (option === undefined) continue
          if (found[key] !== undefined)
            throw new ArgumentError(given.name, `${key} is given twice: ${showArgument(found[key])} and ${showArgument(option)}`)
          found[key] = option
        }
      } else if (value !== undefined) found[this.#names[i] as keyof O & string] = value as O[keyof O & string]
    }
    return found
  }
}

/** Throws unless `x` is a tensor: what is most often wrong. */
export function checkTensor(op: string, role: string, x: unknown): asserts x is Tensor {
  if (!(x instanceof Tensor)) throw new ArgumentError(op, mismatch(TENSOR, role, x))
}

/** How gradients are forgotten. */
export interface ZeroGradOptions {
  /** Whether they become null (default) or zeros. */
  readonly setToNone?: boolean
}

/** The kinds of {@link ZeroGradOptions}. */
export const ZERO_GRAD_OPTIONS: Options<ZeroGradOptions> = describe<ZeroGradOptions>({ setToNone: BOOLEAN })
