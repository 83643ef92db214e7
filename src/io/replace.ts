/**
 * @file A file is replaced whole or not at all, whenever the process or the machine stops: what is new is written beside it under another name (a draft),
 * brought to the disk, and renamed. Only a regular file is replaced; a link stays, and what it leads to is replaced where that lies.
 */
import { CheckpointError } from '../base/index.ts'
import { codeOf, type Handle, isAbsent, kindOfFile, type Node, type Status } from './node.ts'

/** The file that a path means. */
export interface Target {
  /** As it was given. */
  readonly given: string
  /** With all links followed; undefined where they lead in a circle. */
  readonly path: string | undefined
  /** Whether it was a link that was given. */
  readonly linked: boolean
  /** Equal for two paths that lead to one file. */
  readonly key: string
}

/** As many links in a row as Linux follows. */
const MAX_LINKS = 40

/** The file that `given` means now, whether it is there or not. */
export function targetOf({ now, paths }: Node, given: string): Target {
  let path = paths.resolve(given)
  for (let i = 0; i <= MAX_LINKS; i++) {
    path = paths.join(realFolder(now, paths.dirname(path)), paths.basename(path))
    const link = linkAt(now, path)
    if (link === undefined) return { given, path, linked: i > 0, key: keyOf({ now, paths }, path) }
    path = paths.resolve(paths.dirname(path), link)
  }
  return { given, path: undefined, linked: true, key: path }
}

function realFolder(now: Node['now'], folder: string): string {
  try {
    return now.realpathSync.native(folder)
  } catch {
    return folder // what is wrong with it is said when the file is made
  }
}

function linkAt(now: Node['now'], path: string): string | undefined {
  try {
    return now.readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Folders by what they are, as one may have several names; file names without case, as some systems take them: to wait in vain harms nothing. */
function keyOf({ now, paths }: Pick<Node, 'now' | 'paths'>, path: string): string {
  const name = paths.basename(path).normalize().toLowerCase()
  try {
    const { dev, ino } = now.statSync(paths.dirname(path), { bigint: true })
    return `${dev}:${ino}/${name}`
  } catch {
    return `${paths.dirname(path)}/${name}`
  }
}

/** Writes `pieces` where `target` is. Until they are all on the disk, what was there before is there still. */
export async function replaceFile(node: Node, target: Target, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const { files, now, paths } = node
  const { given, path } = target
  if (path === undefined) throw new CheckpointError('saveState', `${given}: its links lead in a circle`, given)
  const before = await replaceable(node, target, path)
  // Who may not write to a file may not replace it either
  if (before) await files.access(path, now.constants.W_OK)
  const folder = paths.dirname(path)
  const draft = paths.join(folder, `${PREFIX}${crypto.randomUUID()}${SUFFIX}`)
  const handle = await files.open(draft, 'wx', before ? before.mode & 0o777 : 0o666).catch(async (e) => {
    if (!isAbsent(e)) throw e
    const there = await files.stat(folder).then(
      (status) => status.isDirectory(),
      () => false,
    )
    const problem = there ? `no file can be made in ${folder}` : `${folder} is no folder. Make it first`
    throw new CheckpointError('saveState', `${given}: ${problem}`, given)
  })
  let written: Status
  try {
    try {
      if (before) await takeAfter(handle, before)
      for await (const piece of pieces) await write(handle, piece)
      await handle.sync()
      written = await handle.stat()
    } finally {
      await handle.close()
    }
    // Something else may have been put there since; between this look and the renaming, Node has no way to exclude it
    await replaceable(node, target, path)
    await files.rename(draft, path)
  } catch (e) {
    await files.unlink(draft).catch(() => {})
    throw e
  }
  await syncFolder(node, folder)
  await sweep(node, folder, written.mtimeMs)
}

/**
 * The regular file at `path`; undefined where there is nothing.
 * @throws CheckpointError where something else is: that must not be replaced
 */
async function replaceable({ files, paths }: Node, { given, linked }: Target, path: string): Promise<Status | undefined> {
  const refuse = (message: string): never => {
    throw new CheckpointError('saveState', `${given}: ${message}`, given)
  }
  if (given.endsWith('/') || given.endsWith(paths.sep)) refuse('the name of a file does not end so')
  const status = await files.lstat(path).catch((e) => {
    if (codeOf(e) === 'ELOOP') refuse('its links lead in a circle')
    if (!isAbsent(e)) throw e
  })
  if (status?.isFile()) return status
  if (status) return refuse(`${path} is ${kindOfFile(status)}, and only a regular file is replaced`)
  if (linked) refuse(`it is a link to ${path}, where nothing is`)
  return undefined
}

/** Gives a new file the permissions of the one that it replaces, and its owner where that is allowed. */
async function takeAfter(handle: Handle, { uid, gid, mode }: Status): Promise<void> {
  const own = await handle.stat()
  const taken = async (u: number, g: number): Promise<boolean> =>
    (own.uid === u && own.gid === g) ||
    handle.chown(u, g).then(
      () => true,
      () => false,
    )
  const sameGroup = (await taken(uid, gid)) || (await taken(own.uid, gid))
  // What the old group was allowed, another is not: that one may do what everybody may
  const group = sameGroup ? mode & 0o070 : mode & ((mode & 0o007) << 3) & 0o070
  await handle.chmod((mode & 0o707) | group)
}

/** The most bytes of one write or read. */
export const CHUNK_BYTES = 2 ** 24

async function write(handle: Handle, bytes: Uint8Array): Promise<void> {
  let at = 0
  while (at < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, at, Math.min(CHUNK_BYTES, bytes.length - at))
    at += bytesWritten
  }
}

/** A draft's name has nothing of the file's, which may be as long as a name can be. */
const PREFIX = '.tapegrad-'
const SUFFIX = '.tmp'
/** A draft that has not been written to for so long was left by a process that was killed. */
const LEFT_MS = 60 * 60 * 1000

/** Brings the new name to the disk too, where the system can do that for folders. */
async function syncFolder({ files }: Node, folder: string): Promise<void> {
  try {
    const handle = await files.open(folder, 'r')
    await handle.sync().finally(() => handle.close())
  } catch {
    // Windows, some network drives: the name follows later
  }
}

/** Drafts of processes that were killed do no harm, but take room. @param time of the folder's own clock, in ms */
async function sweep({ files, paths }: Node, folder: string, time: number): Promise<void> {
  try {
    for (const name of await files.readdir(folder)) {
      if (!name.startsWith(PREFIX) || !name.endsWith(SUFFIX)) continue
      const draft = paths.join(folder, name)
      const status = await files.lstat(draft)
      if (status.isFile() && time - status.mtimeMs > LEFT_MS) await files.unlink(draft)
    }
  } catch {
    // another process was faster, or the folder may not be listed
  }
}
