/** @file Distances between vectors: of every one of some to every one of others (cdist), of each two of some (pdist), of two tensors (dist). */
import {
  broadcastShapes,
  choice,
  DTypeError,
  options as describe,
  isFloat,
  type Kind,
  NUMBER,
  type Options,
  oneOf,
  optional,
  ShapeError,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { checkSize, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, isnan, logicalOr } from './compare.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition, defineOp } from './define.ts'
import { abs, div, mul, neg, pow, sign, sub, where } from './elementwise.ts'
import { selectRows } from './indexing.ts'
import { norm } from './norms.ts'
import { checkFloat, commonType, lit } from './promote.ts'
import { unsqueeze } from './view.ts'

/** (Σ |d|ᵖ)^(1/p) over the last dim; the count of what is not 0 for p = 0, the largest for p = ∞. */
function normNode(difference: graph.Node, p: number): graph.Node {
  const last = [difference.shape.length - 1]
  const { dtype } = difference
  if (sizeOf(difference.shape) === 0) return graph.expand(graph.constant(0, dtype, difference.placement), difference.shape.slice(0, -1))
  if (p === 0) return graph.reduce('sum', graph.cast(graph.binary('ne', difference, 0), dtype), last)
  if (p === 2) return graph.unary('sqrt', graph.reduce('sum', graph.binary('mul', difference, difference), last))
  const size = graph.unary('abs', difference)
  if (p === 1) return graph.reduce('sum', size, last)
  if (p === Number.POSITIVE_INFINITY) return graph.reduce('max', size, last)
  const powers = graph.reduce('sum', graph.binary('pow', size, graph.scalar(p, dtype)), last)
  return graph.binary('pow', powers, graph.scalar(1 / p, dtype))
}

/** −1, 0 or 1; NaN of NaN. */
const signOf = (d: Tensor): Tensor => where(isnan(d), d, sign(d))

/** g · ∂y/∂d for y = ‖d‖ₚ; 0 where the distance is 0. */
function slope(g: Tensor, a: Tensor, b: Tensor, y: Tensor, p: number): Tensor {
  const d = sub(a, b)
  const [over, length] = [unsqueeze(g, -1), unsqueeze(y, -1)]
  if (p === 0) return mul(d, lit(0, d))
  if (p === 1) return mul(over, signOf(d))
  if (p === Number.POSITIVE_INFINITY) return where(eq(abs(d), length), mul(over, signOf(d)), lit(0, d))
  const none = eq(length, lit(0, length))
  const divisor = where(none, lit(1, length), length)
  if (p === 2) return where(none, lit(0, d), mul(over, div(d, divisor)))
  // sign(d) (|d| / y)ᵖ⁻¹; where d is 0, whatever the power, 0
  const still = logicalOr(none, eq(d, lit(0, d)))
  const ratio = where(still, lit(1, d), div(abs(d), divisor))
  return where(still, lit(0, d), mul(over, mul(signOf(d), pow(ratio, p - 1))))
}

/** The distance of two vectors, the last dims of `a` and `b`, which broadcast. */
const distanceAlong: (a: Tensor, b: Tensor, p: number) => Tensor = defineOp('distance', {
  inputs: ['a', 'b'],
  forward: (a, b, p: number) => normNode(graph.binary('sub', a, b), p),
  saves: { a: ['a', 'b', 'y'], b: ['a', 'b', 'y'] },
  vjp: { a: (g, { a, b, y }, p) => slope(g, a, b, y, p), b: (g, { a, b, y }, p) => neg(slope(g, a, b, y, p)) },
})

const P: Kind = { fits: 'a number ≥ 0, or Infinity', accepts: (x) => typeof x === 'number' && x >= 0 }

/** Options of {@link pdist}. */
export interface PdistOptions {
  /** Of the norm: 2 by default; Infinity is the largest difference, 0 counts differences. */
  readonly p?: number
}
/** Options of {@link cdist}. */
export interface CdistOptions extends PdistOptions {
  /** As PyTorch has it; whatever it is, Euclidean distances are computed of differences, so that they are exact where vectors are close. */
  readonly computeMode?: 'use_mm_for_euclid_dist_if_necessary' | 'use_mm_for_euclid_dist' | 'donot_use_mm_for_euclid_dist'
}

const CDIST_OPTIONS: Options<CdistOptions> = describe<CdistOptions>({
  p: P,
  computeMode: choice(['use_mm_for_euclid_dist_if_necessary', 'use_mm_for_euclid_dist', 'donot_use_mm_for_euclid_dist']),
})
const PDIST_OPTIONS: Options<PdistOptions> = describe<PdistOptions>({ p: P })
const pOf = (p: number | PdistOptions | undefined): number => (typeof p === 'object' ? p.p : p) ?? 2

const CDIST = signature('cdist', { x1: TENSOR, x2: TENSOR, p: optional(oneOf(P, CDIST_OPTIONS)), options: optional(CDIST_OPTIONS) })

/**
 * The distance of every vector of `x1` to every one of `x2`, in the p-norm. The gradient is 0 where a distance is.
 * @param x1 [..., n, k]
 * @param x2 [..., m, k]
 * @param p ≥ 0: 2 by default; Infinity is the largest difference, 0 counts differences
 * @returns [..., n, m]
 * @throws ShapeError where sizes do not fit; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.cdist.html
 * @example cdist(zeros([5, 3]), zeros([2, 3])).shape // [5, 2]
 */
export const cdist: (x1: Tensor, x2: Tensor, p?: number | CdistOptions, options?: CdistOptions) => Tensor = defineComposition(
  'cdist',
  (x1: Tensor, x2: Tensor, p?: number | CdistOptions, options?: CdistOptions): Tensor => {
    CDIST.check(x1, x2, p, options)
    const [n, m] = [x1.shape[x1.ndim - 2], x2.shape[x2.ndim - 2]]
    if (n === undefined || m === undefined || x1.shape[x1.ndim - 1] !== x2.shape[x2.ndim - 1]) {
      throw new ShapeError('cdist', `[..., n, k] and [..., m, k] are wanted: x1 is ${showShape(x1.shape)}, x2 is ${showShape(x2.shape)}`, [
        x1.shape,
        x2.shape,
      ])
    }
    checkFloat('cdist', 'x1', x1)
    checkFloat('cdist', 'x2', x2)
    checkDevices('cdist', CDIST.roles, [x1, x2])
    checkSize('cdist', [...broadcastShapes('cdist', x1.shape.slice(0, -2), x2.shape.slice(0, -2)), n, m])
    const dtype = commonType(x1, x2)
    return distanceAlong(unsqueeze(cast(x1, dtype), -2), unsqueeze(cast(x2, dtype), -3), pOf(typeof p === 'number' ? p : (p ?? options)))
  },
  { autocast: 'float32' },
)

const PDIST = signature('pdist', { x: TENSOR, p: optional(oneOf(P, PDIST_OPTIONS)) })

/**
 * The distance of each two vectors of `x`, in the p-norm: those of (0, 1), (0, 2), …, (1, 2), …. The gradient is 0 where a distance is.
 * @param x [n, k]
 * @param p ≥ 0: 2 by default; Infinity is the largest difference, 0 counts differences
 * @returns [n (n − 1) / 2]
 * @throws ShapeError where `x` has not 2 dims; DTypeError for integers.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html
 */
export const pdist: (x: Tensor, p?: number | PdistOptions) => Tensor = defineComposition(
  'pdist',
  (x: Tensor, p?: number | PdistOptions): Tensor => {
    PDIST.check(x, p)
    if (x.ndim !== 2) throw new ShapeError('pdist', `x must have 2 dims, it is ${showShape(x.shape)}`, [x.shape])
    checkFloat('pdist', 'x', x)
    const n = x.shape[0] as number
    const pairs = (n * (n - 1)) / 2
    checkSize('pdist', [pairs])
    const [first, second] = [new Int32Array(pairs), new Int32Array(pairs)]
    for (let i = 0, at = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++, at++) {
        first[at] = i
        second[at] = j
      }
    }
    const rows = (index: Int32Array): Tensor =>
      selectRows(x, 0, new Tensor(graph.leaf(index, [pairs], 'int32', x._node.placement)), 'pdist')
    return distanceAlong(rows(first), rows(second), pOf(p))
  },
  { autocast: 'float32' },
)

const DIST = signature('dist', { a: TENSOR, b: TENSOR, p: optional(NUMBER) })

/**
 * The p-norm of a − b, of all elements together: 0-d. The two broadcast. The gradient is 0 where all differences are.
 * @param p 2 by default; ±Infinity is the largest or the least difference, 0 counts differences
 * @throws DTypeError where neither is a float.
 * @see https://pytorch.org/docs/stable/generated/torch.dist.html
 */
export const dist: (a: Tensor, b: Tensor, p?: number) => Tensor = defineComposition(
  'dist',
  (a: Tensor, b: Tensor, p = 2): Tensor => {
    DIST.check(a, b, p)
    checkDevices('dist', DIST.roles, [a, b])
    broadcastShapes('dist', a.shape, b.shape)
    const dtype = commonType(a, b)
    if (!isFloat(dtype)) throw new DTypeError('dist', `one of a and b must be floats, got ${a.dtype} and ${b.dtype}. Convert with .float()`)
    return norm(sub(cast(a, dtype), cast(b, dtype)), p)
  },
  { autocast: 'float32' },
)
