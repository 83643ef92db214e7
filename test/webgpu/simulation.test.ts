/**
 * @file Long simulations that read nothing run while they are recorded, also where kernels are compiled on the way: in flat memory, by kernels that are found
 * again, with about as many dispatches as a loop that reads now and then.
 */
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { init, memory, noGrad, ones, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate } from '../support/collect.ts'
import '../support/matchers.ts'

const device = 'webgpu'
const MINUTES = 60_000
const DT = 0.001

beforeAll(() => init({ device }))
beforeEach(cleanSlate)

/** x′ = a − x², in steps of Euler's. */
const step = (x: Tensor, a: Tensor): Tensor => x.add(a.sub(x.square()).mul(DT))

/** The same in numbers, and its derivative by a. */
function reference(steps: number): { readonly x: number; readonly dx: number } {
  let [x, dx] = [0.25, 0]
  for (let i = 0; i < steps; i++) {
    dx += DT * (1 - 2 * x * dx)
    x += DT * (1 - x * x)
  }
  return { x, dx }
}

/** Dispatches of the second half of a loop under `noGrad`, read every so many steps, and what was held when each half ended. */
async function simulate(steps: number, every: number) {
  const a = tensor(1, { device })
  let x: Tensor = ones([10], { device }).mul(0.25)
  const seen: { dispatches: number; pipelines: number; buffers: number }[] = []
  for (let i = 1; i <= steps; i++) {
    x = noGrad(() => step(x, a))
    if (i % every === 0) await x.data()
    if (i % (steps / 2) !== 0) continue
    await new Promise((resolve) => setTimeout(resolve, 0))
    const { dispatches, pipelines } = deviceCounters(device)
    seen.push({ dispatches, pipelines, buffers: memory(device).buffers })
  }
  return { x, seen: seen as [(typeof seen)[0], (typeof seen)[0]] }
}

it('a loop runs as it goes', { timeout: 5 * MINUTES }, async () => {
  const steps = 60_000 // (the first cuts are made of parts, the later ones planned as a whole)
  const { x, seen } = await simulate(steps, Number.POSITIVE_INFINITY)
  const [middle, end] = seen
  expect(middle.dispatches).toBeGreaterThan(0)
  expect(end.pipelines).toBe(middle.pipelines)
  expect(end.buffers).toBeLessThanOrEqual(middle.buffers)
  await expect(x).toBeCloseToTensor(Array<number>(10).fill(reference(steps).x), { rtol: 1e-3, atol: 0 })
  const read = await simulate(4000, 100)
  const each = (of: typeof seen, count: number): number => (of[1].dispatches - of[0].dispatches) / count
  expect(each(seen, steps / 2)).toBeLessThanOrEqual(1.5 * each(read.seen, 2000))
})

it('a long loop on the tape has its gradient', { timeout: 5 * MINUTES }, async () => {
  const steps = 4000
  const a = tensor(1, { device, requiresGrad: true })
  let x: Tensor = tensor([0.25], { device })
  for (let i = 0; i < steps; i++) x = step(x, a)
  x.sum().backward()
  const wanted = reference(steps)
  await expect(x.detach()).toBeCloseToTensor([wanted.x], { rtol: 1e-3, atol: 0 })
  await expect(a.grad as Tensor).toBeCloseToTensor(wanted.dx, { rtol: 1e-3, atol: 0 })
})
