/** @file Dawn's warnings about limits that it lowers: it prints them on standard error whenever it looks for adapters, and has no switch for them. */
import { builtinModule, nodeProcess } from '../environment.ts'
import { importKoffi } from '../native.ts'

interface Files {
  fstatSync(file: number): { readonly size: number }
  readSync(file: number, into: Uint8Array, offset: number, length: number, position: number): number
  writeSync(file: number, bytes: Uint8Array): number
  closeSync(file: number): void
}

const LOWERED = /^Warning: maxDynamic\w+PerPipelineLayout artificially reduced from \d+ to \d+ to fit dynamic offset allocation limit\.\n/gm
const STDERR = 2
const MFD_CLOEXEC = 1

/**
 * Makes a call into Dawn. Whatever the process writes to standard error until it returns is written when it has returned, but for those warnings. That needs
 * Linux (it is Vulkan's drivers there that have such limits) and koffi; elsewhere it is the plain call.
 */
export async function withoutLimitWarnings<T>(call: () => T): Promise<Awaited<T>> {
  const c = builtinModule && nodeProcess?.platform === 'linux' ? (await importKoffi())?.load(null) : undefined
  if (!c || !builtinModule) return await call()
  const files = builtinModule('node:fs') as Files
  const [dup, dup2, memfd] = [c.func('int dup(int)'), c.func('int dup2(int, int)'), c.func('int memfd_create(const char *, unsigned int)')]
  const [own, meanwhile] = [dup(STDERR) as number, memfd('stderr', MFD_CLOEXEC) as number]
  if (own < 0 || meanwhile < 0) return await call() // no more files may be opened
  let result: T
  dup2(meanwhile, STDERR)
  try {
    result = call()
  } finally {
    dup2(own, STDERR)
    const bytes = new Uint8Array(files.fstatSync(meanwhile).size)
    files.readSync(meanwhile, bytes, 0, bytes.length, 0)
    for (const file of [own, meanwhile]) files.closeSync(file)
    const text = new TextDecoder().decode(bytes).replace(LOWERED, '')
    if (text !== '') files.writeSync(STDERR, new TextEncoder().encode(text))
  }
  return await result
}
