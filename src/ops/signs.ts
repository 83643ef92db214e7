/** @file Signs, and numbers in place of those that are none. */
import {
  ArgumentError,
  options as describe,
  isFloat,
  isPlainObject,
  NUMBER,
  nullable,
  type Options,
  oneOf,
  rangeOf,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { eq, isnan } from './compare.ts'
import { clone } from './convert.ts'
import { defineComposition } from './define.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { mul, where } from './elementwise.ts'
import { lit } from './promote.ts'

/** x itself. @throws DTypeError for bools. @see https://pytorch.org/docs/stable/generated/torch.positive.html */
export const positive: UnaryFunction = defineUnary('positive', {
  domain: 'any',
  ofHalves: 'exact',
  forward: (x) => graph.alias(x),
  vjp: (g) => g,
})

/** Whether the sign of x is a minus: of −0 too. (That of a NaN is none.) */
export const isMinus = (x: graph.Node): graph.Node => {
  const negative = graph.binary('lt', x, 0)
  if (!isFloat(x.dtype)) return negative
  return graph.binary('or', negative, graph.binary('and', graph.binary('eq', x, 0), graph.binary('lt', graph.unary('recip', x), 0)))
}

/** Whether the sign of an element is a minus, as that of −0 is; that of a NaN is not seen. @see https://pytorch.org/docs/stable/generated/torch.signbit.html */
export const signbit: UnaryFunction = defineUnary('signbit', {
  domain: 'any',
  bool: 'keep',
  ofHalves: 'exact',
  forward: (x) => (x.dtype === 'bool' ? graph.binary('xor', x, x) : isMinus(x)),
  vjp: 'none',
})

/** |a| with the sign of b, which that of 0 counts for. @see https://pytorch.org/docs/stable/generated/torch.copysign.html */
export const copysign: BinaryFunction = defineBinary('copysign', {
  domain: 'float',
  ofHalves: 'exact',
  forward: (a, b) => {
    const size = graph.unary('abs', a)
    return graph.where(isMinus(b), graph.unary('neg', size), size)
  },
  saves: { a: ['a', 'y'] },
  vjp: {
    a: (g, { a, y }) => mul(g, where(eq(a, lit(0, a)), lit(0, g), where(eq(a, y), lit(1, g), lit(-1, g)))),
    b: (g) => mul(g, lit(0, g)),
  },
})

/** 0 where a < 0, b where a is 0, 1 where a > 0; 0 of NaN. @see https://pytorch.org/docs/stable/generated/torch.heaviside.html */
export const heaviside: BinaryFunction = defineBinary('heaviside', {
  ofHalves: 'exact',
  forward: (a, b, dtype) => graph.where(graph.binary('eq', a, 0), b, graph.cast(graph.binary('lt', 0, a), dtype)),
  vjp: { a: 'none', b: 'none' },
})

/** What stands in place of what is no number in {@link nanToNum}. */
export interface NanToNumOptions {
  /** Of NaN: 0 by default. */
  readonly nan?: number | null
  /** Of ∞: the largest number of the dtype by default. */
  readonly posinf?: number | null
  /** Of −∞: the least number of the dtype by default. */
  readonly neginf?: number | null
}
const MAYBE = nullable(NUMBER)
const PLACES: Options<NanToNumOptions> = describe<NanToNumOptions>({ nan: MAYBE, posinf: MAYBE, neginf: MAYBE })
/** The kinds of what {@link nanToNum} takes behind the tensor. */
export const NAN_TO_NUM = { nan: oneOf(MAYBE, PLACES), posinf: MAYBE, neginf: MAYBE } as const
const NAN_TO_NUM_ARGUMENTS = signature('nanToNum', { x: TENSOR, ...NAN_TO_NUM })

/**
 * x with numbers in place of NaN (0 by default), ∞ (the largest number of the dtype) and −∞ (the least). By position or by name.
 * @see https://pytorch.org/docs/stable/generated/torch.nan_to_num.html
 */
export const nanToNum: (x: Tensor, nan?: number | null | NanToNumOptions, posinf?: number | null, neginf?: number | null) => Tensor =
  defineComposition(
    'nanToNum',
    (x: Tensor, nan?: number | null | NanToNumOptions, posinf?: number | null, neginf?: number | null) => {
      NAN_TO_NUM_ARGUMENTS.check(x, nan, posinf, neginf)
      const named = isPlainObject(nan)
      if (named && (posinf !== undefined || neginf !== undefined))
        throw new ArgumentError('nanToNum', 'posinf and neginf stand behind the options that name them. Give them once')
      const given = named ? (nan as NanToNumOptions) : { nan: nan as number | null, posinf, neginf }
      if (!isFloat(x.dtype)) return clone(x)
      const [least, most] = rangeOf(x.dtype)
      const infinity = Number.POSITIVE_INFINITY
      const finite = where(eq(x, lit(infinity, x)), given.posinf ?? most, where(eq(x, lit(-infinity, x)), given.neginf ?? least, x))
      return where(isnan(x), given.nan ?? 0, finite)
    },
    { half: 'keep' },
  )
