/** @file The ops of ops-tasks.ts in jax-js, as far as it has them, each in one `jit`. What an op is given is used up, as its ownership rule says. */
import type * as jaxJs from '@jax-js/jax'
import { type Arranged, arrangedData, type Layout } from '../ops-layout.ts'
import type { OpName, OpOptions, OpRun, OpTask } from '../ops-tasks.ts'

type Jax = typeof jaxJs
type Array = InstanceType<Jax['Array']>
type Op = (jax: Jax, x: Array[], options: OpOptions) => Array | Array[]

/** The convolution with a bias for each channel. */
function convolved({ lax }: Jax, x: Array[], padding: number): Array {
  const [images, weight, bias] = x as [Array, Array, Array]
  const dims = images.ndim - 2
  const sides = globalThis.Array.from({ length: dims }, (): [number, number] => [padding, padding])
  return lax.convGeneralDilated(images, weight, sides.map(() => 1), sides).add(perChannel(bias, dims)) // biome-ignore format: short
}

const perChannel = (bias: Array, dims: number): Array => bias.reshape([-1, ...globalThis.Array<number>(dims).fill(1)])

function transposed({ lax }: Jax, x: Array[]): Array {
  const [images, weight, bias] = x as [Array, Array, Array]
  const padding: [number, number][] = [[1, 1], [1, 1]] // biome-ignore format: short
  return lax.convTranspose(images, weight, [2, 2], padding, { transposeKernel: true }).add(perChannel(bias, 2))
}

function crossEntropy({ nn }: Jax, x: Array[]): Array {
  const [scores, labels] = x as [Array, Array]
  const [rows, classes] = scores.shape as [number, number]
  return nn
    .logSoftmax(scores, -1)
    .mul(nn.oneHot(labels, classes))
    .sum()
    .mul(-1 / rows)
}

/** `undefined`: it has no such op. */
const OPERATIONS: Readonly<Record<OpName, Op | undefined>> = {
  sort: ({ numpy: np }, [x], { dim }) => {
    const values = x as Array
    return [np.sort(values.ref, dim), np.argsort(values, dim)]
  },
  argsort: ({ numpy: np }, [x], { dim }) => np.argsort(x as Array, dim),
  topk: ({ lax }, [x], { k }) => lax.topK(x as Array, k),
  cumsum: ({ numpy: np }, [x], { dim }) => np.cumsum(x as Array, dim),
  cummax: undefined,
  logcumsumexp: undefined,
  scatterAdd: undefined,
  gather: ({ numpy: np }, [x, index], { dim }) => np.takeAlongAxis(x as Array, index as Array, dim),
  searchsorted: undefined,
  unique: undefined,
  conv1d: (jax, x) => convolved(jax, x, 2),
  conv3d: (jax, x) => convolved(jax, x, 1),
  convTranspose2d: transposed,
  attention: ({ nn }, x, { causal }) => nn.dotProductAttention(...(x as [Array, Array, Array]), { isCausal: causal }),
  interpolate: undefined,
  gridSample: undefined,
  einsum: ({ numpy: np }, x, { equation }) => np.einsum(equation, ...x),
  layerNorm: ({ nn }, [x, weight, bias]) =>
    nn
      .standardize(x as Array, -1)
      .mul(weight as Array)
      .add(bias as Array),
  crossEntropy,
  embedding: ({ numpy: np }, [weight, tokens]) => np.take(weight as Array, tokens as Array, 0),
}

/** Its einsum maps over an iterator, which browsers and Node from 22 on have a method for. */
function provideIteratorMap(): void {
  const iterators = Object.getPrototypeOf(Object.getPrototypeOf([].values())) as { map?: unknown }
  iterators.map ??= function <T, R>(this: Iterable<T>, of: (item: T) => R): R[] {
    return globalThis.Array.from(this, (item) => of(item))
  }
}

/** What it says of a sort or a scatter that follows other ops; without `jit` they run. */
const CANNOT_JIT = /jit: routine primitive/

/** It has heads behind places. */
const ATTENTION: Layout = { inputs: [0, 1, 2].map(() => [0, 2, 1, 3]), result: [0, 2, 1, 3] }

/** Sets an op up; nothing where there is none like it. */
export async function opOf(jax: Jax, task: OpTask): Promise<OpRun | undefined> {
  const { op, options } = task.task
  const operation = OPERATIONS[op]
  if (!operation) return undefined
  provideIteratorMap()
  const { inputs, upstream, leaves, restored } = arrangedData(task, op === 'attention' ? ATTENTION : {})
  const arrays = inputs.map((input) => arrayOf(jax, input))
  const dy = upstream && arrayOf(jax, upstream)
  const resultsOf = (x: Array[]): Array[] => {
    const found = operation(jax, x, options)
    return globalThis.Array.isArray(found) ? found : [found]
  }
  const both = (incoming: Array, ...all: Array[]): Array[] => {
    const first = (...x: Array[]): Array => {
      const [result, ...rest] = resultsOf(all.map((input, i) => x[leaves.indexOf(i)] ?? input.ref))
      for (const other of rest) other.dispose()
      return result as Array
    }
    const [value, pull] = jax.vjp(first, leaves.map((i) => (all[i] as Array).ref)) // biome-ignore format: two lists
    const grads = pull(incoming) as Array[]
    pull.dispose()
    for (const input of all) input.dispose()
    return [value as Array, ...grads]
  }
  const given = (): Array[] => [...(leaves.length > 0 && dy ? [dy] : []), ...arrays].map((array) => array.ref)
  const direct = leaves.length > 0 ? both : (...x: Array[]): Array[] => resultsOf(x)
  let call = jax.jit(direct) as typeof direct
  const compute = (): Array[] => {
    try {
      return (call as (...x: Array[]) => Array[])(...given())
    } catch (error) {
      if (call === direct || !CANNOT_JIT.test(String(error))) throw error
      call = direct
      return compute()
    }
  }
  return {
    close() {
      for (const array of arrays) array.dispose()
    },
    async run() {
      const results = await jax.blockUntilReady(compute())
      for (const result of results) result.dispose()
    },
    async read() {
      const results = compute()
      const shapes = results.map(({ shape }) => shape)
      const values = await Promise.all(results.map((result) => result.data()))
      return values.map((found: ArrayLike<number>, i: number) => restored(i, found, shapes[i] as number[]))
    },
  }
}

const arrayOf = ({ numpy: np }: Jax, { values, shape }: Arranged): Array => np.array(values).reshape(shape)
