/** @file The page's side of the browser test: the network of examples/digits, trained on the page's own WebGPU or WebAssembly. */
import {
  data,
  init,
  manualSeed,
  nn,
  noGrad,
  optim,
  parseState,
  saveState,
  serializeState,
  setDefaultDevice,
  type Tensor,
  tensor,
} from 'tapegrad'

const F = nn.functional

class Net extends nn.Module {
  readonly conv1 = new nn.Conv2d(1, 16, 3, { padding: 1 })
  readonly conv2 = new nn.Conv2d(16, 32, 3, { padding: 1 })
  readonly pool = new nn.MaxPool2d(2)
  readonly dropout = new nn.Dropout(0.2)
  readonly output = new nn.Linear(32 * 2 * 2, 10)

  forward(x: Tensor): Tensor {
    let y = this.pool.forward(F.relu(this.conv1.forward(x)))
    y = this.pool.forward(F.relu(this.conv2.forward(y)))
    return this.output.forward(this.dropout.forward(y.flatten(1)))
  }
}

export interface Images {
  readonly images: readonly number[]
  readonly labels: readonly number[]
}

export interface Report {
  readonly adapter: string
  readonly limits: Readonly<Record<string, number>>
  readonly losses: readonly number[]
  readonly accuracy: number
  /** Of a fresh network with the saved state of the trained one. */
  readonly loaded: number
  /** What `saveState` says where there are no files. */
  readonly files: string
}

const toTensors = ({ images, labels }: Images): [Tensor, Tensor] => [
  tensor(Float32Array.from(images), { shape: [labels.length, 1, 8, 8] }),
  tensor(Int32Array.from(labels)),
]

async function train(digits: { train: Images; test: Images }, epochs: number, device: 'webgpu' | 'cpu'): Promise<Report> {
  const { adapter, limits } = await init({ device })
  setDefaultDevice(device)
  manualSeed(0)
  const loader = new data.DataLoader(new data.TensorDataset(...toTensors(digits.train)), { batchSize: 64, shuffle: true, dropLast: true })
  const model = new Net()
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01, weightDecay: 0.01 })
  const losses: number[] = []
  for (let epoch = 0; epoch < epochs; epoch++) {
    let loss: Tensor | undefined
    for await (const [x, y] of loader) {
      optimizer.zeroGrad()
      loss = F.crossEntropy(model.forward(x as Tensor), y as Tensor)
      loss.backward()
      optimizer.step()
    }
    losses.push((await loss?.item()) as number)
  }
  const [x, y] = toTensors(digits.test)
  const test = (net: Net): Promise<number> => noGrad(() => net.eval().forward(x).argmax(1).eq(y).to('float32').mean()).item()
  const accuracy = await test(model)
  const bytes = await serializeState({ model: model.stateDict(), optimizer: optimizer.stateDict(), epochs })
  const saved = parseState<{ model: nn.StateDict; optimizer: optim.OptimizerState }>(bytes)
  const again = new Net()
  again.loadStateDict(saved.model)
  optimizer.loadStateDict(saved.optimizer)
  const files = await saveState('digits.safetensors', {}).then(
    () => 'saved',
    (error: Error) => error.message,
  )
  return { adapter, limits, losses, accuracy, loaded: await test(again), files }
}

export type Train = typeof train

Object.assign(globalThis, { train })
