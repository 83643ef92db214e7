/** @file Elementwise arithmetic: one value of the result for one value of each operand, which broadcast as in NumPy. */
import {
  ArgumentError,
  choice,
  type DType,
  DTypeError,
  options as describe,
  held,
  isFloat,
  isHalf,
  isInteger,
  memberOf,
  NUMBER,
  nullable,
  type Options,
  operandOf,
  optional,
  signature,
  underName,
  ZeroDivisionError,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { OPERAND, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, ge, le, logicalAnd } from './compare.ts'
import { cast } from './convert.ts'
import { autocasted, defineComposition, defineOp } from './define.ts'
import { type BinaryFunction, defineBinary, defineUnary, type UnaryFunction } from './define-elementwise.ts'
import { lit, meet, number, type Operand } from './promote.ts'
import { floorOfFloats, quotientOfIntegers, truncatedOfFloats, wholePower } from './quotients.ts'

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI)
/** `where(test, a, b)` in rules: the arguments are right by construction. */
const pick = (test: Tensor, a: Tensor, b: Tensor): Tensor => where(test, a, b)

// ── one operand ──

/** −x. @see https://pytorch.org/docs/stable/generated/torch.neg.html */
export const neg: UnaryFunction = defineUnary('neg', {
  domain: 'any',
  ofHalves: 'exact',
  forward: (x) => graph.unary('neg', x),
  vjp: (g) => neg(g),
})

/** |x|; the gradient at 0 is 0. @see https://pytorch.org/docs/stable/generated/torch.abs.html */
export const abs: UnaryFunction = defineUnary('abs', {
  domain: 'any',
  ofHalves: 'exact',
  forward: (x) => graph.unary('abs', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, sign(x)),
})

/** (0 < x) − (x < 0): 0 for NaN, as in PyTorch. */
const signNode = (x: graph.Node): graph.Node =>
  graph.binary('sub', graph.cast(graph.binary('lt', 0, x), x.dtype), graph.cast(graph.binary('lt', x, 0), x.dtype))

/** −1, 0 or 1; 0 for NaN. @see https://pytorch.org/docs/stable/generated/torch.sign.html */
export const sign: UnaryFunction = defineUnary('sign', {
  domain: 'any',
  ofHalves: 'exact',
  bool: 'keep',
  forward: (x) => (x.dtype === 'bool' ? x : isFloat(x.dtype) ? signNode(x) : graph.unary('sign', x)),
  vjp: (g) => mul(g, lit(0, g)),
})

/** eˣ. @see https://pytorch.org/docs/stable/generated/torch.exp.html */
export const exp: UnaryFunction = defineUnary('exp', {
  autocast: 'float32',
  forward: (x) => graph.unary('exp', x),
  saves: ['y'],
  vjp: (g, { y }) => mul(g, y),
})

/** eˣ − 1, exact for small x. @see https://pytorch.org/docs/stable/generated/torch.expm1.html */
export const expm1: UnaryFunction = defineUnary('expm1', {
  autocast: 'float32',
  forward: (x) => graph.unary('expm1', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, exp(x)), // not y + 1, which cancels
})

/** Natural logarithm. @see https://pytorch.org/docs/stable/generated/torch.log.html */
export const log: UnaryFunction = defineUnary('log', {
  autocast: 'float32',
  forward: (x) => graph.unary('log', x),
  saves: ['x'],
  vjp: (g, { x }) => div(g, x),
})

/** ln(1 + x), exact for small x. @see https://pytorch.org/docs/stable/generated/torch.log1p.html */
export const log1p: UnaryFunction = defineUnary('log1p', {
  autocast: 'float32',
  forward: (x) => graph.unary('log1p', x),
  saves: ['x'],
  vjp: (g, { x }) => div(g, add(x, lit(1, x))),
})

/** √x. @see https://pytorch.org/docs/stable/generated/torch.sqrt.html */
export const sqrt: UnaryFunction = defineUnary('sqrt', {
  forward: (x) => graph.unary('sqrt', x),
  saves: ['y'],
  vjp: (g, { y }) => div(g, mul(y, lit(2, y))),
})

/** 1/√x. @see https://pytorch.org/docs/stable/generated/torch.rsqrt.html */
export const rsqrt: UnaryFunction = defineUnary('rsqrt', {
  autocast: 'float32',
  forward: (x) => graph.unary('rsqrt', x),
  saves: ['y'],
  vjp: (g, { y }) => mul(mul(mul(g, lit(-0.5, g)), y), mul(y, y)), // d(x^−½) = −½ y³
})

/** 1/x. @see https://pytorch.org/docs/stable/generated/torch.reciprocal.html */
export const reciprocal: UnaryFunction = defineUnary('reciprocal', {
  autocast: 'float32',
  forward: (x) => graph.unary('recip', x),
  saves: ['y'],
  vjp: (g, { y }) => neg(mul(g, mul(y, y))),
})

/** x². @see https://pytorch.org/docs/stable/generated/torch.square.html */
export const square: UnaryFunction = defineUnary('square', {
  domain: 'any',
  autocast: 'float32', // as pow, which PyTorch's is
  forward: (x) => graph.binary('mul', x, x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, mul(x, lit(2, x))),
})

/** Sine of x in radians. @see https://pytorch.org/docs/stable/generated/torch.sin.html */
export const sin: UnaryFunction = defineUnary('sin', {
  forward: (x) => graph.unary('sin', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(g, cos(x)),
})

/** Cosine of x in radians. @see https://pytorch.org/docs/stable/generated/torch.cos.html */
export const cos: UnaryFunction = defineUnary('cos', {
  forward: (x) => graph.unary('cos', x),
  saves: ['x'],
  vjp: (g, { x }) => neg(mul(g, sin(x))),
})

/** Hyperbolic tangent. @see https://pytorch.org/docs/stable/generated/torch.tanh.html */
export const tanh: UnaryFunction = defineUnary('tanh', {
  forward: (x) => graph.unary('tanh', x),
  saves: ['y'],
  vjp: (g, { y }) => mul(g, sub(lit(1, y), mul(y, y))), // dy/dx = 1 − y²
})

/** 1/(1 + e⁻ˣ). @see https://pytorch.org/docs/stable/generated/torch.sigmoid.html */
export const sigmoid: UnaryFunction = defineUnary('sigmoid', {
  forward: (x) => graph.unary('recip', graph.binary('add', graph.unary('exp', graph.unary('neg', x)), 1)),
  saves: ['y'],
  vjp: (g, { y }) => mul(g, mul(y, sub(lit(1, y), y))), // dy/dx = y(1 − y)
})

/** max(x, 0); NaN stays NaN. @see https://pytorch.org/docs/stable/generated/torch.nn.functional.relu.html */
export const relu: UnaryFunction = defineUnary('relu', {
  domain: 'any',
  ofHalves: 'exact',
  forward: (x) => graph.binary('max', x, 0),
  saves: ['y'],
  vjp: (g, { y }) => pick(le(y, lit(0, y)), lit(0, g), g),
})

/** The error function. @see https://pytorch.org/docs/stable/special.html#torch.special.erf */
export const erf: UnaryFunction = defineUnary('erf', {
  forward: (x) => graph.unary('erf', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(mul(g, lit(TWO_OVER_SQRT_PI, g)), exp(neg(mul(x, x)))),
})

/** 1 − erf x, exact also where erf x rounds to 1. @see https://pytorch.org/docs/stable/special.html#torch.special.erfc */
export const erfc: UnaryFunction = defineUnary('erfc', {
  forward: (x) => graph.unary('erfc', x),
  saves: ['x'],
  vjp: (g, { x }) => mul(mul(g, lit(-TWO_OVER_SQRT_PI, g)), exp(neg(mul(x, x)))),
})

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** `none` (default): by erfc; `tanh`: by Hendrycks and Gimpel's formula. */
  readonly approximate?: 'none' | 'tanh'
}

/** The kinds of {@link GeluOptions}. */
export const GELU_OPTIONS: Options<GeluOptions> = describe<GeluOptions>({ approximate: choice(['none', 'tanh']) })
const GELU = signature('gelu', { x: TENSOR, options: optional(GELU_OPTIONS) })

/**
 * x·Φ(x), with Φ the normal distribution function; `approximate: 'tanh'` takes Hendrycks and Gimpel's formula.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html
 */
export const gelu: (x: Tensor, options?: GeluOptions) => Tensor = defineComposition('gelu', (x: Tensor, options?: GeluOptions) => {
  GELU.check(x, options)
  if (options?.approximate === 'tanh') {
    // ½ (1 + tanh u) = 1/(1 + e⁻²ᵘ), in which nothing cancels
    const scale = 2 * Math.sqrt(2 / Math.PI)
    return mul(x, sigmoid(mul(x, add(lit(scale, x), mul(mul(x, x), lit(0.044715 * scale, x))))))
  }
  return mul(mul(x, lit(0.5, x)), erfc(mul(x, lit(-Math.SQRT1_2, x)))) // not 1 + erf, which cancels
})

// ── two operands ──

const plus = defineBinary('add', {
  forward: (a, b) => graph.binary('add', a, b),
  vjp: { a: (g) => g, b: (g) => g },
})

/** Factor of the second operand of {@link add} and {@link sub}. */
export interface AlphaOptions {
  /** The factor: 1 by default. */
  readonly alpha?: number
}

/** The kinds of {@link AlphaOptions}. */
export const ALPHA: Options<AlphaOptions> = describe<AlphaOptions>({ alpha: NUMBER })
const ADD = signature('add', { a: OPERAND, b: OPERAND, options: optional(ALPHA) })
const SUB = signature('sub', { a: OPERAND, b: OPERAND, options: optional(ALPHA) })

/** alpha · b in the dtype that a and b meet in, where b may be a number. */
function scaled(op: string, a: Operand, b: Operand, alpha: number): Operand {
  if (!(b instanceof Tensor)) return Number(b) * alpha
  const { dtype } = meet(op, a, b)
  if (isInteger(dtype) && Number.isInteger(alpha)) operandOf(op, 'alpha', alpha, dtype)
  return underName(op, () => mul(cast(b, dtype), alpha))
}

/** a + alpha · b. @see https://pytorch.org/docs/stable/generated/torch.add.html */
export function add(a: Operand, b: Operand, options?: AlphaOptions): Tensor {
  if (options !== undefined) ADD.check(a, b, options)
  return options?.alpha === undefined ? plus(a, b) : plus(a, scaled('add', a, b, options.alpha))
}

const minus = defineBinary('sub', {
  bools: 'Use logicalXor, or convert with .int()',
  forward: (a, b) => graph.binary('sub', a, b),
  vjp: { a: (g) => g, b: (g) => neg(g) },
})

/** a − alpha · b. @see https://pytorch.org/docs/stable/generated/torch.sub.html */
export function sub(a: Operand, b: Operand, options?: AlphaOptions): Tensor {
  if (options !== undefined) SUB.check(a, b, options)
  return options?.alpha === undefined ? minus(a, b) : minus(a, scaled('sub', a, b, options.alpha))
}

const RSUB = signature('rsub', { a: TENSOR, b: OPERAND, options: optional(ALPHA) })
/** b − alpha · a. @see https://pytorch.org/docs/stable/generated/torch.rsub.html */
export function rsub(a: Tensor, b: Operand, options?: AlphaOptions): Tensor {
  RSUB.check(a, b, options)
  return underName('rsub', () => sub(b, a, options))
}

/** a · b, element by element. @see https://pytorch.org/docs/stable/generated/torch.mul.html */
export const mul: BinaryFunction = defineBinary('mul', {
  forward: (a, b) => graph.binary('mul', a, b),
  saves: { a: ['b'], b: ['a'] },
  vjp: { a: (g, { b }) => mul(g, b), b: (g, { a }) => mul(g, a) },
})

const quotient = defineBinary('div', {
  domain: 'float',
  forward: (a, b) => graph.binary('div', a, b),
  saves: { a: ['b'], b: ['a', 'b'] },
  vjp: { a: (g, { b }) => div(g, b), b: (g, { a, b }) => neg(mul(g, div(div(a, b), b))) },
})

/** How {@link div} rounds: towards zero, down, or not at all (default). */
export interface DivOptions {
  /** `trunc`: towards zero; `floor`: down; null (default): not at all. */
  readonly roundingMode?: 'trunc' | 'floor' | null
}

/** The kinds of {@link DivOptions}. */
export const DIV: Options<DivOptions> = describe<DivOptions>({ roundingMode: nullable(choice(['trunc', 'floor'])) })
const QUOTIENT = signature('div', { a: OPERAND, b: OPERAND, options: optional(DIV) })

/** A quotient is not the same modulo 2ⁿ, so a number beside integers has to be one of theirs. */
const QUOTIENT_NUMBERS = { a: memberOf, b: memberOf } as const

/** A quotient rounded to whole numbers; its gradient is 0. */
const defineQuotient = (name: string, floats: (a: graph.Node, b: graph.Node) => graph.Node, mode: 'trunc' | 'floor'): BinaryFunction => {
  const still = (g: Tensor): Tensor => new Tensor(graph.expand(graph.constant(0, g.dtype, g._node.placement), g.shape))
  return defineBinary(name, {
    as: 'div',
    numbers: QUOTIENT_NUMBERS,
    convert: (x) => x,
    forward: (a, b, dtype) =>
      isFloat(dtype) ? floats(graph.cast(a, dtype), graph.cast(b, dtype)) : graph.cast(quotientOfIntegers(a, b, mode, 'div'), dtype),
    vjp: { a: still, b: still },
  })
}

/** Throws where integers are divided by a `b` that the host knows to have a 0. `divisor` is `b` as a tensor. */
export function refuseZero(op: string, b: Operand, divisor: Tensor, dtype: DType): void {
  if (isInteger(dtype) && (b instanceof Tensor ? runtime.hostValues(divisor._node)?.includes(0) : Number(b) === 0))
    throw new ZeroDivisionError(op, 'an integer is divided by 0')
}

const divideTruncated = defineQuotient('divTrunc', truncatedOfFloats, 'trunc')
const divideDown = defineQuotient('divFloor', floorOfFloats, 'floor')

/**
 * a / b. Integers are divided as float32, or exactly where a `roundingMode` is given: then a number beside them has to be one that their dtype holds.
 * @throws ZeroDivisionError where integers are divided by 0 under a `roundingMode`: at the call where the host knows the divisor, else at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.div.html
 */
export function div(a: Operand, b: Operand, options?: DivOptions): Tensor {
  if (options !== undefined) QUOTIENT.check(a, b, options)
  const mode = options?.roundingMode ?? null
  if (mode === null) return quotient(a, b)
  const { b: divisor, dtype } = meet('div', a, b, 'any', QUOTIENT_NUMBERS)
  if (dtype === 'bool') throw new DTypeError('div', `bools have no quotient with roundingMode '${mode}'. Convert with .int()`)
  refuseZero('div', b, divisor, dtype)
  return underName('div', () => (mode === 'floor' ? divideDown(a, b) : divideTruncated(a, b)))
}

const power = defineBinary('pow', {
  autocast: 'float32',
  numbers: { a: operandOf, b: memberOf }, // the base may wrap, the exponent may not
  convert: (x) => x,
  forward: (a, b, dtype) =>
    isFloat(dtype) ? graph.binary('pow', graph.cast(a, dtype), graph.cast(b, dtype)) : graph.cast(wholePower(a, b), dtype),
  saves: { a: ['a', 'b'], b: ['a', 'b', 'y'] },
  vjp: {
    // b aᵇ⁻¹, and 0 where b is 0: also at a = 0, and in the gradient of that
    a: (g, { a, b }) => {
      const isZero = eq(b, lit(0, b))
      return pick(isZero, lit(0, g), mul(g, mul(b, pow(a, sub(pick(isZero, lit(1, b), b), lit(1, b))))))
    },
    // y ln a, and 0 where a is 0 and b ≥ 0
    b: (g, { a, b, y }) => pick(logicalAnd(eq(a, lit(0, a)), ge(b, lit(0, b))), lit(0, g), mul(g, mul(y, log(a)))),
  },
})

/**
 * aᵇ. Exponents that a user gives as 2, 3, ½, −½, −1 or 1 are computed by multiplication or roots. Powers of integers are exact and wrap; one whose exponent
 * is a tensor's negative element is 0, or ±1 of ±1.
 * @throws ArgumentError for integers to a negative integer power, or one that their dtype does not hold.
 * @see https://pytorch.org/docs/stable/generated/torch.pow.html
 */
export const pow: BinaryFunction = autocasted('pow', 'float32', (a: Operand, b: Operand): Tensor => {
  if (a instanceof Tensor && typeof b === 'number' && a.dtype !== 'bool') {
    if (b === 2) return square(a)
    if (b === 3 && !isHalf(a.dtype)) return mul(square(a), a) // (halves are rounded once)
    if (b === 1) return mul(a, lit(1, a))
    if (isInteger(a.dtype)) {
      if (Number.isInteger(b) && b < 0)
        throw new ArgumentError('pow', `integers to a negative integer power (${b}) are not integers. Convert with .float()`)
    } else {
      if (b === 0.5) return sqrt(a)
      if (b === -0.5) return rsqrt(a)
      if (b === -1) return reciprocal(a)
    }
  }
  return power(a, b)
})

// ── three operands ──

const choose = defineOp('where', {
  inputs: ['test', 'a', 'b'],
  forward: (test, a, b, dtype: DType) => graph.where(test, graph.cast(a, dtype), graph.cast(b, dtype)),
  saves: { a: ['test'], b: ['test'] },
  vjp: { test: 'none', a: (g, { test }) => pick(test, g, lit(0, g)), b: (g, { test }) => pick(test, lit(0, g), g) },
  half: 'keep',
})

const CHOSEN = { a: held, b: held } as const
const WHERE = signature('where', { test: TENSOR, a: OPERAND, b: OPERAND })

/**
 * `a` where `test` holds, else `b`. All broadcast.
 * @param test bool
 * @throws DTypeError when `test` is not bool; ArgumentError for a number that the dtype of the other does not hold.
 * @see https://pytorch.org/docs/stable/generated/torch.where.html
 */
export function where(test: Tensor, a: Operand, b: Operand): Tensor {
  WHERE.check(test, a, b)
  if (test.dtype !== 'bool') throw new DTypeError('where', `test must be bool, got ${test.dtype}. Compare first: x.ne(0)`)
  if (!(a instanceof Tensor) && !(b instanceof Tensor)) {
    const dtype =
      typeof a === 'boolean' && typeof b === 'boolean' ? 'bool' : Number.isInteger(a) && Number.isInteger(b) ? 'int32' : 'float32'
    return choose(test, number(held('where', 'a', Number(a), dtype), dtype), number(held('where', 'b', Number(b), dtype), dtype), dtype)
  }
  const { a: x, b: y, dtype } = meet('where', a, b, 'any', CHOSEN)
  return choose(test, x, y, dtype)
}
