/** @file What threads write for each other, and where in their shared memory. See threads.ts. */

/** Words of the control block; those that are written while others are read are cache lines apart. */
export const CONTROL = {
  /** The job's number, and in the lowest bits the next chunk: so that no thread takes a chunk of a job that has passed. */
  ticket: 0,
  /** Chunks of the job that are done. */
  done: 16,
  /** Threads that sleep. */
  asleep: 32,
  /** Written before the ticket: see `Job`. */
  job: 48,
  words: 64,
} as const

/** Words of a job, from `CONTROL.job` on. */
export const JOB = {
  module: 0,
  bytes: 1,
  length: 2,
  entry: 3,
  rows: 4,
  chunk: 5,
  chunks: 6,
  args: 7,
  words: 8,
  common: 9,
  slot: 10,
  size: 11,
} as const

/** Words of a thread's own block: where its scratch memory is, what went wrong in which chunk of which job, and, from `args` on, its arguments. */
export const THREAD = { scratch: 0, trapped: 2, errorChunk: 3, message: 16, args: 64, words: 512 } as const
export const MESSAGE_BYTES = 4 * (THREAD.args - THREAD.message)

/** A chunk number that no job has: while it stands in the ticket, nothing can be taken. */
export const NONE = 0xfff
/** Bits of a ticket that are the chunk. The number's are enough for more jobs than pass while a thread looks away. */
export const CHUNK_BITS = 12
export const NUMBERS = 2 ** (31 - CHUNK_BITS)
