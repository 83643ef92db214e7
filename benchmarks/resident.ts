/**
 * @file `npx tsx benchmarks/resident.ts [steps]`: what a process on device cpu holds while every step has another batch size, so that every step makes new
 * kernels: resident memory, the heap, live and pooled bytes, every tenth of the way. Wanted: 7,000 steps hold at most 30 MB more than 1,000. Small and
 * large batches are mixed, so that what a step needs by itself is the same early and late.
 */
import { init, memory, nn, optim, tensor } from '../src/index.ts'

const MIB = 2 ** 20
const FEATURES = 16
/** A prime number: of its residues, each comes once. */
const SIZES = 7001

async function main(steps: number): Promise<void> {
  await init({ device: 'cpu' })
  const model = new nn.Sequential(new nn.Linear(FEATURES, 32), new nn.ReLU(), new nn.Linear(32, 4))
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  console.log('step   resident   heap   live   pooled, in MiB')
  for (let i = 1; i <= steps; i++) {
    const rows = 1 + ((i * 4391) % SIZES)
    optimizer.zeroGrad()
    const logits = model.forward(tensor(new Float32Array(rows * FEATURES), { shape: [rows, FEATURES] }))
    const loss = nn.functional.crossEntropy(logits, tensor(new Int32Array(rows)))
    loss.backward()
    optimizer.step()
    if (i % 10 === 0) await loss.item()
    if (i % Math.ceil(steps / 10) !== 0) continue
    const { rss, heapUsed } = process.memoryUsage()
    const { liveBytes, pooledBytes } = memory('cpu')
    console.log([i, ...[rss, heapUsed, liveBytes, pooledBytes].map((bytes) => (bytes / MIB).toFixed(1))].join('   '))
  }
}

void main(Number(process.argv[2] ?? SIZES - 1))
