/**
 * @file `npm run bench`: tapegrad, TensorFlow.js and jax-js on one device, in one run.
 *
 * Each library lives in a process of its own; they work in turns, one at a time, a few steps each, round after round, so that what else the
 * machine does hits all alike. A time is reported only where the numbers are right: losses 1 and 10 against PyTorch's, products and the elementwise
 * chain against float64.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, cpus, loadavg, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { ensureAdapter } from '../test/support/adapter.ts'
import { LOSS_TOLERANCE, measure, reference } from './compare.ts'
import { type Flags, readFlags } from './flags.ts'
import { type Variant, variantsOf, Worker } from './library.ts'
import {
  CHECKPOINT_HEAD,
  COMPARISON_HEAD,
  checkpointLine,
  conclusions,
  DYNAMIC_HEAD,
  dynamicGoals,
  dynamicLine,
  FIRST_STEP_HEAD,
  fillPage,
  firstLine,
  firstStepGoals,
  firstStepLine,
  GROWTH_HEAD,
  growthLine,
  headOf,
  LOOKUPS_HEAD,
  lookupGrowth,
  lookupLine,
  MISSES_HEAD,
  markdown,
  missGoals,
  missLine,
  rowLine,
} from './report.ts'
import { opLine, opsConclusions, opsHead } from './report-ops.ts'
import type { Circumstances, Comparison, LookupRow, Ops, Report, Row } from './results.ts'
import { CHECKED_STEPS } from './tasks.ts'
import { watched } from './watch.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

function installPeers(): void {
  const { dependencies } = JSON.parse(readFileSync(here('package.json'), 'utf8')) as { dependencies: Record<string, string> }
  if (Object.keys(dependencies).every((name) => existsSync(here(`node_modules/${name}`)))) return
  console.log('installing the libraries to compare with (benchmarks/package.json) …')
  execFileSync('npm', ['install', '--prefix', here('.'), '--no-package-lock', '--no-audit', '--no-fund', '--silent'], { stdio: 'inherit' })
}

/** The libraries in all their set-ups, without those that mean nothing here. */
async function open(
  { libraries, device }: Flags,
  wanted: (variant: Variant, all: readonly Variant[]) => boolean = () => true,
): Promise<Worker[]> {
  const workers: Worker[] = []
  const all = libraries.flatMap((library) => variantsOf(library, device))
  for (const variant of all.filter((one) => wanted(one, all))) {
    const worker = new Worker(variant)
    const here = await worker.load(device).catch((error: unknown) => {
      worker.failure = `failed: ${firstLine(error)}`
      return true
    })
    if (here) workers.push(worker)
    else worker.close()
  }
  return workers
}

async function changing(flags: Flags): Promise<void> {
  if (flags.libraries.includes('tfjs')) installPeers()
  const { dynamic } = await import('./dynamic.ts')
  const { firstSteps } = await import('./first.ts')
  const workers = await open({ ...flags, libraries: flags.libraries.filter((l) => l === 'tapegrad' || l === 'tfjs' || l === 'torch') })
  try {
    for (const line of DYNAMIC_HEAD) console.log(line)
    const rows = await dynamic(workers, flags.rounds, reference, (found) => {
      for (const row of found) console.log(dynamicLine(row, found))
    })
    const adapter = workers.find((w) => w.variant.library === 'tapegrad')?.adapter ?? 'none'
    for (const line of [...dynamicGoals(rows, flags.device), '', ...FIRST_STEP_HEAD]) console.log(line)
    // Nothing else runs meanwhile
    for (const worker of workers) worker.close()
    const first = await firstSteps(flags.device, flags.rounds, flags.libraries.includes('torch'), reference, (row) =>
      console.log(firstStepLine(row)),
    )
    const report: Report = {
      kind: 'dynamic',
      device: flags.device,
      ...circumstances(adapter, flags.rounds),
      torch: reference.torch,
      rows,
      first,
    }
    for (const line of [...firstStepGoals(first, rows), '', ...headOf(report)]) console.log(line)
    if (flags.save) save(report, ['dynamic', ...flags.only])
  } finally {
    for (const worker of workers) worker.close()
  }
}

/** Milliseconds of a node of PyTorch's tree, by which goals in units of time are scaled. */
async function pytorchTree(flags: Flags): Promise<number | undefined> {
  const { dynamic } = await import('./dynamic.ts')
  const workers = await open({ ...flags, libraries: ['torch'] })
  try {
    const rows = await dynamic(workers, flags.rounds, reference, () => {}, [['trees']])
    return Math.min(...rows.flatMap(({ ms }) => ms?.median ?? []))
  } finally {
    for (const worker of workers) worker.close()
  }
}

async function missing(flags: Flags): Promise<void> {
  const { misses } = await import('./misses.ts')
  const tree = flags.libraries.includes('torch') ? await pytorchTree(flags) : undefined
  for (const line of MISSES_HEAD) console.log(line)
  const { adapter, rows } = await misses(flags.device, flags.rounds, (row) => console.log(missLine(row)))
  const report: Report = {
    kind: 'misses',
    device: flags.device,
    ...circumstances(adapter, flags.rounds),
    rows,
    ...(tree !== undefined && { tree }),
  }
  for (const line of [...missGoals(report), '', ...headOf(report)]) console.log(line)
  if (flags.save) save(report, ['misses'])
}

/** The one adapter on which all of them run. */
function adapterOf(workers: readonly Worker[]): string {
  const adapters = new Set(workers.map((w) => w.adapterKey).filter(Boolean))
  if (adapters.size > 1)
    throw new Error(`the libraries run on different adapters: ${workers.map((w) => `${w.label} on ${w.adapter}`).join('; ')}`)
  const own = workers.filter((w) => w.variant.library === 'tapegrad')
  if (own.length > 0 && own.every((w) => w.failure)) throw new Error(`tapegrad itself ${own[0]?.failure}`)
  const facts = own.map((w) => w.adapter).filter(Boolean)
  return [...new Set(facts)].join('; ') || (workers.find((w) => w.adapter)?.adapter ?? 'none')
}

async function singly(flags: Flags): Promise<void> {
  if (flags.libraries.some((l) => l === 'tfjs' || l === 'jax-js')) installPeers()
  const { ops, usesAll } = await import('./ops.ts')
  const workers = await open({ ...flags, libraries: flags.libraries.filter((l) => l !== 'copy') }, usesAll)
  try {
    const adapter = adapterOf(workers)
    for (const line of opsHead(workers.map((w) => w.label))) console.log(line)
    const rows = await ops(flags.cases, workers, flags.rounds, (row) => console.log(opLine(row)))
    const report: Ops = { kind: 'ops', device: flags.device, ...circumstances(adapter, flags.rounds), torch: reference.torch, rows }
    for (const line of [...opsConclusions(rows), '', ...headOf(report)]) console.log(line)
    if (flags.save) save(report, ['ops', ...flags.only])
  } finally {
    for (const worker of workers) worker.close()
  }
}

async function compare(flags: Flags): Promise<void> {
  if (flags.libraries.some((l) => l === 'tfjs' || l === 'jax-js')) installPeers()
  const workers = await open(flags)
  try {
    const rows: Row[] = []
    const report: Comparison = {
      kind: 'comparison',
      device: flags.device,
      ...circumstances(adapterOf(workers), flags.rounds),
      torch: reference.torch,
      steps: CHECKED_STEPS,
      tolerance: LOSS_TOLERANCE,
      rows,
    }
    for (const line of [...headOf(report), '', ...COMPARISON_HEAD]) console.log(line)
    for (const task of flags.tasks) {
      const found = await measure(task, workers, flags.rounds)
      for (const row of found) console.log(rowLine(row, found))
      rows.push(...found)
    }
    for (const line of ['', ...conclusions(report)]) console.log(line)
    if (flags.save) save(report, flags.only)
  } finally {
    for (const worker of workers) worker.close()
  }
}

const load = loadavg()[0] as number

const circumstances = (adapter: string, rounds: number): Circumstances => ({
  date: new Date().toISOString().slice(0, 10),
  adapter,
  machine: `${cpus().length} × ${cpus()[0]?.model.trim()}, ${platform()} ${arch()}, Node ${process.version}`,
  load,
  rounds,
})

/** One file per adapter, or for the CPU, and per choice of what ran; its date is inside, older figures are in the history. */
function save(report: Report, only: readonly string[]): void {
  mkdirSync(here('results'), { recursive: true })
  const name = [report.device === 'cpu' ? 'cpu' : report.adapter, ...only]
    .join('-')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  const short = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value
  writeFileSync(here(`results/${name}.json`), `${JSON.stringify(report, short, 2)}\n`)
  console.log(`\nwritten to benchmarks/results/${name}.json`)
}

const flags = readFlags()
const read = (path: string): string => readFileSync(here(`../${path}`), 'utf8')
const fill = (): void => writeFileSync(here('../docs/performance.md'), fillPage(read('docs/performance.md'), read))
async function run(): Promise<void> {
  if (flags.table) console.log(markdown(JSON.parse(readFileSync(flags.table, 'utf8')) as Report))
  else if (flags.page && !flags.save) fill()
  else {
    if (flags.own === 'overhead') {
      const { overhead } = await import('./overhead.ts')
      const { adapter, ...found } = await overhead(flags.device, flags.rounds)
      const report: Report = { kind: 'overhead', ...circumstances(adapter, flags.rounds), ...found }
      console.log(markdown(report))
      if (flags.save) save(report, ['overhead'])
    } else if (flags.own === 'growth') {
      const { growth } = await import('./growth.ts')
      for (const line of GROWTH_HEAD) console.log(line)
      const { adapter, rows } = await growth(flags.device, flags.rounds, (row) => console.log(growthLine(row)))
      const report: Report = { kind: 'growth', device: flags.device, ...circumstances(adapter, flags.rounds), rows }
      for (const line of headOf(report)) console.log(`- ${line}`)
      if (flags.save) save(report, ['growth'])
    } else if (flags.own === 'custom') {
      const { custom } = await import('./custom.ts')
      const { adapter, rows } = await custom(flags.device, flags.rounds)
      const report: Report = { kind: 'custom', device: flags.device, ...circumstances(adapter, flags.rounds), rows }
      console.log(markdown(report))
      if (flags.save) save(report, ['custom'])
    } else if (flags.own === 'checkpoint') {
      const { checkpoints } = await import('./checkpoint.ts')
      for (const line of CHECKPOINT_HEAD) console.log(line)
      const { adapter, rows } = await checkpoints(flags.device, flags.amp, (row) => console.log(checkpointLine(row)))
      const report: Report = { kind: 'checkpoint', device: flags.device, ...circumstances(adapter, 1), amp: flags.amp, rows }
      for (const line of headOf(report)) console.log(`- ${line}`)
      if (flags.save) save(report, ['checkpoint', ...(flags.amp ? ['amp'] : [])])
    } else if (flags.own === 'lookups') {
      const { lookups } = await import('./lookups.ts')
      for (const line of LOOKUPS_HEAD) console.log(line)
      const print = (row: LookupRow): void => console.log(lookupLine(row, flags.device))
      const { adapter, ...found } = await lookups(flags.device, flags.rounds, flags.libraries.includes('torch'), print)
      const report: Report = { kind: 'lookups', device: flags.device, ...circumstances(adapter, flags.rounds), ...found }
      for (const line of [lookupGrowth(found.rows), '', ...headOf(report)]) console.log(line)
      if (flags.save) save(report, ['lookups'])
    } else if (flags.own === 'dynamic') await changing(flags)
    else if (flags.own === 'ops') await singly(flags)
    else if (flags.own === 'misses') await missing(flags)
    else if (flags.own === 'caches') await (await import('./caches.ts')).caches(flags.device, (line) => console.log(line))
    else await compare(flags)
    if (flags.page) fill()
  }
}

await watched(run, async () => {
  if (flags.device === 'webgpu') await ensureAdapter()
})
