/** @file Amounts of memory, for people, and the error that says there is too little. */
import { OutOfMemoryError } from './errors.ts'

/** `1.5 MiB`. */
export function showBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`
  const unit = bytes < 2 ** 20 ? 'KiB' : bytes < 2 ** 30 ? 'MiB' : 'GiB'
  return `${(bytes / { KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[unit]).toFixed(1)} ${unit}`
}

const HELP = 'A smaller batch, or the work done in pieces, needs less'

/** One buffer cannot be so large. `limit`: bytes. */
export const tooLarge = (op: string, bytes: number, limit: number): OutOfMemoryError =>
  new OutOfMemoryError(
    op,
    bytes,
    `a buffer of ${bytes} bytes (${showBytes(bytes)}) is needed, and one buffer of this device holds ${limit} bytes (${showBytes(limit)}). ${HELP}`,
  )

/** Together it is more than `memoryLimit`. `bytes`: what is needed beside the `live` ones. */
export const pastLimit = (op: string, bytes: number, live: number, limit: number): OutOfMemoryError =>
  new OutOfMemoryError(
    op,
    bytes,
    `${bytes} bytes (${showBytes(bytes)}) more are needed; ${showBytes(live)} are in use, and memoryLimit is ${showBytes(limit)}. ` +
      `${HELP}; results that are no longer wanted can be disposed of`,
  )

/** The device has no more. @param capacity of what it can have at all, where that is known */
export const noRoom = (op: string, bytes: number, live: number, capacity?: number): OutOfMemoryError =>
  new OutOfMemoryError(
    op,
    bytes,
    `the device has no room for ${bytes} bytes (${showBytes(bytes)}) more; tensors hold ${showBytes(live)}${capacity === undefined ? '' : ` of its ${showBytes(capacity)}`}. ` +
      `${HELP}; results that are no longer wanted can be disposed of`,
  )
