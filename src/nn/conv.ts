/** @file Convolution layers. */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  checkElements,
  choice,
  options as describe,
  optional,
  ShapeError,
  showShape,
  signature,
} from '../base/index.ts'
import * as F from '../ops/index.ts'
import { checkTensor, type Tensor } from '../tensor/index.ts'
import { fans } from './fans.ts'
import * as init from './init.ts'
import { Module } from './module.ts'
import { from, LAYER, type LayerOptions, place, shownPair } from './options.ts'
import { Parameter } from './parameter.ts'

/** What stands in the padding of a convolution. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular'

/** Options of {@link Conv2d}. */
export interface ConvLayerOptions extends LayerOptions, F.ConvOptions {
  /** Whether a bias is learned (default). */
  readonly bias?: boolean
  /** What stands in the padding: zeros by default, or elements of the input, as {@link F.pad} takes them. */
  readonly paddingMode?: PaddingMode
}

const CONV2D = signature('Conv2d', {
  inChannels: COUNT,
  outChannels: COUNT,
  kernelSize: F.PAIR,
  options: optional(
    describe<ConvLayerOptions>({
      ...LAYER,
      ...F.convKinds(2),
      bias: BOOLEAN,
      paddingMode: choice(['zeros', 'reflect', 'replicate', 'circular']),
    }),
  ),
})

/**
 * Two-dimensional convolution of [N, inChannels, H, W] (or [inChannels, H, W]). With one number for height and width, the output is
 * [N, outChannels, H', W'], where H' = ⌊(H + 2 · padding − dilation · (kernelSize − 1) − 1) / stride⌋ + 1, and W' in the same way.
 * Weight and bias begin uniform in ±1/√(inChannels / groups · height · width).
 *
 * weight: [outChannels, inChannels / groups, height, width]; bias: [outChannels]
 * @throws ArgumentError for channels that do not divide into `groups`, and for `padding: 'same'` with a stride.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
 * @example new nn.Conv2d(3, 16, 3, { stride: 2, padding: 1 }).forward(zeros([8, 3, 32, 32])).shape // [8, 16, 16, 16]
 */
export class Conv2d extends Module {
  /** How many channels it takes. */
  readonly inChannels: number
  /** How many channels it gives. */
  readonly outChannels: number
  /** Of the window. */
  readonly kernelSize: readonly [height: number, width: number]
  /** How far the window moves from one output to the next. */
  readonly stride: readonly [height: number, width: number]
  /** How much stands around the input, on each side; or `same` (the output is as large as the input) or `valid` (none). */
  readonly padding: readonly [height: number, width: number] | 'same' | 'valid'
  /** What stands there. */
  readonly paddingMode: PaddingMode
  /** How far apart in the input the kernel's elements lie. */
  readonly dilation: readonly [height: number, width: number]
  /** Into how many groups channels are split, each convolved by itself. */
  readonly groups: number
  /** [outChannels, inChannels / groups, height, width] */
  readonly weight: Parameter
  /** [outChannels], or null without one. */
  readonly bias: Parameter | null

  constructor(inChannels: number, outChannels: number, kernelSize: F.Pair, options: ConvLayerOptions = {}) {
    super()
    const name = 'Conv2d'
    CONV2D.check(inChannels, outChannels, kernelSize, options)
    const { padding = 0, groups = 1 } = options
    this.inChannels = inChannels
    this.outChannels = outChannels
    this.kernelSize = F.pairOf(kernelSize)
    this.stride = F.pairOf(options.stride ?? 1)
    this.dilation = F.pairOf(options.dilation ?? 1)
    this.padding = typeof padding === 'string' ? padding : F.pairOf(padding)
    this.paddingMode = options.paddingMode ?? 'zeros'
    if (padding === 'same' && this.stride.some((s) => s !== 1))
      throw new ArgumentError(name, `padding 'same' needs stride 1, got ${showShape(this.stride)}: give the padding as a number`)
    for (const [role, n] of [['inChannels', inChannels] as const, ['outChannels', outChannels] as const])
      if (n % groups !== 0) throw new ArgumentError(name, `${role} must be divisible by groups, got ${n} and ${groups}`)
    this.groups = groups
    const shape = [outChannels, inChannels / groups, ...this.kernelSize]
    checkElements(name, shape)
    // √5 as the slope gives the bound 1/√fanIn, as in PyTorch
    this.weight = new Parameter(init.kaimingUniform_(F.empty(shape, place(options)), { a: Math.sqrt(5), ...from(options) }))
    const { fanIn } = fans(name, this.weight)
    const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0
    this.bias =
      (options.bias ?? true)
        ? new Parameter(init.uniform_(F.empty([outChannels], place(options)), { a: -bound, b: bound, ...from(options) }))
        : null
  }

  /** [N, inChannels, H, W] → [N, outChannels, H', W'] */
  forward(x: Tensor): Tensor {
    checkTensor('Conv2d', 'x', x)
    if ((x.ndim === 3 || x.ndim === 4) && x.shape[x.ndim - 3] !== this.inChannels) {
      throw new ShapeError(
        'Conv2d',
        `x ${showShape(x.shape)} has ${x.shape[x.ndim - 3]} channels (dim ${x.ndim - 3}), the layer was made for ${this.inChannels}${F.channelsHint(x, this.inChannels, 2)}`,
        [x.shape],
      )
    }
    const { stride, padding, paddingMode, dilation, groups } = this
    if (paddingMode === 'zeros') return F.conv2d(x, this.weight, this.bias, { stride, padding, dilation, groups })
    return F.conv2d(F.pad(x, this.#around(), paddingMode), this.weight, this.bias, { stride, dilation, groups })
  }

  /** The padding as {@link F.pad} takes it: of the last dim first. Of an odd number that makes the sizes equal, more stands behind. */
  #around(): number[] {
    const { padding, dilation, kernelSize } = this
    const ends = kernelSize.map((size, i): [number, number] => {
      if (padding === 'valid') return [0, 0]
      if (padding !== 'same') return [padding[i] as number, padding[i] as number]
      const all = (dilation[i] as number) * (size - 1)
      return [Math.floor(all / 2), Math.ceil(all / 2)]
    })
    return ends.reverse().flat()
  }

  override extraRepr(): string {
    const { padding, dilation, groups } = this
    const parts = [
      `${this.inChannels}, ${this.outChannels}, kernelSize=${shownPair(this.kernelSize)}, stride=${shownPair(this.stride)}`,
      ...(typeof padding === 'string' ? [`padding=${padding}`] : padding.some((p) => p !== 0) ? [`padding=${shownPair(padding)}`] : []),
      ...(dilation.some((d) => d !== 1) ? [`dilation=${shownPair(dilation)}`] : []),
      ...(groups !== 1 ? [`groups=${groups}`] : []),
      ...(this.bias ? [] : ['bias=false']),
      ...(this.paddingMode !== 'zeros' ? [`paddingMode=${this.paddingMode}`] : []),
    ]
    return parts.join(', ')
  }
}
