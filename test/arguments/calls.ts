/**
 * @file A right call of every public function, written as source text: the sweep (sweep.test.ts) puts wrong values in place of each argument, calls the function,
 * and asks TypeScript about the same text.
 */

import { FUNCTIONAL } from './functional-calls.ts'

/** What the calls below may use. It is made anew for each call, since some calls change it. */
export const PRELUDE: string = `
const x = tg.tensor([[1, 2, 3], [4, 5, 6]])
const y = tg.ones([2, 3])
const square = tg.tensor([[2, 0], [0, 2]])
const batch = tg.ones([2, 2, 2])
const vector = tg.tensor([1, 2, 3])
const mask = x.gt(2)
const index = tg.tensor([[0, 1, 0]], { dtype: 'int32' })
const rows = tg.tensor([1, 0], { dtype: 'int32' })
const labels = tg.tensor([0, 2], { dtype: 'int32' })
const image = tg.ones([1, 2, 4, 4])
const kernel = tg.ones([3, 2, 3, 3])
const line = tg.ones([1, 2, 6])
const lineKernel = tg.ones([2, 3, 2])
const volume = tg.ones([1, 2, 4, 4, 4])
const volumeKernel = tg.ones([2, 2, 2, 2, 2])
const pair = tg.ones([2])
const statistic = tg.ones([3])
const leaf = tg.tensor([1, 2, 3], { requiresGrad: true })
const loss = leaf.mul(leaf).sum()
const interior = leaf.mul(2)
const double = tg.tensor([0.5, 2], { dtype: 'float64', device: 'cpu', requiresGrad: true })
const generator = new tg.Generator(1)
const linear = new tg.nn.Linear(3, 2)
const sequence = new tg.nn.Sequential(new tg.nn.Linear(3, 2), new tg.nn.ReLU())
const list = new tg.nn.ModuleList([new tg.nn.ReLU()])
const weight = tg.ones([4, 3])
const sgd = new tg.optim.SGD(linear.parameters(), { lr: 0.1 })
const scaler = new tg.amp.GradScaler(); scaler.scale(linear.forward(x).sum()).backward()
const samples = new tg.data.TensorDataset(x, labels)
const subset = new tg.data.Subset(samples, [1])
const bytes = new Uint8Array([16, 0, 0, 0, 0, 0, 0, 0, 123, 34, 97, 34, 58, 123, 34, 100, 116, 121, 112, 101, 34, 58])
class Cube extends tg.autograd.Function {
  static forward(ctx: tg.autograd.FunctionContext, x: tg.Tensor): tg.Tensor { ctx.saveForBackward(x); return x.mul(x).mul(x) }
  static backward(ctx: tg.autograd.FunctionContext, g: tg.Tensor): tg.Tensor { return g.mul(3) }
}
const context = new tg.autograd.FunctionContext([true])
`

/** `[callee, right arguments, options]`; the callee of a class begins with `new`. */
export interface Call {
  readonly callee: string
  readonly args: readonly string[]
  /** Whom errors name, where it is not the last part of the callee. */
  readonly name?: string
}

const call = (callee: string, args: readonly string[], name?: string): Call => ({ callee, args, ...(name !== undefined && { name }) })

const UNARY = `abs ceil cos erf erfc exp acos acosh asin asinh atan atanh cosh deg2rad digamma erfinv exp2 frac i0 isneginf isposinf isreal lgamma log10 log2 positive rad2deg signbit sinc sinh tan expm1 floor isfinite isinf isnan log log1p logicalNot neg reciprocal relu round rsqrt sigmoid sign sin sqrt square tanh trunc`
const BINARY = `add div eq ge gt le logicalAnd logicalOr logicalXor lt maximum minimum mul ne pow sub atan2 copysign floatPower floorDivide fmax fmin fmod heaviside hypot ldexp logaddexp logaddexp2 remainder xlogy`
const INTEGERS = `bitwiseAnd bitwiseLeftShift bitwiseOr bitwiseRightShift bitwiseXor gcd lcm`
/** Other names of functions, whose errors have the first. */
const UNARY_ALIASES: Readonly<Record<string, string>> = {
  absolute: 'abs',
  arccos: 'acos',
  arccosh: 'acosh',
  arcsin: 'asin',
  arcsinh: 'asinh',
  arctan: 'atan',
  arctanh: 'atanh',
  fix: 'trunc',
  negative: 'neg',
  sgn: 'sign',
}
const BINARY_ALIASES: Readonly<Record<string, string>> = {
  arctan2: 'atan2',
  divide: 'div',
  greater: 'gt',
  greaterEqual: 'ge',
  less: 'lt',
  lessEqual: 'le',
  multiply: 'mul',
  notEqual: 'ne',
  subtract: 'sub',
  trueDivide: 'div',
}
/** Functions that are there in place too (others are called below). */
const UNARY_IN_PLACE = `abs acos acosh asin asinh atan atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp2 expm1 floor frac i0 lgamma log log10 log1p log2 logicalNot rad2deg reciprocal rsqrt sign sin sinc sinh square tan trunc`
const BINARY_IN_PLACE = `atan2 copysign eq floatPower floorDivide fmod ge gt heaviside hypot ldexp le logicalAnd logicalOr logicalXor lt ne remainder xlogy`
const REDUCTION = `sum mean std variance amax amin argmax argmin all any logsumexp nansum nanmean varMean stdMean prod`
const WITH_OPTIONS: Readonly<Record<string, string>> = { add: '{ alpha: 2 }', sub: '{ alpha: 2 }', div: "{ roundingMode: 'floor' }" }
const REDUCE_OPTIONS: Readonly<Record<string, string>> = {
  std: '{ correction: 0 }',
  variance: '{ correction: 0 }',
  varMean: '{ correction: 0 }',
  stdMean: '{ correction: 0 }',
}
const CREATION = "{ dtype: 'float32', device: 'cpu', requiresGrad: true }"
const RANDOM = "{ dtype: 'float32', device: 'cpu', requiresGrad: true, generator }"

const words = (text: string): readonly string[] => text.split(' ')

/** Functions whose first argument is a tensor; those that are methods too are called both ways. */
const OF_TENSORS: readonly Call[] = [
  ...words(UNARY).map((name) => call(name, ['x'])),
  ...words(BINARY).map((name) => call(name, ['x', 'y', ...(WITH_OPTIONS[name] === undefined ? [] : [WITH_OPTIONS[name]])])),
  ...words(BINARY).map((name) => call(name, ['x', '2'])),
  ...words(INTEGERS).flatMap((name) => [call(name, ['rows', 'labels']), call(name, ['rows', '2'])]),
  ...Object.entries(UNARY_ALIASES).map(([alias, name]) => call(alias, ['x'], name)),
  ...Object.entries(BINARY_ALIASES).map(([alias, name]) => call(alias, ['x', '2'], name)),
  call('bitwiseNot', ['rows']),
  call('clip', ['x', '0', '1'], 'clamp'),
  call('clampMin', ['x', '0']),
  call('clampMax', ['x', 'y']),
  call('round', ['x', '{ decimals: 1 }']),
  call('logit', ['x', '0.1']),
  call('mvlgamma', ['x', '1']),
  call('nanToNum', ['x', '0', '1', 'null']),
  call('nanToNum', ['x', '{ nan: 0, posinf: 1, neginf: null }']),
  call('frexp', ['x']),
  call('lerp', ['x', 'y', '0.5']),
  call('lerp', ['x', 'y', 'y']),
  call('addcmul', ['x', 'y', 'y', '{ value: 2 }']),
  call('addcdiv', ['x', 'y', 'y', '{ value: 2 }']),
  call('isclose', ['x', 'y', '{ rtol: 0, atol: 1, equalNan: true }']),
  call('cross', ['x', 'y', '1']),
  call('cross', ['x', 'y', '{ dim: 1 }']),
  ...words(REDUCTION).map((name) =>
    call(name, ['x', '1', REDUCE_OPTIONS[name] ?? '{ keepdim: true }'], name === 'variance' ? 'var' : undefined),
  ),
  ...words('sum std logsumexp argmax').map((name) => call(name, ['x', '{ dim: 1 }'])),
  ...words('cumsum cumprod').flatMap((name) => [call(name, ['x', '1', "{ dtype: 'float32' }"]), call(name, ['x', '{ dim: 1 }'])]),
  ...words('cummax cummin logcumsumexp').flatMap((name) => [call(name, ['x', '1']), call(name, ['x', '{ dim: 1 }'])]),
  call('median', ['x', '1', '{ keepdim: true }']),
  call('nanmedian', ['x', '{ dim: 1 }']),
  call('mode', ['x', '1', '{ keepdim: true }']),
  call('topk', ['x', '2', '1', '{ largest: false, sorted: true }']),
  call('topk', ['x', '2', '{ dim: 0 }']),
  call('kthvalue', ['x', '2', '1', '{ keepdim: true }']),
  call('quantile', ['x', '0.5', '1', "{ keepdim: true, interpolation: 'nearest' }"]),
  call('nanquantile', ['x', 'x.at(0, 0).mul(0.5)', '{ dim: 1 }']),
  call('diff', ['x', '1', '{ dim: 0, prepend: y, append: y }']),
  call('diff', ['x', '{ n: 2, dim: 1 }']),
  call('cov', ['x', '{ correction: 0, fweights: labels.at([0, 1, 1]), aweights: vector }']),
  call('corrcoef', ['x']),
  call('bincount', ['labels', 'tg.ones([2])', '{ minlength: 3 }']),
  call('bincount', ['labels', '{ weights: tg.ones([2]) }']),
  call('unique', ['x', '{ sorted: true, returnInverse: true, returnCounts: true }']),
  call('uniqueConsecutive', ['x', '{ returnInverse: true, returnCounts: true, dim: 0 }']),
  call('prod', ['x', "{ dim: 1, dtype: 'float32' }"]),
  call('aminmax', ['x', '{ dim: 1, keepdim: true }']),
  call('countNonzero', ['x', '1']),
  call('countNonzero', ['x', '{ dim: [0, 1] }']),
  call('trace', ['x']),
  call('norm', ['x', '2', '1', "{ keepdim: true, dtype: 'float32' }"]),
  call('norm', ['x', "{ p: 'fro', dim: [0, 1] }"]),
  call('renorm', ['x', '2', '0', '1']),
  call('max', ['x', '1', '{ keepdim: true }']),
  call('max', ['x', 'y']),
  call('min', ['x', '1', '{ keepdim: true }']),
  call('softmax', ['x', '1', "{ dtype: 'float32' }"]),
  call('logSoftmax', ['x', '1', "{ dtype: 'float32' }"]),
  call('clamp', ['x', '0', '1']),
  call('clamp', ['x', '{ min: 0, max: 1 }']),
  call('gelu', ['x', "{ approximate: 'tanh' }"]),
  call('reshape', ['x', '[3, 2]']),
  call('reshape', ['x', '3', '2']),
  call('flatten', ['x', '0', '1']),
  call('unflatten', ['x', '1', '[3, 1]']),
  call('squeeze', ['x', '0']),
  call('unsqueeze', ['x', '0']),
  call('permute', ['x', '[1, 0]']),
  call('permute', ['x', '1', '0']),
  call('transpose', ['x', '0', '1']),
  call('t', ['x']),
  call('movedim', ['x', '0', '1']),
  call('flip', ['x', '[0]']),
  call('expand', ['x', '[2, 3]']),
  call('expandAs', ['x', 'y']),
  call('broadcastTo', ['x', '[2, 3]']),
  call('repeat', ['x', '[1, 2]']),
  call('narrow', ['x', '1', '0', '2']),
  call('select', ['x', '1', '0']),
  call('split', ['x', '1', '1']),
  call('split', ['x', '[1, 2]', '1']),
  call('chunk', ['x', '2', '1']),
  call('unbind', ['x', '0']),
  call('tril', ['x', '0']),
  call('triu', ['x', '{ diagonal: 0 }']),
  call('matmul', ['square', 'x']),
  call('mm', ['square', 'x']),
  call('bmm', ['batch', 'batch']),
  call('dot', ['vector', 'vector']),
  call('vdot', ['vector', 'vector']),
  call('mv', ['x', 'vector']),
  call('inner', ['x', 'vector']),
  call('outer', ['vector', 'vector']),
  call('ger', ['vector', 'vector'], 'outer'),
  call('kron', ['x', 'vector']),
  call('matrixPower', ['square', '3']),
  call('addmm', ['x', 'square', 'y', '{ beta: 2, alpha: 3 }']),
  call('addmv', ['x.sum(1)', 'square', 'x.sum(1)', '{ beta: 2, alpha: 3 }']),
  call('addr', ['y', 'x.sum(1)', 'vector', '{ beta: 2, alpha: 3 }']),
  call('addbmm', ['square', 'batch', 'batch', '{ beta: 2, alpha: 3 }']),
  call('baddbmm', ['batch', 'batch', 'batch', '{ beta: 2, alpha: 3 }']),
  call('sort', ['x', '0', '{ descending: true }']),
  call('argsort', ['x', '{ dim: 0, descending: true, stable: true }']),
  call('msort', ['x']),
  call('gather', ['x', '0', 'index']),
  call('indexSelect', ['x', '0', 'rows']),
  call('scatter', ['x', '0', 'index', 'y']),
  call('scatter', ['x', '0', 'index', '2']),
  call('scatterAdd', ['x', '0', 'index', 'y']),
  call('scatterReduce', ['x', '0', 'index', 'y', "'amax'", '{ includeSelf: false }']),
  call('indexAdd', ['x', '0', 'rows', 'y', '{ alpha: 2 }']),
  call('at', ['x', '0', "'1:3'"]),
  call('at', ['x', '[0, 1]', 'null']),
  call('maskedSelect', ['x', 'mask']),
  call('nonzero', ['x']),
  call('isNonzero', ['x.sum()']),
  call('equal', ['x', 'y']),
  call('allclose', ['x', 'y', '{ rtol: 0, atol: 1, equalNan: true }']),
  call('bernoulli', ['x.mul(0.1)', '0.5', '{ generator }']),
  call('bernoulli', ['x.mul(0.1)', '{ generator }']),
  call('detach', ['x']),
  call('clone', ['x']),
  call('backward', ['loss', 'null', '{ retainGraph: false }']),
  call('backward', ['loss', '{ retainGraph: false }']),
]

/** Free functions that no method has. */
const FREE: readonly Call[] = [
  call('tg.trapezoid', ['y', 'x', '{ dim: 0 }']),
  call('tg.trapz', ['y', '{ dx: 0.5, dim: 0 }']),
  call('tg.cumulativeTrapezoid', ['y', '{ x: vector, dim: 1 }']),
  call('tg.gradient', ['x', '{ spacing: 0.5, dim: [0, 1], edgeOrder: 1 }']),
  call('tg.gradient', ['x', '{ spacing: [vector], dim: 1 }']),
  call('tg.searchsorted', [
    'vector',
    'x',
    "{ right: true, side: 'right', outInt32: true, sorter: tg.tensor([0, 1, 2], { dtype: 'int32' }) }",
  ]),
  call('tg.searchsorted', ['vector', '2']),
  call('tg.bucketize', ['x', 'vector', '{ right: true, outInt32: true }']),
  call('tg.isin', ['x', 'vector', '{ invert: true, assumeUnique: false }']),
  call('tg.isin', ['x', '2']),
  call('tg.linalg.vectorNorm', ['x', '2', "{ dim: 1, keepdim: true, dtype: 'float32' }"]),
  call('tg.linalg.matrixNorm', ['x', "'fro'", "{ dim: [0, 1], keepdim: true, dtype: 'float32' }"]),
  call('tg.mT', ['x']),
  call('tg.einops.rearrange', ['x', "'a (b c) -> c a b'", '{ b: 1 }'], 'einops.rearrange'),
  call('tg.einops.reduce', ['[x, y]', "'n a b -> a'", "'mean'"], 'einops.reduce'),
  call('tg.einops.repeat', ['x', "'a b -> a b c'", '{ c: 2 }'], 'einops.repeat'),
  call('tg.chainMatmul', ['square', 'x']),
  call('tg.linalg.multiDot', ['[square, x, vector]']),
  call('tg.tensordot', ['x', 'y', '2']),
  call('tg.tensordot', ['x', 'y', '[[0], [0]]']),
  call('tg.tensordot', ['x', 'y', '{ dims: 2 }']),
  call('tg.bilinear', ['x', 'y', 'tg.ones([4, 3, 3])', 'tg.ones([4])']),
  call('tg.cdist', ['x', 'y', '1']),
  call('tg.cdist', ['x', 'y', "{ p: 1, computeMode: 'use_mm_for_euclid_dist' }"]),
  call('tg.pdist', ['x', '1']),
  call('tg.pdist', ['x', '{ p: 1 }']),
  call('tg.einsum', ["'ij,jk->ik'", 'square', 'x']),
  call('tg.einsum', ["'ij->ji'", '[x]']),
  call('tg.einsum', ['square', '[0, 1]', 'x', '[1, 2]', '[0, 2]']),
  ...words(
    `abs_ acos_ acosh_ asin_ asinh_ atan_ atanh_ ceil_ cos_ cosh_ deg2rad_ erf_ erfc_ exp_ exp2_ expm1_ floor_ frac_ i0_ log_ log10_ log1p_ log2_ neg_ rad2deg_ reciprocal_ relu_ rsqrt_ sigmoid_ sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ zero_`,
  ).map((name) => call(`tg.${name}`, ['x'])),
  call('tg.clamp_', ['x', '0', '1']),
  call('tg.clampMax_', ['x', '1']),
  call('tg.clampMin_', ['x', '0']),
  call('tg.gcd_', ['rows', '2']),
  call('tg.lcm_', ['rows', '2']),
  call('tg.ldexp_', ['x', 'y']),
  call('tg.logit_', ['x', '0.1']),
  call('tg.nanToNum_', ['x', '0', '1', 'null']),
  call('tg.xlogy_', ['x', 'y']),
  call('tg.fill_', ['x', '2']),
  call('tg.round_', ['x', '{ decimals: 1 }']),
  call('tg.rsub', ['x', 'y', '{ alpha: 2 }']),
  call('tg.polygamma', ['1', 'x']),
  call('tg.where', ['mask', 'x', 'y']),
  call('tg.where', ['mask', '1', '0']),
  call('tg.cat', ['[x, y]', '1']),
  call('tg.cat', ['[x, y]', '{ dim: 0 }']),
  call('tg.stack', ['[x, y]', '1']),
  call('tg.pad', ['x', '[1, 1]', "{ mode: 'constant', value: 1 }"]),
  call('tg.linear', ['x', 'weight', 'tg.ones([4])']),
  call('tg.embedding', ['rows', 'weight', '{ paddingIdx: 0 }']),
  call('tg.oneHot', ['rows', '3']),
  call('tg.oneHot', ['rows', '{ numClasses: 3 }']),
  call('tg.dropout', ['x', '0.5', '{ training: true, generator }']),
  call('tg.dropout', ['x', '{ p: 0.5 }']),
  call('tg.batchNorm', ['x', 'statistic', 'statistic', '{ weight: statistic, bias: null, training: true, momentum: 0.1, eps: 1e-5 }']),
  call('tg.crossEntropy', ['x', 'labels', "{ reduction: 'sum', weight: statistic, ignoreIndex: 1, labelSmoothing: 0.1 }"]),
  call('tg.nllLoss', ['x', 'labels', "{ reduction: 'sum', weight: statistic, ignoreIndex: 1 }"]),
  call('tg.mseLoss', ['x', 'y', "{ reduction: 'none' }"]),
  call('tg.nn.functional.conv2d', ['image', 'kernel', 'statistic', '{ stride: 1, padding: [1, 1], dilation: 1, groups: 1 }']),
  call('tg.nn.functional.conv2d', ['image', 'kernel', '{ padding: 1 }']),
  call('tg.conv1d', ['line', 'tg.ones([3, 2, 3])', 'statistic', "{ stride: 1, padding: 'same', dilation: [1], groups: 1 }"]),
  call('tg.conv3d', ['volume', 'volumeKernel', 'pair', '{ stride: 1, padding: [1, 0, 1], dilation: 1, groups: 1 }']),
  call('tg.convTranspose1d', ['line', 'lineKernel', 'statistic', '{ stride: 2, padding: 1, outputPadding: 1, dilation: 1, groups: 1 }']),
  call('tg.convTranspose2d', ['image', 'tg.ones([2, 1, 3, 3])', 'pair', '{ stride: 2, outputPadding: [1, 0], groups: 2 }']),
  call('tg.convTranspose2d', ['image', 'tg.ones([2, 1, 3, 3])', '{ dilation: 2 }']),
  call('tg.convTranspose3d', ['volume', 'volumeKernel', 'pair', '{ stride: 2, padding: 1, outputPadding: 1, dilation: 1, groups: 1 }']),
  call('tg.convTbc', ['batch', 'batch', 'pair', '1']),
  call('tg.maxPool1d', ['line', '2', '{ stride: 2, padding: 0, dilation: 1, ceilMode: true, returnIndices: false }']),
  call('tg.maxPool3d', ['volume', '[2, 2, 1]', '{ stride: 2, padding: 0, dilation: 1, ceilMode: true, returnIndices: true }']),
  ...words('1 2 3').map((rank) =>
    call(`tg.nn.functional.maxPool${rank}dWithIndices`, [
      words('line image volume')[Number(rank) - 1] as string,
      '2',
      '{ stride: 2, padding: 0, dilation: 1, ceilMode: true }',
    ]),
  ),
  ...words('1 2 3').flatMap((rank) => {
    const x = words('line image volume')[Number(rank) - 1] as string
    return [
      call(`tg.nn.functional.adaptiveAvgPool${rank}d`, [x, '3']),
      call(`tg.nn.functional.adaptiveMaxPool${rank}d`, [
        x,
        ['[3]', '[3, null]', '[3, null, 2]'][Number(rank) - 1] as string,
        '{ returnIndices: true }',
      ]),
      call(`tg.nn.functional.adaptiveMaxPool${rank}dWithIndices`, [x, '3']),
    ]
  }),
  ...words('1 2').map((rank) =>
    call(`tg.nn.functional.lpPool${rank}d`, [words('line image')[Number(rank) - 1] as string, '2', '2', '{ stride: 2, ceilMode: true }']),
  ),
  call('tg.nn.functional.unfold', ['image', '[2, 3]', '{ stride: 1, padding: [1, 1], dilation: 1 }']),
  call('tg.nn.functional.fold', ['tg.ones([1, 8, 9])', '4', '[2, 2]', '{ stride: 1, padding: [0, 0], dilation: 1 }']),
  call('tg.nn.functional.interpolate', ['image', "{ size: [3, 5], mode: 'bilinear', alignCorners: true, antialias: true }"]),
  call('tg.nn.functional.interpolate', ['image', "{ scaleFactor: 1.5, mode: 'bicubic', recomputeScaleFactor: true }"]),
  call('tg.nn.functional.upsample', ['image', "{ size: 3, mode: 'nearest', alignCorners: null }"]),
  call('tg.nn.functional.upsampleNearest', ['image', '{ scaleFactor: [2, 3] }']),
  call('tg.nn.functional.upsampleBilinear', ['image', '{ size: [5, 4] }']),
  call('tg.nn.functional.gridSample', [
    'image',
    'tg.zeros([1, 3, 3, 2])',
    "{ mode: 'bicubic', paddingMode: 'reflection', alignCorners: true }",
  ]),
  call('tg.nn.functional.affineGrid', ['tg.ones([1, 2, 3])', '[1, 2, 4, 4]', '{ alignCorners: true }']),
  call('tg.pixelShuffle', ['tg.ones([1, 4, 2, 2])', '2']),
  call('tg.pixelUnshuffle', ['image', '2']),
  call('tg.channelShuffle', ['image', '2']),
  call(
    'tg.nn.functional.maxUnpool1d',
    ['tg.ones([1, 2])', 'labels.unsqueeze(0)', '2', '{ stride: 2, padding: 0, outputSize: [4] }'],
    'maxUnpool1d',
  ),
  call(
    'tg.nn.functional.maxUnpool2d',
    ['tg.ones([1, 1, 2])', 'labels.reshape(1, 1, 2)', '[2, 1]', '{ stride: [1, 2], padding: 0 }'],
    'maxUnpool2d',
  ),
  call(
    'tg.nn.functional.maxUnpool3d',
    ['tg.ones([1, 1, 1, 2])', 'labels.reshape(1, 1, 1, 2)', '2', '{ stride: 2, padding: 0 }'],
    'maxUnpool3d',
  ),
  ...words('2 3').flatMap((rank) => {
    const name = `tg.nn.functional.fractionalMaxPool${rank}d`
    const args = [words('image volume')[Number(rank) - 2] as string, '2']
    return [
      call(name, [...args, `{ outputSize: 2, returnIndices: true, _randomSamples: tg.zeros([1, 2, ${rank}]), generator }`]),
      call(`${name}WithIndices`, [...args, '{ outputRatio: 0.7, generator }']),
    ]
  }),
  call('tg.avgPool1d', ['line', '2', '{ stride: 2, padding: 0, ceilMode: true, countIncludePad: true }']),
  call('tg.avgPool3d', ['volume', '2', '{ stride: 2, padding: 0, ceilMode: true, countIncludePad: true, divisorOverride: 3 }']),
  call('tg.nn.functional.maxPool2d', ['image', '2', '{ stride: 2, padding: 0, dilation: 1, ceilMode: true, returnIndices: false }']),
  call('tg.nn.functional.avgPool2d', [
    'image',
    '[2, 2]',
    '{ stride: 2, padding: 0, ceilMode: true, countIncludePad: true, divisorOverride: 3 }',
  ]),
  call('tg.tensor', ['[1, 2]', `{ shape: [2], ${CREATION.slice(2)}`]),
  ...words('zeros ones empty').flatMap((name) => [call(`tg.${name}`, ['[2, 3]', CREATION]), call(`tg.${name}`, ['2', '3', CREATION])]),
  ...words('rand randn').flatMap((name) => [call(`tg.${name}`, ['[2, 3]', RANDOM]), call(`tg.${name}`, ['2', '3', RANDOM])]),
  call('tg.full', ['[2, 3]', '7', CREATION]),
  ...words('zerosLike onesLike emptyLike').map((name) => call(`tg.${name}`, ['x', CREATION])),
  call('tg.fullLike', ['x', '7', CREATION]),
  ...words('randLike randnLike').map((name) => call(`tg.${name}`, ['x', RANDOM])),
  call('tg.arange', ['0', '10', '2', "{ dtype: 'int32' }"]),
  call('tg.arange', ['10', "{ dtype: 'int32' }"]),
  call('tg.linspace', ['0', '1', '5', CREATION]),
  call('tg.eye', ['2', '3', CREATION]),
  call('tg.normal', ['0', '1', '[2, 3]', RANDOM]),
  call('tg.randint', ['0', '10', '[2, 3]', "{ dtype: 'int32', generator }"]),
  call('tg.randint', ['10', '[2, 3]', "{ dtype: 'int32' }"]),
  call('tg.randperm', ['4', "{ dtype: 'int32', generator }"]),
  call('tg.manualSeed', ['3']),
  call('tg.promoteTypes', ["'int32'", "'float32'"]),
  call('tg.canCast', ["'int32'", "'float32'"]),
  call('tg.resultType', ['x', '1']),
  call('tg.finfo', ["'float32'"]),
  call('tg.iinfo', ["'int32'"]),
  call('tg.setPrintoptions', ["{ precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, profile: 'default' }"]),
  call('tg.grad', [
    'loss',
    '[leaf]',
    '{ retainGraph: true, createGraph: true, gradOutputs: null, allowUnused: true, materializeGrads: false }',
  ]),
  call('tg.autograd.registerHook', ['interior', '(g) => g']),
  call('tg.noGrad', ['() => 1']),
  call('tg.enableGrad', ['() => 1']),
  call('tg.inferenceMode', ['() => 1']),
  call('tg.tidy', ['() => 1']),
  call('tg.amp.autocast', ['() => 1']),
  call('tg.amp.autocast', ["{ dtype: 'float16', enabled: true, cacheEnabled: false }", '() => 1']),
  call('tg.amp.isAutocastEnabled', []),
  call('tg.amp.customFwd', ["{ castInputs: 'float32' }", '() => x']),
  call('tg.amp.customBwd', ['() => x']),
  call('new tg.amp.GradScaler', ['{ initScale: 8, growthFactor: 2, backoffFactor: 0.5, growthInterval: 5, enabled: true }']),
  call('scaler.scale', ['loss'], 'GradScaler.scale'),
  call('scaler.scale', ['[loss]'], 'GradScaler.scale'),
  call('scaler.unscale_', ['sgd'], 'GradScaler.unscale_'),
  call('scaler.step', ['sgd'], 'GradScaler.step'),
  call('scaler.update', ['8'], 'GradScaler.update'),
  call('scaler.getScale', []),
  call('scaler.isEnabled', []),
  call('scaler.getGrowthFactor', []),
  call('scaler.getBackoffFactor', []),
  call('scaler.getGrowthInterval', []),
  call('scaler.setGrowthFactor', ['3'], 'GradScaler.setGrowthFactor'),
  call('scaler.setBackoffFactor', ['0.25'], 'GradScaler.setBackoffFactor'),
  call('scaler.setGrowthInterval', ['7'], 'GradScaler.setGrowthInterval'),
  call('scaler.stateDict', []),
  call(
    'scaler.loadStateDict',
    ['{ scale: 8, growth_factor: 2, backoff_factor: 0.5, growth_interval: 5, _growth_tracker: 1 }'],
    'GradScaler.loadStateDict',
  ),
  call('tg.detectAnomaly', ['() => 1']),
  call('tg.setDetectAnomaly', ['false']),
  call('tg.customOp', ["{ name: 'f', inputs: { a: 'float' }, outputs: { b: ({ a }) => a }, cpu: () => {} }"]),
  call('tg.autograd.graph.savedTensorsHooks', ['(t: tg.Tensor) => t', '(t: tg.Tensor) => t', '() => 1']),
  call('tg.checkpoint', ['() => 1']),
  call('tg.checkpointSequential', ['[(h: tg.Tensor) => h]', '1', 'x']),
  call('tg.memory', ["'cpu'"]),
  call('tg.resetPeakMemory', ["'cpu'"]),
  call('tg.setDefaultDevice', ["'cpu'"]),
  call('tg.init', ["{ device: 'cpu', memoryLimit: Infinity }"]),
  call('tg.useDeterministicAlgorithms', ['false']),
  call('tg.synchronize', []),
  call('tg.availableDevices', []),
  call('tg.getDefaultDevice', []),
  call('tg.isGradEnabled', []),
  call('tg.isAnomalyEnabled', []),
  call('tg.autograd.isAnomalyEnabled', []),
  call('tg.seed', []),
  call('generator.seed', []),
  call('tg.areDeterministicAlgorithmsEnabled', []),
  call('tg.serializeState', ['{ x, epoch: 3 }']),
  call('testing.assertClose', ['x', 'x', '{ rtol: 0, atol: 1, equalNan: true, checkDtype: true }']),
  call('testing.gradcheck', [
    '(v: tg.Tensor) => v.mul(v)',
    '[double]',
    '{ eps: 1e-6, atol: 1e-5, rtol: 1e-3, raiseException: true, fastMode: true, seed: 3 }',
  ]),
  call('testing.gradgradcheck', ['(v: tg.Tensor) => v.mul(v).mul(v)', '[double]', '{ seed: 3 }']),
]

/** Methods that no function is, and those of other classes. */
const METHODS: readonly Call[] = [
  call('x.view', ['3', '2'], 'reshape'),
  call('x.where', ['mask', 'y']),
  call('x.to', ["'float16'"]),
  call('x.to', ["'bfloat16'"]),
  call('x.to', ["{ dtype: 'float16', device: 'cpu' }"]),
  call('x.to', ['y']),
  call('x.to', ["'cpu'", "'float16'"]),
  ...words('cpu float half bfloat16 int long bool contiguous dispose toString item').map((name) =>
    call(`${name === 'item' ? 'loss' : 'x'}.${name}`, []),
  ),
  call('x.double', []),
  call('x.typeAs', ['mask']),
  call('x.requiresGrad_', ['true']),
  call('x.detach_', []),
  call('interior.retainGrad', []),
  call('interior.registerHook', ['(g) => g.mul(2)']),
  call('x.add_', ['y', '{ alpha: 2 }']),
  call('x.sub_', ['y', '{ alpha: 2 }']),
  call('x.mul_', ['2']),
  call('x.div_', ['y', "{ roundingMode: 'floor' }"]),
  call('x.pow_', ['2']),
  ...words(`neg_ exp_ sqrt_ relu_ tanh_ sigmoid_ zero_`).map((name) => call(`x.${name}`, [])),
  ...words(UNARY_IN_PLACE).map((name) => call(`x.${name}_`, [])),
  ...words(BINARY_IN_PLACE).map((name) => call(`x.${name}_`, ['y'])),
  ...words(INTEGERS).map((name) => call(`rows.${name}_`, ['labels'])),
  ...Object.entries(UNARY_ALIASES).map(([alias, name]) => call(`x.${alias}_`, [], `${name}_`)),
  ...Object.entries(BINARY_ALIASES).map(([alias, name]) => call(`x.${alias}_`, ['2'], `${name}_`)),
  call('x.polygamma', ['1']),
  call('x.polygamma_', ['1']),
  call('rows.bitwiseNot_', []),
  call('x.clip_', ['0', '1'], 'clamp_'),
  call('x.clampMin_', ['0']),
  call('x.clampMax_', ['1']),
  call('x.round_', ['{ decimals: 1 }']),
  call('x.logit_', ['0.1']),
  call('x.mvlgamma_', ['1']),
  call('x.nanToNum_', ['0', '1', 'null']),
  call('x.lerp_', ['y', '0.5']),
  call('x.addcmul_', ['y', 'y', '{ value: 2 }']),
  call('x.addcdiv_', ['y', 'y', '{ value: 2 }']),

  call('x.clamp_', ['0', '1']),
  call('x.copy_', ['y']),
  call('x.addmm_', ['square', 'y', '{ beta: 2, alpha: 3 }']),
  call('vector.addmv_', ['weight.narrow(0, 0, 3)', 'vector', '{ beta: 2, alpha: 3 }']),
  call('x.addr_', ['x.sum(1)', 'vector', '{ beta: 2, alpha: 3 }']),
  call('square.addbmm_', ['batch', 'batch', '{ beta: 2, alpha: 3 }']),
  call('batch.baddbmm_', ['batch', 'batch', '{ beta: 2, alpha: 3 }']),
  call('x.fill_', ['3']),
  call('x.uniform_', ['0', '1', '{ generator }']),
  call('x.normal_', ['0', '1', '{ generator }']),
  call('x.data', ['{ raw: true }']),
  call('x.toArray', []),
  call('x.toNdarray', []),
  call('x.toText', ['{ precision: 3, threshold: 10, edgeitems: 2, linewidth: 60, sciMode: false }']),
  call('x.size', ['1']),
  call('x.numel', []),
  call('x.dim', []),
  call('linear.forward', ['x'], 'linear'),
  call('linear.train', ['true'], 'Module.train'),
  call('linear.eval', []),
  call('linear.requiresGrad_', ['true'], 'Module.requiresGrad_'),
  call('linear.zeroGrad', ['{ setToNone: true }'], 'Module.zeroGrad'),
  call('linear.to', ["'float32'"], 'Module.to'),
  call('linear.to', ["{ dtype: 'float32', device: 'cpu' }"], 'Module.to'),
  call('linear.apply', ['() => undefined'], 'Module.apply'),
  call('linear.loadStateDict', ['linear.stateDict()', '{ strict: true }']),
  call('linear.registerForwardPreHook', ['() => undefined']),
  call('linear.registerForwardHook', ['() => undefined']),
  call('linear.namedModules', ["'model'"]),
  ...words('namedChildren children modules namedParameters parameters namedBuffers buffers stateDict extraRepr toString').map((name) =>
    call(`linear.${name}`, []),
  ),
  call('sequence.at', ['0'], 'Sequential.at'),
  call('list.at', ['0'], 'ModuleList.at'),
  call('list.push', ['new tg.nn.ReLU()'], 'ModuleList'),
  call('sgd.addParamGroup', ['{ params: [leaf], lr: 0.1 }'], 'SGD'),
  call('sgd.zeroGrad', ['{ setToNone: true }'], 'SGD.zeroGrad'),
  call('sgd.step', ['() => loss'], 'SGD.step'),
  call('sgd.stateDict', []),
  call('sgd.loadStateDict', ['sgd.stateDict()'], 'SGD.loadStateDict'),
  call('sgd.toString', []),
  call('generator.manualSeed', ['3']),
  call('generator.setState', ['generator.getState()']),
  call('generator.getState', []),
  call('generator.initialSeed', []),
  call('samples.get', ['1'], 'TensorDataset.get'),
  call('subset.get', ['0'], 'Subset.get'),
  call('context.saveForBackward', ['x', 'y']),
  call('context.markNonDifferentiable', ['x', 'y']),
  call('context.setMaterializeGrads', ['true']),
  call('Cube.apply', ['leaf'], 'saveForBackward'),
]

/** Classes, and what fills weights. */
const CLASSES: readonly Call[] = [
  call('new tg.Generator', ['3']),
  call('new tg.nn.Parameter', ['x', '{ requiresGrad: true }']),
  call('new tg.nn.Buffer', ['x', '{ persistent: true }']),
  call('new tg.nn.Sequential', ['linear']),
  call('new tg.nn.ModuleList', ['[linear]']),
  call('new tg.nn.Linear', ['3', '2', "{ bias: true, dtype: 'float32', device: 'cpu', generator }"]),
  call('new tg.nn.Conv2d', [
    '2',
    '4',
    '3',
    "{ stride: 1, padding: 1, dilation: 1, groups: 2, bias: true, paddingMode: 'zeros', dtype: 'float32', generator }",
  ]),
  call('new tg.nn.MaxPool2d', ['2', '{ stride: 2, padding: 0, dilation: 1, ceilMode: true, returnIndices: false }']),
  call('new tg.nn.AvgPool2d', ['2', '{ stride: 2, padding: 0, ceilMode: true, countIncludePad: true, divisorOverride: 3 }']),
  call('new tg.nn.BatchNorm1d', [
    '3',
    "{ eps: 1e-5, momentum: 0.1, affine: true, trackRunningStats: true, dtype: 'float32', device: 'cpu' }",
  ]),
  call('new tg.nn.BatchNorm2d', ['3', '{ momentum: null }']),
  call('new tg.nn.Embedding', ['4', '3', "{ paddingIdx: 0, dtype: 'float32', generator }"]),
  call('new tg.nn.Dropout', ['0.5', '{ generator }']),
  call('new tg.nn.Flatten', ['1', '-1']),
  call('new tg.nn.GELU', ["{ approximate: 'tanh' }"]),
  call('new tg.nn.CrossEntropyLoss', ["{ reduction: 'sum', weight: statistic, ignoreIndex: 1, labelSmoothing: 0.1 }"]),
  call('new tg.nn.MSELoss', ["{ reduction: 'sum' }"]),
  ...words('Identity ReLU Sigmoid Tanh').map((name) => call(`new tg.nn.${name}`, [])),
  call('new tg.optim.SGD', [
    'linear.parameters()',
    '{ lr: 0.1, momentum: 0.9, dampening: 0, weightDecay: 0.1, nesterov: true, maximize: false, keepPrevious: true }',
  ]),
  ...words('Adam AdamW').map((name) =>
    call(`new tg.optim.${name}`, [
      'linear.parameters()',
      '{ lr: 0.1, betas: [0.9, 0.99], eps: 1e-8, weightDecay: 0.1, amsgrad: true, maximize: true, keepPrevious: true }',
    ]),
  ),
  call('new tg.data.TensorDataset', ['x', 'labels']),
  call('new tg.data.Subset', ['samples', '[0, 1]']),
  call('new tg.data.DataLoader', [
    'samples',
    '{ batchSize: 2, shuffle: true, seed: 3, dropLast: true, collateFn: (s: readonly unknown[]) => s }',
  ]),
  call('tg.data.defaultCollate', ['[[1, 2], [3, 4]]'], 'collate'),
  call('tg.nn.init.calculateGain', ["'leakyRelu'", '0.1']),
  call('tg.nn.init.constant_', ['x', '3']),
  call('tg.nn.init.zeros_', ['x']),
  call('tg.nn.init.ones_', ['x']),
  call('tg.nn.init.uniform_', ['x', '0', '1', '{ generator }']),
  call('tg.nn.init.uniform_', ['x', '{ a: 0, b: 1 }']),
  call('tg.nn.init.normal_', ['x', '0', '1', '{ generator }']),
  call('tg.nn.init.normal_', ['x', '{ mean: 0, std: 1 }']),
  call('tg.nn.init.xavierUniform_', ['x', '1', '{ generator }']),
  call('tg.nn.init.xavierNormal_', ['x', '{ gain: 1 }']),
  call('tg.nn.init.kaimingUniform_', ['x', '0', "'fan_in'", "'relu'", '{ generator }']),
  call('tg.nn.init.kaimingNormal_', ['x', "{ a: 0, mode: 'fanOut', nonlinearity: 'leaky_relu' }"]),
  call('tg.nn.utils.clipGradNorm_', ['[leaf]', '1', '{ normType: 2 }']),
  call('tg.nn.utils.clipGradValue_', ['[leaf]', '1']),
]

/** The functions of tensors, called as functions and, where `isMethod` says that they are methods, on their first argument. */
export function allCalls(isMethod: (name: string) => boolean): readonly Call[] {
  const both = OF_TENSORS.flatMap(({ callee, args, name }) => {
    const method = callee === 'variance' ? 'var' : callee
    const [self, ...rest] = args
    return [
      { callee: `tg.${callee}`, args, ...(name !== undefined && { name }) },
      ...(isMethod(method) ? [{ callee: `${self}.${method}`, args: rest, ...(name !== undefined && { name }) }] : []),
    ]
  })
  return [...both, ...FREE, ...FUNCTIONAL, ...METHODS, ...CLASSES]
}

/** Values that are wrong in most places, as source text. */
export const WRONG: readonly string[] = [
  'undefined',
  'null',
  'true',
  'NaN',
  'Infinity',
  '-1',
  '1.5',
  '7',
  '2 ** 40',
  '1e300',
  '5n',
  "'a'",
  "'0'",
  "''",
  'Symbol()',
  '[]',
  '[1]',
  '[5, 5]',
  '[NaN]',
  "['a']",
  '[[1, 2], [3]]',
  '{}',
  '{ dvice: 1 }',
  'new Date(0)',
  'new Map()',
  'new Float32Array(2)',
  'Promise.resolve(x)',
  '() => 1',
  'tg.ones([7])',
  "tg.zeros([2], { dtype: 'bool' })",
  'linear',
]

/** Wrong values of a type that another of them has: TypeScript judges that one for all. */
export const SAME_TYPE: Readonly<Record<string, string>> = {
  Infinity: 'NaN',
  '-1': 'NaN',
  '1.5': 'NaN',
  '7': 'NaN',
  '2 ** 40': 'NaN',
  '1e300': 'NaN',
  "'0'": "'a'",
  "''": "'a'",
  '[NaN]': '[1]',
  "tg.zeros([2], { dtype: 'bool' })": 'tg.ones([7])',
}
