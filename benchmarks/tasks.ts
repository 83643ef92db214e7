/** @file What is measured: sizes, and numbers that every library starts from. benchmarks/reference.py makes the same numbers for PyTorch. */

/** Of both networks; the loss is cross entropy, read in every step. */
export const ADAM = { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const

/** 784-256-10 with ReLU. */
export const MLP = { inputs: 784, hidden: 256, classes: 10, batch: 64 } as const

/**
 * 1×28×28, twice a 3×3 convolution with padding 1, ReLU and a max-pool of 2, then one linear layer. `flat` is what that reads: 32 channels of 7×7.
 */
export const CNN = { size: 28, kernel: 3, channels: [1, 16, 32], flat: 32 * 7 * 7, classes: 10, batch: 64 } as const

export type Network = 'mlp' | 'cnn'

export const MATMUL_SIZES = [256, 512, 1024] as const

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
function uniform(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

const fill = (n: number, next: () => number, low: number, high: number): Float32Array =>
  Float32Array.from({ length: n }, () => low + (high - low) * next())

/** Weights, then biases, in ±1/√inputs, as PyTorch's layers begin. */
function layer(next: () => number, out: number, inputs: number): [Float32Array, Float32Array] {
  const bound = 1 / Math.sqrt(inputs)
  return [fill(out * inputs, next, -bound, bound), fill(out, next, -bound, bound)]
}

const labels = (next: () => number, n: number, classes: number): Int32Array =>
  Int32Array.from({ length: n }, () => Math.floor(next() * classes))

export function mlpData(): MlpData {
  const next = uniform(1)
  const [w1, b1] = layer(next, MLP.hidden, MLP.inputs)
  const [w2, b2] = layer(next, MLP.classes, MLP.hidden)
  const x = fill(MLP.batch * MLP.inputs, next, 0, 1)
  return { w1, b1, w2, b2, x, y: labels(next, MLP.batch, MLP.classes) }
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

/** An n×n matrix in −1 … 1. */
export const matrix = (n: number, seed: number): Float32Array => fill(n * n, uniform(seed), -1, 1)

/** Values of a tensor with its dims in another order, for libraries that keep weights otherwise: `order[i]` is the old dim at place i. */
export function permuted(values: Float32Array, shape: readonly number[], order: readonly number[]): Float32Array {
  const strides = shape.map((_, dim) => shape.slice(dim + 1).reduce((a, b) => a * b, 1))
  let offsets = [0]
  for (const dim of order) {
    offsets = offsets.flatMap((base) => Array.from({ length: shape[dim] as number }, (_, i) => base + i * (strides[dim] as number)))
  }
  return Float32Array.from(offsets, (at) => values[at] as number)
}

/** Largest error of `product` at 64 places spread over the matrix, against sums in float64, in units of sqrt(n). */
export function productError(a: Float32Array, b: Float32Array, product: ArrayLike<number>, n: number): number {
  let worst = 0
  for (let s = 0; s < 64; s++) {
    const row = (s * 37) % n
    const column = (s * 101 + 13) % n
    let sum = 0
    for (let k = 0; k < n; k++) sum += (a[row * n + k] as number) * (b[k * n + column] as number)
    worst = Math.max(worst, Math.abs(sum - (product[row * n + column] as number)) / Math.sqrt(n))
  }
  return worst
}
