/** Run by exit.test.ts: a program with a wrong index that the host does not know. Arguments: the device, and `read` where the losses are; `step`: too large a step instead. */
import { init, nn, optim, randn, tensor, tidy } from '../../src/index.ts'

async function main(device: 'cpu' | 'webgpu', read: boolean): Promise<void> {
  await init({ device })
  const table = new nn.Embedding(4, 3)
  const optimizer = new optim.SGD(table.parameters(), { lr: 0.1 })
  const losses = [0, 9].map((i) => {
    optimizer.zeroGrad()
    const loss = table.forward(tensor(Int32Array.of(0, i)).mul(tensor(Int32Array.of(1, 1)))).sum()
    loss.backward()
    optimizer.step()
    return loss
  })
  for (const loss of read ? losses : []) await loss.item().catch((e: Error) => console.log(`told: ${e.message}`))
}

/** Closes a step that cannot be computed, which is found once the device is open. */
async function tooLarge(device: 'cpu' | 'webgpu'): Promise<void> {
  tidy(() => randn([400, 400], { device }).mul(2).detach())
  await init({ device, memoryLimit: 100_000 })
}

const [device, what] = process.argv.slice(2) as ['cpu' | 'webgpu', string | undefined]
void (what === 'step' ? tooLarge(device) : main(device, what === 'read'))
