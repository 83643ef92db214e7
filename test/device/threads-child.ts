/** @file Trains a convolutional network on device cpu, whose every kernel threads share, and prints what it came to and what an idle moment after cost. */
import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { WORTH } from '../../src/device/cpu/wasm/threads/threads.ts'
import { init, manualSeed, nn, optim, randint, randn, type Tensor } from '../../src/index.ts'

Object.assign(WORTH, { job: 0, chunk: 1 })
const { adapter } = await init({ device: 'cpu' })
manualSeed(3)
const model = new nn.Sequential(
  new nn.Conv2d(2, 6, 3, { padding: 1 }),
  new nn.BatchNorm2d(6),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Dropout(0.3),
  new nn.Flatten(),
  new nn.Linear(6 * 36, 10),
)
const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01 })
const hash = createHash('sha256')
for (let i = 0; i < 5; i++) {
  optimizer.zeroGrad()
  const loss = nn.functional.crossEntropy(model.forward(randn([16, 2, 12, 12])) as Tensor, randint(0, 10, [16]))
  loss.backward()
  optimizer.step()
  hash.update(String(await loss.item()))
}
for (const value of Object.values(model.stateDict())) hash.update(new Uint8Array((await value.data()).buffer))
const before = process.cpuUsage()
await setTimeout(400)
const { user, system } = process.cpuUsage(before)
console.log(JSON.stringify({ adapter, digest: hash.digest('hex'), idle: (user + system) / 1000 }))
