/** Run by exit.test.ts: a program with a wrong index that the host does not know. Arguments: the device, and whether the losses are read. */
import { init, nn, optim, tensor } from '../../src/index.ts'

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

void main(process.argv[2] as 'cpu' | 'webgpu', process.argv[3] === 'read')
