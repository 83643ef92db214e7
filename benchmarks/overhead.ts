/** @file `npm run bench -- overhead`: what recording costs the host, per primitive op, once schedules and pipelines are cached. */
import { recordedNodes } from '../src/graph/index.ts'
import { init } from '../src/index.ts'
import { mlpStep } from './peers/tapegrad.ts'
import { median, spread } from './report.ts'
import type { Overhead } from './results.ts'
import { MLP, mlpData, TINY_MLP } from './tasks.ts'
import type { Device } from './worker.ts'

const WARM_STEPS = 300
const STEPS_PER_ROUND = 400

/**
 * Times the host's part of a training step: forward, backward, optimizer, scheduling, and handing kernels over. Once with the loss read in every step,
 * and once in every tenth; a figure is the mean over the steps from one reading to the next, so that what waits until then is counted.
 *
 * On WebGPU that is the synchronous part of the step: asking for the loss flushes, and the wait for the answer is not the host's work; waiting leaves the
 * processor's caches cold. On device cpu computing is the host's work too, and cannot be told apart: there the step trains a network of tiny
 * tensors (at most 64 numbers), and all of its time is counted, the reading too.
 */
export async function overhead(device: Device, rounds: number): Promise<Pick<Overhead, 'device' | 'adapter' | 'ops' | 'readings'>> {
  const info = await init({ device })
  const sizes = device === 'cpu' ? TINY_MLP : MLP
  const { record } = mlpStep(mlpData(sizes), sizes)
  /** Milliseconds of some steps, the last of which reads its loss. */
  const steps = async (count: number): Promise<number> => {
    let spent = 0
    for (let i = 1; i <= count; i++) {
      const start = performance.now()
      const loss = record()
      const value = i === count ? loss.item() : undefined
      if (device === 'cpu') await value
      spent += performance.now() - start
      await value
    }
    return spent
  }
  for (let i = 0; i < WARM_STEPS; i++) await steps(1)
  const before = recordedNodes()
  await steps(1)
  const ops = recordedNodes() - before

  const readings: Overhead['readings'][number][] = []
  for (const every of [1, 10]) {
    const perRound: number[] = []
    for (let round = 0; round < rounds; round++) {
      const means: number[] = []
      for (let i = 0; i < STEPS_PER_ROUND; i += every) means.push((await steps(every)) / every)
      perRound.push((1000 * median(means)) / ops)
    }
    readings.push({ every, ...spread(perRound) })
  }
  return { device, adapter: info.adapter, ops, readings }
}
