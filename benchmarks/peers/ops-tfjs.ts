/** @file The ops of ops-tasks.ts in TensorFlow.js, as far as it has them; channels are last where that is all that it takes. */
import type * as tfjs from '@tensorflow/tfjs'
import type { Tensor, Tensor1D, Tensor2D, Tensor3D, Tensor4D, Tensor5D } from '@tensorflow/tfjs'
import { type Arranged, arrangedData, type Layout } from '../ops-layout.ts'
import type { OpName, OpOptions, OpRun, OpTask } from '../ops-tasks.ts'

type Tf = typeof tfjs
type Op = (tf: Tf, x: Tensor[], options: OpOptions) => Tensor | Tensor[]

interface Operation extends Layout {
  readonly run: Op
}

/** Its axis must be the last one. */
function inOrder(tf: Tf, x: Tensor, dim: number, k: number, largest: boolean): Tensor[] {
  const across = x.rank === 2 && dim === 0
  const values = across ? tf.transpose(x) : x
  const { values: found, indices } = tf.topk(largest ? values : tf.neg(values), k)
  const results = [largest ? found : tf.neg(found), indices]
  return across ? results.map((t) => tf.transpose(t)) : results
}

const sorted: Op = (tf, [x], { dim }) => inOrder(tf, x as Tensor, dim, (x as Tensor).shape.at(dim) as number, false)

function attention(tf: Tf, x: Tensor[], causal: boolean): Tensor {
  const [query, key, value] = x as [Tensor, Tensor, Tensor]
  const [length, width] = query.shape.slice(-2) as [number, number]
  const scores = tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(width))
  const hidden = () => tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([length, length]), -1, 0)), -1e9)
  return tf.matMul(tf.softmax(causal ? tf.add(scores, hidden()) : scores), value)
}

/** With a kernel of 4 and a stride of 2, 'same' is a padding of 1. */
function transposed(tf: Tf, x: Tensor[]): Tensor {
  const [images, weight, bias] = x as [Tensor4D, Tensor4D, Tensor1D]
  const [n, height, width] = images.shape
  return tf.add(tf.conv2dTranspose(images, weight, [n, 2 * height, 2 * width, weight.shape[2]], 2, 'same'), bias)
}

function layerNorm(tf: Tf, x: Tensor[]): Tensor {
  const [values, weight, bias] = x as [Tensor, Tensor, Tensor]
  const { mean, variance } = tf.moments(values, -1, true)
  return tf.add(tf.mul(tf.mul(tf.sub(values, mean), tf.rsqrt(tf.add(variance, 1e-5))), weight), bias)
}

/** `undefined`: it has no such op. */
const OPERATIONS: Readonly<Record<OpName, Operation | undefined>> = {
  sort: { run: sorted },
  argsort: { run: (...args) => (sorted(...args) as Tensor[])[1] as Tensor },
  topk: { run: (tf, [x], { k }) => inOrder(tf, x as Tensor, -1, k, true) },
  cumsum: { run: (tf, [x], { dim }) => tf.cumsum(x as Tensor, dim < 0 ? dim + (x as Tensor).rank : dim) },
  cummax: undefined,
  logcumsumexp: undefined,
  scatterAdd: {
    run: (tf, [x, index, source]) =>
      tf.add(x as Tensor, tf.scatterND(tf.expandDims(index as Tensor, 1), source as Tensor, (x as Tensor).shape)),
  },
  // Its `gather` takes whole rows, so that places are counted over all of the array.
  gather: {
    run: (tf, x) => {
      const [values, index] = x as [Tensor2D, Tensor2D]
      const [rows, columns] = values.shape
      const places = tf.add(index, tf.mul(tf.reshape(tf.range(0, rows, 1, 'int32'), [rows, 1]), tf.scalar(columns, 'int32')))
      return tf.gather(tf.reshape(values, [-1]), places)
    },
  },
  searchsorted: { run: (tf, x) => tf.lowerBound(...(x as [Tensor, Tensor])) },
  // Its `unique` leaves them in the order in which they come first.
  unique: undefined,
  conv1d: {
    run: (tf, x) => tf.add(tf.conv1d(x[0] as Tensor3D, x[1] as Tensor3D, 1, 'same'), x[2] as Tensor),
    inputs: [
      [0, 2, 1],
      [2, 1, 0],
    ],
    result: [0, 2, 1],
  },
  conv3d: {
    run: (tf, x) => tf.add(tf.conv3d(x[0] as Tensor5D, x[1] as Tensor5D, 1, 'same'), x[2] as Tensor),
    inputs: [
      [0, 2, 3, 4, 1],
      [2, 3, 4, 1, 0],
    ],
    result: [0, 2, 3, 4, 1],
  },
  convTranspose2d: {
    run: transposed,
    inputs: [
      [0, 2, 3, 1],
      [2, 3, 1, 0],
    ],
    result: [0, 2, 3, 1],
  },
  attention: { run: (tf, x, { causal }) => attention(tf, x, causal) },
  interpolate: {
    run: (tf, [x], { size }) => tf.image.resizeBilinear(x as Tensor4D, [size, size], false, true),
    inputs: [[0, 2, 3, 1]],
    result: [0, 2, 3, 1],
  },
  gridSample: undefined,
  einsum: { run: (tf, x, { equation }) => tf.einsum(equation, ...x) },
  layerNorm: { run: layerNorm },
  crossEntropy: {
    run: (tf, [scores, labels]) =>
      tf.losses.softmaxCrossEntropy(tf.oneHot(labels as Tensor1D, scores?.shape[1] as number), scores as Tensor),
  },
  embedding: { run: (tf, [weight, tokens]) => tf.gather(weight as Tensor, tokens as Tensor1D) },
}

/** What it says where it has no kernel on the backend, or no gradient. */
const HAS_NONE = /not registered for backend|Cannot compute gradient/

/** Sets an op up; nothing where there is none like it. */
export async function opOf(tf: Tf, task: OpTask): Promise<OpRun | undefined> {
  const { op, options } = task.task
  const operation = OPERATIONS[op]
  if (!operation || options.antialias || options.mode === 'bicubic') return undefined
  const { inputs, upstream, leaves, restored } = arrangedData(task, operation)
  const tensors = inputs.map((input) => tensorOf(tf, input))
  const dy = upstream && tensorOf(tf, upstream)
  const resultsOf = (x: Tensor[]): Tensor[] => {
    const found = operation.run(tf, x, options)
    return Array.isArray(found) ? found : [found]
  }
  const first = (...x: Tensor[]): Tensor => resultsOf(tensors.map((input, i) => x[leaves.indexOf(i)] ?? input))[0] as Tensor
  const compute = (): Tensor[] =>
    tf.tidy(() => {
      if (leaves.length === 0) return resultsOf(tensors)
      const of = leaves.map((i) => tensors[i] as Tensor)
      const { value, grads } = tf.valueAndGrads(first)(of, dy)
      return [value, ...grads]
    })
  const run = async (): Promise<void> => {
    const results = compute()
    await finished(tf)
    tf.dispose(results)
  }
  try {
    await run()
  } catch (error) {
    if (HAS_NONE.test(String(error))) return undefined
    throw error
  }
  return {
    run,
    close: () => tf.dispose(tensors),
    async read() {
      const results = compute()
      const values = await Promise.all(results.map(async (result, i) => restored(i, await result.data(), result.shape)))
      tf.dispose(results)
      return values
    },
  }
}

const tensorOf = (tf: Tf, { values, shape }: Arranged): Tensor =>
  tf.tensor(values, shape, values instanceof Int32Array ? 'int32' : 'float32')

/** Its WebGPU backend: what is recorded waits in an encoder until a result is read. */
interface Queued {
  readonly commandEncoder?: GPUCommandEncoder | null
  readonly queue?: GPUQueue
  endComputePassEncoder(): void
  submitQueue(): void
}

/** Waits for the queue of WebGPU; on Wasm all is computed at once. */
async function finished(tf: Tf): Promise<void> {
  const backend = tf.backend() as unknown as Queued
  if (backend.commandEncoder) {
    backend.endComputePassEncoder()
    backend.submitQueue()
  }
  await backend.queue?.onSubmittedWorkDone()
}
