/** @file The loops of dynamic-tasks.ts in TensorFlow.js. */
import type * as tfjs from '@tensorflow/tfjs'
import type { Scalar, Tensor1D, Tensor2D, Variable } from '@tensorflow/tfjs'
import {
  CELL,
  cellData,
  episodeOf,
  HAND,
  handData,
  type Iteration,
  type Layers,
  type Loop,
  lengthOf,
  POLICY,
  policyData,
  SLICES,
  slicesData,
  TREE,
  treeData,
  treeOf,
  UPDATES,
} from '../dynamic-tasks.ts'
import { ADAM, permuted } from '../tasks.ts'

/** Sets loops up on the backend that `tf` has. */
export function loopsOf(tf: typeof tfjs): Readonly<Record<Loop, () => Iteration>> {
  const adam = () => tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps)
  const vector = (values: Float32Array) => tf.variable(tf.tensor1d(values))
  /** [out, inputs] as the [inputs, out] that its products take. */
  const weights = (values: Float32Array, out: number, inputs: number) =>
    tf.variable(tf.tensor2d(permuted(values, [out, inputs], [1, 0]), [inputs, out]))
  const linear = (x: Tensor2D, w: Variable, b: Variable): Tensor2D => tf.add<Tensor2D>(tf.matMul(x, w as unknown as Tensor2D), b)

  const twoLayers = (
    { w1, b1, w2, b2 }: Layers,
    inputs: number,
    hidden: number,
    outputs: number,
  ): [Variable, Variable, Variable, Variable] => [
    weights(w1, hidden, inputs) as Variable,
    vector(b1) as Variable,
    weights(w2, outputs, hidden) as Variable,
    vector(b2) as Variable,
  ]

  const read = async (loss: Scalar | null): Promise<number> => {
    if (!loss) throw new Error('minimize returned no cost')
    const [value] = await loss.data()
    loss.dispose()
    return value as number
  }

  function minibatches(byPosition: boolean): Iteration {
    const data = slicesData()
    const { places, batch, inputs, hidden, classes } = SLICES
    const params = twoLayers(data, inputs, hidden, classes)
    const [w1, b1, w2, b2] = params
    const x = tf.tensor2d(data.x, [places * batch, inputs])
    const y = tf.cast(tf.oneHot(tf.tensor1d(data.y, 'int32'), classes), 'float32') as Tensor2D
    const rows = tf.range(0, batch, 1, 'int32')
    const optimizer = adam()
    let i = 0
    return () => {
      const at = (i++ % places) * batch
      const part = (from: Tensor2D): Tensor2D =>
        byPosition ? tf.slice(from, [at, 0], [batch, from.shape[1]]) : tf.gather(from, tf.add<Tensor1D>(rows, tf.scalar(at, 'int32')))
      const cost = () => tf.losses.softmaxCrossEntropy<Tensor2D, Scalar>(part(y), linear(tf.relu(linear(part(x), w1, b1)), w2, b2))
      return read(optimizer.minimize(cost, true, params))
    }
  }

  function updates(byHand: boolean): Iteration {
    const data = handData()
    const params = twoLayers(data, HAND.inputs, HAND.hidden, 1)
    const [w1, b1, w2, b2] = params
    const x = tf.tensor2d(data.x, [HAND.batch, HAND.inputs])
    const y = tf.tensor2d(data.y, [HAND.batch, 1])
    const optimizer = tf.train.sgd(HAND.lr)
    const cost = (): Scalar => tf.losses.meanSquaredError<Tensor2D, Scalar>(y, linear(tf.tanh(linear(x, w1, b1)), w2, b2))
    const step = (): Scalar => {
      if (!byHand) return optimizer.minimize(cost, true, params) as Scalar
      return tf.tidy(() => {
        const { value, grads } = tf.variableGrads(cost, params)
        for (const w of params) w.assign(tf.sub(w, tf.mul(grads[w.name] as tfjs.Tensor, HAND.lr)))
        return value
      })
    }
    return () => {
      for (let i = 1; i < UPDATES; i++) step().dispose()
      return read(step())
    }
  }

  function unrolled(length: (i: number) => number): Iteration {
    const data = cellData()
    const { hidden, inputs, batch, longest } = CELL
    const [wi, bi] = [weights(data.wi, 4 * hidden, inputs) as Variable, vector(data.bi) as Variable]
    const [wh, bh] = [weights(data.wh, 4 * hidden, hidden) as Variable, vector(data.bh) as Variable]
    const [wo, bo] = [weights(data.wo, 1, hidden) as Variable, vector(data.bo) as Variable]
    const step = batch * inputs
    const x = Array.from({ length: longest }, (_, t) => tf.tensor2d(data.x.subarray(t * step, (t + 1) * step), [batch, inputs]))
    const y = tf.tensor2d(data.y, [batch, 1])
    const optimizer = adam()
    let i = 0
    return () => {
      const n = length(i++)
      const cost = (): Scalar => {
        let h: Tensor2D = tf.zeros([batch, hidden])
        let c: Tensor2D = tf.zeros([batch, hidden])
        for (let t = 0; t < n; t++) {
          const gates = tf.add<Tensor2D>(linear(x[t] as Tensor2D, wi, bi), linear(h, wh, bh))
          const [ig, fg, gg, og] = tf.split(gates, 4, 1) as [Tensor2D, Tensor2D, Tensor2D, Tensor2D]
          c = tf.add(tf.mul(tf.sigmoid(fg), c), tf.mul(tf.sigmoid(ig), tf.tanh(gg)))
          h = tf.mul(tf.sigmoid(og), tf.tanh(c))
        }
        return tf.losses.meanSquaredError<Tensor2D, Scalar>(y, linear(h, wo, bo))
      }
      return read(optimizer.minimize(cost, true, [wi, bi, wh, bh, wo, bo]))
    }
  }

  function trees(): Iteration {
    const data = treeData()
    const { width } = TREE
    const [w, b] = [weights(data.w, width, 2 * width) as Variable, vector(data.b) as Variable]
    const vectors = Array.from({ length: TREE.most }, (_, k) => tf.tensor2d(data.leaves.subarray(k * width, (k + 1) * width), [1, width]))
    const optimizer = adam()
    let i = 0
    return () => {
      const { leaves, joins } = treeOf(i++)
      const cost = (): Scalar => {
        const nodes = vectors.slice(0, leaves)
        for (const at of joins) nodes.splice(at, 2, tf.tanh(linear(tf.concat([nodes[at] as Tensor2D, nodes[at + 1] as Tensor2D], 1), w, b)))
        return tf.mean(tf.square(nodes[0] as Tensor2D)) as Scalar
      }
      return read(optimizer.minimize(cost, true, [w, b]))
    }
  }

  // Its gradients are of functions, and a function cannot wait for values: actions are drawn in a pass of its own.
  function episodes(): Iteration {
    const { inputs, hidden, actions: kinds } = POLICY
    const params = twoLayers(policyData(), inputs, hidden, kinds)
    const [w1, b1, w2, b2] = params
    const optimizer = adam()
    const logits = (state: Tensor2D): Tensor2D => tf.logSoftmax(linear(tf.tanh(linear(state, w1, b1)), w2, b2))
    let i = 0
    return async () => {
      const { states, actions, returns } = episodeOf(i++)
      const observed = Array.from(actions, (_, t) => tf.tensor2d(states.subarray(t * inputs, (t + 1) * inputs), [1, inputs]))
      for (const state of observed) {
        const log = tf.tidy(() => logits(state))
        await log.data()
        log.dispose()
      }
      const cost = (): Scalar => {
        const logs = observed.map((state, t) => tf.reshape(tf.slice(logits(state), [0, actions[t] as number], [1, 1]), []))
        return tf.neg(tf.sum(tf.mul(tf.stack(logs), tf.tensor1d(returns)))) as Scalar
      }
      const value = await read(optimizer.minimize(cost, true, params))
      for (const state of observed) state.dispose()
      return value
    }
  }

  return {
    slices: () => minibatches(true),
    rows: () => minibatches(false),
    handwritten: () => updates(true),
    sgd: () => updates(false),
    lengths: () => unrolled(lengthOf),
    length: () => unrolled(() => CELL.length),
    trees,
    episodes,
  }
}
