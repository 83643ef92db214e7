/**
 * @file The machine's own matrix products: a BLAS with the C interface (OpenBLAS, MKL, BLIS, Accelerate), called in place on the device's memory by the optional
 * package koffi. Where either is not there, everything runs as WebAssembly. choice.ts says what is left to it.
 */
import { builtinModule, env, nodeProcess } from '../../../environment.ts'
import { importKoffi, type Koffi, type NativeLibrary } from '../../../native.ts'
import { betterCore, type Processor, processorOf } from './blas-cores.ts'

/** Numbers of the C interface. */
export const CBLAS = { rows: 101, columns: 102, plain: 111, transposed: 112 } as const

/** cblas_sgemm without alpha, which is 1, on addresses: c = a · b + beta · c; where beta is 0, c is not read. */
export type Sgemm = (
  order: number,
  transA: number,
  transB: number,
  m: number,
  n: number,
  k: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  beta: number,
  c: number,
  ldc: number,
) => void

export interface Blas {
  /** One word and a version, and the core whose kernels run: `OpenBLAS 0.3.21 (Zen)`. */
  readonly name: string
  /** The path by which it was loaded. */
  readonly path: string
  readonly sgemm: Sgemm
  /** Leaves the library one thread; what is answered gives it back those that it had. */
  oneThread(): () => void
  /** Where the bytes of an array are, for as long as they are. */
  address(of: ArrayBufferView): number
}

/** What is left to a BLAS: all contractions that gain by it, those alone whose operands it reads in place, or nothing. */
export type BlasUse = 'all' | 'products' | 'none'

/** Libraries under the names by which loaders find them, the likeliest first. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  linux: ['libopenblas.so.0', 'libmkl_rt.so.2', 'libmkl_rt.so', 'libblis.so.4', 'libblas.so.3'],
  darwin: ['/System/Library/Frameworks/Accelerate.framework/Accelerate'],
  win32: ['libopenblas.dll', 'openblas.dll', 'mkl_rt.2.dll'],
}

const SGEMM = 'void cblas_sgemm(int, int, int, int, int, int, float, uintptr_t, int, uintptr_t, int, float, uintptr_t, int)'

let koffi: Koffi | undefined

/** Looks for koffi, unless the BLAS is turned off; afterwards {@link openBlas} need not wait. */
export async function loadKoffi(): Promise<void> {
  if (koffi || env('TAPEGRAD_BLAS') === 'off') return
  koffi = await importKoffi()
}

/** The function of a declaration, if the library has it. */
function optional(library: NativeLibrary, declaration: string): ((...of: number[]) => unknown) | undefined {
  try {
    return library.func(declaration)
  } catch {
    return undefined
  }
}

/** The core whose kernels an OpenBLAS runs. */
function coreOf(library: NativeLibrary): string | undefined {
  const core = optional(library, 'const char *openblas_get_corename()')
  return core && String(core())
}

/** The processor of the machine, as Linux describes it. */
export function processor(): Processor | undefined {
  if (nodeProcess?.platform !== 'linux' || nodeProcess.arch !== 'x64' || !builtinModule) return undefined
  try {
    const { readFileSync } = builtinModule('node:fs') as { readFileSync(path: string, encoding: 'utf8'): string }
    return processorOf(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    return undefined
  }
}

/** The core to name in place of the one that an OpenBLAS has chosen. */
function nameCore(chosen: string): string | undefined {
  const own = processor()
  return own && betterCore(own, chosen)
}

const CORETYPE = 'OPENBLAS_CORETYPE'

/**
 * Loads a library. An OpenBLAS chooses its core while it is loaded, so one without kernels for the processor is loaded anew, with the core named in the environment.
 * That is set and removed by the C library: `process.env` of a worker thread is a copy, and processes that are started later are to choose for themselves.
 */
export function loadLibrary({ load }: Koffi, path: string, name = nameCore): NativeLibrary {
  const library = load(path)
  const chosen = coreOf(library)
  const core = chosen === undefined ? undefined : name(chosen)
  if (core === undefined) return library
  const c = load(null)
  // What the user has named stays
  if (c.func('const char *getenv(const char *)')(CORETYPE) !== null) return library
  c.func('int setenv(const char *, const char *, int)')(CORETYPE, core, 1)
  try {
    library.unload()
    return load(path)
  } finally {
    c.func('int unsetenv(const char *)')(CORETYPE)
  }
}

/** What a library calls itself. Undefined for one that is none of the fast ones: the reference BLAS is slower than WebAssembly. */
function nameOf(library: NativeLibrary, path: string): string | undefined {
  const config = optional(library, 'const char *openblas_get_config()')
  if (config) {
    const core = coreOf(library)
    return `${String(config()).split(' ').slice(0, 2).join(' ')}${core === undefined ? '' : ` (${core})`}`
  }
  const blis = optional(library, 'const char *bli_info_get_version_str()')
  if (blis) return `BLIS ${blis()}`
  if (optional(library, 'void MKL_Set_Num_Threads(int)')) return 'MKL'
  return path.includes('Accelerate') ? 'Accelerate' : undefined
}

/** Functions that return and set how many threads a library has. */
const THREADS = [
  ['openblas_get_num_threads', 'openblas_set_num_threads'],
  ['MKL_Get_Max_Threads', 'MKL_Set_Num_Threads'],
  ['bli_thread_get_num_threads', 'bli_thread_set_num_threads'],
] as const

/** Gives a library so many threads; returns how many it had. */
function setThreads(library: NativeLibrary, threads: number): number | undefined {
  for (const [get, set] of THREADS) {
    const before = optional(library, `int ${get}()`)?.()
    if (before === undefined) continue
    optional(library, `void ${set}(int)`)?.(threads)
    return Number(before)
  }
  return undefined
}

/** How many threads a library may have, where TAPEGRAD_THREADS says it; what it does by itself is as many as cores. */
function limitThreads(library: NativeLibrary): void {
  const threads = Number(env('TAPEGRAD_THREADS'))
  if (threads >= 1) setThreads(library, threads)
}

/** Whether two small products are right: one of them transposed, into places that hold NaN. */
function works(sgemm: Sgemm, address: Blas['address']): boolean {
  const memory = new Float32Array(new SharedArrayBuffer(4096))
  const [a, b, c] = [0, 64, 128].map((at) => memory.subarray(at, at + 64)) as [Float32Array, Float32Array, Float32Array]
  const [m, n, k] = [3, 5, 4]
  a.forEach((_, i) => {
    a[i] = (i % 7) - 3
    b[i] = (i % 5) - 1.5
  })
  for (const turned of [false, true]) {
    c.fill(Number.NaN)
    const ldb = turned ? k : n
    sgemm(CBLAS.rows, CBLAS.plain, turned ? CBLAS.transposed : CBLAS.plain, m, n, k, address(a), k, address(b), ldb, 0, address(c), n)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let l = 0; l < k; l++) sum += (a[i * k + l] as number) * (b[turned ? j * k + l : l * n + j] as number)
        if (c[i * n + j] !== sum) return false
      }
  }
  return true
}

function open(library: NativeLibrary, { address: find }: Koffi, path: string, trusted: boolean): Blas | undefined {
  const name = nameOf(library, path) ?? (trusted ? (path.split(/[\\/]/).at(-1) as string) : undefined)
  if (name === undefined) return undefined
  const call = library.func(SGEMM)
  limitThreads(library)
  const sgemm: Sgemm = (order, transA, transB, m, n, k, a, lda, b, ldb, beta, c, ldc) => {
    call(order, transA, transB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
  }
  const address = (of: ArrayBufferView): number => Number(find(of))
  if (!works(sgemm, address)) throw new Error('its products are wrong')
  const oneThread = (): (() => void) => {
    const before = setThreads(library, 1)
    return () => {
      if (before !== undefined) setThreads(library, before)
    }
  }
  return { name, path, sgemm, oneThread, address }
}

const reason = (e: unknown): string => (e instanceof Error ? e.message : String(e)).split('\n')[0] as string

/**
 * The BLAS of a path, or the first of those that machines usually have. Where there is none, or it does not work, there is no error: what was set by name, or was
 * found and is broken, is reported in one line.
 *
 * {@link loadKoffi} goes before it.
 * @param wanted `off`, `on`, a path, or undefined
 */
export function openBlas(wanted: string | undefined, report: (line: string) => void): Blas | undefined {
  if (wanted === 'off' || !nodeProcess) return undefined
  const fallback = (what: string): undefined => {
    report(`tapegrad: ${what}; matrix products run as WebAssembly`)
  }
  const own = koffi
  if (!own)
    return wanted === undefined
      ? undefined
      : fallback(
          `TAPEGRAD_BLAS=${wanted} needs the package koffi, which is not installed${nodeProcess.versions?.bun ? ', or a Bun from 1.4 on' : ''}`,
        )
  if (wanted !== undefined && wanted !== 'on') {
    try {
      return open(loadLibrary(own, wanted), own, wanted, true)
    } catch (e) {
      return fallback(`TAPEGRAD_BLAS: ${wanted} cannot be used (${reason(e)})`)
    }
  }
  for (const path of NAMES[nodeProcess.platform ?? ''] ?? []) {
    let library: NativeLibrary
    try {
      library = loadLibrary(own, path)
    } catch {
      continue // not on this machine
    }
    try {
      const blas = open(library, own, path, false)
      if (blas) return blas
    } catch (e) {
      return fallback(`${path} cannot be used (${reason(e)})`)
    }
  }
  return wanted === undefined ? undefined : fallback('TAPEGRAD_BLAS=on, but no BLAS was found')
}

let found: { readonly blas: Blas | undefined } | undefined

/** The BLAS of this process as TAPEGRAD_BLAS says, looked for once. */
export function systemBlas(): Blas | undefined {
  found ??= { blas: openBlas(env('TAPEGRAD_BLAS'), (line) => console.warn(line)) }
  return found.blas
}
