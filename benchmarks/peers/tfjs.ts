/** @file TensorFlow.js on its WebGPU backend, used as its guide says: `tidy`, an optimizer's `minimize`, every result disposed. */
import type { Scalar } from '@tensorflow/tfjs'
import { provideGpu } from '../gpu.ts'
import { MLP, type MlpData, transposed } from '../tasks.ts'
import type { Peer } from './peer.ts'

export async function load(): Promise<Peer> {
  const adapter = provideGpu()
  const tf = await import('@tensorflow/tfjs')
  await import('@tensorflow/tfjs-backend-webgpu')
  if (!(await tf.setBackend('webgpu'))) throw new Error('tfjs found no WebGPU backend')
  await tf.ready()
  return {
    label: `tfjs ${tf.version_core}`,
    adapter: adapter(),

    async mlp(data: MlpData) {
      const w1 = tf.variable(tf.tensor2d(transposed(data.w1, MLP.hidden, MLP.inputs), [MLP.inputs, MLP.hidden]))
      const b1 = tf.variable(tf.tensor1d(data.b1))
      const w2 = tf.variable(tf.tensor2d(transposed(data.w2, MLP.classes, MLP.hidden), [MLP.hidden, MLP.classes]))
      const b2 = tf.variable(tf.tensor1d(data.b2))
      const x = tf.tensor2d(data.x, [MLP.batch, MLP.inputs])
      const y = tf.cast(tf.oneHot(tf.tensor1d(data.y, 'int32'), MLP.classes), 'float32')
      const optimizer = tf.train.adam(MLP.lr, MLP.beta1, MLP.beta2, MLP.eps)
      const cost = () => {
        const hidden = tf.relu(tf.add(tf.matMul(x, w1), b1))
        return tf.losses.softmaxCrossEntropy<typeof y, Scalar>(y, tf.add(tf.matMul(hidden, w2), b2))
      }
      return async () => {
        const loss = optimizer.minimize(cost, true, [w1, b1, w2, b2])
        if (!loss) throw new Error('minimize returned no cost')
        const [value] = await loss.data()
        loss.dispose()
        return value as number
      }
    },

    async matmul(n, a, b) {
      const left = tf.tensor2d(a, [n, n])
      const right = tf.tensor2d(b, [n, n])
      return async () => {
        const product = tf.matMul(left, right)
        const values = await product.data()
        product.dispose()
        return values
      }
    },
  }
}
