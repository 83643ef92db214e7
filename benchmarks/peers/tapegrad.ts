/** @file tapegrad itself, as its users write it. */
import { type DeviceName, init, matmul, nn, optim, type Tensor, tensor } from '../../src/index.ts'
import { MLP, type MlpData } from '../tasks.ts'
import type { Peer } from './peer.ts'

export async function load(device: DeviceName = 'webgpu'): Promise<Peer> {
  const info = await init({ device })
  return {
    label: 'tapegrad',
    adapter: { vendor: info.vendor, architecture: info.architecture, description: info.adapter },
    mlp: async (data) => mlpStep(data).step,
    async matmul(n, a, b) {
      const left = tensor(a, { shape: [n, n] })
      const right = tensor(b, { shape: [n, n] })
      return async () => (await matmul(left, right).data()) as Float32Array
    },
  }
}

/** The training step; `record` is its synchronous part alone, which the overhead measurement times. */
export function mlpStep(data: MlpData): { step: () => Promise<number>; record: () => Tensor } {
  const F = nn.functional
  const parameter = (values: Float32Array, shape: number[]): nn.Parameter => new nn.Parameter(tensor(values, { shape }))
  const w1 = parameter(data.w1, [MLP.hidden, MLP.inputs])
  const b1 = parameter(data.b1, [MLP.hidden])
  const w2 = parameter(data.w2, [MLP.classes, MLP.hidden])
  const b2 = parameter(data.b2, [MLP.classes])
  const x = tensor(data.x, { shape: [MLP.batch, MLP.inputs] })
  const y = tensor(data.y)
  const optimizer = new optim.Adam([w1, b1, w2, b2], { lr: MLP.lr, betas: [MLP.beta1, MLP.beta2], eps: MLP.eps })
  const record = (): Tensor => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2), y)
    loss.backward()
    optimizer.step()
    return loss
  }
  return { record, step: () => record().item() }
}
