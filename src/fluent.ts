/** @file Installs the methods: `x.matmul(w)` is `matmul(x, w)`. The names are listed once; their types follow from the functions. */
import * as autograd from './autograd/index.ts'
import * as ops from './ops/index.ts'
import { Tensor } from './tensor/index.ts'

/** The ops that are methods too, as in PyTorch. */
const names = [
  // elementwise
  'neg',
  'abs',
  'sign',
  'exp',
  'expm1',
  'log',
  'log1p',
  'sqrt',
  'rsqrt',
  'reciprocal',
  'square',
  'sin',
  'cos',
  'tanh',
  'sigmoid',
  'relu',
  'erf',
  'floor',
  'ceil',
  'round',
  'trunc',
  'add',
  'sub',
  'mul',
  'div',
  'pow',
  'maximum',
  'minimum',
  'clamp',
  // compare
  'eq',
  'ne',
  'lt',
  'le',
  'gt',
  'ge',
  'logicalAnd',
  'logicalOr',
  'logicalXor',
  'logicalNot',
  'isnan',
  'isinf',
  'isfinite',
  // reduce
  'sum',
  'mean',
  'std',
  'amax',
  'amin',
  'argmax',
  'argmin',
  'all',
  'any',
  'softmax',
  'logSoftmax',
  'logsumexp',
  // view
  'reshape',
  'view',
  'flatten',
  'unflatten',
  'squeeze',
  'unsqueeze',
  'permute',
  'transpose',
  't',
  'movedim',
  'flip',
  'expand',
  'expandAs',
  'broadcastTo',
  'repeat',
  'narrow',
  'select',
  'split',
  'chunk',
  'unbind',
  'tril',
  'triu',
  // matmul, index, random
  'matmul',
  'mm',
  'bmm',
  'dot',
  'gather',
  'indexSelect',
  'at',
  'maskedSelect',
  'nonzero',
  'equal',
  'allclose',
  'bernoulli',
  // convert
  'to',
  'cpu',
  'float',
  'double',
  'half',
  'int',
  'long',
  'bool',
  'typeAs',
  'detach',
  'clone',
  'contiguous',
  'detach_',
  'requiresGrad_',
  'retainGrad',
  // in place
  'add_',
  'sub_',
  'mul_',
  'div_',
  'pow_',
  'neg_',
  'exp_',
  'sqrt_',
  'relu_',
  'tanh_',
  'sigmoid_',
  'clamp_',
  'copy_',
  'fill_',
  'zero_',
  'uniform_',
  'normal_',
] as const

type Ops = typeof ops
type Method<F> = F extends (x: Tensor, ...rest: infer A) => infer R ? (...rest: A) => R : never
/** (Over the keys of `Pick`, not over the names: so an editor shows the function's documentation for the method too.) */
type OpMethods = { readonly [K in keyof Pick<Ops, (typeof names)[number]>]: Method<Ops[K]> }

/** The methods whose types do not follow from one signature. */
export interface TensorMethods extends OpMethods {
  /** The largest element; `max(dim)` gives `{ values, indices }`, also a tuple; `max(other)` is `maximum`. */
  max(): Tensor
  max(other: Tensor): Tensor
  max(dim: number | ops.DimOptions, options?: ops.DimOptions): ops.ValuesIndices
  /** The smallest element; as `max`. */
  min(): Tensor
  min(other: Tensor): Tensor
  min(dim: number | ops.DimOptions, options?: ops.DimOptions): ops.ValuesIndices
  /** The variance; the free function is `variance`. */
  var: Method<Ops['variance']>
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

function install(name: string, fn: (x: Tensor, ...rest: never[]) => unknown): void {
  const call = fn as (x: Tensor, ...rest: unknown[]) => unknown
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

// biome-ignore lint/performance/noDynamicNamespaceImportAccess: every method is installed, so nothing is kept from tree-shaking
for (const name of names) install(name, ops[name])
install('max', ops.max)
install('min', ops.min)
install('var', ops.variance)
install('where', (x: Tensor, test: Tensor, other: ops.Operand) => ops.where(test, x, other))
install('backward', autograd.backward)
install('registerHook', autograd.registerHook)
installProperty('mT', ops.mT)
installProperty('T', (x) => ops.permute(x, [...x.shape.keys()].reverse()))
