/** @file Trains a convolutional network on handwritten digits: `npm start`, or `npm start -- --help`. */
import { amp, data, manualSeed, nn, noGrad, optim, stack, synchronize, type Tensor, tensor } from '../../src/index.ts'
import { augment } from './augment.ts'
import { openCheckpoint, type Point, restore, saveCheckpoint, settle } from './checkpoint.ts'
import { type Digits, loadDigits, SIDE } from './data.ts'
import { Net } from './model.ts'
import { writePlot } from './plot.ts'
import { Progress } from './progress.ts'
import { accuracyLine, confusionMatrix } from './report.ts'
import { setup } from './setup.ts'

const F = nn.functional
const BATCH = 64
const LEARNING_RATE = 0.01
/** What stays of the learning rate from epoch to epoch. */
const DECAY = 0.9

const toTensors = ({ images, labels, count }: Digits): [Tensor, Tensor] => [
  tensor(images, { shape: [count, 1, SIDE, SIDE] }),
  tensor(labels),
]

const flags = await setup()
const saved = flags.resume || flags.evaluate ? await openCheckpoint(flags.checkpoint) : undefined
const settings = settle(flags, saved)

manualSeed(settings.seed)
const digits = loadDigits()
const dataset = new data.TensorDataset(...toTensors(digits.train))
// The order of the images comes from the default generator, whose state is in the checkpoint.
const loader = new data.DataLoader(dataset, { batchSize: BATCH, shuffle: true, dropLast: true })
const test = toTensors(digits.test)

const model = new Net()
console.log(model.toString())
const optimizer = new optim.AdamW(model.parameters(), { lr: LEARNING_RATE, weightDecay: 0.01 })
const { precision } = settings
const autocast = precision === 'float32' ? ({ enabled: false } as const) : { dtype: precision }
// Gradients of float16 may be too small for it; bfloat16 reaches as far as float32.
const scaler = new amp.GradScaler({ enabled: precision === 'float16' })
const curve: Point[] = saved ? restore(saved, model, optimizer, scaler) : []

function forward(x: Tensor, y: Tensor): { logits: Tensor; loss: Tensor } {
  return amp.autocast(autocast, () => {
    const logits = model.forward(x)
    return { logits, loss: F.crossEntropy(logits, y) }
  })
}

/** Goes through the training images once; the mean loss and the share of right answers, while learning. */
async function train(progress: Progress): Promise<{ loss: number; accuracy: number }> {
  model.train()
  const losses: Tensor[] = []
  const hits: Tensor[] = []
  for await (const [x, y] of loader) {
    const { logits, loss } = forward(augment(x), y)
    optimizer.zeroGrad()
    scaler.scale(loss).backward()
    losses.push(loss.detach())
    hits.push(logits.argmax(1).eq(y).sum())
    scaler.step(optimizer)
    scaler.update()
    await progress.advance(BATCH)
  }
  // Read once per epoch: the batches above wait for no value.
  const [loss, right] = await Promise.all([stack(losses).mean().item(), stack(hits).sum().item()])
  return { loss, accuracy: right / (losses.length * BATCH) }
}

/** Answers the test images. Nothing in it is random, so that the stream of random numbers is left where it is. */
async function evaluate(): Promise<{ loss: number; answers: ArrayLike<number>; accuracy: number }> {
  model.eval()
  const [x, y] = test
  const { logits, loss } = noGrad(() => forward(x, y))
  const [value, answers] = await Promise.all([loss.item(), logits.argmax(1).data()])
  const right = digits.test.labels.filter((label, i) => label === answers[i]).length
  return { loss: value, answers, accuracy: right / digits.test.count }
}

if (!flags.evaluate) {
  const imagesPerEpoch = loader.length * BATCH
  const progress = new Progress({ epochs: settings.epochs, imagesPerEpoch, before: curve.length, computed: synchronize })
  for (let epoch = curve.length + 1; epoch <= settings.epochs; epoch++) {
    for (const group of optimizer.paramGroups) group.lr = LEARNING_RATE * DECAY ** (epoch - 1)
    const learned = await train(progress)
    const tested = await evaluate()
    curve.push({ epoch, loss: learned.loss, accuracy: learned.accuracy, testLoss: tested.loss, testAccuracy: tested.accuracy })
    progress.epoch(epoch, learned.loss, learned.accuracy, tested.accuracy)
    await saveCheckpoint(flags.checkpoint, { model, optimizer, scaler, curve, settings })
  }
}

const plot = flags.plot ?? (flags.evaluate ? undefined : flags.checkpoint.replace(/(\.safetensors)?$/, '.svg'))
if (plot !== undefined) writePlot(plot, curve)
if (!flags.evaluate) console.log(`\ncheckpoint ${flags.checkpoint}\nlearning curve ${plot}`)

const { answers } = await evaluate()
console.log(`\n${confusionMatrix(digits.test.labels, answers)}\n`)
console.log(accuracyLine(digits.test.labels, answers))
