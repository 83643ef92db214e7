/** @file The libraries that are measured, and how they are set up; each runs in a process of its own, which does what it is asked. */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { counted } from './peers/peer.ts'
import { OWN, OWN_ONE_THREAD, OWN_WITH_BLAS } from './report.ts'
import type { Answer, Device, Request } from './worker.ts'

/** `copy` is what the machine's memory can do, beside the elementwise chain. */
export const LIBRARIES = ['tapegrad', 'tfjs', 'jax-js', 'copy'] as const
export type Library = (typeof LIBRARIES)[number] | 'torch'

/** A library in one set-up. */
export interface Variant {
  readonly library: Library
  readonly threads: number
  /** Instead of what the library calls itself. */
  readonly label?: string
  readonly env?: Readonly<Record<string, string>>
  /** What the library's device must offer, for the set-up to mean anything. */
  readonly needs?: string
}

const CORES = availableParallelism()
const one = (library: Library, threads = CORES): Variant => ({ library, threads })
/** With one thread and with as many as there are cores. */
const both = (library: Library): Variant[] => (CORES > 1 ? [one(library, 1), one(library)] : [one(library)])

const alone = { TAPEGRAD_BLAS: 'off' }
const OWN_ON_CPU: readonly Variant[] = [
  { library: 'tapegrad', threads: CORES, label: OWN, env: alone },
  ...(CORES > 1 ? [{ library: 'tapegrad', threads: 1, label: OWN_ONE_THREAD, env: { ...alone, TAPEGRAD_THREADS: '1' } } as const] : []),
  { library: 'tapegrad', threads: CORES, label: OWN_WITH_BLAS, env: { TAPEGRAD_BLAS: 'on' }, needs: 'blas' },
]

const COPIES: readonly Variant[] = ['loop', 'memmove'].flatMap((way) =>
  both('copy').map((variant) => ({ ...variant, env: { BENCH_COPY: way } })),
)

/** The set-ups of a library: on WebGPU one, on the CPU as many as make a difference. */
export function variantsOf(library: Library, device: Device): readonly Variant[] {
  if (library === 'copy') return device === 'cpu' ? COPIES : []
  if (device === 'webgpu') return [one(library)]
  if (library === 'tapegrad') return OWN_ON_CPU
  return library === 'tfjs' ? [one('tfjs', 1)] : both(library)
}

export const PYTHON = '/usr/bin/python3'
const ANSWER_SECONDS = 300
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The variables of a library's process: threads that do not spin while it is another's turn, no shaders from the last run, no BLAS held back. */
function surroundings({ threads, env }: Variant): NodeJS.ProcessEnv {
  const { OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE, ...rest } = process.env
  return { ...rest, MESA_SHADER_CACHE_DISABLE: 'true', OMP_WAIT_POLICY: 'passive', BENCH_THREADS: String(threads), ...env }
}

/** A library in its own process. */
export class Worker {
  readonly variant: Variant
  label: string
  /** One line for people. */
  adapter = ''
  /** What tells one adapter from another. */
  adapterKey = ''
  /** Why the library is out of the run. */
  failure: string | undefined
  readonly #child: ChildProcess
  /** The end of what it wrote to stderr, for the case that it dies. */
  #lastWords = ''

  constructor(variant: Variant) {
    this.variant = variant
    this.label = variant.label ?? `${variant.library}, ${counted(variant.threads)}`
    const env = surroundings(variant)
    const stdio = ['ignore', 'ignore', 'pipe', 'ipc'] as const
    if (variant.library === 'torch') {
      const threads = String(variant.threads)
      const torchEnv = { ...env, OMP_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads }
      this.#child = spawn(PYTHON, [here('peers/pytorch.py')], { stdio: [...stdio], env: torchEnv })
    } else this.#child = fork(here('worker.ts'), [], { execArgv: ['--import', 'tsx'], stdio: [...stdio], env })
    this.#child.on('error', (error) => {
      this.#lastWords = String(error)
    })
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-2000)
    })
  }

  ask(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const child = this.#child
      const done = (settle: () => void): void => {
        clearTimeout(timer)
        child.removeAllListeners('message')
        child.removeAllListeners('exit')
        settle()
      }
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        done(() => reject(new Error(`no answer in ${ANSWER_SECONDS} s`)))
      }, ANSWER_SECONDS * 1000)
      child.once('exit', (code, signal) =>
        done(() => reject(new Error(`the process ended (${signal ?? `code ${code}`}) ${this.#cause()}`))),
      )
      child.once('message', (message: { value?: Answer; failure?: string }) =>
        done(() => (message.value ? resolve(message.value) : reject(new Error(message.failure)))),
      )
      if (child.connected) child.send(request)
      else done(() => reject(new Error(`the process is gone ${this.#cause()}`)))
    })
  }

  #cause(): string {
    return this.#lastWords.split('\n').find((line) => /error/i.test(line)) ?? ''
  }

  /** Whether the set-up is to be had here. */
  async load(device: Device): Promise<boolean> {
    const { library, label, needs } = this.variant
    const { label: named, adapter, features = [] } = await this.ask({ kind: 'load', library, device })
    this.label = label ?? named ?? this.label
    this.adapter = adapter ? adapter.description || `${adapter.vendor} ${adapter.architecture}` : ''
    this.adapterKey = adapter ? `${adapter.vendor} ${adapter.architecture}`.trim() : ''
    return needs === undefined || features.some((feature) => feature.startsWith(needs))
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }
}

/** The order of a round: each begins with another, so that none is always the one after the slowest. */
export const inTurn = <T>(all: readonly T[], round: number): T[] => [...all.slice(round % all.length), ...all.slice(0, round % all.length)]
