/** @file Installs the methods: `x.matmul(w)` is `matmul(x, w)`. The names are listed once; their types follow from the functions. */
import * as autograd from './autograd/index.ts'
import * as ops from './ops/index.ts'
import { Tensor } from './tensor/index.ts'

/** The ops that are methods too, as in PyTorch. */
const methods = {
  // elementwise
  neg: ops.neg,
  abs: ops.abs,
  sign: ops.sign,
  exp: ops.exp,
  expm1: ops.expm1,
  log: ops.log,
  log1p: ops.log1p,
  sqrt: ops.sqrt,
  rsqrt: ops.rsqrt,
  reciprocal: ops.reciprocal,
  square: ops.square,
  sin: ops.sin,
  cos: ops.cos,
  tanh: ops.tanh,
  sigmoid: ops.sigmoid,
  relu: ops.relu,
  hardshrink: ops.hardshrink,
  prelu: ops.prelu,
  erf: ops.erf,
  erfc: ops.erfc,
  floor: ops.floor,
  ceil: ops.ceil,
  round: ops.round,
  trunc: ops.trunc,
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  pow: ops.pow,
  maximum: ops.maximum,
  minimum: ops.minimum,
  clamp: ops.clamp,
  acos: ops.acos,
  acosh: ops.acosh,
  addcdiv: ops.addcdiv,
  addcmul: ops.addcmul,
  asin: ops.asin,
  asinh: ops.asinh,
  atan: ops.atan,
  atan2: ops.atan2,
  atanh: ops.atanh,
  bitwiseAnd: ops.bitwiseAnd,
  bitwiseLeftShift: ops.bitwiseLeftShift,
  bitwiseNot: ops.bitwiseNot,
  bitwiseOr: ops.bitwiseOr,
  bitwiseRightShift: ops.bitwiseRightShift,
  bitwiseXor: ops.bitwiseXor,
  clampMax: ops.clampMax,
  clampMin: ops.clampMin,
  copysign: ops.copysign,
  cosh: ops.cosh,
  cross: ops.cross,
  deg2rad: ops.deg2rad,
  digamma: ops.digamma,
  erfinv: ops.erfinv,
  exp2: ops.exp2,
  floatPower: ops.floatPower,
  floorDivide: ops.floorDivide,
  fmax: ops.fmax,
  fmin: ops.fmin,
  fmod: ops.fmod,
  frac: ops.frac,
  frexp: ops.frexp,
  gcd: ops.gcd,
  heaviside: ops.heaviside,
  hypot: ops.hypot,
  i0: ops.i0,
  igamma: ops.igamma,
  igammac: ops.igammac,
  isclose: ops.isclose,
  isneginf: ops.isneginf,
  isposinf: ops.isposinf,
  isreal: ops.isreal,
  lcm: ops.lcm,
  ldexp: ops.ldexp,
  lerp: ops.lerp,
  lgamma: ops.lgamma,
  log10: ops.log10,
  log2: ops.log2,
  logaddexp: ops.logaddexp,
  logaddexp2: ops.logaddexp2,
  logit: ops.logit,
  mvlgamma: ops.mvlgamma,
  nanToNum: ops.nanToNum,
  nextafter: ops.nextafter,
  positive: ops.positive,
  rad2deg: ops.rad2deg,
  remainder: ops.remainder,
  signbit: ops.signbit,
  sinc: ops.sinc,
  sinh: ops.sinh,
  tan: ops.tan,
  xlogy: ops.xlogy,
  // compare
  eq: ops.eq,
  ne: ops.ne,
  lt: ops.lt,
  le: ops.le,
  gt: ops.gt,
  ge: ops.ge,
  logicalAnd: ops.logicalAnd,
  logicalOr: ops.logicalOr,
  logicalXor: ops.logicalXor,
  logicalNot: ops.logicalNot,
  isnan: ops.isnan,
  isinf: ops.isinf,
  isfinite: ops.isfinite,
  // other names
  absolute: ops.absolute,
  arccos: ops.arccos,
  arccosh: ops.arccosh,
  arcsin: ops.arcsin,
  arcsinh: ops.arcsinh,
  arctan: ops.arctan,
  arctan2: ops.arctan2,
  arctanh: ops.arctanh,
  clip: ops.clip,
  divide: ops.divide,
  fix: ops.fix,
  greater: ops.greater,
  greaterEqual: ops.greaterEqual,
  less: ops.less,
  lessEqual: ops.lessEqual,
  multiply: ops.multiply,
  negative: ops.negative,
  notEqual: ops.notEqual,
  sgn: ops.sgn,
  subtract: ops.subtract,
  trueDivide: ops.trueDivide,
  // reduce
  sum: ops.sum,
  mean: ops.mean,
  std: ops.std,
  prod: ops.prod,
  nansum: ops.nansum,
  nanmean: ops.nanmean,
  norm: ops.norm,
  renorm: ops.renorm,
  dist: ops.dist,
  countNonzero: ops.countNonzero,
  trace: ops.trace,
  aminmax: ops.aminmax,
  quantile: ops.quantile,
  nanquantile: ops.nanquantile,
  mode: ops.mode,
  median: ops.median,
  nanmedian: ops.nanmedian,
  unique: ops.unique,
  uniqueConsecutive: ops.uniqueConsecutive,
  topk: ops.topk,
  kthvalue: ops.kthvalue,
  diff: ops.diff,
  cov: ops.cov,
  corrcoef: ops.corrcoef,
  bincount: ops.bincount,
  histc: ops.histc,
  histogram: ops.histogram,
  amax: ops.amax,
  amin: ops.amin,
  argmax: ops.argmax,
  argmin: ops.argmin,
  sort: ops.sort,
  argsort: ops.argsort,
  msort: ops.msort,
  all: ops.all,
  any: ops.any,
  softmax: ops.softmax,
  logSoftmax: ops.logSoftmax,
  logsumexp: ops.logsumexp,
  // scan
  cumsum: ops.cumsum,
  cumprod: ops.cumprod,
  cummax: ops.cummax,
  cummin: ops.cummin,
  logcumsumexp: ops.logcumsumexp,
  // view
  reshape: ops.reshape,
  view: ops.view,
  flatten: ops.flatten,
  unflatten: ops.unflatten,
  squeeze: ops.squeeze,
  unsqueeze: ops.unsqueeze,
  permute: ops.permute,
  transpose: ops.transpose,
  t: ops.t,
  movedim: ops.movedim,
  flip: ops.flip,
  expand: ops.expand,
  expandAs: ops.expandAs,
  broadcastTo: ops.broadcastTo,
  repeat: ops.repeat,
  narrow: ops.narrow,
  select: ops.select,
  split: ops.split,
  chunk: ops.chunk,
  unbind: ops.unbind,
  tril: ops.tril,
  triu: ops.triu,
  ravel: ops.ravel,
  viewAs: ops.viewAs,
  reshapeAs: ops.reshapeAs,
  adjoint: ops.adjoint,
  moveaxis: ops.moveaxis,
  swapaxes: ops.swapaxes,
  swapdims: ops.swapdims,
  fliplr: ops.fliplr,
  flipud: ops.flipud,
  roll: ops.roll,
  rot90: ops.rot90,
  tile: ops.tile,
  repeatInterleave: ops.repeatInterleave,
  sumToSize: ops.sumToSize,
  tensorSplit: ops.tensorSplit,
  hsplit: ops.hsplit,
  vsplit: ops.vsplit,
  dsplit: ops.dsplit,
  splitWithSizes: ops.splitWithSizes,
  diagonal: ops.diagonal,
  diag: ops.diag,
  diagEmbed: ops.diagEmbed,
  diagflat: ops.diagflat,
  diagonalScatter: ops.diagonalScatter,
  selectScatter: ops.selectScatter,
  sliceScatter: ops.sliceScatter,
  newZeros: ops.newZeros,
  newOnes: ops.newOnes,
  newEmpty: ops.newEmpty,
  newFull: ops.newFull,
  newTensor: ops.newTensor,
  isFloatingPoint: ops.isFloatingPoint,
  isComplex: ops.isComplex,
  isSigned: ops.isSigned,
  isSameSize: ops.isSameSize,
  elementSize: ops.elementSize,
  isContiguous: ops.isContiguous,
  // matmul, index, random
  matmul: ops.matmul,
  mm: ops.mm,
  bmm: ops.bmm,
  dot: ops.dot,
  vdot: ops.vdot,
  mv: ops.mv,
  inner: ops.inner,
  outer: ops.outer,
  ger: ops.ger,
  kron: ops.kron,
  matrixPower: ops.matrixPower,
  addmm: ops.addmm,
  addmv: ops.addmv,
  addr: ops.addr,
  addbmm: ops.addbmm,
  baddbmm: ops.baddbmm,
  gather: ops.gather,
  indexSelect: ops.indexSelect,
  scatter: ops.scatter,
  scatterAdd: ops.scatterAdd,
  scatterReduce: ops.scatterReduce,
  indexAdd: ops.indexAdd,
  indexCopy: ops.indexCopy,
  indexFill: ops.indexFill,
  indexReduce: ops.indexReduce,
  take: ops.take,
  put: ops.put,
  takeAlongDim: ops.takeAlongDim,
  maskedFill: ops.maskedFill,
  maskedScatter: ops.maskedScatter,
  indexPut: ops.indexPut,
  argwhere: ops.argwhere,
  at: ops.at,
  maskedSelect: ops.maskedSelect,
  nonzero: ops.nonzero,
  equal: ops.equal,
  isNonzero: ops.isNonzero,
  allclose: ops.allclose,
  bernoulli: ops.bernoulli,
  multinomial: ops.multinomial,
  // convert
  to: ops.to,
  cpu: ops.cpu,
  float: ops.float,
  double: ops.double,
  half: ops.half,
  bfloat16: ops.bfloat16,
  int: ops.int,
  long: ops.long,
  bool: ops.bool,
  typeAs: ops.typeAs,
  detach: ops.detach,
  clone: ops.clone,
  contiguous: ops.contiguous,
  detach_: ops.detach_,
  requiresGrad_: ops.requiresGrad_,
  retainGrad: ops.retainGrad,
  // in place
  abs_: ops.abs_,
  acos_: ops.acos_,
  acosh_: ops.acosh_,
  add_: ops.add_,
  addcdiv_: ops.addcdiv_,
  addcmul_: ops.addcmul_,
  asin_: ops.asin_,
  asinh_: ops.asinh_,
  atan_: ops.atan_,
  atan2_: ops.atan2_,
  atanh_: ops.atanh_,
  bitwiseAnd_: ops.bitwiseAnd_,
  bitwiseLeftShift_: ops.bitwiseLeftShift_,
  bitwiseNot_: ops.bitwiseNot_,
  bitwiseOr_: ops.bitwiseOr_,
  bitwiseRightShift_: ops.bitwiseRightShift_,
  bitwiseXor_: ops.bitwiseXor_,
  ceil_: ops.ceil_,
  clamp_: ops.clamp_,
  clampMax_: ops.clampMax_,
  clampMin_: ops.clampMin_,
  copysign_: ops.copysign_,
  cos_: ops.cos_,
  cosh_: ops.cosh_,
  cumprod_: ops.cumprod_,
  cumsum_: ops.cumsum_,
  deg2rad_: ops.deg2rad_,
  digamma_: ops.digamma_,
  div_: ops.div_,
  eq_: ops.eq_,
  erf_: ops.erf_,
  erfc_: ops.erfc_,
  erfinv_: ops.erfinv_,
  exp_: ops.exp_,
  exp2_: ops.exp2_,
  expm1_: ops.expm1_,
  floatPower_: ops.floatPower_,
  floor_: ops.floor_,
  floorDivide_: ops.floorDivide_,
  fmod_: ops.fmod_,
  frac_: ops.frac_,
  gcd_: ops.gcd_,
  ge_: ops.ge_,
  gt_: ops.gt_,
  heaviside_: ops.heaviside_,
  hypot_: ops.hypot_,
  i0_: ops.i0_,
  igamma_: ops.igamma_,
  igammac_: ops.igammac_,
  lcm_: ops.lcm_,
  ldexp_: ops.ldexp_,
  le_: ops.le_,
  lerp_: ops.lerp_,
  lgamma_: ops.lgamma_,
  log_: ops.log_,
  log10_: ops.log10_,
  log1p_: ops.log1p_,
  log2_: ops.log2_,
  logicalAnd_: ops.logicalAnd_,
  logicalNot_: ops.logicalNot_,
  logicalOr_: ops.logicalOr_,
  logicalXor_: ops.logicalXor_,
  logit_: ops.logit_,
  lt_: ops.lt_,
  mul_: ops.mul_,
  mvlgamma_: ops.mvlgamma_,
  nanToNum_: ops.nanToNum_,
  ne_: ops.ne_,
  neg_: ops.neg_,
  nextafter_: ops.nextafter_,
  polygamma_: ops.polygamma_,
  pow_: ops.pow_,
  rad2deg_: ops.rad2deg_,
  reciprocal_: ops.reciprocal_,
  relu_: ops.relu_,
  remainder_: ops.remainder_,
  renorm_: ops.renorm_,
  round_: ops.round_,
  rsqrt_: ops.rsqrt_,
  sigmoid_: ops.sigmoid_,
  sign_: ops.sign_,
  sin_: ops.sin_,
  sinc_: ops.sinc_,
  sinh_: ops.sinh_,
  sqrt_: ops.sqrt_,
  square_: ops.square_,
  sub_: ops.sub_,
  tan_: ops.tan_,
  tanh_: ops.tanh_,
  trunc_: ops.trunc_,
  xlogy_: ops.xlogy_,
  absolute_: ops.absolute_,
  arccos_: ops.arccos_,
  arccosh_: ops.arccosh_,
  arcsin_: ops.arcsin_,
  arcsinh_: ops.arcsinh_,
  arctan_: ops.arctan_,
  arctan2_: ops.arctan2_,
  arctanh_: ops.arctanh_,
  clip_: ops.clip_,
  divide_: ops.divide_,
  fix_: ops.fix_,
  greater_: ops.greater_,
  greaterEqual_: ops.greaterEqual_,
  less_: ops.less_,
  lessEqual_: ops.lessEqual_,
  multiply_: ops.multiply_,
  negative_: ops.negative_,
  notEqual_: ops.notEqual_,
  sgn_: ops.sgn_,
  subtract_: ops.subtract_,
  trueDivide_: ops.trueDivide_,
  scatter_: ops.scatter_,
  scatterAdd_: ops.scatterAdd_,
  scatterReduce_: ops.scatterReduce_,
  indexAdd_: ops.indexAdd_,
  indexCopy_: ops.indexCopy_,
  indexFill_: ops.indexFill_,
  indexReduce_: ops.indexReduce_,
  maskedFill_: ops.maskedFill_,
  maskedScatter_: ops.maskedScatter_,
  put_: ops.put_,
  indexPut_: ops.indexPut_,
  addmm_: ops.addmm_,
  addmv_: ops.addmv_,
  fillDiagonal_: ops.fillDiagonal_,
  squeeze_: ops.squeeze_,
  swapaxes_: ops.swapaxes_,
  swapdims_: ops.swapdims_,
  t_: ops.t_,
  transpose_: ops.transpose_,
  tril_: ops.tril_,
  triu_: ops.triu_,
  unsqueeze_: ops.unsqueeze_,
  addr_: ops.addr_,
  addbmm_: ops.addbmm_,
  baddbmm_: ops.baddbmm_,
  copy_: ops.copy_,
  fill_: ops.fill_,
  zero_: ops.zero_,
  uniform_: ops.uniform_,
  normal_: ops.normal_,
  exponential_: ops.exponential_,
  cauchy_: ops.cauchy_,
  logNormal_: ops.logNormal_,
  geometric_: ops.geometric_,
  random_: ops.random_,
  bernoulli_: ops.bernoulli_,
}

/** The forms of `unique` as a method. */
export interface UniqueMethod<O extends ops.UniqueConsecutiveOptions> {
  /** With what was asked for besides. */
  (
    options: O & { readonly returnInverse: true; readonly returnCounts: true },
  ): Promise<readonly [output: Tensor, inverse: Tensor, counts: Tensor]>
  (options: O & { readonly returnInverse: true; readonly returnCounts?: false }): Promise<readonly [output: Tensor, inverse: Tensor]>
  (options: O & { readonly returnInverse?: false; readonly returnCounts: true }): Promise<readonly [output: Tensor, counts: Tensor]>
  /** The results alone. */
  (options?: O & { readonly returnInverse?: false; readonly returnCounts?: false }): Promise<Tensor>
}

/** The forms of `median` as a method. */
export interface MedianMethod {
  /** Of all elements, 0-d. */
  (dim?: null, options?: ops.DimOptions): Tensor
  /** Values and int32 positions along a dim. */
  (dim: number | ops.DimOptions, options?: ops.DimOptions): ops.ValuesIndices
}

/** The forms of `nonzero` as a method. */
export interface NonzeroMethod {
  /** One int32 vector [n] a dim; of a 0-d tensor one. */
  (options: ops.NonzeroOptions & { readonly asTuple: true }): Promise<readonly Tensor[]>
  /** int32 [n, dims]. */
  (options?: ops.NonzeroOptions & { readonly asTuple?: false }): Promise<Tensor>
}

type Ops = typeof ops
type MethodOfOne<F> = F extends (x: Tensor, ...rest: infer A) => infer R ? (...rest: A) => R : never
/** (Of several forms TypeScript infers the last one only.) */
type Method<F> =
  F extends ops.UniqueFunction<infer O>
    ? UniqueMethod<O>
    : F extends ops.MedianFunction
      ? MedianMethod
      : F extends ops.NonzeroFunction
        ? NonzeroMethod
        : MethodOfOne<F>
/** (Over the keys of `Pick`, not over the names: so an editor shows the function's documentation for the method too.) */
type OpMethods = { readonly [K in keyof Pick<Ops, keyof typeof methods>]: Method<Ops[K]> }

/** The methods whose types do not follow from one signature. */
export interface TensorMethods extends OpMethods {
  /** The largest element; `max(dim)` gives `{ values, indices }`, also a tuple; `max(other)` is `maximum`. */
  max(dim?: null, options?: ops.DimOptions): Tensor
  max(other: Tensor): Tensor
  max(dim: number | ops.DimOptions, options?: ops.DimOptions): ops.ValuesIndices
  /** The smallest element; as `max`. */
  min(dim?: null, options?: ops.DimOptions): Tensor
  min(other: Tensor): Tensor
  min(dim: number | ops.DimOptions, options?: ops.DimOptions): ops.ValuesIndices
  /** The variance; the free function is `variance`. */
  var: Method<Ops['variance']>
  /**
   * The n-th derivative of {@link digamma}: `polygamma(n, x)`, and `x.polygamma(n)`.
   * @throws ArgumentError unless n is a whole number ≥ 0.
   * @see https://pytorch.org/docs/stable/special.html#torch.special.polygamma
   */
  polygamma(n: number): Tensor
  /** All windows of `size` elements along `dim`, `step` apart: a view. (`nn.functional.unfold` is another function: im2col.) */
  unfold: Method<Ops['unfoldDim']>
  /** How many elements `data()` has between neighbours along each dim, or along one. */
  stride(dim?: undefined): readonly number[]
  stride(dim: number): number
  /** The number of elements, as `numel()`. */
  nelement(): number
  /** The number of dims, as `dim()`. */
  ndimension(): number
  /** This tensor where `test` holds, else `other`. */
  where(test: Tensor, other: ops.Operand): Tensor
  /** Sums the gradient of this tensor into the leaves; see the free function. */
  backward(gradient?: Tensor | null | autograd.BackwardOptions, options?: autograd.BackwardOptions): void
  /** Calls `hook` with this tensor's gradient in each backward. */
  registerHook: Method<typeof autograd.registerHook>
  /** All dims in reverse order: of a matrix, its transpose. @see https://pytorch.org/docs/stable/tensors.html#torch.Tensor.T */
  readonly T: Tensor
  /** The last two dims exchanged. @throws ShapeError for less than 2 dims. @see https://pytorch.org/docs/stable/tensors.html#torch.Tensor.mT */
  readonly mT: Tensor
}

declare module './tensor/tensor.ts' {
  interface Tensor extends TensorMethods {}
}

/** Any function of a tensor and more. */
type OfTensor = (x: Tensor, ...rest: never) => unknown

function install(name: string, fn: OfTensor): void {
  const call = fn as unknown as (x: Tensor, ...rest: unknown[]) => unknown
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    writable: true,
    value(this: Tensor, ...rest: unknown[]) {
      return call(this, ...rest)
    },
  })
}

function installProperty(name: string, get: (x: Tensor) => Tensor): void {
  Object.defineProperty(Tensor.prototype, name, {
    configurable: true,
    get(this: Tensor) {
      return get(this)
    },
  })
}

for (const [name, fn] of Object.entries<OfTensor>(methods)) install(name, fn)
install('max', ops.max)
install('min', ops.min)
install('var', ops.variance)
install('polygamma', (x: Tensor, n: number) => ops.polygamma(n, x))
install('unfold', ops.unfoldDim)
install('stride', ops.stride)
install('nelement', (x: Tensor) => x.numel())
install('ndimension', (x: Tensor) => x.ndim)
install('where', (x: Tensor, test: Tensor, other: ops.Operand) => ops.where(test, x, other))
install('backward', autograd.backward)
install('registerHook', autograd.registerHook)
installProperty('mT', ops.mT)
installProperty('T', (x) => ops.permute(x, [...x.shape.keys()].reverse()))
