/** @file `npm run bench -- overhead`: what recording costs the host, per primitive op, once schedules and pipelines are cached. */
import { recordedNodes } from '../src/graph/index.ts'
import { init } from '../src/index.ts'
import { ensureAdapter } from '../test/support/adapter.ts'
import { mlpStep } from './peers/tapegrad.ts'
import { mlpData } from './tasks.ts'

const WARM_STEPS = 50
const STEPS_PER_ROUND = 200
const GOAL_US = 5

/** Times the synchronous part of a training step: forward, backward, optimizer and whatever of scheduling and submitting happens in it. */
export async function overhead(device: 'webgpu' | 'cpu', rounds: number): Promise<void> {
  if (device === 'webgpu') await ensureAdapter()
  const info = await init({ device })
  const { record } = mlpStep(mlpData())
  const step = async (): Promise<number> => {
    const start = performance.now()
    const loss = record()
    const value = loss.item() // asking flushes; the wait for the answer is not the host's work
    const spent = performance.now() - start
    await value
    return spent
  }
  for (let i = 0; i < WARM_STEPS; i++) await step()
  const before = recordedNodes()
  await step()
  const nodes = recordedNodes() - before

  const perRound: number[] = []
  for (let round = 0; round < rounds; round++) {
    const times: number[] = []
    for (let i = 0; i < STEPS_PER_ROUND; i++) times.push(await step())
    times.sort((a, b) => a - b)
    perRound.push((1000 * (times[Math.floor(times.length / 2)] as number)) / nodes)
  }
  perRound.sort((a, b) => a - b)
  const middle = perRound[Math.floor(perRound.length / 2)] as number
  console.log(`device ${info.device}: ${info.adapter}`)
  console.log(`MLP step, cached: ${nodes} primitive ops recorded, backward and optimizer included`)
  console.log(
    `${middle.toFixed(2)} µs of host time per op [${(perRound[0] as number).toFixed(2)}–${(perRound[perRound.length - 1] as number).toFixed(2)}], ` +
      `${((middle * nodes) / 1000).toFixed(2)} ms a step; goal ≤ ${GOAL_US} µs`,
  )
}
