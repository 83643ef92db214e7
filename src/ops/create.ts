/** @file Tensors from nothing: shape first, then `{ dtype, device, requiresGrad }`. Constants are no memory until somebody needs them stored. */
import {
  ArgumentError,
  checkOptions,
  type DType,
  DTypeError,
  dtypeInfo,
  isDType,
  type Shape,
  ShapeError,
  type TypedArray,
  toHalf,
} from '../base/index.ts'
import type { DeviceName } from '../device/index.ts'
import * as graph from '../graph/index.ts'
import { type HostData, hostData, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'
import { checkTensor } from './define.ts'

export interface CreateOptions {
  readonly dtype?: DType
  readonly device?: DeviceName
  readonly requiresGrad?: boolean
}

/** Where a new tensor goes. float64 lives on the cpu device. */
export function placementFor(op: string, dtype: DType, device: DeviceName | undefined): graph.Placement {
  if (device !== undefined && device !== 'webgpu' && device !== 'cpu')
    throw new ArgumentError(op, `'${String(device)}' is no device. Devices are 'webgpu' and 'cpu'`)
  if (dtype !== 'float64') return device ?? graph.getDefaultDevice()
  if (device === 'webgpu') throw new DTypeError(op, "webgpu has no float64. Use { dtype: 'float32' } or { device: 'cpu' }")
  return 'cpu'
}

export function dtypeFor(op: string, dtype: DType | undefined, otherwise: DType): DType {
  if (dtype !== undefined && !isDType(dtype)) throw new ArgumentError(op, `'${String(dtype)}' is no dtype`)
  return dtype ?? otherwise
}

/** A new leaf. */
export function created(node: graph.Node, options: CreateOptions | undefined): Tensor {
  const x = new Tensor(node)
  if (options?.requiresGrad) x.requiresGrad = true
  return x
}

/** A shape as a creation function takes it: a list of whole numbers ≥ 0 (or one number). */
export function checkSizes(op: string, shape: Shape | number): Shape {
  const list = typeof shape === 'number' ? [shape] : shape
  if (!Array.isArray(list)) throw new ArgumentError(op, `a shape is a list of sizes, got ${typeof shape}`)
  for (const s of list)
    if (!Number.isInteger(s) || s < 0) throw new ShapeError(op, `a size must be a whole number ≥ 0, got [${list.join(', ')}]`, [list])
  return [...list]
}

/** What a creation function takes: a shape (or one size) and options, or the sizes as arguments and options behind them. */
export type Sized<O> = [shape: Shape | number, options?: O] | number[] | [...sizes: number[], options: O]

/** The shape and the checked options that `Sized` means. */
export function readSized<O extends CreateOptions>(
  op: string,
  args: Sized<O>,
  known = CREATE_OPTIONS,
): { shape: Shape; options: O | undefined } {
  let shape = args[0] as Shape | number
  let options = args[1] as O | undefined
  if (typeof shape === 'number' && (args.length > 2 || typeof options === 'number')) {
    const last = args[args.length - 1] as number | O | undefined
    const end = typeof last === 'number' ? args.length : args.length - 1
    shape = args.slice(0, end) as number[]
    options = typeof last === 'number' ? undefined : last
  }
  checkOptions(op, options, known)
  return { shape: checkSizes(op, shape), options }
}

/** The names in {@link CreateOptions}. */
export const CREATE_OPTIONS: readonly string[] = ['dtype', 'device', 'requiresGrad']

/** What `tensor` is told beside the data. */
export interface TensorOptions extends CreateOptions {
  /** The shape of flat data. */
  readonly shape?: Shape
}

const TENSOR_OPTIONS = [...CREATE_OPTIONS, 'shape']

/**
 * A tensor of the values of a number, a nested array, a TypedArray or an `ndarray`; they are copied.
 * @param data numbers make float32, booleans bool; a TypedArray keeps its type unless `dtype` says otherwise
 * @throws ShapeError for rows of different lengths, or a `shape` that does not hold the values; ArgumentError for a value that an integer dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.tensor.html
 * @example tensor([[1, 2], [3, 4]]).shape // [2, 2]
 */
export function tensor(data: HostData, options?: TensorOptions): Tensor {
  checkOptions('tensor', options, TENSOR_OPTIONS)
  const dtype = options?.dtype
  if (dtype !== undefined) dtypeFor('tensor', dtype, dtype)
  const host = hostData('tensor', data, options)
  return created(graph.leaf(host.data, host.shape, host.dtype, placementFor('tensor', host.dtype, options?.device)), options)
}

function filled(
  op: string,
  shape: Shape,
  options: CreateOptions | undefined,
  otherwise: DType,
  value: (dtype: DType, placement: graph.Placement) => graph.Node,
): Tensor {
  const dtype = dtypeFor(op, options?.dtype, otherwise)
  return created(graph.expand(value(dtype, placementFor(op, dtype, options?.device)), shape), options)
}

/** All 0. @see https://pytorch.org/docs/stable/generated/torch.zeros.html @example zeros([2, 3]); zeros(2, 3, { dtype: 'int32' }) */
export function zeros(...args: Sized<CreateOptions>): Tensor {
  const { shape, options } = readSized('zeros', args)
  return filled('zeros', shape, options, 'float32', (dtype, placement) => graph.constant(0, dtype, placement))
}
/** All 1. @see https://pytorch.org/docs/stable/generated/torch.ones.html */
export function ones(...args: Sized<CreateOptions>): Tensor {
  const { shape, options } = readSized('ones', args)
  return filled('ones', shape, options, 'float32', (dtype, placement) => graph.constant(1, dtype, placement))
}
/**
 * All `value`: a number makes float32, a boolean bool.
 * @see https://pytorch.org/docs/stable/generated/torch.full.html
 */
export function full(shape: Shape | number, value: number | boolean, options?: CreateOptions): Tensor {
  checkOptions('full', options, CREATE_OPTIONS)
  return filled('full', checkSizes('full', shape), options, typeof value === 'boolean' ? 'bool' : 'float32', (dtype, placement) =>
    graph.scalar(Number(value), dtype, placement),
  )
}
/** Some values: zeros here. @see https://pytorch.org/docs/stable/generated/torch.empty.html */
export const empty: (...args: Sized<CreateOptions>) => Tensor = zeros

/** The options that `x` implies, under those that were given. */
function like(op: string, x: Tensor, options: CreateOptions | undefined, known = CREATE_OPTIONS): CreateOptions {
  checkTensor(op, 'x', x)
  checkOptions(op, options, known)
  const placement = x._node.placement
  return {
    dtype: x.dtype,
    ...(placement === 'auto' || (options?.dtype && options.dtype !== 'float64' && x.dtype === 'float64') ? {} : { device: placement }),
    ...options,
  }
}
/** All 0, as `x` in shape, dtype and device. */
export const zerosLike = (x: Tensor, options?: CreateOptions): Tensor => zeros(x.shape, like('zerosLike', x, options))
/** All 1, as `x` in shape, dtype and device. */
export const onesLike = (x: Tensor, options?: CreateOptions): Tensor => ones(x.shape, like('onesLike', x, options))
/** All `value`, as `x` in shape, dtype and device. */
export const fullLike = (x: Tensor, value: number | boolean, options?: CreateOptions): Tensor =>
  full(x.shape, value, like('fullLike', x, options))
export const emptyLike: (x: Tensor, options?: CreateOptions) => Tensor = zerosLike
export { like as optionsLike }

/** Values worked out on the host, in double precision and rounded once. */
export function fromFunction(
  op: string,
  n: number,
  dtype: DType,
  options: CreateOptions | undefined,
  value: (i: number) => number,
): Tensor {
  const data: TypedArray = dtypeInfo[dtype].create(n)
  for (let i = 0; i < n; i++) data[i] = dtype === 'float16' ? toHalf(value(i)) : value(i)
  return created(graph.leaf(data, [n], dtype, placementFor(op, dtype, options?.device)), options)
}

/**
 * start, start + step, … below `end`; `arange(end)` starts at 0. Whole numbers make int32, others float32.
 * @throws ArgumentError for a step of 0 or in the wrong direction.
 * @see https://pytorch.org/docs/stable/generated/torch.arange.html
 * @example arange(0, 10, 2).shape // [5]
 */
export function arange(end: number, options?: CreateOptions): Tensor
export function arange(start: number, end: number, options?: CreateOptions): Tensor
export function arange(start: number, end: number, step: number, options?: CreateOptions): Tensor
export function arange(first: number, second?: number | CreateOptions, third?: number | CreateOptions, fourth?: CreateOptions): Tensor {
  const [start, end] = typeof second === 'number' ? [first, second] : [0, first]
  const step = typeof third === 'number' ? third : 1
  const options = fourth ?? (typeof third === 'object' ? third : typeof second === 'object' ? second : undefined)
  checkOptions('arange', options, CREATE_OPTIONS)
  if (!Number.isFinite(start) || !Number.isFinite(end) || !Number.isFinite(step))
    throw new ArgumentError('arange', `numbers must be finite, got ${start}, ${end}, ${step}`)
  if (step === 0 || (end - start) * step < 0) throw new ArgumentError('arange', `a step of ${step} does not lead from ${start} to ${end}`)
  const n = Math.ceil((end - start) / step)
  const whole = Number.isInteger(start) && Number.isInteger(end) && Number.isInteger(step)
  const dtype = dtypeFor('arange', options?.dtype, whole ? 'int32' : 'float32')
  if (dtype !== 'int32' || !whole) return fromFunction('arange', n, dtype, options, (i) => start + i * step)
  let node = graph.iota(n, placementFor('arange', dtype, options?.device))
  if (step !== 1) node = graph.binary('mul', node, graph.scalar(step, dtype))
  if (start !== 0) node = graph.binary('add', node, graph.scalar(start, dtype))
  return created(node, options)
}

/**
 * `steps` values evenly from `start` to `end`, both included.
 * @see https://pytorch.org/docs/stable/generated/torch.linspace.html
 */
export function linspace(start: number, end: number, steps: number, options?: CreateOptions): Tensor {
  if (!Number.isInteger(steps) || steps < 0) throw new ArgumentError('linspace', `steps must be a whole number ≥ 0, got ${steps}`)
  checkOptions('linspace', options, CREATE_OPTIONS)
  const dtype = dtypeFor('linspace', options?.dtype, 'float32')
  const step = (end - start) / (steps - 1)
  // counted from the nearer end, so that both ends are exact
  return fromFunction('linspace', steps, dtype, options, (i) =>
    i < steps / 2 ? start + (steps === 1 ? 0 : i * step) : end - (steps - 1 - i) * step,
  )
}

/** 1 on the diagonal, else 0, [n, m]. @see https://pytorch.org/docs/stable/generated/torch.eye.html */
export function eye(n: number, second?: number | CreateOptions, third?: CreateOptions): Tensor {
  const m = typeof second === 'number' ? second : n
  const options = typeof second === 'object' ? second : third
  checkOptions('eye', options, CREATE_OPTIONS)
  const [rows, columns] = checkSizes('eye', [n, m]) as [number, number]
  const dtype = dtypeFor('eye', options?.dtype, 'float32')
  const placement = placementFor('eye', dtype, options?.device)
  const same = eq(
    new Tensor(graph.reshape(graph.iota(rows, placement), [rows, 1])),
    new Tensor(graph.reshape(graph.iota(columns, placement), [1, columns])),
  )
  return created(cast(same, dtype)._node, options)
}
