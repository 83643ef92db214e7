/** @file Right calls of the functions of `nn.functional` that the root does not list among its own: losses, activations, normalizations. */
import type { Call } from './calls.ts'

const F = (callee: string, ...args: readonly string[]): Call => ({ callee: `tg.nn.functional.${callee}`, args })
const words = (text: string): readonly string[] => text.split(' ')

export const FUNCTIONAL: readonly Call[] = [
  ...words('hardsigmoid hardswish logsigmoid mish relu6 selu silu softsign tanhshrink').map((name) => F(name, 'x')),
  ...words('celu elu').flatMap((name) => [F(name, 'x', '2'), F(name, 'x', '{ alpha: 2 }')]),
  ...words('hardshrink softshrink').flatMap((name) => [F(name, 'x', '2'), F(name, 'x', '{ lambd: 2 }')]),
  F('leakyRelu', 'x', '2'),
  F('leakyRelu', 'x', '{ negativeSlope: 2 }'),
  F('hardtanh', 'x', '1', '2'),
  F('hardtanh', 'x', '{ minVal: 0, maxVal: 2 }'),
  F('threshold', 'x', '1', '2'),
  F('threshold', 'x', '{ threshold: 0, value: 2 }'),
  F('softplus', 'x', '1', '2'),
  F('softplus', 'x', '{ beta: 1, threshold: 2 }'),
  F('rrelu', 'x', '0.25', '0.5', '{ training: true, generator }'),
  F('rrelu', 'x', '{ lower: 0.25, upper: 0.5 }'),
  F('prelu', 'x', 'statistic'),
  { callee: 'x.hardshrink', args: ['2'] },
  { callee: 'x.hardshrink', args: ['{ lambd: 2 }'] },
  { callee: 'x.prelu', args: ['statistic'] },
  F('glu', 'square', '1'),
  F('glu', 'square', '{ dim: 1 }'),
  F('maxout', 'x', '3', '1'),
  F('maxout', 'x', '3', '{ dim: 1 }'),
  F('softmin', 'x', '1', "{ dtype: 'float32' }"),
  F('layerNorm', 'x', '[3]', '{ weight: statistic, bias: null, eps: 1e-5 }'),
  F('rmsNorm', 'x', '[3]', '{ weight: statistic, eps: null }'),
  F('groupNorm', 'batch', '2', '{ weight: tg.ones([2]), bias: tg.ones([2]), eps: 1e-5 }'),
  F(
    'instanceNorm',
    'batch',
    '{ weight: null, bias: null, eps: 1e-5, runningMean: tg.ones([2]), runningVar: null, useInputStats: true, momentum: 0.1 }',
  ),
  F('localResponseNorm', 'batch', '2', '{ alpha: 1e-4, beta: 0.75, k: 1 }'),
]
