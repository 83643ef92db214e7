/** @file What went wrong in work that nobody waited for: kept until a promise can tell it. */
import { DeviceLostError } from '../base/index.ts'
import { markReported } from '../device/index.ts'
import { raiseLoss } from './devices.ts'

let failure: unknown

/** Keeps what went wrong until the next promise. The first is what the others come from. */
export function fail(e: unknown): void {
  failure ??= e
}

/** Throws, once, what went wrong in work that nobody waited for. */
export function raise(): void {
  if (failure === undefined) {
    raiseLoss()
    return
  }
  const e = failure
  failure = undefined
  throw e
}

/** What fails here reaches the user. What failed before, and nobody waited for, comes first: this may be because of it, and will say so again. */
export async function withDeferredErrors<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (e) {
    const first = e instanceof DeviceLostError && failure instanceof DeviceLostError ? e : (failure ?? e)
    failure = undefined
    if (first instanceof DeviceLostError && first.cause) markReported(first.cause as Error)
    throw first
  }
}
