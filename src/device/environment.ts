/** @file What the library may ask of the process it runs in; in a page there is none. */
interface Process {
  readonly env: Record<string, string | undefined>
  readonly getBuiltinModule?: <Name extends keyof Builtins>(name: Name) => Builtins[Name]
  readonly platform?: string
  readonly arch?: string
  readonly version?: string
  readonly versions?: { readonly node?: string; readonly bun?: string }
  /** Where Node was started with the permission model. */
  readonly permission?: { has(scope: string): boolean }
  exitCode?: number | string | null | undefined
  on(event: 'exit', listener: () => void): unknown
  once(event: 'beforeExit', listener: () => void): unknown
}

/** Node's own modules, as far as they are used; said here, so that the package's declarations need no others. */
interface Builtins {
  readonly 'node:fs': object
  readonly 'node:fs/promises': object
  readonly 'node:os': { availableParallelism(): number }
  readonly 'node:path': object
  readonly 'node:worker_threads': { readonly Worker: new (source: string, options: WorkerOptions) => NodeWorker }
}
interface WorkerOptions {
  readonly eval: boolean
  readonly workerData: unknown
  readonly execArgv: string[]
  readonly env: Record<string, string>
}
interface NodeWorker {
  on(event: 'error' | 'exit', listener: () => void): unknown
  terminate(): Promise<unknown>
  unref(): void
}

const host = (globalThis as { process?: Process }).process

/** The Node process, if this is one. */
export const nodeProcess: Process | undefined = host?.versions?.node ? host : undefined

/** A variable that is set, and not to nothing. Where the process may not read its environment (Deno without `--allow-env`) none is. */
export function env(name: string): string | undefined {
  try {
    return host?.env?.[name] || undefined
  } catch {
    return undefined
  }
}

/** Node's own modules without an import that a page would have to resolve; undefined where there are none. */
export const builtinModule: Process['getBuiltinModule'] = nodeProcess?.getBuiltinModule

/**
 * An optional dependency with native code. Bundlers leave the import as it is: a page has no use for it, and a bundle for Node finds it in the
 * `node_modules` beside it.
 * @throws Error where it is not installed ({@link isMissing} tells), or its native code cannot be loaded
 */
export const nativePackage = (name: 'koffi' | 'webgpu'): Promise<unknown> => import(/* webpackIgnore: true */ /* @vite-ignore */ name)

/** Whether an import failed because the package is not there at all. */
export const isMissing = (error: unknown): boolean => (error as { code?: unknown }).code === 'ERR_MODULE_NOT_FOUND'
