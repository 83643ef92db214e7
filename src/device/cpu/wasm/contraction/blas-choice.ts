/**
 * @file What is left to the machine's BLAS. `TAPEGRAD_BLAS` may say it; else it is measured, once per machine: the choice is kept in the user's cache folder, so that
 * the same program gives the same bits the next time.
 */
import { VERSION } from '../../../../base/index.ts'
import { keep, recall } from '../../../cache.ts'
import { builtinModule, env, nodeProcess } from '../../../environment.ts'
import type { WasmEngine } from '../engine.ts'
import type { Blas, BlasUse } from './blas.ts'
import { type BlasComparison, judge } from './blas-measure.ts'

const USES: readonly unknown[] = ['all', 'products', 'none'] satisfies BlasUse[]

interface Files {
  readFileSync(path: string, encoding: 'utf8'): string
  statSync(path: string): { readonly size: number; readonly mtimeMs: number }
}

function attempt<T>(what: () => T): T | undefined {
  try {
    return what()
  } catch {
    return undefined
  }
}

/** What the processors are, and what they can do: the lines that say so, each once. */
function processors(files: Files): string[] {
  const { cpus } = (builtinModule as NonNullable<typeof builtinModule>)('node:os') as object as { cpus(): { model: string }[] }
  const described = attempt(() => files.readFileSync('/proc/cpuinfo', 'utf8')) ?? ''
  // Deno gives neither without permission
  const models = attempt(() => cpus().map(({ model }) => model)) ?? []
  return [...new Set([...models, ...(described.match(/^(flags|Features|CPU part|stepping)\s*:.*$/gm) ?? [])])]
}

/** The library's own files, with size and age: it was loaded by a name that says little. */
function libraryFiles(files: Files, { path }: Blas): string[] {
  const stem = (path.split(/[\\/]/).at(-1) as string).replace(/\..*$/, '')
  const mapped = attempt(() => files.readFileSync('/proc/self/maps', 'utf8'))?.match(/\/.*$/gm) ?? []
  const own = mapped.filter((file) => (file.split('/').at(-1) as string).startsWith(stem))
  return [...new Set([path, ...own])].map((file) => {
    const status = attempt(() => files.statSync(file))
    return status ? `${file}:${status.size}:${status.mtimeMs}` : file
  })
}

/** All that a choice depends on. */
export function keyOf(blas: Blas, threads: number): string {
  if (!builtinModule) return ''
  const files = builtinModule('node:fs') as Files
  const limits = ['OPENBLAS_NUM_THREADS', 'GOTO_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'BLIS_NUM_THREADS'].map(env)
  return JSON.stringify([
    VERSION,
    nodeProcess?.version,
    nodeProcess?.versions?.bun,
    nodeProcess?.arch,
    processors(files),
    blas.name,
    libraryFiles(files, blas),
    threads,
    limits,
  ])
}

/** A short name for a text: FNV-1a. */
function hash(text: string): string {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16).padStart(8, '0')
}

/** What a kept text says for a key; undefined where it is of another one, or no such text. */
function useOf(text: string | undefined, key: string): BlasUse | undefined {
  if (text === undefined) return undefined
  const kept = attempt(() => JSON.parse(text) as { readonly key?: unknown; readonly use?: unknown } | null)
  return kept?.key === key && USES.includes(kept.use) ? (kept.use as BlasUse) : undefined
}

/** The kept choice for a key, or that of a measurement, which is then kept. */
export async function choose(key: string, measure: () => Promise<BlasComparison>): Promise<BlasUse> {
  const name = `blas-${hash(key)}.json`
  const kept = useOf(recall(name), key)
  if (kept !== undefined) return kept
  const { use, ratios } = await measure()
  const text = JSON.stringify({ use, ratios: ratios.map((ratio) => Number(ratio.toFixed(3))), key })
  return useOf(
    keep(name, text, (other) => useOf(other, key) !== undefined),
    key,
  ) as BlasUse
}

/** Of this process: all its engines do the same. */
let settled: Promise<BlasUse> | undefined

/** Settles what an engine leaves to the BLAS that it has found. */
export async function settleBlas(engine: WasmEngine): Promise<void> {
  const { blas } = engine
  // What was asked for by name, or by its path, is used
  if (!blas || env('TAPEGRAD_BLAS') !== undefined) return
  settled ??= choose(keyOf(blas, engine.threads), () => judge(engine))
  engine.use = await settled
}
