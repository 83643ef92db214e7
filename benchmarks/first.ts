/**
 * @file First steps: how long the very first training step of a network takes, beside a later one. Every measurement is a process of its own; on WebGPU the
 * driver keeps no shaders, and all caches are in a folder that is new.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LOOP_TOLERANCE } from './dynamic.ts'
import { FIRST, FIRST_FACTS, FIRST_STEPS, type First } from './first-tasks.ts'
import { firstLine, median, spread } from './report.ts'
import type { FirstStepRow } from './results.ts'
import type { Device } from './worker.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What a process printed. */
interface Found {
  readonly label: string
  readonly losses: readonly number[]
  /** milliseconds */
  readonly times: readonly number[]
}

/** Runs a program where nothing is cached. */
async function inFreshProcess(command: string, args: readonly string[]): Promise<Found> {
  const folder = mkdtempSync(join(tmpdir(), 'tapegrad-first-'))
  const env = {
    ...process.env,
    MESA_SHADER_CACHE_DISABLE: 'true',
    OMP_WAIT_POLICY: 'passive',
    XDG_CACHE_HOME: folder,
    TAPEGRAD_CACHE: folder,
  }
  try {
    const { stdout } = await promisify(execFile)(command, args, { env, timeout: 600_000 })
    return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Found
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function once(task: First, library: 'tapegrad' | 'torch', device: Device): Promise<Found> {
  const { checked, warm, timed } = FIRST_STEPS
  if (library === 'torch')
    return inFreshProcess('/usr/bin/python3', [here('first.py'), task, ...[cpus().length, checked, warm, timed].map(String)])
  return inFreshProcess(process.execPath, ['--import', 'tsx', here('first-child.ts'), task, device])
}

async function measure(
  task: First,
  library: 'tapegrad' | 'torch',
  device: Device,
  rounds: number,
  want: readonly number[],
): Promise<FirstStepRow> {
  const { checked, warm } = FIRST_STEPS
  const row = { task, what: FIRST_FACTS[task].what, device }
  try {
    const found: Found[] = []
    for (let round = 0; round < rounds; round++) found.push(await once(task, library, device))
    const { label } = found[0] as Found
    for (const { losses } of found)
      for (const [i, w] of want.slice(0, checked).entries()) {
        const loss = losses[i] ?? Number.NaN
        if (!(Math.abs(loss - w) <= LOOP_TOLERANCE * w))
          return { ...row, library: label, remark: `no time: loss ${i + 1} is ${loss}, PyTorch has ${w}` }
      }
    const firsts = spread(found.map(({ times }) => times[0] as number))
    return { ...row, library: label, firstMs: firsts, steadyMs: median(found.map(({ times }) => median(times.slice(checked + warm)))) }
  } catch (error) {
    return { ...row, library, remark: `failed: ${firstLine(error)}` }
  }
}

/** Measures every network, each `rounds` times. @param torch whether PyTorch too */
export async function firstSteps(
  device: Device,
  rounds: number,
  torch: boolean,
  reference: Readonly<Record<First, { readonly float64: readonly number[] }>>,
  found: (row: FirstStepRow) => void,
): Promise<FirstStepRow[]> {
  const rows: FirstStepRow[] = []
  for (const task of FIRST)
    for (const library of torch ? (['tapegrad', 'torch'] as const) : (['tapegrad'] as const)) {
      const row = await measure(task, library, device, rounds, reference[task].float64)
      rows.push(row)
      found(row)
    }
  return rows
}
