/** @file Optimizers over float16 and bfloat16: the formula is computed in float32, what is kept is rounded once in a step. */
import { describe, expect, it } from 'vitest'
import { nn, optim, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'
import { HALVES, type Half, nearestHalf, ulpOf } from '../support/halves.ts'

/** Gradients whose squares are no halves: 1e9 and 1e-9. */
const GRADS = [
  [300, -3e-5, 30_000, 0],
  [-200, 3e-5, -20_000, 0],
  [100, 1e-5, 10_000, 1e-6],
]
const START = [1, -0.5, 2, 0.25]

async function follow(dtype: Half, make: (params: nn.Parameter[]) => optim.Optimizer): Promise<number[][]> {
  const p = new nn.Parameter(tensor(START, { device, dtype }))
  const optimizer = make([p])
  const seen: number[][] = []
  for (const g of GRADS) {
    p.grad = tensor(g, { device, dtype }) as Tensor
    optimizer.step()
    expect(p.dtype).toBe(dtype)
    seen.push([...(await p.data())])
  }
  return seen
}

/** Each value within half a unit in its last place, and what float32 is off. */
function expectSteps(dtype: Half, got: readonly (readonly number[])[], step: (g: number, i: number, t: number) => number): void {
  GRADS.forEach((grads, t) => {
    grads.forEach((g, i) => {
      const want = step(nearestHalf(g, dtype), i, t + 1)
      expect(Math.abs((got[t]?.[i] as number) - want), `step ${t + 1}, element ${i}: ${got[t]?.[i]}, not ${want}`).toBeLessThanOrEqual(
        0.51 * ulpOf(want, dtype) + 1e-5,
      )
    })
  })
}

describe.each(HALVES)('a parameter of %s follows the formula, rounded once in a step', (dtype) => {
  const half = (x: number): number => nearestHalf(x, dtype)

  it('in Adam', async () => {
    const got = await follow(dtype, (p) => new optim.Adam(p, { lr: 0.1 }))
    const [x, m, v] = [[...START], START.map(() => 0), START.map(() => 0)]
    expectSteps(dtype, got, (g, i, t) => {
      const mean = 0.9 * (m[i] as number) + 0.1 * g
      const square = 0.999 * (v[i] as number) + 0.001 * g * g
      const next = (x[i] as number) - ((0.1 / (1 - 0.9 ** t)) * mean) / (Math.sqrt(square) / Math.sqrt(1 - 0.999 ** t) + 1e-8)
      ;[m[i], v[i], x[i]] = [half(mean), half(square), half(next)]
      return next
    })
  })

  it('in SGD with momentum and weight decay', async () => {
    const got = await follow(dtype, (p) => new optim.SGD(p, { lr: 0.01, momentum: 0.9, weightDecay: 0.1, nesterov: true }))
    const [x, b] = [[...START], START.map(() => 0)]
    expectSteps(dtype, got, (gradient, i, t) => {
      const g = gradient + 0.1 * (x[i] as number)
      const buffer = t === 1 ? g : 0.9 * (b[i] as number) + g
      const next = (x[i] as number) - 0.01 * (g + 0.9 * buffer)
      ;[b[i], x[i]] = [half(buffer), half(next)]
      return next
    })
  })
})
