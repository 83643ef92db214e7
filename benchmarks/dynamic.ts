/**
 * @file `npm run bench -- dynamic`: training loops whose graph changes from step to step, beside the same with a fixed structure, by all libraries that have
 * them, in turns. Losses of the first iterations are compared with PyTorch's before any time counts.
 */
import { FACTS, LOOPS, type Loop } from './dynamic-tasks.ts'
import type { Worker } from './library.ts'
import { type DynamicRow, firstLine, spread } from './report.ts'

/** Losses may differ by this part of themselves, or of 0.1. */
export const LOOP_TOLERANCE = 1e-4

/** What a loop of a library has done so far. */
interface Progress {
  readonly worker: Worker
  iterations: number
  /** Milliseconds per unit, a figure for each turn. */
  readonly perUnit: number[]
  firstMs?: number
  remark?: string
  stranger?: true
}

async function begin(progress: Progress, loop: Loop, want: readonly number[]): Promise<void> {
  const { worker } = progress
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
  await turn(progress, loop, warm)
}

/** Some iterations more; returns milliseconds per unit. */
async function turn(progress: Progress, loop: Loop, count: number): Promise<number> {
  const { times = [] } = await progress.worker.ask({ kind: 'turn', task: loop, times: count })
  let units = 0
  let ms = 0
  for (const time of times) {
    units += FACTS[loop].units(progress.iterations++)
    ms += time
  }
  return ms / units
}

/** Measures every loop by every worker, which takes turns; `found` is called with the rows of a loop as they are there. */
export async function dynamic(
  workers: readonly Worker[],
  rounds: number,
  reference: Readonly<Record<Loop, { readonly float64: readonly number[] }>>,
  found: (rows: readonly DynamicRow[]) => void,
): Promise<DynamicRow[]> {
  const all: DynamicRow[] = []
  for (const loop of LOOPS) {
    const runs = workers.map((worker): Progress => ({ worker, iterations: 0, perUnit: [] }))
    const failed = (run: Progress) => (error: unknown) => {
      run.remark = `failed: ${firstLine(error)}`
    }
    for (const run of runs) await begin(run, loop, reference[loop].float64).catch(failed(run))
    for (let round = 0; round < rounds; round++) {
      const able = runs.filter((run) => run.remark === undefined && !run.stranger)
      // Each round begins with another library, so that none is always the one after the slowest.
      for (const run of [...able.slice(round % able.length), ...able.slice(0, round % able.length)])
        await turn(run, loop, FACTS[loop].turn).then((ms) => run.perUnit.push(ms), failed(run))
    }
    const rows = runs
      .filter((run) => !run.stranger)
      .map(
        ({ worker, perUnit, firstMs, remark }): DynamicRow => ({
          loop,
          what: FACTS[loop].what,
          unit: FACTS[loop].unit,
          library: worker.label,
          ...(remark === undefined ? { ms: spread(perUnit), ...(firstMs === undefined ? {} : { firstMs }) } : { remark }),
        }),
      )
    all.push(...rows)
    found(rows)
  }
  return all
}
