/**
 * @file `npm run bench -- dynamic`: training loops whose graph changes from step to step, beside the same with a fixed structure, by all libraries that have
 * them, in turns. Losses of the first iterations are compared with PyTorch's before any time counts.
 */
import { FACTS, LOOPS, type Loop } from './dynamic-tasks.ts'
import { inTurn, type Worker } from './library.ts'
import { firstLine, spread } from './report.ts'
import type { DynamicRow } from './results.ts'

/** Losses may differ by this part of themselves, or of 0.1. */
export const LOOP_TOLERANCE = 1e-4

/** What a loop of a library has done so far. */
interface Progress {
  readonly loop: Loop
  readonly worker: Worker
  iterations: number
  /** Milliseconds per unit, a figure for each turn. */
  readonly perUnit: number[]
  firstMs?: number
  remark?: string
  stranger?: true
}

async function begin(progress: Progress, want: readonly number[]): Promise<void> {
  const { loop, worker } = progress
  const { checked, warm } = FACTS[loop]
  if (worker.failure !== undefined) {
    progress.remark = worker.failure
    return
  }
  const { losses = [], times = [], cannot } = await worker.ask({ kind: 'loop-start', task: loop, steps: checked })
  if (cannot) {
    progress.stranger = true
    return
  }
  const wrong = want
    .slice(0, checked)
    .findIndex((w, i) => !(Math.abs((losses[i] ?? Number.NaN) - w) <= LOOP_TOLERANCE * Math.max(0.1, Math.abs(w))))
  if (wrong >= 0) {
    progress.remark = `no time: loss ${wrong + 1} is ${losses[wrong]}, PyTorch has ${want[wrong]}`
    return
  }
  progress.iterations = losses.length
  if (times[0] !== undefined) progress.firstMs = times[0]
  await turn(progress, warm)
}

/** Some iterations more; returns milliseconds per unit. */
async function turn(progress: Progress, count: number): Promise<number> {
  const { loop } = progress
  const { times = [] } = await progress.worker.ask({ kind: 'turn', task: loop, times: count })
  let units = 0
  let ms = 0
  for (const time of times) {
    units += FACTS[loop].units(progress.iterations++)
    ms += time
  }
  return ms / units
}

/** Loops that are compared with each other are measured together: what a process has warmed up, and what else the machine does, is then the same for both. */
const GROUPS: readonly (readonly Loop[])[] = LOOPS.filter((loop) => !LOOPS.some((other) => FACTS[other].against?.loop === loop)).map(
  (loop) => {
    const { against } = FACTS[loop]
    return against ? [loop, against.loop] : [loop]
  },
)

/** Measures every loop by every worker, which take turns; `found` is called with the rows of a loop as they are there. */
export async function dynamic(
  workers: readonly Worker[],
  rounds: number,
  reference: Readonly<Record<Loop, { readonly float64: readonly number[] }>>,
  found: (rows: readonly DynamicRow[]) => void,
  groups: readonly (readonly Loop[])[] = GROUPS,
): Promise<DynamicRow[]> {
  const all: DynamicRow[] = []
  for (const group of groups) {
    const runs = workers.flatMap((worker) => group.map((loop): Progress => ({ loop, worker, iterations: 0, perUnit: [] })))
    const failed = (run: Progress) => (error: unknown) => {
      run.remark = `failed: ${firstLine(error)}`
    }
    for (const run of runs) await begin(run, reference[run.loop].float64).catch(failed(run))
    for (let round = 0; round < rounds; round++) {
      const able = runs.filter((run) => run.remark === undefined && !run.stranger)
      for (const run of inTurn(able, round)) await turn(run, FACTS[run.loop].turn).then((ms) => run.perUnit.push(ms), failed(run))
    }
    for (const loop of group) {
      const rows = runs.filter((run) => run.loop === loop && !run.stranger).map(rowOf)
      all.push(...rows)
      found(rows)
    }
  }
  return all
}

const rowOf = ({ loop, worker, perUnit, firstMs, remark }: Progress): DynamicRow => ({
  loop,
  what: FACTS[loop].what,
  unit: FACTS[loop].unit,
  library: worker.label,
  ...(remark === undefined ? { ms: spread(perUnit), ...(firstMs === undefined ? {} : { firstMs }) } : { remark }),
})
