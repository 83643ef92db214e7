/** @file Long stretches with nothing read and nothing updated run while they are recorded: in flat memory, with the values and the reach of one graph. */
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { init, memory, noGrad, ones, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate } from '../support/collect.ts'
import '../support/matchers.ts'
import { device, values } from '../everyday/support.ts'

beforeAll(() => init({ device }))
beforeEach(cleanSlate)

const MINUTES = 60_000
const runs = (): number => deviceCounters(device).submits
const kernels = (): number => deviceCounters(device).pipelines

it('a simulation is computed as it goes, by kernels that are found again', { timeout: 5 * MINUTES }, async () => {
  const steps = 30_000
  let x: Tensor = ones([10], { device })
  let wanted = 1
  const seen: { kernels: number; runs: number; buffers: number }[] = []
  for (let i = 0; i < steps; i++) {
    x = x.mul(0.999).add(0.002)
    wanted = Math.fround(Math.fround(wanted * Math.fround(0.999)) + Math.fround(0.002))
    if (i % 10_000 === 9_999) seen.push({ kernels: kernels(), runs: runs(), buffers: memory(device).buffers })
  }
  const [early, , late] = seen as [(typeof seen)[0], (typeof seen)[0], (typeof seen)[0]]
  expect(late.runs).toBeGreaterThanOrEqual(early.runs + 8)
  expect(late.kernels).toBe(early.kernels)
  expect(late.buffers).toBeLessThanOrEqual(early.buffers)
  await expect(x).toBeCloseToTensor(Array<number>(10).fill(wanted), { rtol: 1e-4, atol: 0 })
})

it('what is held of a simulation can be read, wherever it was cut', { timeout: 5 * MINUTES }, async () => {
  const held: Tensor[] = []
  const wanted: number[] = []
  let x: Tensor = tensor([0], { device })
  for (let i = 1; i <= 6000; i++) {
    x = x.add(1)
    if (i % 700 === 0) {
      held.push(x)
      wanted.push(i)
    }
  }
  for (const [k, each] of held.entries()) expect(await values(each)).toEqual([wanted[k]])
})

it('an in-place sum over a long stretch has its value', { timeout: 5 * MINUTES }, async () => {
  const total = tensor([0, 0], { device })
  const one = ones([2], { device })
  for (let i = 0; i < 9000; i++) noGrad(() => total.add_(one))
  expect(await values(total)).toEqual([9000, 9000])
})
