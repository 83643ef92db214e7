/** @file The tensor: a handle on a value of the lazy graph and on its place on the tape. State only; what computes is in `src/ops`. */
import {
  ArgumentError,
  AutogradError,
  BOOLEAN,
  type DType,
  DTypeError,
  options as describe,
  isFloat,
  isHalf,
  mismatch,
  normalizeDim,
  optional,
  type Shape,
  ShapeError,
  signature,
  sizeOf,
  type TypedArray,
  WHOLE,
} from '../base/index.ts'
import type { Placement } from '../device/index.ts'
import type * as graph from '../graph/index.ts'
import * as runtime from '../runtime/index.ts'
import { FORMAT, type FormatOptions, formatTensor, formatValues } from './format.ts'
import { fromStorage, type NdArray, type NestedArray, nest, toNdarray } from './host.ts'
import { GradEdge, type GradFn } from './tape.ts'
import { type ViewRule, ViewSource } from './views.ts'

declare global {
  interface SymbolConstructor {
    /** Known to the language from TypeScript 5.2 on. */
    readonly dispose: unique symbol
  }
}

/** Notes that a second handle has the node. */
export function share(node: graph.Node): void {
  node.shared = true
}
export const isShared = (node: graph.Node): boolean => node.shared

/** Gradients that a backward brought to a leaf, and that are no other tensor's values. */
const brought = new WeakSet<Tensor>()

/** How values are read. */
export interface DataOptions {
  /** Whether float16 and bfloat16 are given as their 16 bits (Uint16Array) instead of as numbers: false by default. */
  readonly raw?: boolean
}

const DATA = signature('data', { options: optional(describe<DataOptions>({ raw: BOOLEAN })) })
const TO_TEXT = signature('toText', { options: optional(FORMAT) })
const PRINT = signature('print', { options: optional(FORMAT) })
const SIZE = signature('size', { dim: optional(WHOLE) })
const REQUIRES_GRAD = signature('requiresGrad', { value: BOOLEAN })

/**
 * An n-dimensional array. Results are values: nothing changes them but the functions whose names end in `_`, which put another value
 * behind one handle. Values are computed when somebody reads them; shapes, dtypes and errors are settled at the call.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: what the interface below names is defined on the prototype
export class Tensor {
  /** @internal The value. */
  _node: graph.Node
  /** @internal Where its gradient flows; undefined when none is wanted. */
  _edge: GradEdge<Tensor> | undefined = undefined
  /** @internal Of which tensor PyTorch would have made this a view, and how. */
  _source: ViewSource<Tensor> | undefined = undefined
  #grad: Tensor | null = null
  /** @internal The version, while no view shares it. */
  _version = 0
  /** @internal The version that a tensor and its views share: an in-place change of the tensor is noticed where a view was saved. */
  _counter: { version: number } | undefined = undefined

  /** @internal Made by creation functions and ops. */
  constructor(node: graph.Node) {
    this._node = node
  }

  /** The gradient summed so far by `backward()`; null before, and after `zeroGrad()`. */
  get grad(): Tensor | null {
    return this.#grad
  }
  set grad(value: Tensor | null) {
    if (value !== null && !(value instanceof Tensor))
      throw new ArgumentError('grad', mismatch({ fits: 'a Tensor, or null', accepts: () => false }, 'grad', value))
    const before = this.#grad
    this.#grad = value
    if (before !== null && before !== value && brought.has(before) && !before._node.shared) runtime.retireGradient(before._node)
  }
  /** @internal Sets `grad` to what a backward has computed for this leaf alone, unless `shared`. */
  _bring(total: graph.Node, shared: boolean): void {
    if (shared) share(total)
    const grad = new Tensor(total)
    brought.add(grad)
    this.grad = grad
  }

  /** How often the handle (or the tensor that it is a view of) got another value in place. */
  get version(): number {
    return this._counter === undefined ? this._version : this._counter.version
  }
  set version(value: number) {
    if (this._counter === undefined) this._version = value
    else this._counter.version = value
  }
  /** @internal Marks the result of a view op, unless PyTorch would have copied. */
  _viewOf(base: Tensor, rule: ViewRule<Tensor>, params: unknown): void {
    const source = new ViewSource<Tensor>(base, rule, params, this.shape)
    if (base._source !== undefined && source.strides === undefined) return
    this._source = source
    base._counter ??= { version: base._version }
    this._counter = base._counter
  }
  /** @internal Marks the result of a view op as no view of anything that the caller has. */
  _owned(): void {
    this._source = undefined
    this._counter = undefined
  }

  /** Sizes of the axes, outermost first. */
  get shape(): Shape {
    return this._node.shape
  }
  /** The number of dims. */
  get ndim(): number {
    return this._node.shape.length
  }
  /** What kind of numbers the elements are. */
  get dtype(): DType {
    return this._node.dtype
  }
  /** `webgpu`, `webgpu:1`, …, or `cpu`; `auto` until the default device is settled (see `init`). */
  get device(): Placement {
    return runtime.placementOf(this._node)
  }

  /** Whether `backward()` brings a gradient here. May be set on leaves of a float dtype. */
  get requiresGrad(): boolean {
    return this._edge !== undefined
  }
  set requiresGrad(value: boolean) {
    REQUIRES_GRAD.check(value)
    if (value === this.requiresGrad) return
    if (!value) {
      if (!this.isLeaf)
        throw new AutogradError('requiresGrad', 'only a leaf may stop requiring grad; this tensor is the result of an op. Use detach()')
      this._edge = undefined
      return
    }
    if (!isFloat(this.dtype))
      throw new DTypeError('requiresGrad', `only tensors of a float dtype can require grad; this one is ${this.dtype}`)
    this._edge = new GradEdge<Tensor>(this.shape, this.dtype, undefined, this)
  }
  /** Whether no recorded op made it: a parameter, data, or anything that does not require grad. */
  get isLeaf(): boolean {
    return this._edge === undefined || this._edge.entry === undefined
  }
  /** Whether it is the result of an op that keeps its gradient: after `retainGrad()`. @see https://pytorch.org/docs/stable/generated/torch.Tensor.retains_grad.html */
  get retainsGrad(): boolean {
    return this._edge?.retained === this
  }
  /** The recorded op that made this tensor, or null for a leaf. */
  get gradFn(): GradFn | null {
    return this._edge?.entry ?? null
  }

  /**
   * The value of a tensor of one element.
   * @throws ShapeError when there is not exactly one.
   */
  async item(): Promise<number> {
    if (this.numel() !== 1)
      throw new ShapeError('item', `a tensor of one element is wanted, this one is [${this.shape.join(', ')}]. Use data() or toArray()`)
    return (await this.data())[0] as number
  }

  /**
   * The values in row-major order, in a new array: Float32Array for float32, float16 and bfloat16, Uint8Array (0 or 1) for bool, else the array of the dtype's name.
   * `raw` gives float16 and bfloat16 as their bits (Uint16Array).
   */
  async data(options?: DataOptions): Promise<TypedArray> {
    DATA.check(options)
    const { dtype } = this
    const values = await runtime.readNode(this._node)
    return !options?.raw && isHalf(dtype) ? fromStorage(values, dtype) : values
  }

  /** The values as nested arrays; a number (or boolean) for a 0-d tensor. */
  async toArray(): Promise<NestedArray> {
    const { shape, dtype } = this
    return nest(await this.data(), shape, dtype)
  }

  /** The values as an `ndarray` (https://github.com/scijs/ndarray), a package that is loaded at the first call. */
  async toNdarray(): Promise<NdArray> {
    const { shape } = this
    return toNdarray(await this.data(), shape)
  }

  /** The text that PyTorch's `print` shows. */
  async toText(options?: FormatOptions): Promise<string> {
    TO_TEXT.check(options)
    const { _node: node, shape, dtype, gradFn, requiresGrad } = this
    const suffix = gradFn ? { gradFn: gradFn.name } : requiresGrad ? { requiresGrad } : {}
    const values = await this.data()
    // (the device may have been settled by the reading)
    return formatTensor(values, { shape, dtype, device: runtime.placementOf(node), ...suffix }, options)
  }

  /** Prints {@link toText}. */
  async print(options?: FormatOptions): Promise<void> {
    PRINT.check(options)
    console.log(await this.toText(options))
  }

  /** Without waiting: `Tensor([2, 3], float32, webgpu, gradFn=Mul)`, and the values where the host has them already. */
  toString(): string {
    const grad = this.gradFn ? `, gradFn=${this.gradFn.name}` : this.requiresGrad ? ', requiresGrad' : ''
    const line = `Tensor([${this.shape.join(', ')}], ${this.dtype}, ${this.device}${grad})`
    const values = runtime.hostValues(this._node)
    if (!values) return line
    const text = formatValues(fromStorage(values, this.dtype), this.shape, this.dtype)
    return `${line}${text.includes('\n') ? '\n' : ' '}${text}`
  }

  /** In text (`${x}`) as `toString()`; in arithmetic and comparisons an error, since JavaScript has no operators for objects. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString()
    throw new ArgumentError(
      'Tensor',
      'operators do not work on tensors. Use methods (a.add(b), a.mul(2), a.lt(b)), or a number read from one: await x.item()',
    )
  }

  /** For `JSON.stringify`, which cannot wait for values. @throws ArgumentError always */
  toJSON(): never {
    throw new ArgumentError(
      'JSON.stringify',
      `a Tensor is written as its values: JSON.stringify(await x.toArray()); a state is saved by saveState`,
    )
  }

  /** The shape, or the size of one dim, as PyTorch's `x.size()`. */
  size(dim?: undefined): Shape
  size(dim: number): number
  size(dim?: number): Shape | number {
    SIZE.check(dim)
    return dim === undefined ? this.shape : (this.shape[sizedDim(dim, this.ndim)] as number)
  }
  /** The number of elements. @see https://pytorch.org/docs/stable/generated/torch.numel.html */
  numel(): number {
    return sizeOf(this._node.shape)
  }
  /** The number of dims, as {@link ndim}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.dim.html */
  dim(): number {
    return this.ndim
  }

  /** Frees the value now instead of when it is no longer needed. A later use throws StaleTensorError. */
  dispose(): void {
    if (!isShared(this._node)) runtime.disposeNode(this._node)
    this._edge = undefined
    this.grad = null
  }
}

/** What `console.log` shows in Node. */
Object.defineProperty(Tensor.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Tensor): string {
    return this.toString()
  },
})
/** What `for (… of x)` and `[...x]` say at run time. (Not in the type: the compiler refuses them by itself.) */
Object.defineProperty(Tensor.prototype, Symbol.iterator, {
  value(): never {
    throw new ArgumentError(
      'Tensor',
      "a tensor is not iterable: its rows are x.unbind(), its values await x.data(). (toEqual of a test compares tensors after tapegrad/testing's registerMatchers(expect))",
    )
  },
})
/** `using x = …`: a platform without the symbol has no `using` either. */
if (Symbol.dispose) Object.defineProperty(Tensor.prototype, Symbol.dispose, { value: Tensor.prototype.dispose })

export interface Tensor {
  /** Frees the value at the end of the block: `using x = …`. The same as {@link Tensor.dispose}. */
  [Symbol.dispose](): void
}

/**
 * The tensors that a function gives in an array. The first sixteen places have a type of their own, so that `const [a, b] = x.chunk(2)` has tensors, also
 * where the compiler counts every place of an array as perhaps absent (`noUncheckedIndexedAccess`).
 */
export interface TensorList<T = Tensor> extends Array<T>, FirstPlaces<T> {}

/** Places 0 to 15. */
type FirstPlaces<T> = Record<0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15, T>

/** `tensors`, with the type for destructuring. */
export const tensorList = <T>(tensors: T[]): TensorList<T> => tensors as TensorList<T>

function sizedDim(dim: number, ndim: number): number {
  if (ndim === 0) throw new ShapeError('size', 'a 0-d tensor has no dims')
  return normalizeDim('size', dim, ndim)
}
