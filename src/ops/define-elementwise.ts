/** @file Definitions of elementwise ops: what `defineOp` needs, said shorter for one and for two operands. */
import { broadcastShapes, type DType, DTypeError, isHalf, signature } from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, OPERAND, TENSOR, Tensor } from '../tensor/index.ts'
import type { AutocastClass } from './autocast.ts'
import { autocasted, castTo, defineOp, type Rule } from './define.ts'
import { type Domain, floatOf, meet, type Operand, type Takings } from './promote.ts'

/** A function of one tensor, element by element. */
export type UnaryFunction = (x: Tensor) => Tensor
/** A function of two tensors that broadcast, or of a tensor and a number, element by element. */
export type BinaryFunction = (a: Operand, b: Operand) => Tensor

/**
 * What an op gives of halves. By default it is computed in float32 and rounded, once, so that it is the same whatever is fused with it. `exact`: it is a half in
 * any case (the larger of two), and there is nothing to round.
 */
type OfHalves = 'exact'

/** A float32 result of halves as one; what is none (isnan) stays. */
const rounded = (y: graph.Node, dtype: DType): graph.Node => (y.dtype === 'float32' ? graph.cast(y, dtype) : y)

/** A rule of single elements, in float32 also of halves. What it gives is summed and rounded by the driver. */
function inFloat32<R extends string, P>(rule: Rule<R, P> | 'none'): Rule<R, P> | 'none' {
  if (rule === 'none') return rule
  return (g, saved, p) => {
    if (!isHalf(g._node.dtype)) return rule(g, saved, p)
    const widen = (x: unknown): unknown => (x instanceof Tensor && isHalf(x._node.dtype) ? castTo(x, 'float32') : x)
    const wide = castTo(g, 'float32')
    const given = rule(wide, Object.fromEntries(Object.entries(saved).map(([role, x]) => [role, widen(x)])) as typeof saved, p)
    return given === wide ? g : given
  }
}

export interface UnarySpec<P = undefined> {
  readonly forward: (x: graph.Node, p: P) => graph.Node
  readonly vjp: Rule<'x', P> | 'none'
  /** What the rule reads: the input, the result or nothing. */
  readonly saves?: readonly ('x' | 'y')[]
  /** `float`: integers are converted to float32 first (exp). `any`: computed as they are (neg); bools are refused unless `bool` says otherwise. */
  readonly domain?: 'float' | 'any'
  /** What happens to bools under `any`: an error (default), or as they are. */
  readonly bool?: 'keep'
  readonly ofHalves?: OfHalves
  readonly autocast?: AutocastClass
}

/** An elementwise function of one tensor and parameters; the public function around it checks its arguments. Numbers of a user are data (`graph.scalar`). */
export function defineParametric<P>(name: string, spec: UnarySpec<P>): (x: Tensor, p: P) => Tensor {
  const { forward, domain = 'float', bool, ofHalves } = spec
  return defineOp<readonly ['x'], P>(name, {
    inputs: ['x'],
    forward: (x, p: P) => {
      if (isHalf(x.dtype) && ofHalves !== 'exact') return rounded(forward(graph.cast(x, 'float32'), p), x.dtype)
      if (domain === 'float') return forward(graph.cast(x, floatOf(x.dtype)), p)
      if (x.dtype === 'bool' && bool !== 'keep')
        throw new DTypeError(name, `x is bool, which ${name} does not take. Convert with .int() or .float()`)
      return forward(x, p)
    },
    vjp: { x: inFloat32(spec.vjp) },
    saves: { x: spec.saves ?? [] },
    half: 'keep',
    ...(spec.autocast && { autocast: spec.autocast }),
  })
}

/** Defines an elementwise function of one tensor; the result has its shape. */
export function defineUnary(name: string, spec: UnarySpec): UnaryFunction {
  const apply = defineParametric<undefined>(name, spec)
  const given = signature(name, { x: TENSOR })
  return (x) => {
    if (!(x instanceof Tensor)) given.check(x)
    return apply(x, undefined)
  }
}

export interface BinarySpec {
  /** Operands that broadcast, as `convert` left them, and the dtype of the result. */
  readonly forward: (a: graph.Node, b: graph.Node, dtype: DType) => graph.Node
  readonly vjp: { readonly a: Rule<'a' | 'b', DType> | 'none'; readonly b: Rule<'a' | 'b', DType> | 'none' }
  readonly saves?: { readonly a?: readonly ('a' | 'b' | 'y')[]; readonly b?: readonly ('a' | 'b' | 'y')[] }
  /** `float`: integers are divided as float32. `bool`: operands are taken for truth values (≠ 0). Default: as they are. */
  readonly domain?: Domain
  /** What becomes of a number that the dtype does not hold: it wraps by default (`operandOf`). */
  readonly numbers?: Takings
  /** How an operand comes into the dtype of the result: by a cast, unless it says otherwise. */
  readonly convert?: (x: graph.Node, dtype: DType) => graph.Node
  /** The public function that this is part of, where it has another name. */
  readonly as?: string
  /** What happens to two bools: computed as int32 and back (≠ 0) by default. Where they are refused, as by PyTorch's `-`, this says what to do instead. */
  readonly bools?: string
  readonly ofHalves?: OfHalves
  readonly autocast?: AutocastClass
}

/** Defines an elementwise function of two operands that broadcast; numbers are data. */
export function defineBinary(name: string, spec: BinarySpec): BinaryFunction {
  const { forward, domain = 'any', as = name, convert = graph.cast, numbers, ofHalves } = spec
  const wide = (x: graph.Node, dtype: DType): graph.Node => graph.cast(graph.cast(convert(x, dtype), dtype), 'float32')
  const apply = defineOp<readonly ['a', 'b'], DType>(name, {
    inputs: ['a', 'b'],
    forward: (a, b, dtype: DType) => {
      if (a.shape !== b.shape) checkSize(as, broadcastShapes(as, a.shape, b.shape))
      if (isHalf(dtype) && ofHalves !== 'exact') return rounded(forward(wide(a, dtype), wide(b, dtype), 'float32'), dtype)
      if (dtype !== 'bool' || domain === 'bool') return forward(convert(a, dtype), convert(b, dtype), dtype)
      if (spec.bools !== undefined) throw new DTypeError(as, `both operands are bool. ${spec.bools}`)
      return graph.cast(forward(graph.cast(a, 'int32'), graph.cast(b, 'int32'), 'int32'), 'bool')
    },
    vjp: { a: inFloat32(spec.vjp.a), b: inFloat32(spec.vjp.b) },
    saves: spec.saves ?? {},
    half: 'keep',
  })
  if (spec.as === undefined) signature(name, { a: OPERAND, b: OPERAND })
  const call: BinaryFunction = (a, b) => {
    const { a: x, b: y, dtype } = meet(as, a, b, domain, numbers)
    return apply(x, y, dtype)
  }
  // (before the dtype is known in which they meet)
  return spec.autocast ? autocasted(name, spec.autocast, call) : call
}
