/** @file tapegrad itself, as its users write it. */
import { type DeviceName, flatten, init, matmul, nn, optim, synchronize, type Tensor, tensor } from '../../src/index.ts'
import { ADAM, CNN, type CnnData, MLP, type MlpData } from '../tasks.ts'
import type { Peer } from './peer.ts'

const F = nn.functional
const parameter = (values: Float32Array, shape: number[]): nn.Parameter => new nn.Parameter(tensor(values, { shape }))

export async function load(device: DeviceName = 'webgpu'): Promise<Peer> {
  const info = await init({ device })
  return {
    label: 'tapegrad',
    adapter: { vendor: info.vendor, architecture: info.architecture, description: info.adapter },
    features: info.features,
    mlp: async (data) => mlpStep(data).step,
    cnn: async (data) => cnnStep(data).step,
    loop: async (loop) => (await import('./dynamic-tapegrad.ts')).loops[loop](),
    op: async (task) => (await import('./ops-tapegrad.ts')).opOf(task),
    async matmul({ batch, m, k, n }, a, b) {
      const images = batch > 1 ? [batch] : []
      const left = tensor(a, { shape: [...images, m, k] })
      const right = tensor(b, { shape: [...images, k, n] })
      return async () => (await matmul(left, right).data()) as Float32Array
    },
    async elementwise(x, { scale, shift }) {
      const input = tensor(x)
      const compute = (): Tensor => F.relu(input.mul(scale).add(shift))
      return {
        async run() {
          const result = compute()
          await synchronize()
          result.dispose()
        },
        read: async () => (await compute().data()) as Float32Array,
      }
    },
  }
}

/** A training step; `record` is its synchronous part alone, which the overhead measurement times. */
interface Step {
  readonly step: () => Promise<number>
  readonly record: () => Tensor
}

export function mlpStep(data: MlpData, { inputs, hidden, classes, batch } = MLP): Step {
  const w1 = parameter(data.w1, [hidden, inputs])
  const b1 = parameter(data.b1, [hidden])
  const w2 = parameter(data.w2, [classes, hidden])
  const b2 = parameter(data.b2, [classes])
  const x = tensor(data.x, { shape: [batch, inputs] })
  return trainer([w1, b1, w2, b2], data.y, () => F.linear(F.relu(F.linear(x, w1, b1)), w2, b2))
}

export function cnnStep(data: CnnData): Step {
  const { channels, kernel: k, size } = CNN
  const [c0, c1, c2] = channels
  const w1 = parameter(data.w1, [c1, c0, k, k])
  const b1 = parameter(data.b1, [c1])
  const w2 = parameter(data.w2, [c2, c1, k, k])
  const b2 = parameter(data.b2, [c2])
  const w3 = parameter(data.w3, [CNN.classes, CNN.flat])
  const b3 = parameter(data.b3, [CNN.classes])
  const x = tensor(data.x, { shape: [CNN.batch, c0, size, size] })
  const block = (input: Tensor, w: Tensor, b: Tensor): Tensor => F.maxPool2d(F.relu(F.conv2d(input, w, b, { padding: 1 })), 2)
  return trainer([w1, b1, w2, b2, w3, b3], data.y, () => F.linear(flatten(block(block(x, w1, b1), w2, b2), 1), w3, b3))
}

function trainer(params: nn.Parameter[], labels: Int32Array, forward: () => Tensor): Step {
  const y = tensor(labels)
  const optimizer = new optim.Adam(params, { lr: ADAM.lr, betas: [ADAM.beta1, ADAM.beta2], eps: ADAM.eps })
  const record = (): Tensor => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(forward(), y)
    loss.backward()
    optimizer.step()
    return loss
  }
  return { record, step: () => record().item() }
}
