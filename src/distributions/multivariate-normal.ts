/** @file The normal distribution of vectors, and the triangular solves and factors that it takes: small ones, row by row. */
import { ArgumentError, options as describe, type Options, type Shape, ShapeError, showShape, signature } from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { checkSupport, DISTRIBUTION_OPTIONS, Distribution, type DistributionOptions, REAL } from './distribution.ts'

/** How the vectors spread: one of these. */
export interface MultivariateNormalOptions extends DistributionOptions {
  /** A lower triangular factor L of the covariance L Lᵀ, [..., n, n], with a diagonal > 0. */
  readonly scaleTril?: Tensor
  /** The covariance, [..., n, n], positive definite. */
  readonly covarianceMatrix?: Tensor
}
const OPTIONS: Options<MultivariateNormalOptions> = describe<MultivariateNormalOptions>({
  scaleTril: TENSOR,
  covarianceMatrix: TENSOR,
  validateArgs: DISTRIBUTION_OPTIONS.kinds.get('validateArgs') as never,
})
const MULTIVARIATE_NORMAL = signature('MultivariateNormal', { loc: TENSOR, options: OPTIONS })

/** L of A = L Lᵀ, column by column. NaN where A is not positive definite. */
function cholesky(a: Tensor): Tensor {
  const n = a.shape.at(-1) as number
  const columns: Tensor[] = []
  for (let j = 0; j < n; j++) {
    let column = a.select(-1, j)
    for (const before of columns) column = column.sub(before.mul(before.select(-1, j).unsqueeze(-1)))
    const scaled = column.div(column.select(-1, j).sqrt().unsqueeze(-1))
    // what stands above the diagonal is 0 but for rounding
    columns.push(j === 0 ? scaled : ops.cat([ops.zerosLike(scaled.narrow(-1, 0, j)), scaled.narrow(-1, j, n - j)], -1))
  }
  return ops.stack(columns, -1)
}

/** x of L x = b, b a vector along the last dim. */
export function solveLower(lower: Tensor, b: Tensor): Tensor {
  const n = lower.shape.at(-1) as number
  const found: Tensor[] = []
  for (let i = 0; i < n; i++) {
    const row = lower.select(-2, i)
    let left = b.select(-1, i)
    found.forEach((x, j) => {
      left = left.sub(row.select(-1, j).mul(x))
    })
    found.push(left.div(row.select(-1, i)))
  }
  return ops.stack(found, -1)
}

/** The sum of the logarithms of the diagonal. */
export const logDiagonal = (lower: Tensor): Tensor => ops.diagonal(lower, { dim1: -2, dim2: -1 }).log().sum(-1)

/**
 * Normal vectors along the last dim, with the mean `loc` [..., n], by `scaleTril` or by `covarianceMatrix`, of which the factor is computed here, step by
 * step: for n of up to some dozens.
 * @see https://pytorch.org/docs/stable/distributions.html#multivariatenormal
 */
export class MultivariateNormal extends Distribution {
  /** The mean, [...batchShape, n]. */
  readonly loc: Tensor
  /** The lower triangular factor of the covariance, [...batchShape, n, n]. */
  readonly scaleTril: Tensor
  constructor(loc: Tensor, options: MultivariateNormalOptions) {
    MULTIVARIATE_NORMAL.check(loc, options)
    const { scaleTril, covarianceMatrix } = options
    const matrix = scaleTril ?? covarianceMatrix
    if (matrix === undefined || (scaleTril !== undefined && covarianceMatrix !== undefined))
      throw new ArgumentError('MultivariateNormal', 'exactly one of scaleTril and covarianceMatrix must be given')
    const n = loc.shape.at(-1)
    if (n === undefined || matrix.ndim < 2 || matrix.shape.at(-1) !== n || matrix.shape.at(-2) !== n)
      throw new ShapeError(
        'MultivariateNormal',
        `loc [..., n] and ${scaleTril ? 'scaleTril' : 'covarianceMatrix'} [..., n, n] do not fit: ${showShape(loc.shape)} and ${showShape(matrix.shape)}`,
        [loc.shape, matrix.shape],
      )
    const batch = loc.add(matrix.select(-1, 0)).shape.slice(0, -1)
    super(batch, [n], options)
    this.loc = loc.expand([...batch, n])
    this.scaleTril = (scaleTril ?? cholesky(matrix)).expand([...batch, n, n])
    if (this._validates) checkSupport('MultivariateNormal', 'loc', loc, REAL)
  }
  get mean(): Tensor {
    return this.loc
  }
  get variance(): Tensor {
    return this.scaleTril.square().sum(-1)
  }
  /** The covariance L Lᵀ, [...batchShape, n, n]. */
  get covarianceMatrix(): Tensor {
    return this.scaleTril.matmul(this.scaleTril.transpose(-2, -1))
  }
  /** @internal */
  protected _expanded(shape: Shape): Distribution {
    const [n] = this.eventShape as readonly [number]
    return new MultivariateNormal(this.loc.expand([...shape, n]), { scaleTril: this.scaleTril.expand([...shape, n, n]), ...this._options })
  }
  /** @internal */
  protected _draw(shape: Shape, generator: ops.Generator | undefined): Tensor {
    const noise = ops.randn(shape, {
      dtype: this.loc.dtype as 'float32',
      ...(this.loc.device !== 'auto' && { device: this.loc.device }),
      ...(generator && { generator }),
    } as ops.RandomOptions)
    return this.loc.add(this.scaleTril.matmul(noise.unsqueeze(-1)).squeeze(-1))
  }
  /** @internal */
  protected _density(value: Tensor): Tensor {
    const n = this.eventShape[0] as number
    const distance = solveLower(this.scaleTril, value.sub(this.loc)).square().sum(-1)
    return distance
      .add(n * Math.log(2 * Math.PI))
      .mul(-0.5)
      .sub(logDiagonal(this.scaleTril))
  }
  /** @internal */
  protected _checkValue(op: string, value: Tensor): void {
    checkSupport(op, 'value', value, REAL)
  }
  override entropy(): Tensor {
    return logDiagonal(this.scaleTril).add(0.5 * (this.eventShape[0] as number) * (1 + Math.log(2 * Math.PI)))
  }
}
