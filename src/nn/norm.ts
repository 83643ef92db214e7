/** @file Normalization layers. */
import {
  BOOLEAN,
  COUNT,
  checkElements,
  DEVICE,
  options as describe,
  FINITE,
  nullable,
  optional,
  ShapeError,
  type Signature,
  showShape,
  signature,
} from '../base/index.ts'
import * as F from '../ops/index.ts'
import { alias, assign, checkTensor, isUndoing, keepTensor, plusLater, type Tensor, withGrad } from '../tensor/index.ts'
import { Module } from './module.ts'
import { FLOAT_DTYPE, type LayerOptions, place, shown } from './options.ts'
import { Buffer, Parameter } from './parameter.ts'

/** Options of {@link BatchNorm2d}. */
export interface BatchNormLayerOptions extends Omit<LayerOptions, 'generator'> {
  /** Added to the variance, against division by 0: 1e-5 by default. */
  readonly eps?: number
  /** The share of each batch in the running statistics: 0.1 by default; null for the plain average of all batches. */
  readonly momentum?: number | null
  /** Whether there are a weight and a bias to learn (default). */
  readonly affine?: boolean
  /** Whether running statistics are kept for evaluation (default); else each batch is normalized by its own, also there. */
  readonly trackRunningStats?: boolean
}

const BATCH_NORM = {
  numFeatures: COUNT,
  options: optional(
    describe<BatchNormLayerOptions>({
      eps: F.EPS,
      momentum: nullable(FINITE),
      affine: BOOLEAN,
      trackRunningStats: BOOLEAN,
      dtype: FLOAT_DTYPE,
      device: DEVICE,
    }),
  ),
} as const
const BATCH_NORM_1D = signature('BatchNorm1d', BATCH_NORM)
const BATCH_NORM_2D = signature('BatchNorm2d', BATCH_NORM)

/** What the layers for single numbers of dims share. */
abstract class BatchNorm extends Module {
  /** The number of channels. */
  readonly numFeatures: number
  /** Added to the variance, against division by 0. */
  readonly eps: number
  /** The share of each batch in the running statistics; null for the plain average of all. */
  readonly momentum: number | null
  /** Whether there are a weight and a bias to learn. */
  readonly affine: boolean
  /** Whether running statistics are kept. */
  readonly trackRunningStats: boolean
  /** What each normalized channel is multiplied by, [numFeatures]; null without `affine`. */
  readonly weight: Parameter | null
  /** What is added to each channel, [numFeatures]; null without `affine`. */
  readonly bias: Parameter | null
  // Fields are the keys of a state: these are PyTorch's, so that checkpoints load.
  /** As {@link BatchNorm.runningMean}. */
  protected readonly running_mean: Buffer | null
  /** As {@link BatchNorm.runningVar}. */
  protected readonly running_var: Buffer | null
  /** As {@link BatchNorm.numBatchesTracked}. */
  protected readonly num_batches_tracked: Buffer | null
  /** The count as it was last made here, from what it was made, and how many batches there have been since. */
  #count: { readonly made: Tensor['_node']; readonly start: Tensor; readonly since: number } | undefined

  /** @internal */
  constructor(given: Signature, numFeatures: number, options: BatchNormLayerOptions = {}) {
    super()
    given.check(numFeatures, options)
    checkElements(given.name, [numFeatures])
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options
    this.numFeatures = numFeatures
    this.eps = eps
    this.momentum = momentum
    this.affine = affine
    this.trackRunningStats = trackRunningStats
    const here = place(options)
    this.weight = affine ? new Parameter(F.ones([numFeatures], here)) : null
    this.bias = affine ? new Parameter(F.zeros([numFeatures], here)) : null
    this.running_mean = trackRunningStats ? new Buffer(F.zeros([numFeatures], here)) : null
    this.running_var = trackRunningStats ? new Buffer(F.ones([numFeatures], here)) : null
    this.num_batches_tracked = trackRunningStats ? new Buffer(F.zeros([], { ...here, dtype: 'int32' })) : null
  }

  /** The running mean of each channel, [numFeatures]; `running_mean` in a state. */
  get runningMean(): Buffer | null {
    return this.running_mean
  }

  /** The running variance of each channel, [numFeatures]; `running_var` in a state. */
  get runningVar(): Buffer | null {
    return this.running_var
  }

  /** How many batches the running statistics have seen, 0-d int32; `num_batches_tracked` in a state. */
  get numBatchesTracked(): Buffer | null {
    return this.num_batches_tracked
  }

  /** Throws unless the layer takes inputs of this shape. */
  protected abstract check(x: Tensor): void

  /** The shape of `x`, each channel normalized. */
  forward(x: Tensor): Tensor {
    const { running_mean, running_var, num_batches_tracked, training, weight, bias, eps } = this
    checkTensor(this.constructor.name, 'x', x)
    this.check(x)
    if (x.shape[1] !== this.numFeatures) {
      throw new ShapeError(
        this.constructor.name,
        `x ${showShape(x.shape)} has ${x.shape[1]} channels (dim 1), the layer was made for ${this.numFeatures}`,
        [x.shape],
      )
    }
    let momentum: number | Tensor = this.momentum ?? 0
    if (training && running_mean && num_batches_tracked && !isUndoing()) {
      this.#countBatch(num_batches_tracked)
      if (this.momentum === null) momentum = F.reciprocal(F.cast(num_batches_tracked, running_mean.dtype))
    }
    return F.batchNorm(x, running_mean, running_var, {
      weight,
      bias,
      training: training || running_mean === null,
      momentum,
      eps,
    })
  }

  /** One batch more: written as the value that the buffer was given (at first, or from a state) plus a number, so that no step computes it. */
  #countBatch(handle: Buffer): void {
    const last = this.#count
    const { start, since } = last?.made === handle._node ? last : { start: keepTensor(alias(handle)), since: 0 }
    assign(handle, plusLater(start, since + 1))
    this.#count = { made: handle._node, start, since: since + 1 }
  }

  /** The running statistics as at the beginning: mean 0, variance 1, no batch seen. */
  resetRunningStats(): void {
    withGrad(false, () => {
      if (this.running_mean) F.zero_(this.running_mean)
      if (this.running_var) F.fill_(this.running_var, 1)
      if (this.num_batches_tracked) F.zero_(this.num_batches_tracked)
    })
  }

  override extraRepr(): string {
    const { numFeatures, eps, momentum, affine, trackRunningStats } = this
    return `${numFeatures}, eps=${shown(eps)}, momentum=${momentum === null ? null : shown(momentum)}, affine=${affine}, trackRunningStats=${trackRunningStats}`
  }
}

/**
 * Each channel of [N, C] or [N, C, L] normalized over the batch; as {@link BatchNorm2d}.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
 * @example new nn.BatchNorm1d(16).forward(randn([8, 16])).shape // [8, 16]
 */
export class BatchNorm1d extends BatchNorm {
  /** @param numFeatures the number of channels C */
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super(BATCH_NORM_1D, numFeatures, options)
  }

  protected check(x: Tensor): void {
    if (x.ndim !== 2 && x.ndim !== 3)
      throw new ShapeError('BatchNorm1d', `x must be [N, C] or [N, C, L], got ${showShape(x.shape)}`, [x.shape])
  }
}

/**
 * (x − mean) / √(var + eps) · weight + bias for each channel of [N, C, H, W]. In training mean and variance are the batch's, and the running ones follow:
 * running ← running + momentum · (batch − running), with the unbiased variance. After `eval()` the running ones are used.
 *
 * weight (1 at first), bias (0), runningMean (0), runningVar (1): [numFeatures]
 * @see https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
 * @example new nn.BatchNorm2d(16).forward(randn([8, 16, 28, 28])).shape // [8, 16, 28, 28]
 */
export class BatchNorm2d extends BatchNorm {
  /** @param numFeatures the number of channels C */
  constructor(numFeatures: number, options: BatchNormLayerOptions = {}) {
    super(BATCH_NORM_2D, numFeatures, options)
  }

  protected check(x: Tensor): void {
    if (x.ndim !== 4) throw new ShapeError('BatchNorm2d', `x must be [N, C, H, W], got ${showShape(x.shape)}`, [x.shape])
  }
}
