/** @file Every golden case of PyTorch on the WebGPU device in float32. */
import { describe, it } from 'vitest'
import { casesByOp, freeName, golden, runCase, runModule, type Setting, type Tolerance } from '../support/golden.ts'

const WEBGPU: Setting = { device: 'webgpu', float: 'float32' }

/**
 * Inputs are exact in float32 and the expected values come from float64, so what is allowed is the error of float32 arithmetic itself. WGSL lets
 * exp be off by 3 + 2|x| ulp, and log by 2^-21 near one: hence the wider rows.
 */
const DEFAULT: Tolerance = { rtol: 2e-6, atol: 1e-6 }
const PER_OP: Readonly<Record<string, Tolerance>> = {
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
  crossEntropy: { rtol: 1e-5, atol: 1e-5 },
  nllLoss: { rtol: 1e-5, atol: 1e-6 },
}

describe('PyTorch golden values on webgpu in float32', () => {
  for (const [op, cases] of casesByOp()) {
    const tolerance = PER_OP[op] ?? DEFAULT
    describe(op, () => {
      for (const c of cases) {
        if (freeName(c) !== null) it(c.name, () => runCase(c, 'function', WEBGPU, tolerance))
        if (c.method !== undefined) it(`${c.name}, as a method`, () => runCase(c, 'method', WEBGPU, tolerance))
      }
    })
  }
})

/** A layer is a product and more. */
const LAYERS: Tolerance = { rtol: 1e-5, atol: 1e-5 }

describe('layers on webgpu compute what PyTorch does', () => {
  for (const c of golden.modules) it(c.name, () => runModule(c, WEBGPU, LAYERS))
})
