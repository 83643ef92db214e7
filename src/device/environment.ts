/** @file What the library may ask of the process it runs in; in a page there is none. */
interface Process {
  readonly env: Record<string, string | undefined>
  readonly getBuiltinModule?: <Name extends keyof Builtins>(name: Name) => Builtins[Name]
  readonly platform?: string
  readonly versions?: { readonly node?: string }
  /** Where Node was started with the permission model. */
  readonly permission?: { has(scope: string): boolean }
  exitCode?: number | string | null | undefined
  on(event: 'exit', listener: () => void): unknown
  once(event: 'beforeExit', listener: () => void): unknown
}

/** Node's own modules, as far as they are used; said here, so that the package's declarations need no others. */
interface Builtins {
  readonly 'node:module': { createRequire(from: string): (name: string) => unknown }
  readonly 'node:os': { availableParallelism(): number }
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

export const env = (name: string): string | undefined => host?.env?.[name] || undefined

/** Node's own modules without an import that a page would have to resolve; undefined where there are none. */
export const builtinModule: Process['getBuiltinModule'] = nodeProcess?.getBuiltinModule
