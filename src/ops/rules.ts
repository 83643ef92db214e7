/** @file How the gradient rules of ops are applied: in a scope of their own, on what the tape saved. */
import type { Shape } from '../base/index.ts'
import { type Backward, enterRule, leaveRule, type TapeEntry, type Tensor } from '../tensor/index.ts'

/** What a rule may read: the inputs and outputs that `saves` names, and the shape of the input whose gradient is wanted. */
export type Saved<R extends string> = Readonly<Record<R, Tensor>> & { readonly shape: Shape }
/** A rule of any op: from the gradient of the only output, or those of several, to that of one input. */
export type AnyRule = (g: unknown, saved: Saved<string>, p: unknown) => Tensor

/** What errors call the gradient rules of an op. */
const ruleName = (op: string): string => `backward of ${op}`

/** Applies gradient rules of an op. */
export function applyRules<T>(op: string, rules: () => T): T {
  const outer = enterRule(ruleName(op))
  try {
    return rules()
  } finally {
    leaveRule(outer)
  }
}

/** What an entry saved, by name. */
class SavedTensors {
  readonly entry: TapeEntry<Tensor>
  shape: Shape = []

  constructor(entry: TapeEntry<Tensor>) {
    this.entry = entry
  }
}

/** What shows the rules of one op the tensors that an entry saved: each is looked up, and its version checked, when a rule reads it. */
export function savedBy(name: string, inputs: readonly string[], outputs: readonly string[]): (entry: TapeEntry<Tensor>) => SavedTensors {
  class OfOp extends SavedTensors {}
  const show = (role: string, i: number, text: string): unknown =>
    Object.defineProperty(OfOp.prototype, role, {
      get(this: SavedTensors) {
        return this.entry.unpack(i, text)
      },
    })
  inputs.forEach((role, i) => {
    show(role, i, `input ${role} of ${name}`)
  })
  outputs.forEach((role, i) => {
    show(role, inputs.length + i, outputs.length === 1 ? `the result of ${name}` : `output ${role} of ${name}`)
  })
  return (entry) => new OfOp(entry)
}

/** The gradients of an op with one rule for each input. */
export function backwardOf(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  rules: readonly (AnyRule | undefined)[],
): Backward<Tensor> {
  const savedOf = savedBy(op, inputs, outputs)
  const scope = ruleName(op)
  const single = outputs.length === 1
  return (entry, grads, needed) => {
    const found = new Array<Tensor | undefined>(rules.length)
    const saved = savedOf(entry)
    const outer = enterRule(scope)
    try {
      for (let i = 0; i < rules.length; i++) {
        const rule = rules[i]
        const edge = entry.inputs[i]
        if (rule === undefined || edge === undefined || !needed(edge)) continue
        saved.shape = edge.shape
        found[i] = rule(single ? grads[0] : grads, saved as SavedTensors & Saved<string>, entry.params)
      }
    } finally {
      leaveRule(outer)
    }
    return found
  }
}
