import type { DeviceName } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'

export interface SteadyStep {
  readonly dispatches: number
  readonly submits: number
}

/**
 * What a step takes once three in a row make no pipeline, bind group or buffer. When the garbage collector gives a tensor's buffer back
 * decides which one a later step is given, so that it may take some steps until every bind group has been met.
 *
 * @throws Error where that is not so within `within` steps
 */
export async function steadyStep(device: DeviceName, step: () => Promise<number>, within = 60): Promise<SteadyStep> {
  const steps = 3
  let made = ''
  for (let i = 0; i < within; i += steps) {
    const start = deviceCounters(device)
    for (let k = 0; k < steps; k++) {
      const loss = await step()
      if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`)
    }
    const end = deviceCounters(device)
    const [pipelines, bindGroups, buffers] = [
      end.pipelines - start.pipelines,
      end.bindGroups - start.bindGroups,
      end.buffersCreated - start.buffersCreated,
    ]
    if (pipelines + bindGroups + buffers === 0)
      return { dispatches: (end.dispatches - start.dispatches) / steps, submits: (end.submits - start.submits) / steps }
    made = `${pipelines} pipelines, ${bindGroups} bind groups and ${buffers} buffers`
  }
  throw new Error(`after ${within} steps, ${steps} more made ${made}`)
}
