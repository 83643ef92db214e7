/** @file `npm run bench -- overhead`: what recording costs the host, per primitive op, once schedules and pipelines are cached. */
import { recordedNodes } from '../src/graph/index.ts'
import { init } from '../src/index.ts'
import { ensureAdapter } from '../test/support/adapter.ts'
import { mlpStep } from './peers/tapegrad.ts'
import { median, type Overhead, spread } from './report.ts'
import { mlpData } from './tasks.ts'

const WARM_STEPS = 50
const STEPS_PER_ROUND = 200

/**
 * Times the synchronous part of a training step: forward, backward, optimizer, and whatever of scheduling, encoding and submitting happens in it. Once with
 * the loss read in every step, when the waiting in between leaves the processor's caches cold, and once with it read in every tenth.
 */
export async function overhead(device: 'webgpu' | 'cpu', rounds: number): Promise<Pick<Overhead, 'adapter' | 'ops' | 'readings'>> {
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
  const ops = recordedNodes() - before

  const readings: Overhead['readings'][number][] = []
  for (const every of [1, 10]) {
    const perRound: number[] = []
    for (let round = 0; round < rounds; round++) {
      const times: number[] = []
      for (let i = 0; i < STEPS_PER_ROUND; i++) times.push(await step(every))
      perRound.push((1000 * median(times)) / ops)
    }
    readings.push({ every, ...spread(perRound) })
  }
  return { adapter: info.adapter, ops, readings }
}
