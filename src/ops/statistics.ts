/** @file How variables vary together: cov, corrcoef. */
import {
  DTypeError,
  options as describe,
  isInteger,
  type Options,
  optional,
  ShapeError,
  showShape,
  signature,
  WHOLE,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { clamp, maximum } from './clamp.ts'
import { cast } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { div, mul, sqrt, sub, where } from './elementwise.ts'
import { matmul } from './matmul.ts'
import { checkFloat, floatOf, lit, number } from './promote.ts'
import { sum } from './reduce.ts'
import { reshapeTo, transposed } from './view.ts'

/** Options of {@link cov}. */
export interface CovOptions {
  /** What is taken off the number of observations: 1 by default. */
  readonly correction?: number
  /** How often each observation counts, integers, [n]. */
  readonly fweights?: Tensor | null
  /** How much each observation counts, [n]. */
  readonly aweights?: Tensor | null
}

const COV_OPTIONS: Options<CovOptions> = describe<CovOptions>({ correction: WHOLE, fweights: MAYBE_TENSOR, aweights: MAYBE_TENSOR })
const COV = signature('cov', { x: TENSOR, options: optional(COV_OPTIONS) })
const CORRCOEF = signature('corrcoef', { x: TENSOR })

/** Variables in rows, [variables, observations], in floats. */
function observations(op: string, x: Tensor): Tensor {
  if (x.ndim > 2) throw new ShapeError(op, `x must have at most two dims, got ${showShape(x.shape)}`, [x.shape])
  if (x.dtype === 'bool') throw new DTypeError(op, `x is bool, which ${op} does not take. Convert with .float()`)
  return cast(x.ndim < 2 ? reshapeTo(x, [1, x.numel()]) : x, floatOf(x.dtype))
}

function checkWeights(role: 'fweights' | 'aweights', w: Tensor, x: Tensor): void {
  const n = x.shape[1] as number
  if (w.ndim > 1 || w.numel() !== n)
    throw new ShapeError('cov', `${role} ${showShape(w.shape)} must be [${n}], one for each observation`, [w.shape])
  checkDevices('cov', ['x', role], [x, w])
  if (role === 'aweights') checkFloat('cov', role, w)
  else if (!isInteger(w.dtype)) throw new DTypeError('cov', `fweights must be integers, got ${w.dtype}. Convert with .int()`)
}

/** The covariances of rows, [variables, variables]. */
function covariances(x: Tensor, { correction = 1, fweights, aweights }: CovOptions): Tensor {
  const floats = (w: Tensor | null | undefined): Tensor | undefined => (w ? reshapeTo(cast(w, x.dtype), [w.numel()]) : undefined)
  const [often, much] = [floats(fweights), floats(aweights)]
  const w = often && much ? mul(often, much) : (often ?? much)
  const total = w ? sum(w) : number(x.shape[1] as number, x.dtype)
  const away = sub(x, div(sum(w ? mul(x, w) : x, 1, { keepdim: true }), total))
  const off = w && much && correction !== 0 ? div(mul(sum(mul(w, much)), correction), total) : number(correction, x.dtype)
  return div(matmul(away, transposed(w ? mul(away, w) : away)), maximum(sub(total, off), number(0, x.dtype)))
}

/**
 * The covariances of variables, whose observations are the rows of `x`: [variables, variables], or 0-d for one variable.
 * @param x [variables, observations] or [observations]
 * @throws ShapeError for more dims, DTypeError for bools.
 * @see https://pytorch.org/docs/stable/generated/torch.cov.html
 */
export const cov: (x: Tensor, options?: CovOptions) => Tensor = defineComposition('cov', (x: Tensor, options?: CovOptions) => {
  COV.check(x, options)
  const rows = observations('cov', x)
  for (const role of ['fweights', 'aweights'] as const) {
    const w = options?.[role]
    if (w) checkWeights(role, w, rows)
  }
  const c = covariances(rows, options ?? {})
  return rows.shape[0] === 1 ? reshapeTo(c, []) : c
})

/**
 * Pearson's correlation coefficients of variables, whose observations are the rows of `x`: [variables, variables], or 0-d for one variable.
 * @throws ShapeError for more than two dims, DTypeError for bools.
 * @see https://pytorch.org/docs/stable/generated/torch.corrcoef.html
 */
export const corrcoef: (x: Tensor) => Tensor = defineComposition('corrcoef', (x: Tensor) => {
  CORRCOEF.check(x)
  const rows = observations('corrcoef', x)
  const c = covariances(rows, {})
  const n = rows.shape[0] as number
  if (n === 1) return reshapeTo(div(c, c), [])
  const diagonal = new Tensor(graph.binary('eq', graph.reshape(graph.iota(n), [n, 1]), graph.reshape(graph.iota(n), [1, n])))
  const deviation = cast(sqrt(sum(where(diagonal, c, lit(0, c)), 1, { keepdim: true })), c.dtype) // (autocast sums in float32)
  return clamp(div(div(c, deviation), transposed(deviation)), -1, 1)
})
