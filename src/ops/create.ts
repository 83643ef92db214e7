/** @file Tensors from nothing: shape first, then `{ dtype, device, requiresGrad }`. Constants are no memory until they have to be stored. */
import {
  ANYTHING,
  ArgumentError,
  BOOLEAN,
  COUNT,
  checkElements,
  DEVICE,
  DTYPE,
  type DType,
  DTypeError,
  options as describe,
  dtypeInfo,
  FINITE,
  halfFormats,
  held,
  holds,
  isHalf,
  isPlainObject,
  type Kind,
  listOf,
  NUMBER,
  type Options,
  oneOf,
  operandOf,
  optional,
  SHAPE,
  type Shape,
  type Signature,
  signature,
  type TypedArray,
  underName,
  unheld,
  whole,
} from '../base/index.ts'
import { CPU_PLACE, type DeviceName, defaultPlace, placeOf } from '../device/index.ts'
import * as graph from '../graph/index.ts'
import { type HostData, hostData, TENSOR, Tensor } from '../tensor/index.ts'
import { eq } from './compare.ts'
import { cast } from './convert.ts'

/** What a new tensor is, and where. */
export interface CreateOptions {
  /** The dtype of the elements: float32 by default, unless the function says otherwise. */
  readonly dtype?: DType
  /** The device: by default the default device (`setDefaultDevice`), and `cpu` for float64. */
  readonly device?: DeviceName
  /** Whether `backward()` brings a gradient to it: false by default. */
  readonly requiresGrad?: boolean
}

/** The kinds of {@link CreateOptions}. */
export const CREATE = { dtype: DTYPE, device: DEVICE, requiresGrad: BOOLEAN } as const
const CREATE_OPTIONS: Options<CreateOptions> = describe<CreateOptions>(CREATE)

/** Where a new tensor goes. float64 is the cpu device's. */
export function placementFor(op: string, dtype: DType, device: DeviceName | undefined): graph.NodePlace {
  if (dtype !== 'float64') return device === undefined ? defaultPlace() : placeOf(device)
  if (device !== undefined && placeOf(device) !== CPU_PLACE)
    throw new DTypeError(op, `${device} has no float64. Use { dtype: 'float32' } or { device: 'cpu' }`)
  return CPU_PLACE
}

/** A new leaf of `op`, as are the nodes that it is made of. */
export function created(op: string, node: graph.Node, options: CreateOptions | undefined): Tensor {
  const x = new Tensor(node)
  name(node, op)
  if (options?.requiresGrad) x.requiresGrad = true
  return x
}

function name(node: graph.Node, op: string): void {
  if (node.op !== '') return
  node.op = op
  for (const input of node.inputs) name(input, op)
}

/** A shape, or one size. */
export const SIZES: Kind = oneOf(COUNT, SHAPE)
/** The shape that {@link SIZES} means: the caller's list may change later. */
export function shapeOf(op: string, shape: Shape | number): Shape {
  const sizes = typeof shape === 'number' ? [shape] : [...shape]
  checkElements(op, sizes)
  return sizes
}

/** What a creation function takes: a shape (or one size) and options, or the sizes as arguments and options behind them. */
export type CreationArguments<O> = [shape: Shape | number, options?: O] | number[] | [...sizes: number[], options: O | undefined]

/** Describes a function of `CreationArguments`. */
export const sized = <O>(name: string, options: Options<O>): Signature => signature(name, { shape: SIZES, options: optional(options) })

/** The shape and the options that `CreationArguments` means, checked. */
export function readSized<O extends CreateOptions>(given: Signature, args: CreationArguments<O>): { shape: Shape; options: O | undefined } {
  let shape = args[0] as Shape | number
  let options = args[1] as O | undefined
  if (typeof shape === 'number' && args.length > 1) {
    const last: unknown = args[args.length - 1]
    const named = last === undefined || isPlainObject(last)
    shape = (named ? args.slice(0, -1) : args) as number[]
    options = named ? (last as O | undefined) : undefined
  }
  given.check(shape, options)
  return { shape: shapeOf(given.name, shape), options }
}

/** Options of {@link tensor}. */
export interface TensorOptions extends CreateOptions {
  /** The shape of flat data. */
  readonly shape?: Shape
}

// What stands in `data` is judged where it is read (`hostData`).
const OF_DATA = signature('tensor', {
  data: ANYTHING,
  options: optional(describe<TensorOptions>({ ...CREATE, shape: listOf(whole(-1)) })),
})

/**
 * A tensor of the values of a number, a nested array, a TypedArray or an `ndarray`; they are copied.
 * @param data numbers make float32, booleans bool; a TypedArray keeps its type unless `dtype` says otherwise
 * @throws ShapeError for rows of different lengths, or a `shape` that does not hold the values; ArgumentError for a value that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.tensor.html
 * @example tensor([[1, 2], [3, 4]]).shape // [2, 2]
 */
export function tensor(data: HostData, options?: TensorOptions): Tensor {
  OF_DATA.check(data, options)
  const host = hostData('tensor', data, options)
  return created('tensor', graph.leaf(host.data, host.shape, host.dtype, placementFor('tensor', host.dtype, options?.device)), options)
}

/** A leaf of values in storage form, for which there is no other use: they are kept, not copied. */
export function hostLeaf(values: TypedArray, shape: Shape, dtype: DType): Tensor {
  return new Tensor(graph.leaf(values, shape, dtype, placementFor('tensor', dtype, undefined)))
}

function filled(
  op: string,
  shape: Shape,
  options: CreateOptions | undefined,
  otherwise: DType,
  value: (dtype: DType, placement: graph.NodePlace) => graph.Node,
): Tensor {
  const dtype = options?.dtype ?? otherwise
  return created(op, graph.expand(value(dtype, placementFor(op, dtype, options?.device)), shape), options)
}

const ZEROS = sized('zeros', CREATE_OPTIONS)
const ONES = sized('ones', CREATE_OPTIONS)
const EMPTY = sized('empty', CREATE_OPTIONS)

/** All 0. @see https://pytorch.org/docs/stable/generated/torch.zeros.html @example zeros([2, 3]); zeros(2, 3, { dtype: 'int32' }) */
export function zeros(...args: CreationArguments<CreateOptions>): Tensor {
  const { shape, options } = readSized(ZEROS, args)
  return filled('zeros', shape, options, 'float32', (dtype, placement) => graph.constant(0, dtype, placement))
}
/** All 1. @see https://pytorch.org/docs/stable/generated/torch.ones.html */
export function ones(...args: CreationArguments<CreateOptions>): Tensor {
  const { shape, options } = readSized(ONES, args)
  return filled('ones', shape, options, 'float32', (dtype, placement) => graph.constant(1, dtype, placement))
}
const VALUE = oneOf(NUMBER, BOOLEAN)
const FULL = signature('full', { shape: SIZES, value: VALUE, options: optional(CREATE_OPTIONS) })

/**
 * All `value`: a number makes float32, a boolean bool.
 * @throws ArgumentError for a value that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.full.html
 */
export function full(shape: Shape | number, value: number | boolean, options?: CreateOptions): Tensor {
  FULL.check(shape, value, options)
  return filled('full', shapeOf('full', shape), options, typeof value === 'boolean' ? 'bool' : 'float32', (dtype, placement) =>
    graph.scalar(held('full', 'value', Number(value), dtype), dtype, placement),
  )
}
/** Some values: zeros here. @see https://pytorch.org/docs/stable/generated/torch.empty.html */
export function empty(...args: CreationArguments<CreateOptions>): Tensor {
  const { shape, options = {} } = readSized(EMPTY, args)
  return underName('empty', () => zeros(shape, options))
}

/** Describes a function that makes a tensor like another. */
export const likeOf = <O>(name: string, options: Options<O>): Signature => signature(name, { x: TENSOR, options: optional(options) })

/** The options that `x` implies, under those that were given. */
export function impliedBy<O extends CreateOptions>(x: Tensor, options: O | undefined): O & CreateOptions {
  const placement = x._node.placement
  const here = placement !== 'auto' && !(options?.dtype && options.dtype !== 'float64' && x.dtype === 'float64')
  const { dtype = x.dtype, device = here ? placement.name : undefined, ...others } = options ?? ({} as O)
  return { dtype, ...(device === undefined ? {} : { device }), ...others } as O & CreateOptions
}

const ZEROS_LIKE = likeOf('zerosLike', CREATE_OPTIONS)
const ONES_LIKE = likeOf('onesLike', CREATE_OPTIONS)
const EMPTY_LIKE = likeOf('emptyLike', CREATE_OPTIONS)
const FULL_LIKE = signature('fullLike', { x: TENSOR, value: VALUE, options: optional(CREATE_OPTIONS) })

/** All 0, as `x` in shape, dtype and device. @see https://pytorch.org/docs/stable/generated/torch.zeros_like.html */
export function zerosLike(x: Tensor, options?: CreateOptions): Tensor {
  ZEROS_LIKE.check(x, options)
  return underName('zerosLike', () => zeros(x.shape, impliedBy(x, options)))
}
/** All 1, as `x` in shape, dtype and device. @see https://pytorch.org/docs/stable/generated/torch.ones_like.html */
export function onesLike(x: Tensor, options?: CreateOptions): Tensor {
  ONES_LIKE.check(x, options)
  return underName('onesLike', () => ones(x.shape, impliedBy(x, options)))
}
/** Some values: zeros here, as `x` in shape, dtype and device. @see https://pytorch.org/docs/stable/generated/torch.empty_like.html */
export function emptyLike(x: Tensor, options?: CreateOptions): Tensor {
  EMPTY_LIKE.check(x, options)
  return underName('emptyLike', () => zeros(x.shape, impliedBy(x, options)))
}
/** All `value`, as `x` in shape, dtype and device. @see https://pytorch.org/docs/stable/generated/torch.full_like.html */
export function fullLike(x: Tensor, value: number | boolean, options?: CreateOptions): Tensor {
  FULL_LIKE.check(x, value, options)
  return underName('fullLike', () => full(x.shape, value, impliedBy(x, options)))
}

/** Values worked out on the host, in double precision and rounded once. */
export function fromFunction(
  op: string,
  n: number,
  dtype: DType,
  options: CreateOptions | undefined,
  value: (i: number) => number,
): Tensor {
  checkElements(op, [n])
  const data: TypedArray = dtypeInfo[dtype].create(n)
  for (let i = 0; i < n; i++) {
    const v = value(i)
    if (!holds(dtype, v)) throw new ArgumentError(op, `element ${i} is ${v}, ${unheld(v, dtype)}`)
    data[i] = isHalf(dtype) ? halfFormats[dtype].toBits(v) : dtype === 'bool' ? Number(v !== 0) : v
  }
  return created(op, graph.leaf(data, [n], dtype, placementFor(op, dtype, options?.device)), options)
}

const NUMBER_OR_OPTIONS = optional(oneOf(FINITE, CREATE_OPTIONS))
const ARANGE = signature('arange', {
  start: FINITE,
  end: NUMBER_OR_OPTIONS,
  step: NUMBER_OR_OPTIONS,
  options: optional(CREATE_OPTIONS),
})

/**
 * start, start + step, … below `end`; `arange(end)` starts at 0. Whole numbers make int32, others float32.
 * @throws ArgumentError for a step of 0 or in the wrong direction, or a value that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.arange.html
 * @example arange(0, 10, 2).shape // [5]
 */
export function arange(end: number, options?: CreateOptions): Tensor
export function arange(start: number, end: number, options?: CreateOptions): Tensor
export function arange(start: number, end: number, step?: number, options?: CreateOptions): Tensor
export function arange(first: number, second?: number | CreateOptions, third?: number | CreateOptions, fourth?: CreateOptions): Tensor {
  ARANGE.check(first, second, third, fourth)
  if ((typeof second === 'object' && third !== undefined) || (typeof third === 'object' && fourth !== undefined))
    throw new ArgumentError('arange', 'the options come last')
  if (second === undefined && third !== undefined) throw new ArgumentError('arange', 'end must be a finite number, got undefined')
  const numbers = [first, second, third].filter((v) => typeof v === 'number')
  const [start, end, step] = numbers.length === 1 ? [0, first, 1] : [first, numbers[1] as number, numbers[2] ?? 1]
  const options = fourth ?? (typeof third === 'object' ? third : typeof second === 'object' ? second : undefined)
  if (step === 0 || (end - start) * step < 0) throw new ArgumentError('arange', `a step of ${step} does not lead from ${start} to ${end}`)
  const n = Math.ceil((end - start) / step)
  checkElements('arange', [n])
  const areWhole = Number.isInteger(start) && Number.isInteger(end) && Number.isInteger(step)
  const dtype = options?.dtype ?? (areWhole ? 'int32' : 'float32')
  if (dtype !== 'int32' || !areWhole) return fromFunction('arange', n, dtype, options, (i) => start + i * step)
  checkElements('arange', [n])
  if (n > 0) for (const v of [start, start + (n - 1) * step]) held('arange', v === start ? 'the first value' : 'the last value', v, dtype)
  let node = graph.iota(n, placementFor('arange', dtype, options?.device))
  if (n === 0) return created('arange', node, options)
  if (step !== 1 && n > 1) node = graph.binary('mul', node, graph.scalar(operandOf('arange', 'step', step, dtype), dtype))
  if (start !== 0) node = graph.binary('add', node, graph.scalar(start, dtype))
  return created('arange', node, options)
}

const LINSPACE = signature('linspace', { start: FINITE, end: FINITE, steps: COUNT, options: optional(CREATE_OPTIONS) })

/**
 * `steps` values evenly from `start` to `end`, both included.
 * @throws ArgumentError for a value that the dtype cannot hold: of integers, a fraction too.
 * @see https://pytorch.org/docs/stable/generated/torch.linspace.html
 */
export function linspace(start: number, end: number, steps: number, options?: CreateOptions): Tensor {
  LINSPACE.check(start, end, steps, options)
  const dtype = options?.dtype ?? 'float32'
  const step = (end - start) / (steps - 1)
  // counted from the nearer end, so that both ends are exact
  return fromFunction('linspace', steps, dtype, options, (i) =>
    i < steps / 2 ? start + (steps === 1 ? 0 : i * step) : end - (steps - 1 - i) * step,
  )
}

const EYE = signature('eye', { n: COUNT, m: optional(oneOf(COUNT, CREATE_OPTIONS)), options: optional(CREATE_OPTIONS) })

/** 1 on the diagonal, else 0, [n, m]. @see https://pytorch.org/docs/stable/generated/torch.eye.html */
export function eye(n: number, second?: number | CreateOptions, third?: CreateOptions): Tensor {
  EYE.check(n, second, third)
  if (typeof second === 'object' && third !== undefined) throw new ArgumentError('eye', 'the options come last')
  const options = typeof second === 'object' ? second : third
  const [rows, columns] = [n, typeof second === 'number' ? second : n]
  const dtype = options?.dtype ?? 'float32'
  checkElements('eye', [rows, columns])
  const placement = placementFor('eye', dtype, options?.device)
  return underName('eye', () => {
    const same = eq(
      new Tensor(graph.reshape(graph.iota(rows, placement), [rows, 1])),
      new Tensor(graph.reshape(graph.iota(columns, placement), [1, columns])),
    )
    return created('eye', cast(same, dtype)._node, options)
  })
}
