/** @file Bounds: the larger or the smaller of two values, and values kept within a range. A number that the dtype does not hold bounds nothing, or everything. */
import {
  ArgumentError,
  type DType,
  options as describe,
  isFloat,
  isPlainObject,
  lowerBound,
  nullable,
  oneOf,
  signature,
  underName,
  upperBound,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { OPERAND, optionsIn, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, ge, gt, isnan, le, logicalOr, lt } from './compare.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { type BinaryFunction, defineBinary } from './define-elementwise.ts'
import { mul, where } from './elementwise.ts'
import { lit, meet, type Operand, saturated } from './promote.ts'

const AT_LEAST = { a: lowerBound, b: lowerBound } as const
const AT_MOST = { a: upperBound, b: upperBound } as const

/** The larger; NaN wins; equal operands share the gradient. Of a number that the dtype does not hold as {@link clamp}. @see https://pytorch.org/docs/stable/generated/torch.maximum.html */
export const maximum: BinaryFunction = defineBinary('maximum', {
  numbers: AT_LEAST,
  convert: saturated,
  ofHalves: 'exact',
  forward: (a, b) => graph.binary('max', a, b),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: { a: (g, { a, b }) => share(g, a, b, lt), b: (g, { a, b }) => share(g, b, a, lt) },
})

/** The smaller; NaN wins; equal operands share the gradient. Of a number that the dtype does not hold as {@link clamp}. @see https://pytorch.org/docs/stable/generated/torch.minimum.html */
export const minimum: BinaryFunction = defineBinary('minimum', {
  numbers: AT_MOST,
  convert: saturated,
  ofHalves: 'exact',
  forward: (a, b) => graph.binary('min', a, b),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: { a: (g, { a, b }) => share(g, a, b, gt), b: (g, { a, b }) => share(g, b, a, gt) },
})

/** g for the operand that won, g/2 in a tie, 0 where it `loses`. */
const share = (g: Tensor, own: Tensor, other: Tensor, loses: (a: Operand, b: Operand) => Tensor): Tensor =>
  where(loses(own, other), lit(0, g), where(eq(own, other), mul(g, lit(0.5, g)), g))

/** The one that won, or the one that is a number beside NaN. */
const numberOf = (a: graph.Node, b: graph.Node, op: 'max' | 'min'): graph.Node => {
  if (!isFloat(a.dtype)) return graph.binary(op, a, b)
  const isNan = (x: graph.Node): graph.Node => graph.binary('ne', x, x)
  return graph.where(isNan(a), b, graph.where(isNan(b), a, graph.binary(op, a, b)))
}

/** Whether `a` is the result: of equal operands, or beside NaN. `NaN` stands in no order. */
const isFirst = (a: Tensor, b: Tensor, wins: (a: Operand, b: Operand) => Tensor): Tensor => logicalOr(wins(a, b), isnan(b))

/** The larger, or the number beside NaN; of equal operands `a` gets the gradient. @see https://pytorch.org/docs/stable/generated/torch.fmax.html */
export const fmax: BinaryFunction = defineBinary('fmax', {
  numbers: AT_LEAST,
  convert: saturated,
  ofHalves: 'exact',
  forward: (a, b) => numberOf(a, b, 'max'),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: {
    a: (g, { a, b }) => where(isFirst(a, b, ge), g, lit(0, g)),
    b: (g, { a, b }) => where(isFirst(a, b, ge), lit(0, g), g),
  },
})

/** The smaller, or the number beside NaN; of equal operands `a` gets the gradient. @see https://pytorch.org/docs/stable/generated/torch.fmin.html */
export const fmin: BinaryFunction = defineBinary('fmin', {
  numbers: AT_MOST,
  convert: saturated,
  ofHalves: 'exact',
  forward: (a, b) => numberOf(a, b, 'min'),
  saves: { a: ['a', 'b'], b: ['a', 'b'] },
  vjp: {
    a: (g, { a, b }) => where(isFirst(a, b, le), g, lit(0, g)),
    b: (g, { a, b }) => where(isFirst(a, b, le), lit(0, g), g),
  },
})

const clampLow = defineOp('clampMin', {
  inputs: ['x', 'low'],
  forward: (x, low, dtype: DType) => graph.binary('max', saturated(x, dtype), saturated(low, dtype)),
  saves: { x: ['x', 'low'], low: ['x', 'low'] },
  vjp: { x: (g, { x, low }) => where(ge(x, low), g, lit(0, g)), low: (g, { x, low }) => where(lt(x, low), g, lit(0, g)) },
  half: 'keep',
})
const clampHigh = defineOp('clampMax', {
  inputs: ['x', 'high'],
  forward: (x, high, dtype: DType) => graph.binary('min', saturated(x, dtype), saturated(high, dtype)),
  saves: { x: ['x', 'high'], high: ['x', 'high'] },
  vjp: { x: (g, { x, high }) => where(le(x, high), g, lit(0, g)), high: (g, { x, high }) => where(gt(x, high), g, lit(0, g)) },
  half: 'keep',
})

/** Bounds of {@link clamp} by name. */
export interface ClampOptions {
  /** The lower bound; none by default. */
  readonly min?: Operand | null
  /** The upper bound; none by default. */
  readonly max?: Operand | null
}

const OPTIONAL_BOUND = nullable(OPERAND)
/** The kinds of the bounds of {@link clamp}: by position, or both by name in the place of the first. */
export const BOUND = {
  min: oneOf(OPTIONAL_BOUND, describe<ClampOptions>({ min: OPTIONAL_BOUND, max: OPTIONAL_BOUND })),
  max: OPTIONAL_BOUND,
} as const
const CLAMP = signature('clamp', { x: TENSOR, ...BOUND })

/**
 * x within [min, max]; NaN stays NaN; where min > max, max. The gradient reaches x where it lies within the bounds (ends included). A bound may be a number that
 * the dtype does not hold: it bounds nothing, or leaves no value, and then everything becomes the end of the dtype.
 * @throws ArgumentError when neither bound is given.
 * @see https://pytorch.org/docs/stable/generated/torch.clamp.html
 */
export const clamp: (x: Tensor, min?: Operand | null | ClampOptions, max?: Operand | null) => Tensor = defineComposition(
  'clamp',
  (x: Tensor, min?: Operand | null | ClampOptions, max?: Operand | null) => {
    CLAMP.check(x, min, max)
    const named = isPlainObject(min) ? optionsIn<ClampOptions>('clamp', min, max === undefined ? undefined : { max }) : undefined
    const low = named ? named.min : (min as Operand | null | undefined)
    const high = named ? named.max : max
    if ((low ?? high ?? null) === null) throw new ArgumentError('clamp', 'at least one of min and max must be given')
    if (low instanceof Tensor || high instanceof Tensor)
      checkDevices('clamp', ['x', 'min', 'max'], [x, low instanceof Tensor ? low : null, high instanceof Tensor ? high : null])
    let y = x
    if (low !== undefined && low !== null) {
      const { b, dtype } = meet('clamp', x, low, 'any', AT_LEAST)
      y = clampLow(y, b, dtype)
    }
    if (high !== undefined && high !== null) {
      const { b, dtype } = meet('clamp', y, high, 'any', AT_MOST)
      y = clampHigh(y, b, dtype)
    }
    return y
  },
  { half: 'keep' },
)

const CLAMP_MIN = signature('clampMin', { x: TENSOR, min: OPERAND })
const CLAMP_MAX = signature('clampMax', { x: TENSOR, max: OPERAND })
/** max(x, min): {@link clamp} from below. @see https://pytorch.org/docs/stable/generated/torch.clamp.html */
export const clampMin: (x: Tensor, min: Operand) => Tensor = (x: Tensor, min: Operand) => {
  CLAMP_MIN.check(x, min)
  return underName('clampMin', () => clamp(x, min))
}
/** min(x, max): {@link clamp} from above. @see https://pytorch.org/docs/stable/generated/torch.clamp.html */
export const clampMax: (x: Tensor, max: Operand) => Tensor = (x: Tensor, max: Operand) => {
  CLAMP_MAX.check(x, max)
  return underName('clampMax', () => clamp(x, { max }))
}
