/**
 * @file `nn.init`: starting values, put in place without being recorded. Sizes of weights are counted as PyTorch does: [out, in, …kernel].
 * Sources: X. Glorot and Y. Bengio (AISTATS 2010) for xavier; K. He et al. (arXiv:1502.01852) for kaiming.
 */
import { ArgumentError, ShapeError, showShape } from '../base/index.ts'
import * as ops from '../ops/index.ts'
import { type Tensor, withGrad } from '../tensor/index.ts'

/** Whose random numbers are taken. */
export interface InitOptions {
  readonly generator?: ops.Generator
}

const take = (options: InitOptions | undefined): InitOptions => (options?.generator ? { generator: options.generator } : {})

/** All elements `value`. @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.constant_ */
export const constant_ = (tensor: Tensor, value: number): Tensor => withGrad(false, () => ops.fill_(tensor, value))
/** All elements 0. */
export const zeros_ = (tensor: Tensor): Tensor => constant_(tensor, 0)
/** All elements 1. */
export const ones_ = (tensor: Tensor): Tensor => constant_(tensor, 1)

/** Uniform in [a, b), by default [0, 1). @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.uniform_ */
export function uniform_(tensor: Tensor, options?: InitOptions & { readonly a?: number; readonly b?: number }): Tensor {
  return withGrad(false, () => ops.uniform_(tensor, options?.a ?? 0, options?.b ?? 1, take(options)))
}

/** Normal, by default with mean 0 and standard deviation 1. @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.normal_ */
export function normal_(tensor: Tensor, options?: InitOptions & { readonly mean?: number; readonly std?: number }): Tensor {
  return withGrad(false, () => ops.normal_(tensor, options?.mean ?? 0, options?.std ?? 1, take(options)))
}

/** How many inputs reach one output of a weight [out, in, …kernel], and how many outputs one input reaches. */
export function fans(op: string, tensor: Tensor): { readonly fanIn: number; readonly fanOut: number } {
  if (tensor.ndim < 2)
    throw new ShapeError(op, `a weight of at least 2 dims [out, in, …] is wanted, got ${showShape(tensor.shape)}`, [tensor.shape])
  const [out, input, ...kernel] = tensor.shape as [number, number, ...number[]]
  const field = kernel.reduce((n, s) => n * s, 1)
  return { fanIn: input * field, fanOut: out * field }
}

/** Functions for which a gain is known. */
export type Nonlinearity = 'linear' | 'sigmoid' | 'tanh' | 'relu' | 'leakyRelu' | 'selu'

/**
 * By how much a function shrinks the variance, to be made up for: `param` is the slope of `leakyRelu` (0.01).
 * @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.calculate_gain
 */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  switch (nonlinearity) {
    case 'linear':
    case 'sigmoid':
      return 1
    case 'tanh':
      return 5 / 3
    case 'relu':
      return Math.SQRT2
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + param * param))
    case 'selu':
      return 3 / 4
    default:
      throw new ArgumentError('calculateGain', `no gain is known for '${String(nonlinearity)}'`)
  }
}

/** Uniform in ±gain · √(6 / (fanIn + fanOut)). @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.xavier_uniform_ */
export function xavierUniform_(tensor: Tensor, options?: InitOptions & { readonly gain?: number }): Tensor {
  const { fanIn, fanOut } = fans('xavierUniform_', tensor)
  const bound = (options?.gain ?? 1) * Math.sqrt(6 / (fanIn + fanOut))
  return uniform_(tensor, { a: -bound, b: bound, ...take(options) })
}

/** Normal with standard deviation gain · √(2 / (fanIn + fanOut)). @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.xavier_normal_ */
export function xavierNormal_(tensor: Tensor, options?: InitOptions & { readonly gain?: number }): Tensor {
  const { fanIn, fanOut } = fans('xavierNormal_', tensor)
  return normal_(tensor, { std: (options?.gain ?? 1) * Math.sqrt(2 / (fanIn + fanOut)), ...take(options) })
}

/** What the kaiming functions keep the variance of, and for which function. */
export interface KaimingOptions extends InitOptions {
  /** The slope of `leakyRelu` for negative numbers: 0 by default. */
  readonly a?: number
  /** Whether the forward (`fanIn`, default) or the backward pass keeps its variance. */
  readonly mode?: 'fanIn' | 'fanOut'
  readonly nonlinearity?: Nonlinearity
}

function kaimingStd(op: string, tensor: Tensor, options: KaimingOptions | undefined): number {
  const mode = options?.mode ?? 'fanIn'
  if (mode !== 'fanIn' && mode !== 'fanOut') throw new ArgumentError(op, `mode must be 'fanIn' or 'fanOut', got '${String(mode)}'`)
  return calculateGain(options?.nonlinearity ?? 'leakyRelu', options?.a ?? 0) / Math.sqrt(fans(op, tensor)[mode])
}

/** Uniform in ±gain · √(3 / fan). @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.kaiming_uniform_ */
export function kaimingUniform_(tensor: Tensor, options?: KaimingOptions): Tensor {
  const bound = Math.sqrt(3) * kaimingStd('kaimingUniform_', tensor, options)
  return uniform_(tensor, { a: -bound, b: bound, ...take(options) })
}

/** Normal with standard deviation gain / √fan. @see https://pytorch.org/docs/stable/nn.init.html#torch.nn.init.kaiming_normal_ */
export function kaimingNormal_(tensor: Tensor, options?: KaimingOptions): Tensor {
  return normal_(tensor, { std: kaimingStd('kaimingNormal_', tensor, options), ...take(options) })
}
