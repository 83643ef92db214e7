/** @file jax-js on WebGPU or on Wasm, the whole training step in one `jit`. Every use of an array but its last takes `.ref`, as its ownership rule asks. */
import { readFileSync } from 'node:fs'
import type { DeviceName } from '../../src/index.ts'
import type { AdapterFacts } from '../gpu.ts'
import { ADAM, CNN, type CnnData, MLP, type MlpData, permuted } from '../tasks.ts'
import { counted, type Peer, threadsAsked } from './peer.ts'

/** In Node it finds no `Worker` and stays with one thread; where more are asked for, it is given what a browser has. */
async function surroundings(device: DeviceName): Promise<() => AdapterFacts> {
  if (device === 'webgpu') return (await import('../gpu.ts')).provideGpu()
  ;(await import('./web-worker.ts')).provideWorkers(threadsAsked())
  return () => ({ vendor: '', architecture: '', description: 'Wasm' })
}

export async function load(device: DeviceName): Promise<Peer> {
  const adapter = await surroundings(device)
  const workers = device === 'cpu' && threadsAsked() > 1
  const jax = await import('@jax-js/jax')
  const { numpy: np, lax, nn, jit, valueAndGrad, tree } = jax
  type Array = InstanceType<typeof jax.Array>
  type Params = Record<string, Array>
  /** Parameters, both moments, and the powers of both betas. */
  type State = { params: Params; m: Params; v: Params; power1: Array; power2: Array }

  const backend = device === 'webgpu' ? 'webgpu' : 'wasm'
  const devices = await jax.init(backend)
  if (!devices.includes(backend)) throw new Error(`jax-js has no backend ${backend} here`)
  jax.defaultDevice(backend)
  // The package exports no package.json to import.
  const manifest = new URL('../node_modules/@jax-js/jax/package.json', import.meta.url)
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }

  const trainer = <P extends Params>(
    forward: (p: P, x: Array) => Array,
    params: P,
    x: Array,
    labels: Int32Array,
    classes: number,
  ): (() => Promise<number>) => {
    const batch = labels.length
    const oneHot = new Float32Array(batch * classes)
    labels.forEach((label, i) => {
      oneHot[i * classes + label] = 1
    })
    const y = np.array(oneHot).reshape([batch, classes])

    const lossOf = (p: Params, input: Array, wanted: Array): Array =>
      nn
        .logSoftmax(forward(p as P, input), -1)
        .mul(wanted)
        .sum()
        .mul(-1 / batch)

    const trainStep = (before: State, input: Array, wanted: Array): [State, Array] => {
      const [loss, grads] = valueAndGrad(lossOf)(tree.ref(before.params), input, wanted)
      const power1 = before.power1.mul(ADAM.beta1)
      const power2 = before.power2.mul(ADAM.beta2)
      const next = { params: {}, m: {}, v: {} } as { params: Params; m: Params; v: Params }
      for (const [name, p] of Object.entries(before.params)) {
        const [g, m0, v0] = [grads[name], before.m[name], before.v[name]] as [Array, Array, Array]
        const m = m0.mul(ADAM.beta1).add(g.ref.mul(1 - ADAM.beta1))
        const v = v0.mul(ADAM.beta2).add(g.ref.mul(g).mul(1 - ADAM.beta2))
        const mean = m.ref.div(np.subtract(1, power1.ref))
        const scale = np.sqrt(v.ref.div(np.subtract(1, power2.ref))).add(ADAM.eps)
        next.params[name] = p.sub(mean.div(scale).mul(ADAM.lr))
        next.m[name] = m
        next.v[name] = v
      }
      return [{ ...next, power1, power2 }, loss]
    }

    const zeros = (): Params =>
      Object.fromEntries(Object.entries(params).map(([name, p]) => [name, np.array(new Float32Array(p.size)).reshape(p.shape)]))
    let state: State = { params, m: zeros(), v: zeros(), power1: np.array(1), power2: np.array(1) }
    const step = jit(trainStep)
    return async () => {
      const [next, loss] = step(state, x.ref, y.ref)
      state = next
      const [value] = await loss.data()
      return value as number
    }
  }

  return {
    label: [`jax-js ${version}`, device === 'cpu' && `${workers ? ' with workers' : ''}, ${counted(threadsAsked())}`]
      .filter(Boolean)
      .join(''),
    adapter: adapter(),

    op: async (task) => (await import('./ops-jax-js.ts')).opOf(jax, task),

    async mlp(data: MlpData) {
      const params = {
        w1: np.array(permuted(data.w1, [MLP.hidden, MLP.inputs], [1, 0])).reshape([MLP.inputs, MLP.hidden]),
        b1: np.array(data.b1),
        w2: np.array(permuted(data.w2, [MLP.classes, MLP.hidden], [1, 0])).reshape([MLP.hidden, MLP.classes]),
        b2: np.array(data.b2),
      }
      const forward = (p: typeof params, x: Array): Array => np.dot(nn.relu(np.dot(x, p.w1).add(p.b1)), p.w2).add(p.b2)
      return trainer(forward, params, np.array(data.x).reshape([MLP.batch, MLP.inputs]), data.y, MLP.classes)
    },

    async cnn(data: CnnData) {
      const [c0, c1, c2] = CNN.channels
      const { kernel: k, size } = CNN
      const params = {
        w1: np.array(data.w1).reshape([c1, c0, k, k]),
        b1: np.array(data.b1).reshape([c1, 1, 1]),
        w2: np.array(data.w2).reshape([c2, c1, k, k]),
        b2: np.array(data.b2).reshape([c2, 1, 1]),
        w3: np.array(permuted(data.w3, [CNN.classes, CNN.flat], [1, 0])).reshape([CNN.flat, CNN.classes]),
        b3: np.array(data.b3),
      }
      // Its own window; a max over reshaped dims, or of four slices, was not seen to be faster.
      const pool = (x: Array): Array => lax.reduceWindow(x, np.max, [2, 2], [2, 2])
      const block = (x: Array, w: Array, b: Array): Array => pool(nn.relu(lax.convGeneralDilated(x, w, [1, 1], 'SAME').add(b)))
      const forward = (p: typeof params, x: Array): Array =>
        np.dot(block(block(x, p.w1, p.b1), p.w2, p.b2).reshape([CNN.batch, CNN.flat]), p.w3).add(p.b3)
      return trainer(forward, params, np.array(data.x).reshape([CNN.batch, c0, size, size]), data.y, CNN.classes)
    },

    async matmul({ batch, m, k, n }, a, b) {
      const images = batch > 1 ? [batch] : []
      const left = np.array(a).reshape([...images, m, k])
      const right = np.array(b).reshape([...images, k, n])
      const multiply = jit((p: Array, q: Array) => np.matmul(p, q))
      return async () => (await multiply(left.ref, right.ref).data()) as Float32Array
    },

    async elementwise(x, { scale, shift }) {
      const input = np.array(x)
      const compute = jit((values: Array) => nn.relu(values.mul(scale).add(shift)))
      return {
        async run() {
          const result = await compute(input.ref).blockUntilReady()
          result.dispose()
        },
        read: async () => (await compute(input.ref).data()) as Float32Array,
      }
    },
  }
}
