/** @file jax-js on WebGPU, the whole training step in one `jit`. Every use of an array but its last takes `.ref`, as its ownership rule asks. */
import { readFileSync } from 'node:fs'
import { provideGpu } from '../gpu.ts'
import { MLP, type MlpData, transposed } from '../tasks.ts'
import type { Peer } from './peer.ts'

const NAMES = ['w1', 'b1', 'w2', 'b2'] as const

export async function load(): Promise<Peer> {
  const adapter = provideGpu()
  const jax = await import('@jax-js/jax')
  const { numpy: np, nn, jit, valueAndGrad, tree } = jax
  type Array = InstanceType<typeof jax.Array>
  type Params = Record<(typeof NAMES)[number], Array>
  /** Parameters, both moments, and the powers of both betas. */
  type State = { params: Params; m: Params; v: Params; power1: Array; power2: Array }

  const devices = await jax.init('webgpu')
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU device')
  jax.defaultDevice('webgpu')
  // The package exports no package.json to import.
  const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

  const lossOf = (p: Params, x: Array, y: Array): Array => {
    const hidden = nn.relu(np.dot(x, p.w1).add(p.b1))
    const logits = np.dot(hidden, p.w2).add(p.b2)
    return nn
      .logSoftmax(logits, -1)
      .mul(y)
      .sum()
      .mul(-1 / MLP.batch)
  }

  const trainStep = (state: State, x: Array, y: Array): [State, Array] => {
    const [loss, grads] = valueAndGrad(lossOf)(tree.ref(state.params), x, y)
    const power1 = state.power1.mul(MLP.beta1)
    const power2 = state.power2.mul(MLP.beta2)
    const next = { params: {}, m: {}, v: {} } as { params: Params; m: Params; v: Params }
    for (const name of NAMES) {
      const g = grads[name]
      const m = state.m[name].mul(MLP.beta1).add(g.ref.mul(1 - MLP.beta1))
      const v = state.v[name].mul(MLP.beta2).add(g.ref.mul(g).mul(1 - MLP.beta2))
      const mean = m.ref.div(np.subtract(1, power1.ref))
      const scale = np.sqrt(v.ref.div(np.subtract(1, power2.ref))).add(MLP.eps)
      next.params[name] = state.params[name].sub(mean.div(scale).mul(MLP.lr))
      next.m[name] = m
      next.v[name] = v
    }
    return [{ ...next, power1, power2 }, loss]
  }

  return {
    label: `jax-js ${version}`,
    adapter: adapter(),

    async mlp(data: MlpData) {
      const params: Params = {
        w1: np.array(transposed(data.w1, MLP.hidden, MLP.inputs)).reshape([MLP.inputs, MLP.hidden]),
        b1: np.array(data.b1),
        w2: np.array(transposed(data.w2, MLP.classes, MLP.hidden)).reshape([MLP.hidden, MLP.classes]),
        b2: np.array(data.b2),
      }
      const zeros = (): Params =>
        Object.fromEntries(NAMES.map((name) => [name, np.array(new Float32Array(params[name].size)).reshape(params[name].shape)])) as Params
      const x = np.array(data.x).reshape([MLP.batch, MLP.inputs])
      const oneHot = new Float32Array(MLP.batch * MLP.classes)
      data.y.forEach((label, i) => {
        oneHot[i * MLP.classes + label] = 1
      })
      const y = np.array(oneHot).reshape([MLP.batch, MLP.classes])
      let state: State = { params, m: zeros(), v: zeros(), power1: np.array(1), power2: np.array(1) }
      const step = jit(trainStep)
      return async () => {
        const [next, loss] = step(state, x.ref, y.ref)
        state = next
        const [value] = await loss.data()
        return value as number
      }
    },

    async matmul(n, a, b) {
      const left = np.array(a).reshape([n, n])
      const right = np.array(b).reshape([n, n])
      const multiply = jit((p: Array, q: Array) => np.matmul(p, q))
      return async () => (await multiply(left.ref, right.ref).data()) as Float32Array
    },
  }
}
