/** @file Trains a two-layer network on handwritten digits: `npm start`, or `npm start -- --help`. */
import { data, manualSeed, nn, noGrad, optim, stack, type Tensor, tensor } from '../../src/index.ts'
import { CLASSES, type Digits, loadDigits, PIXELS } from './data.ts'
import { Progress } from './progress.ts'
import { accuracyLine, confusionMatrix } from './report.ts'
import { setup } from './setup.ts'

const F = nn.functional
const BATCH = 64

class Net extends nn.Module {
  readonly hidden = new nn.Linear(PIXELS, 128)
  readonly output = new nn.Linear(128, CLASSES)

  forward(x: Tensor): Tensor {
    return this.output.forward(F.relu(this.hidden.forward(x)))
  }
}

const toTensors = ({ images, labels, count }: Digits): [Tensor, Tensor] => [tensor(images, { shape: [count, PIXELS] }), tensor(labels)]

const { epochs, seed } = await setup()
manualSeed(seed)
const digits = loadDigits()
const dataset = new data.TensorDataset(...toTensors(digits.train))
const loader = new data.DataLoader(dataset, { batchSize: BATCH, shuffle: true, dropLast: true })

const model = new Net()
console.log(model.toString())
const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.01 })
const progress = new Progress(epochs, loader.length * BATCH)

for (let epoch = 1; epoch <= epochs; epoch++) {
  model.train()
  const losses: Tensor[] = []
  const hits: Tensor[] = []
  for await (const [x, y] of loader) {
    const logits = model.forward(x)
    const loss = F.crossEntropy(logits, y)
    optimizer.zeroGrad()
    loss.backward()
    losses.push(loss.detach())
    hits.push(logits.argmax(1).eq(y).sum())
    optimizer.step()
    progress.advance(BATCH)
  }
  // Read once per epoch: the batches above never wait for a value.
  const loss = await stack(losses).mean().item()
  const right = await stack(hits).sum().item()
  progress.epoch(epoch, loss, right / (losses.length * BATCH))
}

model.eval()
const [x, y] = toTensors(digits.test)
const answers = await noGrad(() => model.forward(x).argmax(1)).data()
const labels = await y.data()
console.log(`\n${confusionMatrix(labels, answers)}\n`)
console.log(accuracyLine(labels, answers))
