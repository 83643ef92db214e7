/** @file Whether a tensor's values can still be had, and what is said where they cannot. */
import { DeviceLostError, StaleTensorError } from '../base/index.ts'
import type { Node } from '../graph/index.ts'
import { unwatch } from './lifetime.ts'

const describe = (node: Node): string => `a [${node.shape.join(', ')}] ${node.dtype} tensor`

const REMEDY = 'New tensors work, on a fresh device; make the model anew, load its last saved state, and go on'

/** Says of a tensor that it went with its device. */
export function goneWith(lost: DeviceLostError, node: Node, wanted: Node): DeviceLostError {
  const whose =
    node === wanted ? `${describe(wanted)} is gone: its` : `${describe(wanted)} cannot be computed: it needs ${describe(node)} whose`
  const error = new DeviceLostError(wanted.op, `${whose} values were on a device that was lost. ${REMEDY}`)
  error.cause = lost
  return error
}

/** The values were on a device that is gone. The host's copy, where there is one, takes their place. */
function checkPresent(node: Node, wanted: Node): void {
  const { storage } = node
  const lost = storage?.owner?.lost
  if (!storage || !lost || !(storage.buffer || storage.copy)) return
  // What a copy has brought over is on the host
  const host = storage.copy?.peek()
  if (host) storage.host = host
  delete storage.copy
  if (storage.buffer) unwatch(storage.buffer)
  if (!storage.host) throw goneWith(lost, node, wanted)
  delete storage.buffer
  delete storage.owner
}

/**
 * Throws where `node`, of which `wanted` is made, has lost its values.
 * @throws StaleTensorError, DeviceLostError
 */
export function checkReadable(node: Node, wanted: Node): void {
  checkPresent(node, wanted)
  const { storage } = node
  if (!storage?.released) return
  const what = describe(wanted)
  if (storage.released === 'dispose') {
    throw new StaleTensorError(
      wanted.op,
      node === wanted ? `${what} was disposed of` : `${what} was to be computed from a tensor that was disposed of`,
    )
  }
  throw new StaleTensorError(
    wanted.op,
    `${what} can no longer be computed: the step that it belongs to closed too long ago, and the parameters of then are gone. ` +
      'In the step that makes it, take .detach() or .clone() of what is to be read later',
  )
}
