/** @file The modes of a place in the program, for code that is run again later as it was run there. */
import { type Autocast, currentAutocast, isGradEnabled, withAutocast, withGrad } from './modes.ts'

/** Runs synchronous code in the modes that were captured. */
export type Captured = <T>(fn: () => T) => T

/** All modes in which ops are recorded here and now, but for hooks on what is saved: who runs code again has his own. */
export function captureModes(): Captured {
  const grad = isGradEnabled()
  const autocast = currentAutocast()
  return (fn) => {
    // The autocast may have ended since, and its casts of leaves with it
    const again: Autocast | undefined = autocast && {
      dtype: autocast.dtype,
      casts: autocast.casts && new Map(),
      outer: undefined,
      ended: false,
    }
    return withAutocast(again, () => withGrad(grad, fn))
  }
}
