/**
 * @file `npm run bench -- checkpoint`: the peak memory of a training step against the depth of the model, with and without checkpointing, and the time of a step. Each
 * model is trained in a process of its own, a few steps; the last is what is reported.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { amp, init, manualSeed, memory, optim, randn, resetPeakMemory, synchronize } from '../src/index.ts'
import type { CheckpointRow } from './results.ts'
import { SIZES, Transformer } from './transformer.ts'
import type { Device } from './worker.ts'

const DEPTHS = [2, 4, 8, 16]
/** The third step is the first in which nothing is new: its graph was in the second, its buffers too. */
const STEPS = 3

/** What a process is to measure. */
interface Task {
  readonly device: Device
  readonly depth: number
  readonly checkpointed: boolean
  readonly amp: boolean
}

interface Measured {
  readonly adapter: string
  readonly peak: number
  readonly parameters: number
  readonly ms: number
  readonly loss: number
}

async function train({ device, depth, checkpointed, amp: mixed }: Task): Promise<Measured> {
  const { adapter } = await init({ device })
  manualSeed(1)
  const model = new Transformer(depth, checkpointed)
  const optimizer = new optim.AdamW(model.parameters(), { lr: 1e-4 })
  const x = randn([SIZES.batch, SIZES.length, SIZES.width])
  const found = { peak: 0, ms: 0, loss: 0 }
  for (let step = 0; step < STEPS; step++) {
    await synchronize()
    resetPeakMemory(device)
    const begin = performance.now()
    optimizer.zeroGrad()
    const forward = () => model.forward(x).square().mean()
    const loss = mixed ? amp.autocast(forward) : forward()
    loss.backward()
    optimizer.step()
    found.loss = await loss.item()
    await synchronize()
    found.ms = performance.now() - begin
    found.peak = memory(device).peakBytes
  }
  return { adapter, parameters: model.parameters().reduce((n, p) => n + 4 * p.numel(), 0), ...found }
}

/** Measures at every depth. `done` is called with each row. */
export async function checkpoints(
  device: Device,
  mixed: boolean,
  done: (row: CheckpointRow) => void,
): Promise<{ adapter: string; rows: readonly CheckpointRow[] }> {
  const rows: CheckpointRow[] = []
  let adapter = ''
  const measured = async (depth: number, checkpointed: boolean): Promise<Measured> => {
    const task: Task = { device, depth, checkpointed, amp: mixed }
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), JSON.stringify(task)]
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 1_800_000 })
    return JSON.parse(stdout.slice(stdout.indexOf('{'))) as Measured
  }
  for (const depth of DEPTHS) {
    const without = await measured(depth, false)
    const within = await measured(depth, true)
    if (without.loss !== within.loss) throw new Error(`${depth} blocks: the loss is ${within.loss} checkpointed, ${without.loss} else`)
    adapter = without.adapter
    const row: CheckpointRow = {
      depth,
      parameters: without.parameters,
      without: { peak: without.peak, ms: without.ms },
      within: { peak: within.peak, ms: within.ms },
    }
    done(row)
    rows.push(row)
  }
  return { adapter, rows }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(JSON.stringify(await train(JSON.parse(process.argv[2] as string) as Task)))
  process.exit(0)
}
