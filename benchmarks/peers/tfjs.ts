/** @file TensorFlow.js on its WebGPU or its Wasm backend, used as its guide says: `tidy`, an optimizer's `minimize`, every result disposed. */
import type { Scalar, Tensor2D, Tensor4D, Variable } from '@tensorflow/tfjs'
import type { DeviceName } from '../../src/index.ts'
import type { AdapterFacts } from '../gpu.ts'
import { ADAM, CNN, type CnnData, MLP, type MlpData, permuted } from '../tasks.ts'
import { counted, type Peer } from './peer.ts'

/** Loads a backend. That of Wasm has SIMD in Node, but one thread: its flag for more is off there, and forced on, the backend does not come up. */
async function backend(device: DeviceName): Promise<{ name: string; adapter: () => AdapterFacts; threads?: () => number }> {
  if (device === 'webgpu') {
    const adapter = (await import('../gpu.ts')).provideGpu()
    await import('@tensorflow/tfjs-backend-webgpu')
    return { name: 'webgpu', adapter }
  }
  const { getThreadsCount } = await import('@tensorflow/tfjs-backend-wasm')
  return { name: 'wasm', adapter: () => ({ vendor: '', architecture: '', description: 'Wasm' }), threads: getThreadsCount }
}

export async function load(device: DeviceName): Promise<Peer> {
  const { name, adapter, threads } = await backend(device)
  const tf = await import('@tensorflow/tfjs')
  if (!(await tf.setBackend(name))) throw new Error(`tfjs has no backend ${name} here`)
  await tf.ready()

  /** `forward` maps to logits and reads `variables`. */
  const trainer = (variables: Variable[], labels: Int32Array, classes: number, forward: () => Tensor2D): (() => Promise<number>) => {
    const y = tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), classes), 'float32')
    const optimizer = tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps)
    const cost = () => tf.losses.softmaxCrossEntropy<typeof y, Scalar>(y, forward())
    return async () => {
      const loss = optimizer.minimize(cost, true, variables)
      if (!loss) throw new Error('minimize returned no cost')
      const [value] = await loss.data()
      loss.dispose()
      return value as number
    }
  }

  return {
    loop: async (loop) => (await import('./dynamic-tfjs.ts')).loopsOf(tf)[loop](),
    op: async (task) => (await import('./ops-tfjs.ts')).opOf(tf, task),
    label: threads ? `tfjs ${tf.version_core}, ${counted(threads())}` : `tfjs ${tf.version_core}`,
    adapter: adapter(),

    async mlp(data: MlpData) {
      const w1 = tf.variable(tf.tensor2d(permuted(data.w1, [MLP.hidden, MLP.inputs], [1, 0]), [MLP.inputs, MLP.hidden]))
      const b1 = tf.variable(tf.tensor1d(data.b1))
      const w2 = tf.variable(tf.tensor2d(permuted(data.w2, [MLP.classes, MLP.hidden], [1, 0]), [MLP.hidden, MLP.classes]))
      const b2 = tf.variable(tf.tensor1d(data.b2))
      const x = tf.tensor2d(data.x, [MLP.batch, MLP.inputs])
      return trainer([w1, b1, w2, b2], data.y, MLP.classes, () => tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2), b2))
    },

    // Channels last, which is all that its max-pool takes. Its fused.conv2d (bias and ReLU inside) showed no difference beyond the noise.
    async cnn(data: CnnData) {
      const [c0, c1, c2] = CNN.channels
      const { kernel: k, size } = CNN
      const filter = (values: Float32Array, out: number, inputs: number) =>
        tf.variable(tf.tensor4d(permuted(values, [out, inputs, k, k], [2, 3, 1, 0]), [k, k, inputs, out]))
      const [w1, w2] = [filter(data.w1, c1, c0), filter(data.w2, c2, c1)]
      const bias = (values: Float32Array) => tf.variable(tf.tensor1d(values))
      const [b1, b2, b3] = [bias(data.b1), bias(data.b2), bias(data.b3)]
      const w3 = tf.variable(tf.tensor2d(permuted(data.w3, [CNN.classes, c2, 7, 7], [2, 3, 1, 0]), [CNN.flat, CNN.classes]))
      const x = tf.tensor4d(data.x, [CNN.batch, size, size, c0])
      const forward = () => {
        const first = tf.maxPool(tf.relu(tf.add<Tensor4D>(tf.conv2d(x, w1, 1, 'same'), b1)), 2, 2, 'valid')
        const second = tf.maxPool(tf.relu(tf.add<Tensor4D>(tf.conv2d(first, w2, 1, 'same'), b2)), 2, 2, 'valid')
        return tf.add<Tensor2D>(tf.matMul(tf.reshape(second, [CNN.batch, CNN.flat]), w3), b3)
      }
      return trainer([w1, b1, w2, b2, w3, b3], data.y, CNN.classes, forward)
    },

    async matmul({ batch, m, k, n }, a, b) {
      const images = batch > 1 ? [batch] : []
      const left = tf.tensor(a, [...images, m, k])
      const right = tf.tensor(b, [...images, k, n])
      return async () => {
        const product = tf.matMul(left, right)
        const values = await product.data()
        product.dispose()
        return values
      }
    },

    // Measured on Wasm only, where everything is computed at once.
    async elementwise(x, { scale, shift }) {
      const input = tf.tensor1d(x)
      const compute = () => tf.tidy(() => tf.relu(tf.add(tf.mul(input, scale), shift)))
      return {
        run: async () => compute().dispose(),
        read: async () => {
          const result = compute()
          const values = await result.data()
          result.dispose()
          return values
        },
      }
    },
  }
}
