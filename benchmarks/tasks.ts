/** @file What is measured: sizes, and numbers that every library starts from. benchmarks/reference.py makes the same numbers for PyTorch. */

/** Of both networks; the loss is cross entropy, read in every step. */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const

export interface MlpSizes {
  readonly inputs: number
  readonly hidden: number
  readonly classes: number
  readonly batch: number
}

/** 784-256-10 with ReLU. */
export const MLP: MlpSizes = { inputs: 784, hidden: 256, classes: 10, batch: 64 }

/**
 * 1×28×28, twice a 3×3 convolution with padding 1, ReLU and a max-pool of 2, then one linear layer. `flat` is what that reads: 32 channels of 7×7.
 */
export const CNN = { size: 28, kernel: 3, channels: [1, 16, 32], flat: 32 * 7 * 7, classes: 10, batch: 64 } as const

export type Network = 'mlp' | 'cnn'

/** What overhead.ts trains on device cpu, where computing is the host's work too: so little that recording is all there is to time. */
export const TINY_MLP: MlpSizes = { inputs: 8, hidden: 8, classes: 4, batch: 2 }

/** `batch` products of [m, k] and [k, n]. */
export interface ProductShape {
  readonly batch: number
  readonly m: number
  readonly k: number
  readonly n: number
}

export const MATMUL_SIZES = [256, 512, 1024] as const

/** The scores of 16 heads of 4 sequences of 64 tokens, 32 numbers a head. */
export const ATTENTION: ProductShape = { batch: 64, m: 64, k: 32, n: 64 }

/** relu(x · scale + shift), element by element, of 10 million float32 numbers: 40 MB read, 40 MB written. The numbers come again after `period`. */
export const CHAIN = { length: 10_000_000, period: 65_536, scale: 1.5, shift: 0.25 } as const

/** Steps after which the loss is compared with PyTorch's before any time counts. */
export const CHECKED_STEPS = 10

export interface MlpData {
  /** [hidden, inputs] and [classes, hidden], as PyTorch lays them out */
  readonly w1: Float32Array
  readonly w2: Float32Array
  readonly b1: Float32Array
  readonly b2: Float32Array
  /** [batch, inputs] in 0 … 1 */
  readonly x: Float32Array
  /** [batch] */
  readonly y: Int32Array
}

export interface CnnData {
  /** [16, 1, 3, 3], [32, 16, 3, 3] and [classes, 32·7·7], as PyTorch lays them out */
  readonly w1: Float32Array
  readonly w2: Float32Array
  readonly w3: Float32Array
  readonly b1: Float32Array
  readonly b2: Float32Array
  readonly b3: Float32Array
  /** [batch, 1, 28, 28] in 0 … 1 */
  readonly x: Float32Array
  /** [batch] */
  readonly y: Int32Array
}

/** Uniform numbers in 0 … 1: a 32-bit linear congruential generator, because it is one line in any language. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

export const fill = (n: number, next: () => number, low: number, high: number): Float32Array =>
  Float32Array.from({ length: n }, () => low + (high - low) * next())

/** Weights, then biases, in ±1/√inputs, as PyTorch's layers begin. */
export function layer(next: () => number, out: number, inputs: number): [Float32Array, Float32Array] {
  const bound = 1 / Math.sqrt(inputs)
  return [fill(out * inputs, next, -bound, bound), fill(out, next, -bound, bound)]
}

export const labels = (next: () => number, n: number, classes: number): Int32Array =>
  Int32Array.from({ length: n }, () => Math.floor(next() * classes))

export function mlpData({ inputs, hidden, classes, batch } = MLP): MlpData {
  const next = uniform(1)
  const [w1, b1] = layer(next, hidden, inputs)
  const [w2, b2] = layer(next, classes, hidden)
  const x = fill(batch * inputs, next, 0, 1)
  return { w1, b1, w2, b2, x, y: labels(next, batch, classes) }
}

export function cnnData(): CnnData {
  const next = uniform(4)
  const [c0, c1, c2] = CNN.channels
  const [w1, b1] = layer(next, c1, c0 * CNN.kernel ** 2)
  const [w2, b2] = layer(next, c2, c1 * CNN.kernel ** 2)
  const [w3, b3] = layer(next, CNN.classes, CNN.flat)
  const x = fill(CNN.batch * c0 * CNN.size ** 2, next, 0, 1)
  return { w1, b1, w2, b2, w3, b3, x, y: labels(next, CNN.batch, CNN.classes) }
}

/** Numbers in −1 … 1, for matrices. */
export const entries = (length: number, seed: number): Float32Array => fill(length, uniform(seed), -1, 1)

/** What the elementwise chain reads. */
export function chainData(): Float32Array {
  const period = entries(CHAIN.period, 5)
  return Float32Array.from({ length: CHAIN.length }, (_, i) => period[i % CHAIN.period] as number)
}

/** Values of a tensor with its dims in another order, for libraries that keep weights otherwise: `order[i]` is the old dim at place i. */
export function permuted(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, dim) => shape.slice(dim + 1).reduce((a, b) => a * b, 1))
  let offsets = [0]
  for (const dim of order) {
    offsets = offsets.flatMap((base) => Array.from({ length: shape[dim] as number }, (_, i) => base + i * (strides[dim] as number)))
  }
  return Float32Array.from(offsets, (at) => values[at] as number)
}

/** Largest error of `product` at 64 places spread over the matrices, against sums in float64, in units of sqrt(k). */
export function productError(a: Float32Array, b: Float32Array, product: ArrayLike<number>, { batch, m, k, n }: ProductShape): number {
  let worst = 0
  for (let s = 0; s < 64; s++) {
    const image = s % batch
    const row = (s * 37) % m
    const column = (s * 101 + 13) % n
    let sum = 0
    for (let i = 0; i < k; i++) sum += (a[(image * m + row) * k + i] as number) * (b[(image * k + i) * n + column] as number)
    worst = Math.max(worst, Math.abs(sum - (product[(image * m + row) * n + column] as number)) / Math.sqrt(k))
  }
  return product.length === batch * m * n ? worst : Number.NaN
}

/** Largest error of the chain's result, or of a copy, at 1,000 places, first and last among them. */
export function chainError(x: Float32Array, result: ArrayLike<number>, copied = false): number {
  let worst = 0
  for (let s = 0; s < 1000; s++) {
    const at = Math.floor((s * (x.length - 1)) / 999)
    const value = x[at] as number
    const want = copied ? value : Math.max(0, value * CHAIN.scale + CHAIN.shift)
    worst = Math.max(worst, Math.abs(want - (result[at] as number)))
  }
  return result.length === x.length ? worst : Number.NaN
}
