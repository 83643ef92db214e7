/** @file States in files. A file is replaced whole or not at all, whenever the process or the machine stops. */
import { ArgumentError, CheckpointError } from '../base/index.ts'
import { builtinModule } from '../device/index.ts'
import type { Tensor } from '../tensor/index.ts'
import { bytesOf, stateOf } from './state.ts'

/** The part of Node's `fs/promises` that is used. */
interface Files {
  open(path: string, flags: string): Promise<Handle>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
  realpath(path: string): Promise<string>
  stat(path: string): Promise<{ readonly mtimeMs: number; readonly mode: number }>
}
interface Handle {
  stat(): Promise<{ readonly size: number }>
  chmod(mode: number): Promise<void>
  read(into: Uint8Array, offset: number, length: number): Promise<{ readonly bytesRead: number }>
  writeFile(bytes: Uint8Array): Promise<void>
  sync(): Promise<void>
  close(): Promise<void>
}
interface Paths {
  dirname(path: string): string
  basename(path: string): string
  join(...parts: string[]): string
  resolve(path: string): string
}

function node(op: string, path: string): [Files, Paths] {
  if (typeof path !== 'string' || path === '')
    throw new ArgumentError(op, `a path is a text, got ${path === '' ? 'an empty one' : typeof path}`)
  if (!builtinModule)
    throw new CheckpointError(op, 'files need Node. In a page, serializeState and parseState make and read the bytes', path)
  return [builtinModule('node:fs/promises') as Files, builtinModule('node:path') as Paths]
}

/** Saves that have not ended, by the file's full path. */
const pending = new Map<string, Promise<unknown>>()

/**
 * Writes a state as a safetensors file: its tensors by their dotted paths (`model.conv1.weight`), and in the metadata a text that says how the
 * rest of it is built. A flat `{ name: Tensor }` makes a file that any safetensors reader takes as it is.
 *
 * Values are taken at the call: a training step that follows does not change what is written, awaited or not. The file appears whole or not at
 * all: it is written under another name beside its place (`.name.….tmp`), brought to the disk, and then renamed. Saves to one path
 * happen in the order of their calls.
 * @param state as {@link serializeState} takes it
 * @throws ArgumentError for what a state cannot hold; CheckpointError where there are no files; the system's error (`ENOENT`, `ENOSPC`, …) when
 * writing fails: then what was there before is there still.
 * @see https://pytorch.org/docs/stable/generated/torch.save.html
 * @example await saveState('run.safetensors', { model: model.stateDict(), optimizer: optimizer.stateDict(), epoch })
 */
export async function saveState(path: string, state: object): Promise<void> {
  const bytes = bytesOf('saveState', state) // first of all: this is the moment whose values are saved
  bytes.catch(() => {}) // told below, after the path has been looked at
  const [files, paths] = node('saveState', path)
  const full = paths.resolve(path)
  const before = pending.get(full)
  const save = (async () => {
    await before?.catch(() => {})
    await replace(files, paths, full, await bytes)
  })()
  pending.set(full, save)
  try {
    await save
  } finally {
    if (pending.get(full) === save) pending.delete(full)
  }
}

async function replace(files: Files, paths: Paths, given: string, bytes: Uint8Array): Promise<void> {
  const path = await files.realpath(given).catch(() => given) // a link stays a link
  const before = await files.stat(path).catch(() => undefined)
  const folder = paths.dirname(path)
  const prefix = `.${paths.basename(path)}.`
  const draft = paths.join(folder, `${prefix}${Math.random().toString(36).slice(2)}${SUFFIX}`)
  const handle = await files.open(draft, 'wx').catch((e: { code?: string }) => {
    if (e.code !== 'ENOENT' && e.code !== 'ENOTDIR') throw e
    throw new CheckpointError('saveState', `${given}: ${folder} is no folder. Make it first`, given)
  })
  try {
    try {
      if (before) await handle.chmod(before.mode & 0o777)
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await files.rename(draft, path)
  } catch (e) {
    await files.unlink(draft).catch(() => {})
    throw e
  }
  await syncFolder(files, folder)
  await sweep(files, paths, folder, prefix)
}

const SUFFIX = '.tmp'
/** A draft that nobody has written to for so long was left by a process that was killed. */
const LEFT_MS = 60 * 60 * 1000

/** Brings the new name to the disk too, where the system can do that for folders. */
async function syncFolder(files: Files, folder: string): Promise<void> {
  try {
    const handle = await files.open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch {
    // Windows, some network drives: the name follows when the system likes
  }
}

/** Drafts of processes that were killed do no harm, but take room. */
async function sweep(files: Files, paths: Paths, folder: string, prefix: string): Promise<void> {
  try {
    for (const name of await files.readdir(folder)) {
      if (!name.startsWith(prefix) || !name.endsWith(SUFFIX)) continue
      const draft = paths.join(folder, name)
      if (Date.now() - (await files.stat(draft)).mtimeMs > LEFT_MS) await files.unlink(draft)
    }
  } catch {
    // somebody else was faster, or the folder may not be listed
  }
}

/** One read of Node takes no more than 2 GiB. */
const READ_BYTES = 2 ** 30

/**
 * The state that {@link saveState} wrote; of a safetensors file of another origin the flat `{ name: Tensor }`. Tensors are on the host until
 * something is computed with them, and fit `loadStateDict` as they are. What is in the file decides what comes back: `S` is the caller's word for it.
 *
 * Dtypes that are not there here are converted: BF16 to float32; I16, U16, I64 and U64 to int32.
 * @throws CheckpointError, which names the path, for a file that is no safetensors file, is cut off or contradicts itself, and for dtypes or 64-bit
 * integers that have no place here; the system's error (`ENOENT`, …) when it cannot be read.
 * @see https://pytorch.org/docs/stable/generated/torch.load.html
 * @example
 * const saved = await loadState<{ model: nn.StateDict; optimizer: optim.OptimizerState; epoch: number }>('run.safetensors')
 * model.loadStateDict(saved.model)
 */
export async function loadState<S extends object = Record<string, Tensor>>(path: string): Promise<S> {
  const [files] = node('loadState', path)
  const handle = await files.open(path, 'r')
  try {
    const { size } = await handle.stat()
    const bytes = new Uint8Array(size)
    let end = 0
    while (end < size) {
      const { bytesRead } = await handle.read(bytes, end, Math.min(READ_BYTES, size - end))
      if (bytesRead === 0) break
      end += bytesRead
    }
    return stateOf('loadState', bytes.subarray(0, end), path) as S
  } finally {
    await handle.close()
  }
}
