/** @file Errors of work that no promise was returned for: kept until the next promise of the library, which rejects with them. */
import { DeviceLostError } from '../base/index.ts'
import { markReported } from '../device/index.ts'
import { raiseLoss } from './devices.ts'

let failure: unknown

/** Keeps what went wrong until the next promise. The first is what the others come from. */
export function fail(e: unknown): void {
  failure ??= e
}

/** Throws, once, the error that was kept. */
export function raise(): void {
  if (failure === undefined) {
    raiseLoss()
    return
  }
  const e = failure
  failure = undefined
  throw e
}

/** Runs work whose errors reach the user. One that was kept comes first: the work may have failed because of it, and will fail again. */
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
