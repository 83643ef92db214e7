/** @file What the library may ask of the process it runs in; in a page there is none. */
interface Process {
  readonly env: Record<string, string | undefined>
  readonly platform?: string
  readonly versions?: { readonly node?: string }
  exitCode?: number | string | null | undefined
  on(event: 'exit', listener: () => void): unknown
  once(event: 'beforeExit', listener: () => void): unknown
}

const host = (globalThis as { process?: Process }).process

/** The Node process, if this is one. */
export const nodeProcess: Process | undefined = host?.versions?.node ? host : undefined

export const env = (name: string): string | undefined => host?.env?.[name] || undefined

/** Node's own modules without an import that a page would have to resolve; undefined where there are none. */
export const builtinModule: typeof process.getBuiltinModule | undefined = nodeProcess ? process.getBuiltinModule : undefined
