/** Run by exit.test.ts: a program that ends in the middle of work on a device. Arguments: the device, how it ends, after how many milliseconds. */
import { init, nn, optim, randn } from '../../src/index.ts'

const F = nn.functional

async function main(device: 'cpu' | 'webgpu', end: string, after: number): Promise<void> {
  await init({ device })
  const model = new nn.Sequential(new nn.Conv2d(1, 4, 3, { padding: 1 }), new nn.ReLU(), new nn.Flatten(), new nn.Linear(4 * 256, 16))
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const step = (): Promise<number> => {
    optimizer.zeroGrad()
    const loss = F.mseLoss(model.forward(randn([16, 1, 16, 16])), randn([16, 16]))
    loss.backward()
    optimizer.step()
    return loss.item()
  }
  const stop = (): void => {
    if (end === 'exit') process.exit(0)
    if (end === 'throw') throw new Error('ended by an error')
    running = false
  }
  let running = true
  if (after < 0) {
    void step()
    stop()
    return
  }
  setTimeout(stop, after)
  // One is awaited, others are under way
  while (running) {
    const first = step()
    void step().catch(() => {})
    await first
  }
  void step()
}

void main(process.argv[2] as 'cpu' | 'webgpu', process.argv[3] as string, Number(process.argv[4]))
