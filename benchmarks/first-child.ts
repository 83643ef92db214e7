/** @file A process that trains one network of first-tasks.ts from its first step on, on a device that is open before the clock starts; prints losses and times as JSON. */
import { init, synchronize } from '../src/index.ts'
import { FIRST_STEPS, type First } from './first-tasks.ts'
import { firsts } from './peers/first-tapegrad.ts'
import type { Device } from './worker.ts'

const [task, device] = process.argv.slice(2) as [First, Device]
const { adapter } = await init({ device })
const step = firsts[task]()
await synchronize()
const { checked, warm, timed } = FIRST_STEPS
const losses: number[] = []
const times: number[] = []
for (let i = 0; i < checked + warm + timed; i++) {
  const start = performance.now()
  losses.push(await step())
  times.push(performance.now() - start)
}
console.log(JSON.stringify({ label: 'tapegrad', adapter, losses, times }))
process.exit(0)
