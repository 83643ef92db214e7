/** @file States in files. */
import type { Tensor } from '../tensor/index.ts'
import type { Piece } from './decode.ts'
import type { Fail } from './json.ts'
import { type Handle, kindOfFile, nodeFor, type Status } from './node.ts'
import { CHUNK_BYTES, replaceFile, targetOf } from './replace.ts'
import { failing, momentOf, piecesOf, readState } from './state.ts'

/** Saves that have not ended, by the file that they replace. */
const pending = new Map<string, Promise<unknown>>()

/**
 * Writes a state as a safetensors file: its tensors by their dotted paths (`model.conv1.weight`), and in the metadata a text that says how the
 * rest of it is built. A flat `{ name: Tensor }` makes a file that any safetensors reader takes as it is.
 *
 * Values are taken at the call: a training step that follows does not change what is written, awaited or not. The file appears whole or not at
 * all: it is written under another name beside its place (`.tapegrad-….tmp`), brought to the disk, and then renamed. Saves to one file
 * happen in the order of their calls, whatever paths lead to it.
 *
 * A file that was there before is replaced: its permissions are kept, its owner where the system allows that, and hard links to it keep what they had.
 * Of a link the file that it leads to is replaced, where that lies, and the link stays.
 * @param state as {@link serializeState} takes it
 * @throws ArgumentError for what a state cannot hold; CheckpointError where there are no files, and for a path at which something else is than a
 * regular file or a link to one (a folder, a device, a FIFO, a socket, a link that leads nowhere): that is not replaced; the system's error
 * (`EACCES`, `ENOSPC`, …) when writing fails: then what was there before is there still.
 * @see https://pytorch.org/docs/stable/generated/torch.save.html
 * @example await saveState('run.safetensors', { model: model.stateDict(), optimizer: optimizer.stateDict(), epoch })
 */
export async function saveState(path: string, state: object): Promise<void> {
  const moment = momentOf('saveState', state) // first of all: this is the moment whose values are saved
  const node = nodeFor('saveState', path)
  const target = targetOf(node, path)
  const before = pending.get(target.key)
  const save = (async () => {
    await before?.catch(() => {})
    await moment.values
    await replaceFile(node, target, piecesOf(moment))
  })()
  pending.set(target.key, save)
  try {
    await save
  } finally {
    if (pending.get(target.key) === save) pending.delete(target.key)
  }
}

/**
 * The state that {@link saveState} wrote; of a safetensors file of another origin the flat `{ name: Tensor }`. Tensors are on the host until
 * something is computed with them, and fit `loadStateDict` as they are. What is in the file decides what comes back: `S` is the caller's word for it.
 *
 * Dtypes that are not there here are converted: BF16 to float32; I16, U16, I64 and U64 to int32. The header is judged before anything else is read,
 * then one tensor is read after the other: a file may be larger than any array, and takes no more memory than its tensors.
 * @throws CheckpointError, which names the path, for what is no regular file, no safetensors file, is cut off or contradicts itself, and for dtypes or
 * 64-bit integers that have no place here; the system's error (`ENOENT`, …) when it cannot be read.
 * @see https://pytorch.org/docs/stable/generated/torch.load.html
 * @example
 * const saved = await loadState<{ model: nn.StateDict; optimizer: optim.OptimizerState; epoch: number }>('run.safetensors')
 * model.loadStateDict(saved.model)
 */
export async function loadState<S extends object = Record<string, Tensor>>(path: string): Promise<S> {
  const { files, now } = nodeFor('loadState', path)
  const fail = failing('loadState', path)
  const check = (status: Status): void => {
    if (!status.isFile()) fail(`it is ${kindOfFile(status)}, no regular file`)
  }
  check(await files.stat(path)) // to open a device can mean something to it
  const handle = await files.open(path, now.constants.O_RDONLY | (now.constants.O_NONBLOCK ?? 0)) // a FIFO without a writer would not open
  try {
    const status = await handle.stat()
    check(status)
    const reader = readState(status.size, fail)
    let step = reader.next()
    while (!step.done) {
      await fill(handle, step.value, fail)
      step = reader.next()
    }
    return step.value as S
  } finally {
    await handle.close()
  }
}

async function fill(handle: Handle, { at, into }: Piece, fail: Fail): Promise<void> {
  let done = 0
  while (done < into.length) {
    const { bytesRead } = await handle.read(into, done, Math.min(CHUNK_BYTES, into.length - done), at + done)
    if (bytesRead === 0) fail(`it was cut off at byte ${at + done} while it was read`)
    done += bytesRead
  }
}
