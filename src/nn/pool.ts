/** @file Pooling layers. */
import { checkOptions } from '../base/index.ts'
import * as F from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { Module } from './module.ts'
import { shownPair } from './options.ts'

/** A checked pair, a copy where it is an array; one number stays one, as it is shown. */
function owned(name: string, role: string, value: F.Pair, least: number): F.Pair {
  const pair = F.pairOf(name, role, value, least)
  return typeof value === 'number' ? value : pair
}

const text = (pair: F.Pair): string => (typeof pair === 'number' ? String(pair) : shownPair(pair))

/** Options of {@link MaxPool2d}; `R` is whether `forward` answers the positions too. */
export interface MaxPoolLayerOptions<R extends boolean = false> extends Omit<F.MaxPoolOptions, 'returnIndices'> {
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
  readonly kernelSize: F.Pair
  readonly stride: F.Pair
  readonly padding: F.Pair
  readonly dilation: F.Pair
  readonly ceilMode: boolean
  readonly returnIndices: boolean

  constructor(kernelSize: F.Pair, options: MaxPoolLayerOptions<R> = {}) {
    super()
    const name = 'MaxPool2d'
    checkOptions(name, options, ['stride', 'padding', 'dilation', 'ceilMode', 'returnIndices'])
    this.kernelSize = owned(name, 'kernelSize', kernelSize, 1)
    this.stride = owned(name, 'stride', options.stride ?? kernelSize, 1)
    this.padding = owned(name, 'padding', options.padding ?? 0, 0)
    F.checkPadding(name, F.pairOf(name, 'padding', this.padding, 0), F.pairOf(name, 'kernelSize', kernelSize, 1))
    this.dilation = owned(name, 'dilation', options.dilation ?? 1, 1)
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
  readonly kernelSize: F.Pair
  readonly stride: F.Pair
  readonly padding: F.Pair
  readonly ceilMode: boolean
  readonly countIncludePad: boolean
  readonly divisorOverride: number | null

  constructor(kernelSize: F.Pair, options: F.AvgPoolOptions = {}) {
    super()
    const name = 'AvgPool2d'
    checkOptions(name, options, ['stride', 'padding', 'ceilMode', 'countIncludePad', 'divisorOverride'])
    this.kernelSize = owned(name, 'kernelSize', kernelSize, 1)
    this.stride = owned(name, 'stride', options.stride ?? kernelSize, 1)
    this.padding = owned(name, 'padding', options.padding ?? 0, 0)
    F.checkPadding(name, F.pairOf(name, 'padding', this.padding, 0), F.pairOf(name, 'kernelSize', kernelSize, 1))
    this.ceilMode = options.ceilMode ?? false
    this.countIncludePad = options.countIncludePad ?? true
    this.divisorOverride = F.checkDivisor(name, options.divisorOverride) ?? null
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
