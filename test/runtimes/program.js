/**
 * @file What each runtime runs of the packed package: `program.js DEVICE [FILE]` trains a small network, computes with other ops, writes FILE and reads it where one is
 * named, and prints what came of it as JSON. JavaScript, because it lies beside an installed package, where nothing is type-checked.
 */
import { init, loadState, manualSeed, nn, noGrad, rand, randn, saveState, tensor } from 'tapegrad'
import * as F from 'tapegrad/nn/functional'
import { AdamW } from 'tapegrad/optim'

const STEPS = 20

class Net extends nn.Module {
  conv = new nn.Conv2d(1, 8, 3, { padding: 1 })
  norm = new nn.BatchNorm2d(8)
  pool = new nn.MaxPool2d(2)
  dropout = new nn.Dropout(0.1)
  hidden = new nn.Linear(8 * 4 * 4, 64)
  output = new nn.Linear(64, 4)

  forward(x) {
    const y = this.pool.forward(F.relu(this.norm.forward(this.conv.forward(x)))) // [n, 8, 4, 4]
    return this.output.forward(F.gelu(this.hidden.forward(this.dropout.forward(y.flatten(1)))))
  }
}

/** Images whose label is the quarter that is bright. */
function images(n) {
  const labels = rand([n]).mul(4).floor().clamp(0, 3).to('int32')
  const quarter = F.oneHot(labels, 4).to('float32').reshape([n, 1, 2, 1, 2, 1]).expand([n, 1, 2, 4, 2, 4]).reshape([n, 1, 8, 8])
  return [randn([n, 1, 8, 8]).mul(0.5).add(quarter), labels]
}

async function train() {
  const [x, y] = images(256)
  const model = new Net()
  const optimizer = new AdamW(model.parameters(), { lr: 0.01 })
  const losses = []
  for (let step = 0; step < STEPS; step++) {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    losses.push(await loss.item())
  }
  const accuracy = await noGrad(() => model.eval().forward(x).argmax(1).eq(y).to('float32').mean()).item()
  return { model, optimizer, losses, accuracy }
}

/** Kernels of each kind; the product and the sums are large enough for threads and for a BLAS. */
async function values(device) {
  const a = randn([256, 256])
  const b = rand([256, 256])
  const whole = tensor([7, -7, 2147483647, 3], { dtype: 'int32' })
  const results = {
    product: a.matmul(b).mean(1).narrow(0, 0, 8),
    softmax: a.softmax(1).amax(1).narrow(0, 0, 8),
    functions: b.add(0.5).log().exp().sin().pow(2).add(b.sqrt()).sum(0).narrow(0, 0, 8),
    long: rand([2 ** 19]).mean(),
    whole: whole.mul(3).to('float32'),
    bytes: whole.to('uint8').to('float32'),
    halves: b.half().sum(0).float().narrow(0, 0, 8),
    chosen: a.indexSelect(0, tensor([3, 1, 2], { dtype: 'int32' })).sum(1),
    ...(device === 'cpu' ? { double: a.to('float64').sum().to('float32') } : {}),
  }
  const lists = await Promise.all(Object.values(results).map((result) => result.flatten().toArray()))
  return Object.fromEntries(Object.keys(results).map((name, i) => [name, lists[i]]))
}

async function files(file, { model, optimizer }) {
  await saveState(file, { model: model.stateDict(), optimizer: optimizer.stateDict() })
  const state = await loadState(file)
  new Net().loadStateDict(state.model)
  optimizer.loadStateDict(state.optimizer)
}

async function main([device, file]) {
  const { adapter } = await init({ device })
  manualSeed(0)
  const { losses, accuracy, ...trained } = await train()
  const computed = await values(device)
  if (file) await files(file, trained)
  console.log(JSON.stringify({ adapter, losses, accuracy, values: computed }))
}

await main(process.argv.slice(2))
