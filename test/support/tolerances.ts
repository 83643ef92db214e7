/** @file What is allowed between an op and PyTorch's value, which is computed in float64. */
import type { Tolerance } from './golden-data.ts'

/** Of float64. */
export const DOUBLE: Tolerance = { rtol: 1e-10, atol: 1e-12 }
/** Of float32. */
export const SINGLE: Tolerance = { rtol: 2e-6, atol: 1e-6 }

/**
 * Inputs are exact in float32 and the expected values come from float64, so what is allowed is the error of float32 arithmetic itself. WGSL lets
 * exp be off by 3 + 2|x| ulp, and log by 2^-21 near one: hence the wider rows.
 */
export const PER_OP: Readonly<Record<string, Tolerance>> = {
  exp: { rtol: 3e-5, atol: 1e-7 },
  pow: { rtol: 2e-5, atol: 2e-6 },
  sum: { rtol: 1e-5, atol: 1e-5 },
  mean: { rtol: 1e-5, atol: 1e-6 },
  var: { rtol: 1e-4, atol: 1e-5 },
  std: { rtol: 1e-4, atol: 1e-5 },
  matmul: { rtol: 1e-5, atol: 1e-5 },
  linear: { rtol: 1e-5, atol: 1e-5 },
  softmax: { rtol: 1e-5, atol: 1e-6 },
  logSoftmax: { rtol: 1e-5, atol: 1e-5 },
  logsumexp: { rtol: 1e-5, atol: 1e-5 },
  logcumsumexp: { rtol: 3e-5, atol: 1e-5 },
  crossEntropy: { rtol: 1e-5, atol: 1e-5 },
  gridSample: { rtol: 1e-5, atol: 1e-5 }, // cubics cancel
  nllLoss: { rtol: 1e-5, atol: 1e-6 },
}

/** Of single calls in float32: where a rounding is multiplied by what is far larger than the result. */
export const PER_CASE: Readonly<Record<string, Tolerance>> = {
  // keys of 10⁴: an engine that contracts a product and a sum rounds the slope of a probability once more or less
  'scaledDotProductAttention: large': { rtol: 2e-6, atol: 4 * 2 ** -24 * 1e4 },
}

/** PyTorch's trigamma is right to about 1e-9. */
const TRIGAMMA: Tolerance = { rtol: 2e-9, atol: 1e-12 }
/** The ops that float64 allows more. */
export const PER_OP_DOUBLE: Readonly<Record<string, Tolerance>> = { digamma: TRIGAMMA, polygamma: TRIGAMMA }

/** What is allowed an op in float32, on either device. */
export const toleranceOf = (op: string): Tolerance => PER_OP[op] ?? SINGLE
