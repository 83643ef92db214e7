/** @file Node's files, as far as they are used; said here, so that the package's declarations need no others. */
import { ArgumentError, CheckpointError } from '../base/index.ts'
import { builtinModule } from '../device/index.ts'

/** What the system says of a file. */
export interface Status {
  readonly size: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtimeMs: number
  isFile(): boolean
  isDirectory(): boolean
  isSymbolicLink(): boolean
  isFIFO(): boolean
  isSocket(): boolean
  isCharacterDevice(): boolean
  isBlockDevice(): boolean
}

export interface Handle {
  stat(): Promise<Status>
  chown(uid: number, gid: number): Promise<void>
  chmod(mode: number): Promise<void>
  read(into: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>
  write(from: Uint8Array, offset: number, length: number): Promise<{ readonly bytesWritten: number }>
  sync(): Promise<void>
  close(): Promise<void>
}

/** What is used of `fs/promises`. */
interface AsyncFiles {
  open(path: string, flags: string | number, mode?: number): Promise<Handle>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  access(path: string, mode: number): Promise<void>
  readdir(path: string): Promise<string[]>
  stat(path: string): Promise<Status>
  lstat(path: string): Promise<Status>
}

/** What is used of `fs`: what has to be known at a call. */
interface SyncFiles {
  readlinkSync(path: string): string
  statSync(path: string, options: { readonly bigint: true }): { readonly dev: bigint; readonly ino: bigint }
  readonly realpathSync: { native(path: string): string }
  readonly constants: { readonly O_RDONLY: number; readonly O_NONBLOCK?: number; readonly W_OK: number }
}

interface Paths {
  readonly sep: string
  dirname(path: string): string
  basename(path: string): string
  join(...parts: string[]): string
  resolve(...parts: string[]): string
}

export interface Node {
  readonly files: AsyncFiles
  readonly now: SyncFiles
  readonly paths: Paths
}

/**
 * Node's files, for `op` to do something with `path`.
 * @throws ArgumentError for what can be no path; CheckpointError where there is no Node
 */
export function nodeFor(op: string, path: string): Node {
  if (typeof path !== 'string' || path === '')
    throw new ArgumentError(op, `a path is a text, got ${path === '' ? 'an empty one' : typeof path}`)
  if (path.includes('\0')) throw new ArgumentError(op, 'a path has no character of code 0')
  if (!builtinModule)
    throw new CheckpointError(op, 'files need Node. In a page, serializeState and parseState make and read the bytes', path)
  return {
    files: builtinModule('node:fs/promises') as AsyncFiles,
    now: builtinModule('node:fs') as SyncFiles,
    paths: builtinModule('node:path') as Paths,
  }
}

/** What is neither a file nor a link. */
export function kindOfFile(status: Status): string {
  if (status.isDirectory()) return 'a folder'
  if (status.isFIFO()) return 'a FIFO'
  if (status.isSocket()) return 'a socket'
  if (status.isCharacterDevice() || status.isBlockDevice()) return 'a device'
  return status.isSymbolicLink() ? 'a link' : 'something else'
}

/** The code of a system's error, such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined => (error as { code?: string } | undefined)?.code

/** Whether the system says that nothing is at a path. */
export const isAbsent = (error: unknown): boolean => codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
