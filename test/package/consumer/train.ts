/** @file What a user of the package writes: type-checked against its declarations, and run. */
import { type DType, init, manualSeed, memory, noGrad, randn, Tensor, tensor } from 'tapegrad'
import { DataLoader, TensorDataset } from 'tapegrad/data'
import { loadState, saveState } from 'tapegrad/io'
import * as nn from 'tapegrad/nn'
import * as F from 'tapegrad/nn/functional'
import { AdamW } from 'tapegrad/optim'
import { assertClose } from 'tapegrad/testing'

class Net extends nn.Module {
  readonly hidden = new nn.Linear(2, 16)
  readonly output = new nn.Linear(16, 2)

  forward(x: Tensor): Tensor {
    return this.output.forward(F.relu(this.hidden.forward(x)))
  }
}

const info = await init({ device: process.argv[2] === 'cpu' ? 'cpu' : 'webgpu' })
manualSeed(0)
const points = randn([256, 2])
const labels = points.select(1, 0).mul(points.select(1, 1)).gt(0).to('int32')
const loader = new DataLoader(new TensorDataset(points, labels), { batchSize: 64, shuffle: true })
const model = new Net()
const optimizer = new AdamW(model.parameters(), { lr: 0.02 })
const losses: number[] = []
for (let epoch = 0; epoch < 40; epoch++) {
  for await (const [x, y] of loader) {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x as Tensor), y as Tensor)
    loss.backward()
    optimizer.step()
    losses.push((await loss.item()) as number)
  }
}
const accuracy = (await noGrad(() => model.forward(points).argmax(1).eq(labels).to('float32').mean()).item()) as number
await saveState('run.safetensors', { model: model.stateDict(), optimizer: optimizer.stateDict(), losses })
const saved = await loadState<{ model: nn.StateDict; losses: number[] }>('run.safetensors')
new Net().loadStateDict(saved.model)
if (saved.losses.length !== losses.length) throw new Error('the state came back otherwise than it went')
const dtype: DType = points.dtype
await assertClose(tensor([1, 2]).add(1), tensor([2, 3]))
if (!(points instanceof Tensor) || dtype !== 'float32' || !Number.isFinite(memory().liveBytes))
  throw new Error('the package is not what its types say')
const [first, last] = [losses[0] as number, losses.at(-1) as number]
if (!(last < first / 2 && accuracy > 0.9)) throw new Error(`no learning: loss ${first} to ${last}, accuracy ${accuracy}`)
console.log(`${info.adapter}: loss ${first.toFixed(3)} to ${last.toFixed(3)}, accuracy ${(100 * accuracy).toFixed(1)}%`)
