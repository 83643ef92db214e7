/** @file `npm run bench -- overhead`: what recording costs the host, per primitive op, once schedules and pipelines are cached. */
import { recordedNodes } from '../src/graph/index.ts'
import { init } from '../src/index.ts'
import { ensureAdapter } from '../test/support/adapter.ts'
import { mlpStep } from './peers/tapegrad.ts'
import { mlpData } from './tasks.ts'

const WARM_STEPS = 50
const STEPS_PER_ROUND = 200
const GOAL_US = 5

/**
 * Times the synchronous part of a training step: forward, backward, optimizer, and whatever of scheduling, encoding and submitting happens in it. Once with
 * the loss read in every step, when the waiting in between leaves the processor's caches cold, and once with it read in every tenth.
 */
export async function overhead(device: 'webgpu' | 'cpu', rounds: number): Promise<void> {
  if (device === 'webgpu') await ensureAdapter()
  const info = await init({ device })
  const { record } = mlpStep(mlpData())
  let steps = 0
  const step = async (readEvery: number): Promise<number> => {
    const start = performance.now()
    const loss = record()
    const value = ++steps % readEvery === 0 ? loss.item() : undefined // asking flushes; the wait for the answer is not the host's work
    const spent = performance.now() - start
    await value
    return spent
  }
  for (let i = 0; i < WARM_STEPS; i++) await step(1)
  const before = recordedNodes()
  await step(1)
  const nodes = recordedNodes() - before
  console.log(`device ${info.device}: ${info.adapter}`)
  console.log(
    `MLP step, cached: ${nodes} primitive ops recorded, backward and optimizer included; goal ≤ ${GOAL_US} µs of host time per op`,
  )

  for (const readEvery of [1, 10]) {
    const perRound: number[] = []
    for (let round = 0; round < rounds; round++) {
      const times: number[] = []
      for (let i = 0; i < STEPS_PER_ROUND; i++) times.push(await step(readEvery))
      times.sort((a, b) => a - b)
      perRound.push((1000 * (times[Math.floor(times.length / 2)] as number)) / nodes)
    }
    perRound.sort((a, b) => a - b)
    const [least, middle, most] = [0, Math.floor(perRound.length / 2), perRound.length - 1].map((i) => perRound[i] as number) as [
      number,
      number,
      number,
    ]
    console.log(
      `loss read every ${readEvery === 1 ? 'step' : `${readEvery} steps`}: ${middle.toFixed(2)} µs per op [${least.toFixed(2)}–${most.toFixed(2)}], ${((middle * nodes) / 1000).toFixed(2)} ms a step`,
    )
  }
}
