/**
 * @file What one process finds out about the machine for those after it: small texts in the user's cache folder, or in that of `TAPEGRAD_CACHE`. Nothing here is an
 * error. Where a text cannot be read or kept, it is found out anew.
 */
import { builtinModule, env, nodeProcess } from './environment.ts'

/** What is used of Node's `fs`. */
interface Files {
  lstatSync(path: string): { readonly size: number; isFile(): boolean }
  readFileSync(path: string, encoding: 'utf8'): string
  writeFileSync(path: string, text: string, options: { readonly flag: 'wx' }): void
  existsSync(path: string): boolean
  mkdirSync(path: string): void
  linkSync(from: string, to: string): void
  renameSync(from: string, to: string): void
  unlinkSync(path: string): void
}
interface Paths {
  join(...parts: string[]): string
  dirname(path: string): string
  isAbsolute(path: string): boolean
}
interface System {
  homedir(): string
}

/** Characters of a text at most: a longer file is none of ours. */
const MOST = 2 ** 14

const files = (): Files => (builtinModule as NonNullable<typeof builtinModule>)('node:fs') as Files
const paths = (): Paths => (builtinModule as NonNullable<typeof builtinModule>)('node:path') as Paths

function attempt<T>(what: () => T): T | undefined {
  try {
    return what()
  } catch {
    return undefined
  }
}

/** The folder of a user's caches, by the custom of the system. @throws where the system knows no home */
function cachesOf(platform: string | undefined): string {
  const { join, isAbsolute } = paths()
  const home = (): string => ((builtinModule as NonNullable<typeof builtinModule>)('node:os') as object as System).homedir()
  if (platform === 'darwin') return join(home(), 'Library', 'Caches')
  if (platform === 'win32') return env('LOCALAPPDATA') ?? join(home(), 'AppData', 'Local')
  const given = env('XDG_CACHE_HOME')
  // As its specification says, a relative path does not count
  return given !== undefined && isAbsolute(given) ? given : join(home(), '.cache')
}

/** Where texts are kept, whether it exists or not; undefined in a page. */
export function cacheFolder(): string | undefined {
  if (!builtinModule) return undefined
  return env('TAPEGRAD_CACHE') ?? attempt(() => paths().join(cachesOf(nodeProcess?.platform), 'tapegrad'))
}

/** The text of a name; undefined where there is none, or what is there is no regular file. */
export function recall(name: string): string | undefined {
  const folder = cacheFolder()
  if (folder === undefined) return undefined
  return attempt(() => {
    const path = paths().join(folder, name)
    const status = files().lstatSync(path)
    return status.isFile() && status.size <= MOST ? files().readFileSync(path, 'utf8') : undefined
  })
}

/** Makes a folder and those above it. (Node's own way to do so never ends on a system of files that makes none, such as /proc.) @throws where it cannot be */
function makeFolder(path: string): void {
  if (files().existsSync(path)) return
  const above = paths().dirname(path)
  if (above !== path) makeFolder(above)
  files().mkdirSync(path)
}

/**
 * Keeps a text under a name, whole or not at all, and answers the one that is kept. Where another process was quicker that is its text, so that all of
 * them go on with the same; one that is not `valid` is replaced. What is no regular file stays as it is.
 */
export function keep(name: string, text: string, valid: (text: string) => boolean): string {
  const folder = cacheFolder()
  if (folder === undefined) return text
  const { linkSync, lstatSync, renameSync, unlinkSync, writeFileSync } = files()
  const path = paths().join(folder, name)
  const draft = `${path}.${Math.random().toString(36).slice(2)}.tmp`
  // Another process may be making the folder
  attempt(() => makeFolder(folder))
  attempt(() => writeFileSync(draft, text, { flag: 'wx' }))
  // A link is made only where nothing is yet: the first process has its way
  if (attempt(() => linkSync(draft, path) ?? true) === undefined) {
    const other = recall(name)
    if (other !== undefined && valid(other)) {
      attempt(() => unlinkSync(draft))
      return other
    }
    const replaceable = attempt(() => lstatSync(path).isFile()) ?? true
    if (replaceable) attempt(() => renameSync(draft, path))
  }
  attempt(() => unlinkSync(draft))
  return text
}
