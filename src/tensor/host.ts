/** @file Values on the host: what users give (numbers, nested arrays, TypedArrays, ndarrays) to storage form, and storage form back to what they read. */
import type { NdArray as Ndarray } from 'ndarray'
import {
  ArgumentError,
  counted,
  type DType,
  DTypeError,
  dtypeInfo,
  halfFormats,
  holds,
  inferReshape,
  isHalf,
  nestedShape,
  type Shape,
  ShapeError,
  showArgument,
  sizeOf,
  TapegradError,
  type TypedArray,
  unheld,
} from '../base/index.ts'

/** Numbers or booleans in arrays in arrays; the arrays of one depth are of one length. */
export type NestedArray = number | boolean | readonly NestedArray[]

/** What `toNdarray()` gives: an array of https://github.com/scijs/ndarray, row-major. */
export type NdArray = Ndarray<TypedArray>

/** The part of an `ndarray` that is read: element [i, j, …] is `data` at offset + i · stride[0] + j · stride[1] + … */
export interface StridedArray {
  /** All elements, or an object that gets and counts them. */
  readonly data: ArrayLike<number> | { readonly length: number; get(index: number): number }
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[]
  /** For each axis, how far apart in `data` two neighbours lie, in elements. */
  readonly stride: readonly number[]
  /** Where in `data` the first element is. */
  readonly offset: number
}

/** Every array of numbers that JavaScript has. */
export type HostArray = TypedArray | Uint8ClampedArray | Int16Array | BigInt64Array | BigUint64Array

/** What a tensor can be made of. */
export type HostData = NestedArray | HostArray | StridedArray

/** Values in storage form: 16 bits for float16 and bfloat16, 0/1 for bool. */
export interface HostValues {
  readonly data: TypedArray
  readonly shape: Shape
  readonly dtype: DType
}

export interface HostOptions {
  readonly dtype?: DType | undefined
  /** The shape of flat data; one size may be −1. */
  readonly shape?: Shape | undefined
}

/**
 * Copies host data into storage form. Numbers make float32, booleans bool, a TypedArray keeps its type (Int16Array and 64-bit integers make int32);
 * `dtype` converts what it holds. (Casts of tensors cut fractions off and wrap; a value given by hand that does not fit is a mistake.)
 * @param op whom errors name
 * @throws ShapeError for rows of different lengths, or a `shape` that does not hold the values; ArgumentError for anything but numbers and booleans, and for a value that the
 * dtype cannot hold.
 * @example hostData('tensor', [[1, 2], [3, 4]]).shape // [2, 2]
 */
export function hostData(op: string, data: HostData, options: HostOptions = {}): HostValues {
  const { dtype, shape } = options
  const given = isArray(data) ? fromArray(op, data, dtype) : isStrided(data) ? fromStrided(op, data, dtype) : fromNested(op, data, dtype)
  return shape === undefined ? given : { ...given, shape: [...inferReshape(op, given.shape, shape)] }
}

/** The dtype that each array class stands for, by its name (Float16Array is younger than Node 20). */
const DTYPE_OF: Readonly<Record<string, DType>> = {
  Float32Array: 'float32',
  Float64Array: 'float64',
  Float16Array: 'float16',
  Int32Array: 'int32',
  Uint32Array: 'uint32',
  Int8Array: 'int8',
  Uint8Array: 'uint8',
  Uint8ClampedArray: 'uint8',
  Int16Array: 'int32',
  BigInt64Array: 'int32',
  BigUint64Array: 'int32',
}

const className = (x: object): string => Object.prototype.toString.call(x).slice(8, -1)
const isArray = (x: unknown): x is HostArray => ArrayBuffer.isView(x) && !(x instanceof DataView)
const isBig = (x: unknown): x is BigInt64Array | BigUint64Array => x instanceof BigInt64Array || x instanceof BigUint64Array

function isStrided(x: unknown): x is StridedArray {
  if (typeof x !== 'object' || x === null || Array.isArray(x)) return false
  const { data, shape, stride, offset } = x as Partial<StridedArray>
  return typeof data === 'object' && Array.isArray(shape) && Array.isArray(stride) && typeof offset === 'number'
}

/** The dtype of an array's values, and how they become numbers: the bits of halves are only known as such when their dtype is asked for. */
function meaning(op: string, array: object, dtype: DType | undefined): { from: DType; halves: boolean } {
  const name = className(array)
  if (name === 'Uint16Array') {
    if (isHalf(dtype)) return { from: dtype, halves: true }
    throw new DTypeError(
      op,
      "a Uint16Array is taken as the bits of float16 or bfloat16 only, with { dtype: 'float16' } or { dtype: 'bfloat16' }. For whole numbers use an Int32Array",
    )
  }
  return { from: DTYPE_OF[name] ?? 'float32', halves: false }
}

function fromArray(op: string, array: HostArray, dtype: DType | undefined): HostValues {
  const { from, halves } = meaning(op, array, dtype)
  const to = dtype ?? from
  const shape = [array.length]
  if (halves) return { data: Uint16Array.from(array as Uint16Array), shape, dtype: to }
  return { data: store(op, isBig(array) ? fromBig(op, array, to) : array, from, to, shape), shape, dtype: to }
}

/** 64-bit integers as numbers. What the integer dtype cannot hold is an error: it is a file's value more often than arithmetic. */
function fromBig(op: string, array: ArrayLike<bigint>, dtype: DType): Float64Array {
  const whole = dtypeInfo[dtype].kind === 'int'
  const [low, high] = dtype === 'uint32' ? [0n, 4294967295n] : [-2147483648n, 2147483647n]
  const numbers = new Float64Array(array.length)
  for (let i = 0; i < numbers.length; i++) {
    const v = array[i] as bigint
    if (whole && (v < low || v > high)) {
      throw new ArgumentError(
        op,
        `element ${i} is ${v}, which ${dtype} cannot hold (${low} to ${high}). { dtype: 'float64' } takes 53 bits`,
      )
    }
    numbers[i] = Number(v)
  }
  return numbers
}

function fromStrided(op: string, array: StridedArray, dtype: DType | undefined): HostValues {
  const { data, stride, offset } = array
  const shape = [...array.shape]
  if (stride.length !== shape.length)
    throw new ShapeError(op, `the ndarray has ${counted(shape.length, 'size')} and ${counted(stride.length, 'stride')}`, [shape])
  if (![...shape, ...stride, offset].every(Number.isSafeInteger) || shape.some((s) => s < 0))
    throw new ShapeError(
      op,
      `sizes, strides and offset of an ndarray are whole numbers, got ${showArgument(shape)}, ${showArgument(stride)} and ${showArgument(offset)}`,
    )
  // The least and the largest position that the strides reach
  const reach = (sign: number): number =>
    shape.reduce((at, s, d) => at + (Math.sign(stride[d] as number) === sign ? (s - 1) * (stride[d] as number) : 0), offset)
  if (sizeOf(shape) > 0 && (reach(-1) < 0 || reach(1) >= data.length))
    throw new ShapeError(
      op,
      `the ndarray of shape ${showArgument(shape)}, strides ${showArgument(stride)} and offset ${offset} reaches outside its ${counted(data.length, 'element')}`,
      [shape],
    )
  const { from, halves } = meaning(op, data, dtype)
  const to = dtype ?? from
  const at = new Float64Array(sizeOf(shape))
  let last = 0
  const walk = (dim: number, position: number): void => {
    if (dim === shape.length) at[last++] = position
    else for (let i = 0; i < (shape[dim] as number); i++) walk(dim + 1, position + i * (stride[dim] as number))
  }
  walk(0, offset)
  const read =
    'get' in data && typeof data.get === 'function'
      ? (i: number): number => data.get(i)
      : (i: number): number => (data as ArrayLike<number>)[i] as number
  if (halves) return { data: Uint16Array.from(at, read), shape, dtype: to }
  const values: ArrayLike<number> = isBig(data)
    ? fromBig(
        op,
        Array.from(at, (i) => data[i] as bigint),
        to,
      )
    : Array.from(at, read)
  return { data: store(op, values, from, to, shape), shape, dtype: to }
}

const path = (position: readonly number[]): string => position.map((i) => `[${i}]`).join('')

function fromNested(op: string, data: NestedArray, dtype: DType | undefined): HostValues {
  const shape = nestedShape(op, 'data', data)
  const values = new Float64Array(sizeOf(shape))
  const zeros = shape.map(() => 0)
  let count = 0
  let booleans = 0
  const walk = (x: unknown, position: readonly number[]): void => {
    const depth = position.length
    if (depth < shape.length) {
      const expected = shape[depth] as number
      if (Array.isArray(x) && x.length === expected) {
        for (let i = 0; i < x.length; i++) walk(x[i], [...position, i])
        return
      }
      const first = path(zeros.slice(0, depth))
      if (!Array.isArray(x)) throw new ShapeError(op, `${path(position)} is a ${typeof x}, ${first} is a row of ${expected}`)
      throw new ShapeError(op, `row ${path(position)} has ${counted(x.length, 'element')}, row ${first} has ${expected}`)
    }
    if (Array.isArray(x))
      throw new ShapeError(op, `${path(position)} is a row of ${x.length}, ${path(zeros)} is a ${depth === 0 ? 'number' : 'single value'}`)
    if (typeof x !== 'number' && typeof x !== 'boolean') unfit(op, x, position)
    if (typeof x === 'boolean') booleans++
    values[count++] = Number(x)
    if (booleans !== 0 && booleans !== count) {
      const kind = typeof x
      throw new DTypeError(
        op,
        `numbers and booleans are mixed: element ${path(position)} is a ${kind}, those before it are ${kind === 'boolean' ? 'numbers' : 'booleans'}`,
      )
    }
  }
  walk(data, [])
  const to = dtype ?? (booleans > 0 ? 'bool' : 'float32')
  return { data: store(op, values, booleans > 0 ? 'bool' : 'float64', to, shape), shape, dtype: to }
}

function unfit(op: string, x: unknown, position: readonly number[]): never {
  const where = position.length === 0 ? 'the value' : `element ${path(position)}`
  const kind =
    x === null || x === undefined ? String(x) : typeof x === 'object' ? `a ${(x as object).constructor?.name ?? 'object'}` : `a ${typeof x}`
  const hint =
    typeof x === 'bigint'
      ? ' Use Number(…) or a BigInt64Array'
      : typeof x === 'object' && x !== null && position.length > 0
        ? ' Tensors are joined by stack(), rows given as one flat TypedArray with { shape }'
        : ''
  throw new ArgumentError(op, `${where} is ${kind}; numbers, booleans, nested arrays of them, TypedArrays and ndarrays are taken.${hint}`)
}

/** Throws where the dtype cannot hold a value. */
function checkRange(op: string, values: ArrayLike<number>, dtype: DType, shape: Shape): void {
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number
    if (holds(dtype, v)) continue
    const position: number[] = []
    for (let d = shape.length - 1, rest = i; d >= 0; d--) {
      const size = shape[d] as number
      position.unshift(rest % size)
      rest = Math.floor(rest / size)
    }
    const where = shape.length === 0 ? 'the value' : `element ${path(position)}`
    throw new ArgumentError(op, `${where} is ${v}, ${unheld(v, dtype)}`)
  }
}

/** Numbers in the storage form of a dtype, in a new array. */
function store(op: string, values: ArrayLike<number>, from: DType, dtype: DType, shape: Shape): TypedArray {
  if (from !== dtype && dtype !== 'bool' && dtype !== 'float64') checkRange(op, values, dtype, shape)
  const data = dtypeInfo[dtype].create(values.length)
  if (isHalf(dtype)) {
    const { toBits } = halfFormats[dtype]
    for (let i = 0; i < data.length; i++) data[i] = toBits(values[i] as number)
  } else if (dtype === 'bool') for (let i = 0; i < data.length; i++) data[i] = values[i] ? 1 : Number.isNaN(values[i]) ? 1 : 0
  else data.set(values)
  return data
}

/** Storage form as logical numbers, in a new array: Float32Array for float16 and bfloat16, 0/1 in a Uint8Array for bool, else of the dtype's own type. */
export function fromStorage(values: TypedArray, dtype: DType): TypedArray {
  return isHalf(dtype) ? Float32Array.from(values, halfFormats[dtype].fromBits) : values.slice()
}

/** Logical numbers as nested arrays; a bare value for a 0-d shape. bool gives booleans. */
export function nest(values: TypedArray, shape: Shape, dtype: DType): NestedArray {
  const value = (i: number): number | boolean => (dtype === 'bool' ? values[i] !== 0 : (values[i] as number))
  const build = (dim: number, offset: number): NestedArray => {
    if (dim === shape.length) return value(offset)
    const size = shape[dim] as number
    return Array.from({ length: size }, (_, i) => build(dim + 1, offset * size + i))
  }
  return build(0, 0)
}

/**
 * Logical numbers, row-major, as an `ndarray` on the same memory. That package is loaded here alone: it builds its classes from text, which a page's content
 * policy may forbid, and a page without a bundler has to say where the package is.
 */
export async function toNdarray(values: TypedArray, shape: Shape): Promise<NdArray> {
  try {
    const { default: make } = await import('ndarray')
    return make(values, [...shape])
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TapegradError('toNdarray', `the package ndarray cannot be used here (${reason}). data() and shape give the same values`, {
      cause,
    })
  }
}
