/** @file How the gradient rules of ops are applied: in a scope of their own, on what the tape saved. */
import type { Shape } from '../base/index.ts'
import { type Backward, enterRule, leaveRule, type Tensor } from '../tensor/index.ts'

/** What a rule may read: the inputs and outputs that `saves` names, and the shape of the input whose gradient is wanted. */
export type Saved<R extends string> = Readonly<Record<R, Tensor>> & { readonly shape: Shape }
/** A rule of any op: from the gradient of the only output, or those of several, to that of one input. */
export type AnyRule = (g: unknown, saved: Saved<string>, p: unknown) => Tensor

/** What errors call the gradient rules of an op. */
const ruleName = (op: string): string => `backward of ${op}`

/** Applies gradient rules of an op. */
export function applyRules<T>(op: string, rules: () => T): T {
  const entered = enterRule(ruleName(op))
  try {
    return rules()
  } finally {
    leaveRule(entered)
  }
}

/** What errors call the tensors that an op saves, by position. */
export const rolesOf = (op: string, inputs: readonly string[], outputs: readonly string[]): readonly string[] => [
  ...inputs.map((role) => `input ${role} of ${op}`),
  ...outputs.map((role) => (outputs.length === 1 ? `the result of ${op}` : `output ${role} of ${op}`)),
]

/** The gradients of an op with one rule for each input, which reads the positions of its bits in `reads`. */
export function backwardOf(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  rules: readonly (AnyRule | undefined)[],
  reads: readonly number[],
): Backward<Tensor> {
  const scope = ruleName(op)
  const names = [...inputs, ...outputs]
  const roles = rolesOf(op, inputs, outputs)
  const single = outputs.length === 1
  return (entry, grads, needed) => {
    const found = new Array<Tensor | undefined>(rules.length)
    const saved: Record<string, Tensor | Shape | undefined> = {}
    let unpacked = 0
    const entered = enterRule(scope)
    try {
      for (let i = 0; i < rules.length; i++) {
        const rule = rules[i]
        const edge = entry.inputs[i]
        if (rule === undefined || edge === undefined || !needed(edge)) continue
        const missing = (reads[i] as number) & ~unpacked
        for (let k = 0; k < names.length; k++) if (missing & (1 << k)) saved[names[k] as string] = entry.unpack(k, roles[k] as string)
        unpacked |= missing
        saved.shape = edge.shape
        found[i] = rule(single ? grads[0] : grads, saved as Saved<string>, entry.params)
      }
    } finally {
      leaveRule(entered)
    }
    return found
  }
}
