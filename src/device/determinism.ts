/** @file Whether results have to be the same bits on every machine and however many threads there are. */
import { BOOLEAN, signature } from '../base/index.ts'

const MODE = signature('useDeterministicAlgorithms', { mode: BOOLEAN })

let enabled = false

/**
 * Asks for computations whose results do not depend on chance, nor on how many threads there are. What it changes: device `cpu` leaves matrix products and
 * convolutions to no system BLAS, but runs them itself. It counts when values are computed, so call it before the first op.
 *
 * @see https://pytorch.org/docs/stable/generated/torch.use_deterministic_algorithms.html
 */
export function useDeterministicAlgorithms(mode: boolean): void {
  MODE.check(mode)
  enabled = mode
}

/** Whether {@link useDeterministicAlgorithms} is on. @see https://pytorch.org/docs/stable/generated/torch.are_deterministic_algorithms_enabled.html */
export const areDeterministicAlgorithmsEnabled = (): boolean => enabled
