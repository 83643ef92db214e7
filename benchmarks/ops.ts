/**
 * @file `npm run bench -- ops`: single ops, and the same with their gradients, by all libraries that have them, in turns. Results are compared with PyTorch's
 * (reference-ops.json) before any time counts.
 */
import { readFileSync } from 'node:fs'
import { inTurn, type Variant, type Worker } from './library.ts'
import { type OpCase, type OpTask, passesOf, type ReferencePrint, taskName, wrongIn } from './ops-tasks.ts'
import { firstLine, median, OWN_ONE_THREAD, spread } from './report.ts'
import type { OpRow } from './results.ts'

/** A turn is so many runs, or as many as so many milliseconds hold, of which one is enough. */
const TURN = { times: 30, long: { ms: 400, times: 1 } } as const
/** What takes longer is timed in one round only. */
const SLOW_MS = 1000

interface Progress {
  readonly worker: Worker
  /** Milliseconds, a figure for each round. */
  readonly rounds: number[]
  /** What is in the table instead of a time; `null` where the library has no such op. */
  remark?: string | null
}

const reference = JSON.parse(readFileSync(new URL('reference-ops.json', import.meta.url), 'utf8')) as Record<string, ReferencePrint[]>

/** tapegrad in all set-ups but that of one thread, the others with as many threads as they can have. */
export const usesAll = ({ library, threads, label }: Variant, all: readonly Variant[]): boolean =>
  label !== OWN_ONE_THREAD && !all.some((other) => other.library === library && other.threads > threads)

async function begin(progress: Progress, task: OpTask): Promise<void> {
  const { worker } = progress
  const name = taskName(task)
  if (worker.failure !== undefined) throw new Error(worker.failure)
  const { prints, cannot } = await worker.ask({ kind: 'op-start', task: name, op: task })
  const wrong = prints && wrongIn(prints, reference[name] ?? [])
  if (cannot) progress.remark = null
  else if (wrong) progress.remark = `wrong: ${wrong}`
  else await turn(worker, name)
}

async function turn(worker: Worker, task: string): Promise<number> {
  const { times = [] } = await worker.ask({ kind: 'turn', task, ...TURN })
  return median(times)
}

async function measure(task: OpTask, workers: readonly Worker[], rounds: number): Promise<OpRow> {
  const runs = workers.map((worker): Progress => ({ worker, rounds: [] }))
  const failed = (run: Progress) => (error: unknown) => {
    run.remark = firstLine(error)
  }
  for (const run of runs) await begin(run, task).catch(failed(run))
  for (let round = 0; round < rounds; round++) {
    const able = runs.filter((run) => run.remark === undefined && !run.rounds.some((ms) => ms > SLOW_MS))
    for (const run of inTurn(able, round)) await turn(run.worker, taskName(task)).then((ms) => run.rounds.push(ms), failed(run))
  }
  return {
    op: task.task.name,
    pass: task.pass,
    cells: runs.map(({ worker, rounds, remark }) => ({
      library: worker.label,
      ...(remark === undefined ? { ms: spread(rounds) } : remark !== null && { remark }),
    })),
  }
}

/** Measures every case by every worker; `found` is called with each row as it is there. */
export async function ops(
  cases: readonly OpCase[],
  workers: readonly Worker[],
  rounds: number,
  found: (row: OpRow) => void,
): Promise<OpRow[]> {
  const rows: OpRow[] = []
  for (const task of cases)
    for (const pass of passesOf(task)) {
      const row = await measure({ task, pass }, workers, rounds)
      rows.push(row)
      found(row)
    }
  return rows
}
