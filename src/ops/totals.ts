/** @file What the elements over dims come to, besides sums and means: products, sums without NaN, counts, the sum of a diagonal. */
import {
  BOOLEAN,
  DTYPE,
  type DType,
  DTypeError,
  options as describe,
  nullable,
  type Options,
  ShapeError,
  showShape,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { DIM, DIMS, dimOr, TENSOR, Tensor } from '../tensor/index.ts'
import { ne } from './compare.ts'
import { cast } from './convert.ts'
import { defineComposition, defineOp } from './define.ts'
import { div, mul, where } from './elementwise.ts'
import { checkFloat, lit } from './promote.ts'
import {
  accumulated,
  type Dims,
  paramsOf,
  type ReduceParams,
  reduceNode,
  reduceParams,
  reduction,
  SUM_OPTIONS,
  type SumOptions,
  spread,
  sum,
} from './reduce.ts'
import { productOfOthers } from './scan.ts'
import { expandTo, reshapeTo } from './view.ts'

// ── products ──

/** One dim, whether it stays, and in which dtype the product is taken. */
export interface ProdOptions {
  /** The dim that is reduced: all together by default. */
  readonly dim?: number | null
  /** Whether it stays, with size 1: false by default. */
  readonly keepdim?: boolean
  /** What the elements are converted to before: their own dtype by default. */
  readonly dtype?: DType
}

interface ProdParams extends ReduceParams {
  readonly options?: ProdOptions | undefined
}

const prodOver = defineOp('prod', {
  autocast: 'float32',
  asked: (p: ProdParams) => p.options?.dtype !== undefined,
  inputs: ['x'],
  forward: (x, p: ProdParams) => reduceNode('prod', x, p, 1),
  saves: { x: ['x'] },
  vjp: {
    x: (g, { x, shape }, p) => {
      const [dim, ...more] = p.dims
      if (dim === undefined) return g
      // (over one dim, or over all of them)
      const others = more.length === 0 ? productOfOthers(x, dim) : productOfOthers(reshapeTo(x, [x.numel()]), 0)
      return mul(spread(g, p, shape), reshapeTo(others, shape))
    },
  },
})

const PROD_OPTIONS: Options<ProdOptions> = describe<ProdOptions>({ dim: nullable(DIM), keepdim: BOOLEAN, dtype: DTYPE })
const PROD = reduction('prod', PROD_OPTIONS, DIM)

/**
 * Product of all elements, or along `dim`; 1 over nothing. bool and small integers come to int32, in which products wrap. Gradients are right where elements
 * are 0: nothing is divided.
 * @returns 0-d, or the shape without `dim` (with 1 there under `keepdim`)
 * @see https://pytorch.org/docs/stable/generated/torch.prod.html
 */
export function prod(x: Tensor, dim?: number | ProdOptions | null, options?: ProdOptions): Tensor {
  const p = reduceParams<ProdOptions>(PROD, x, dim, options)
  return prodOver(accumulated(x, p.options?.dtype), p)
}

// ── without NaN ──

const isNaNNode = (x: graph.Node): graph.Node => graph.binary('ne', x, x)

const nansumOver = defineOp('nansum', {
  inputs: ['x'],
  forward: (x, p: ReduceParams) => reduceNode('sum', graph.where(isNaNNode(x), 0, x), p),
  saves: { x: ['x'] },
  vjp: { x: (g, { x }, p) => mul(spread(g, p, x.shape), cast(isNumber(x), g.dtype)) },
})

/** How many over `dims` are no NaN, as `x` in dtype. */
const numbersOf = (x: Tensor, p: ReduceParams): Tensor => cast(sum(cast(isNumber(x), 'int32'), p.dims, { keepdim: p.keepdim }), x.dtype)
const isNumber = (x: Tensor): Tensor => new Tensor(graph.binary('eq', x._node, x._node))

const nanmeanOver = defineComposition('nanmean', (x: Tensor, p: ReduceParams) => div(nansumOver(x, p), numbersOf(x, p)))

const NANSUM = reduction('nansum', SUM_OPTIONS)
const NANMEAN = reduction('nanmean', SUM_OPTIONS)

/** Sum over `dim` (all by default) in which NaN counts as 0; as {@link sum}. @see https://pytorch.org/docs/stable/generated/torch.nansum.html */
export function nansum(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams(NANSUM, x, dim, options)
  return nansumOver(accumulated(x, p.options?.dtype), p)
}

/**
 * Mean over `dim` (all by default) of the elements that are no NaN; NaN where there is none.
 * @throws DTypeError for integers and bools.
 * @see https://pytorch.org/docs/stable/generated/torch.nanmean.html
 */
export function nanmean(x: Tensor, dim?: Dims | SumOptions | null, options?: SumOptions): Tensor {
  const p = reduceParams(NANMEAN, x, dim, options)
  const dtype = p.options?.dtype
  const y = dtype ? cast(x, dtype) : x
  checkFloat('nanmean', 'x', y)
  return nanmeanOver(y, p)
}

// ── counts ──

/** The dims of {@link countNonzero}. */
export interface CountOptions {
  /** All by default. */
  readonly dim?: Dims | null
}

const COUNT_OPTIONS: Options<CountOptions> = describe<CountOptions>({ dim: nullable(DIMS) })
const COUNT_NONZERO = signature('countNonzero', { x: TENSOR, dim: nullable(dimOr(DIMS, COUNT_OPTIONS)) })

/**
 * How many elements are ≠ 0 over `dim` (all by default), int32. NaN is ≠ 0.
 * @see https://pytorch.org/docs/stable/generated/torch.count_nonzero.html
 */
export const countNonzero: (x: Tensor, dim?: Dims | CountOptions | null) => Tensor = defineComposition(
  'countNonzero',
  (x: Tensor, dim?: Dims | CountOptions | null) => {
    COUNT_NONZERO.check(x, dim)
    const named = typeof dim === 'number' || Array.isArray(dim) ? (dim as Dims) : (dim as CountOptions | null | undefined)?.dim
    const { dims } = paramsOf('countNonzero', x, named)
    return sum(cast(ne(x, 0), 'int32'), dims)
  },
  { half: 'keep' },
)

// ── the diagonal ──

/** Where the diagonal of [n, m] is, bool. */
function onDiagonal([n, m]: readonly number[]): Tensor {
  const row = graph.reshape(graph.iota(n as number), [n as number, 1])
  return new Tensor(graph.binary('eq', row, graph.reshape(graph.iota(m as number), [1, m as number])))
}

const traceOf = defineOp<readonly ['x'], undefined>('trace', {
  inputs: ['x'],
  forward: (x, _: undefined) => {
    const along = { offset: 0, terms: [[0, 1]] } as const
    const diagonal = graph.window(x, [along, along], [Math.min(...x.shape)])
    return reduceNode('sum', diagonal, { dims: [0], kept: [1], keepdim: false })
  },
  vjp: { x: (g, { shape }) => where(onDiagonal(shape), expandTo(g, shape), lit(0, g)) },
})

const TRACE = signature('trace', { x: TENSOR })

/**
 * Sum of the diagonal of a matrix, 0-d. Small integers sum to int32.
 * @param x [n, m]
 * @throws ShapeError for anything but a matrix, DTypeError for bools.
 * @see https://pytorch.org/docs/stable/generated/torch.trace.html
 */
export function trace(x: Tensor): Tensor {
  TRACE.check(x)
  if (x.ndim !== 2) throw new ShapeError('trace', `x must be a matrix, got ${showShape(x.shape)}`, [x.shape])
  if (x.dtype === 'bool') throw new DTypeError('trace', 'x is bool, which trace does not take. Convert with .int() or .float()')
  return traceOf(accumulated(x, undefined), undefined)
}
