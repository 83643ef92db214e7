/**
 * @file The kernel IR: what one kernel computes, said once for every device.
 *
 * A kernel is a parallel grid of axes. For each point of the grid its stages run in order: a `reduce` stage loops over
 * its own axes and leaves accumulators, a `store` stage writes values (looping over its own axes, if it has any). So an
 * elementwise kernel is one store stage without axes; a softmax is reduce (max), reduce (sum), store; a matmul is
 * one reduce over k and a store, with a `contract` hint by which a device may choose a hand-written template.
 *
 * Numbers in index expressions are concrete. A device whose compiled kernels serve many shapes prints them as
 * parameters (all but 0 and 1 of `coef`/`offset`).
 */
import type { DType } from '../base/index.ts'

/** The types in which values are computed: `float` is f32 on WebGPU and a double on the CPU. */
export type ValueType = 'float' | 'i32' | 'u32' | 'bool'

/** One loop variable, 0 ≤ i < size. Axes are compared by identity (`id` is unique within a kernel). */
export interface Axis {
  readonly id: number
  readonly size: number
}

/** offset + Σ coef · atom, in whole numbers (elements). Arithmetic may pass below zero on the way: it is done modulo 2³². */
export interface Index {
  readonly offset: number
  readonly terms: readonly Term[]
}
export interface Term {
  readonly coef: number
  readonly atom: Atom
}
export type Atom =
  | { readonly kind: 'axis'; readonly axis: Axis }
  /** ⌊of / by⌋ and of mod by; where `of` is negative they may be anything, and nothing that is chosen depends on them. */
  | { readonly kind: 'div' | 'mod'; readonly of: Index; readonly by: number }
  /** A computed whole number (a gathered index); `value.type` is i32 and already checked. */
  | { readonly kind: 'value'; readonly value: Expr }

/** Elementwise functions of one argument. `not` takes bool; `sign` gives the argument's type. */
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'trunc'
  | 'exp'
  | 'expm1'
  | 'log'
  | 'log1p'
  | 'sqrt'
  | 'rsqrt'
  | 'recip'
  | 'sin'
  | 'cos'
  | 'tanh'
  | 'erf'
  | 'erfc'
  | 'exp2'
  | 'log2'
  | 'log10'
  | 'atan'
  | 'lgamma'
  | 'digamma'
  | 'i0e'
  | 'i1e'
  | 'not'
/** Elementwise functions of two arguments of one type. Comparisons give bool. `max`/`min` keep NaN. `div` on ints truncates; `mod` has the sign of the dividend. `and`/`or`/`xor` take bools or ints, `gcd` ints, `atan2` (y, x) and Hurwitz's `zeta` (s, q) floats, and so do the incomplete gamma functions `igamma` P and `igammac` Q, of (a, x), and the slope `gammapdf` of the former in x. */
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'max'
  | 'min'
  | 'lt'
  | 'le'
  | 'eq'
  | 'ne'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr'
  | 'gcd'
  | 'atan2'
  | 'zeta'
  | 'igamma'
  | 'igammac'
  | 'gammapdf'
/** `arg*` give the i32 position (row-major over the stage's axes) of the first extreme; NaN counts as the extreme. */
export type ReduceOp = 'sum' | 'prod' | 'max' | 'min' | 'argmax' | 'argmin'

export type Expr =
  /** A literal, part of the kernel's structure. May be ±Infinity or NaN. */
  | { readonly kind: 'const'; readonly value: number; readonly type: ValueType }
  /** An element of `kernel.buffers[buffer]`, converted from its dtype to the value type. */
  | { readonly kind: 'load'; readonly buffer: number; readonly index: Index; readonly type: ValueType }
  /** An index as a value (i32). */
  | { readonly kind: 'position'; readonly index: Index; readonly type: 'i32' }
  /** 0 ≤ index < size, where index may be negative (modulo 2³²: one unsigned comparison). */
  | { readonly kind: 'inside'; readonly index: Index; readonly size: number; readonly type: 'bool' }
  /** `value` when 0 ≤ value < size, as unsigned numbers; else the device's error flag is set to `site` + 1 and 0 is used. */
  | { readonly kind: 'checked'; readonly value: Expr; readonly size: number; readonly site: number; readonly type: 'i32' }
  | { readonly kind: 'unary'; readonly op: UnaryOp; readonly x: Expr; readonly type: ValueType }
  | { readonly kind: 'binary'; readonly op: BinaryOp; readonly a: Expr; readonly b: Expr; readonly type: ValueType }
  /** Only the chosen branch counts: the other may be NaN or read outside its buffer (with robust access). */
  | { readonly kind: 'where'; readonly test: Expr; readonly a: Expr; readonly b: Expr; readonly type: ValueType }
  /** Conversion as PyTorch's `.to(dtype)`: float → int truncates, int8/uint8 wrap, anything → bool is ≠ 0, narrower floats round. */
  | { readonly kind: 'cast'; readonly x: Expr; readonly from: DType; readonly to: DType; readonly type: ValueType }
  /** One 32-bit word (0…3) of Philox4x32-10 with the given key and counter; all are u32. */
  | {
      readonly kind: 'philox'
      readonly word: number
      readonly key: readonly [Expr, Expr]
      readonly counter: readonly [Expr, Expr, Expr, Expr]
      readonly type: 'u32'
    }
  /** The number at place `slot` of those that the kernel is given: one that changes from run to run (learning rate, RNG counter, a user's number). */
  | { readonly kind: 'scalar'; readonly slot: number; readonly type: 'float' | 'i32' | 'u32' }
  /** Accumulator `slot` of the reduce stage with index `stage` in `kernel.stages`. */
  | { readonly kind: 'acc'; readonly stage: number; readonly slot: number; readonly type: ValueType }

/** The size by which a `checked` value is anything but −1: a divisor less 1, which must not be 0. No axis is as long. */
export const ANY_BUT_MINUS_ONE = 2 ** 32 - 1

export interface Reduction {
  readonly op: ReduceOp
  readonly value: Expr
  /** Type of the result: that of `value`, or i32 for argmax/argmin. */
  readonly type: ValueType
}

export interface Store {
  readonly buffer: number
  readonly index: Index
  /** Rounded or narrowed to the buffer's dtype when stored. */
  readonly value: Expr
}

/**
 * In which order float sums and products of a stage combine their terms, in the precision of floats; doubles are combined one after the other.
 *
 * - `sequence`: row-major over the stage's axes. Each `terms` consecutive ones are combined by themselves, and what they come to joins the whole.
 * - `lanes`: terms are dealt out along the innermost axis, in fours: four go to the lanes of a vector, the next four to the next of so many `vectors`. Each lane combines
 *   what it is given as it comes, row-major over the stage's axes. Vectors are joined lane by lane, k with k + half, then so are the lanes.
 *
 * What a long chain comes to joins the whole with what the joins before have lost (`compensated`, and by lanes); see `foldSchedule`.
 */
export type ReductionOrder =
  | { readonly kind: 'sequence'; readonly terms: number; readonly compensated: boolean }
  | { readonly kind: 'lanes'; readonly vectors: 1 | 2 | 4 }

export type Stage =
  | {
      readonly kind: 'reduce'
      readonly axes: readonly Axis[]
      readonly reductions: readonly Reduction[]
      /** Of those to which it matters (`dependsOnOrder`); absent, they are combined one after the other. */
      readonly order?: ReductionOrder
    }
  | { readonly kind: 'store'; readonly axes: readonly Axis[]; readonly stores: readonly Store[] }
export type ReduceStage = Extract<Stage, { readonly kind: 'reduce' }>
export type StoreStage = Extract<Stage, { readonly kind: 'store' }>

/**
 * One bound buffer. `write` buffers of dtypes that the device does not store alone are written whole words at a time: such stores occur only in kernels of
 * a single store stage without axes ("map" kernels), at the row-major linear position of the grid, moved by the store's offset (a multiple of 64 elements).
 */
export interface BufferUse {
  readonly dtype: DType
  readonly access: 'read' | 'write' | 'readwrite'
}

/**
 * Says that the only reduce stage is Σ a·b over the axes `k`, on the grid [...batch, ...m, ...n]: a and b are plain loads, affine in the axes (a without
 * those of n, b without those of m) and moved by numbers that the kernel is given. A matrix product has one axis each; a convolution has (channel, row, column) for k, and so on. Axes of size 1 are left out.
 */
export interface Contract {
  readonly batch: readonly Axis[]
  readonly m: readonly Axis[]
  readonly n: readonly Axis[]
  readonly k: readonly Axis[]
  readonly a: Extract<Expr, { kind: 'load' }>
  readonly b: Extract<Expr, { kind: 'load' }>
}

export interface Kernel {
  /** Names what was fused, for dumps and labels: `matmul+add+relu`. */
  readonly label: string
  /** Parallel axes, outermost first; the innermost is the one that lies adjacent in memory where possible. No axes: one point. */
  readonly grid: readonly Axis[]
  readonly stages: readonly Stage[]
  readonly buffers: readonly BufferUse[]
  readonly contract?: Contract
  /** Names of the ops that `checked` sites belong to; empty when nothing is checked. */
  readonly sites: readonly string[]
}

/** The value type in which elements of a dtype are computed. */
export function valueTypeOf(dtype: DType): ValueType {
  switch (dtype) {
    case 'float32':
    case 'float16':
    case 'bfloat16':
    case 'float64':
      return 'float'
    case 'uint32':
      return 'u32'
    case 'bool':
      return 'bool'
    case 'int32':
    case 'int8':
    case 'uint8':
      return 'i32'
  }
}
