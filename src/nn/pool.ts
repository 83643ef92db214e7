/** @file Pooling layers. */
import { options as describe, optional, signature } from '../base/index.ts'
import * as F from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { Module } from './module.ts'
import { shownPair } from './options.ts'

/** A copy of a pair; one number stays one, as it is shown. */
const owned = (pair: F.Pair): F.Pair => (typeof pair === 'number' ? pair : F.pairOf(pair))

const text = (pair: F.Pair): string => (typeof pair === 'number' ? String(pair) : shownPair(pair))

const MAX_POOL2D = signature('MaxPool2d', { kernelSize: F.PAIR, options: optional(describe<F.MaxPoolOptions>(F.maxPoolKinds(2))) })
const AVG_POOL2D = signature('AvgPool2d', { kernelSize: F.PAIR, options: optional(describe<F.AvgPoolOptions>(F.avgPoolKinds(2))) })

/** Options of {@link MaxPool2d}; `R` is whether `forward` returns the positions too. */
export interface MaxPoolLayerOptions<R extends boolean = false> extends Omit<F.MaxPoolOptions, 'returnIndices'> {
  /** Whether `forward` gives the positions too, row-major in each [H, W] (int32): false by default. */
  readonly returnIndices?: R
}

/**
 * The largest of each window of [N, C, H, W] (or [C, H, W]). The output is [N, C, H', W'], where
 * H' = ⌊(H + 2 · padding − dilation · (kernelSize − 1) − 1) / stride⌋ + 1 (⌈ ⌉ under `ceilMode`), and W' in the same way. The stride is the kernel size unless given.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
 * @example new nn.MaxPool2d(2).forward(zeros([8, 16, 28, 28])).shape // [8, 16, 14, 14]
 */
export class MaxPool2d<R extends boolean = false> extends Module {
  /** Of the window: one number or [height, width]. */
  readonly kernelSize: F.Pair
  /** How far the window moves from one output to the next. */
  readonly stride: F.Pair
  /** Around the input, on each side. */
  readonly padding: F.Pair
  /** How far apart in the input the window's elements lie. */
  readonly dilation: F.Pair
  /** Whether a last window that is only partly there counts. */
  readonly ceilMode: boolean
  /** Whether `forward` gives the positions too. */
  readonly returnIndices: boolean

  constructor(kernelSize: F.Pair, options: MaxPoolLayerOptions<R> = {}) {
    super()
    const name = 'MaxPool2d'
    MAX_POOL2D.check(kernelSize, options)
    this.kernelSize = owned(kernelSize)
    this.stride = owned(options.stride ?? kernelSize)
    this.padding = owned(options.padding ?? 0)
    F.checkPadding(name, F.pairOf(this.padding), F.pairOf(kernelSize))
    this.dilation = owned(options.dilation ?? 1)
    this.ceilMode = options.ceilMode ?? false
    this.returnIndices = options.returnIndices ?? false
  }

  /** [N, C, H, W] → [N, C, H', W'], with `returnIndices` { values, indices } */
  forward(x: Tensor): R extends true ? F.ValuesIndices : Tensor {
    const { stride, padding, dilation, ceilMode, returnIndices } = this
    const y: Tensor | F.ValuesIndices = F.maxPool2d(x, this.kernelSize, { stride, padding, dilation, ceilMode, returnIndices })
    return y as R extends true ? F.ValuesIndices : Tensor
  }

  override extraRepr(): string {
    const { kernelSize, stride, padding, dilation, ceilMode } = this
    return `kernelSize=${text(kernelSize)}, stride=${text(stride)}, padding=${text(padding)}, dilation=${text(dilation)}, ceilMode=${ceilMode}`
  }
}

/**
 * The mean of each window of [N, C, H, W] (or [C, H, W]). The output is [N, C, H', W'], where H' = ⌊(H + 2 · padding − kernelSize) / stride⌋ + 1
 * (⌈ ⌉ under `ceilMode`), and W' in the same way. The stride is the kernel size unless given.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html
 * @example new nn.AvgPool2d(2).forward(zeros([8, 16, 28, 28])).shape // [8, 16, 14, 14]
 */
export class AvgPool2d extends Module {
  /** Of the window: one number or [height, width]. */
  readonly kernelSize: F.Pair
  /** How far the window moves from one output to the next. */
  readonly stride: F.Pair
  /** Around the input, on each side. */
  readonly padding: F.Pair
  /** Whether a last window that is only partly there counts. */
  readonly ceilMode: boolean
  /** Whether padding counts in the mean. */
  readonly countIncludePad: boolean
  /** What sums are divided by instead of the window's size, or null. */
  readonly divisorOverride: number | null

  constructor(kernelSize: F.Pair, options: F.AvgPoolOptions = {}) {
    super()
    const name = 'AvgPool2d'
    AVG_POOL2D.check(kernelSize, options)
    this.kernelSize = owned(kernelSize)
    this.stride = owned(options.stride ?? kernelSize)
    this.padding = owned(options.padding ?? 0)
    F.checkPadding(name, F.pairOf(this.padding), F.pairOf(kernelSize))
    this.ceilMode = options.ceilMode ?? false
    this.countIncludePad = options.countIncludePad ?? true
    this.divisorOverride = options.divisorOverride ?? null
  }

  /** [N, C, H, W] → [N, C, H', W'] */
  forward(x: Tensor): Tensor {
    const { stride, padding, ceilMode, countIncludePad, divisorOverride } = this
    return F.avgPool2d(x, this.kernelSize, { stride, padding, ceilMode, countIncludePad, divisorOverride })
  }

  override extraRepr(): string {
    return `kernelSize=${text(this.kernelSize)}, stride=${text(this.stride)}, padding=${text(this.padding)}`
  }
}
