/** @file The numbers of an op for libraries that have dims in another order than PyTorch, and their results in PyTorch's order. */
import { type OpTask, opData } from './ops-tasks.ts'
import { permuted } from './tasks.ts'

/** For each dim of a library's array, which one it is in PyTorch. */
type Order = readonly number[]

/** Where nothing is said, the order is PyTorch's. */
export interface Layout {
  readonly inputs?: readonly Order[]
  readonly result?: Order
}

export interface Arranged {
  readonly values: Float32Array | Int32Array
  readonly shape: number[]
}

export interface ArrangedData {
  readonly inputs: readonly Arranged[]
  /** The gradient that comes in; of an op that has none, nothing. */
  readonly upstream: Arranged | undefined
  /** Which inputs have gradients in this pass; none in `forward`. */
  readonly leaves: readonly number[]
  /** The numbers of result `i` in PyTorch's order. */
  restored(i: number, values: ArrayLike<number>, shape: readonly number[]): ArrayLike<number>
}

const inverse = (order: Order): number[] => order.map((_, dim) => order.indexOf(dim))

function arranged(values: Float32Array | Int32Array, shape: readonly number[], order: Order | undefined): Arranged {
  if (!order || values instanceof Int32Array) return { values, shape: [...shape] }
  return { values: permuted(values, shape, order), shape: order.map((dim) => shape[dim] as number) }
}

export function arrangedData({ task, pass }: OpTask, layout: Layout): ArrangedData {
  const data = opData(task)
  const { of = [], upstream } = task.gradient ?? {}
  const leaves = pass === 'backward' ? of : []
  const orders = [layout.result, ...leaves.map((i) => layout.inputs?.[i])]
  return {
    inputs: data.inputs.map((values, i) => arranged(values, task.inputs[i]?.shape ?? [], layout.inputs?.[i])),
    upstream: upstream && arranged(data.upstream, upstream, layout.result),
    leaves,
    restored(i, values, shape) {
      const order = orders[i]
      return order ? permuted(Float32Array.from(values), shape, inverse(order)) : values
    },
  }
}
