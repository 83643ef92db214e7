/** @file Networks whose very first training step is timed, in a process of its own: sizes, and the numbers that libraries start from. first.py has the same for PyTorch. */
import { fill, labels, layer, uniform } from './tasks.ts'

export const FIRST = ['lstm', 'gpt'] as const
export type First = (typeof FIRST)[number]

interface FirstFacts {
  readonly what: string
  /** Seconds that the first step may take on a machine on which a node of PyTorch's tree takes as long as TORCH_TREE_MS in report.ts says. */
  readonly most: { readonly cpu: number; readonly webgpu: number }
}

export const FIRST_FACTS: Readonly<Record<First, FirstFacts>> = {
  lstm: { what: 'LSTM of 32 steps, 128 units, batch 32', most: { cpu: 0.5, webgpu: 3 } },
  gpt: { what: 'GPT of 2 layers, width 128, 64 tokens, batch 8', most: { cpu: 0.25, webgpu: 2 } },
}

/** Steps whose losses are compared; then some that are not timed, and those whose median is the steady step. */
export const FIRST_STEPS = { checked: 3, warm: 10, timed: 15 } as const

/** One layer over one-hot letters; a linear layer gives the next letter at every step. */
export const LSTM = { vocabulary: 65, hidden: 128, steps: 32, batch: 32 } as const
/** Pre-norm layers with causal attention, GELU (tanh), learned positions, and a head of its own. */
export const GPT = { vocabulary: 65, width: 128, heads: 4, layers: 2, length: 64, batch: 8, eps: 1e-5 } as const

/** Weights and biases, in the order in which they are drawn, with their shapes [out, in]. */
export type Linear = readonly [weight: Float32Array, bias: Float32Array, out: number, inputs: number]

const linears = (next: () => number, shapes: readonly (readonly [out: number, inputs: number])[]): Linear[] =>
  shapes.map(([out, inputs]) => [...layer(next, out, inputs), out, inputs])

/** Gates i f g o, as PyTorch's; letters and the letters that follow them are [steps, batch]. */
export function lstmData(): { readonly layers: readonly Linear[]; readonly letters: Int32Array; readonly targets: Int32Array } {
  const { vocabulary, hidden, steps, batch } = LSTM
  const next = uniform(61)
  // biome-ignore format: one line
  const layers = linears(next, [[4 * hidden, vocabulary], [4 * hidden, hidden], [vocabulary, hidden]])
  return { layers, letters: labels(next, steps * batch, vocabulary), targets: labels(next, steps * batch, vocabulary) }
}

/** Layers of each block: query, key and value; projection; both of the perceptron; and the head. Tokens are [batch, length]. */
export function gptData(): {
  readonly tokens: Float32Array
  readonly positions: Float32Array
  readonly blocks: readonly (readonly Linear[])[]
  readonly head: Linear
  readonly x: Int32Array
  readonly y: Int32Array
} {
  const { vocabulary, width, layers, length, batch } = GPT
  const next = uniform(67)
  const tokens = fill(vocabulary * width, next, -1, 1)
  const positions = fill(length * width, next, -1, 1)
  // biome-ignore format: one line
  const blocks = Array.from({ length: layers }, () => linears(next, [[3 * width, width], [width, width], [4 * width, width], [width, 4 * width]]))
  const [head] = linears(next, [[vocabulary, width]]) as [Linear]
  return { tokens, positions, blocks, head, x: labels(next, batch * length, vocabulary), y: labels(next, batch * length, vocabulary) }
}
