/** @file What is measured: sizes, and numbers that every library starts from. benchmarks/reference.py makes the same numbers for PyTorch. */

/** 784-256-10 with ReLU, cross entropy, Adam; the loss is read in every step. */
export const MLP = { inputs: 784, hidden: 256, classes: 10, batch: 64, lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const

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

export function mlpData(): MlpData {
  const next = uniform(1)
  const layer = (out: number, inputs: number): [Float32Array, Float32Array] => {
    const bound = 1 / Math.sqrt(inputs)
    return [fill(out * inputs, next, -bound, bound), fill(out, next, -bound, bound)]
  }
  const [w1, b1] = layer(MLP.hidden, MLP.inputs)
  const [w2, b2] = layer(MLP.classes, MLP.hidden)
  const x = fill(MLP.batch * MLP.inputs, next, 0, 1)
  const y = Int32Array.from({ length: MLP.batch }, () => Math.floor(next() * MLP.classes))
  return { w1, b1, w2, b2, x, y }
}

/** An n×n matrix in −1 … 1. */
export const matrix = (n: number, seed: number): Float32Array => fill(n * n, uniform(seed), -1, 1)

/** [rows, columns] to [columns, rows], for libraries that keep weights the other way round. */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length)
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[c * rows + r] = values[r * columns + c] as number
  return out
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
