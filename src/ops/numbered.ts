/** @file A number behind a tensor, which goes by position or by its name: `elu(x, 2)`, `elu(x, { alpha: 2 })`. */
import { options as describe, type Kind, oneOf, optional, type Signature, signature } from '../base/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'

/** A function of a tensor and one number, which goes by position or by its name. */
export type NumberFunction<O> = (x: Tensor, value?: number | O) => Tensor

/** The kind of a number that goes by position or by its name. */
export const numbered = (key: string, kind: Kind): Readonly<Record<string, Kind>> => ({
  [key]: optional(oneOf(kind, describe({ [key]: kind } as Record<string, Kind>))),
})

/** Describes a function of `(x, value)` or `(x, { value })`. */
export const withNumber = (name: string, key: string, kind: Kind): Signature => signature(name, { x: TENSOR, ...numbered(key, kind) })

/** The number that was given by position or by name, or `initial`. */
export function numberOf<K extends string>(key: K, given: number | { readonly [k in K]?: number } | undefined, initial: number): number {
  return (typeof given === 'object' ? given[key] : given) ?? initial
}
