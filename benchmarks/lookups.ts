/**
 * @file `npm run bench -- lookups`: what is looked up by position, and its gradient, which sums what comes back to each position: an embedding with its update by SGD,
 * and numbers in another order; and an embedding at sizes that double. With --torch PyTorch beside them. Gradients are compared with sums in float64 first.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { init, nn, optim, type Tensor, tensor, zeros } from '../src/index.ts'
import { median, spread } from './report.ts'
import type { LookupRow, Lookups } from './results.ts'
import { uniform } from './tasks.ts'
import type { Device } from './worker.ts'

interface Lookup {
  readonly kind: 'embedding' | 'permutation'
  readonly rows: number
  readonly features: number
  readonly indices: number
}

const DOUBLING = [1, 2, 4, 8].map((by): Lookup => ({ kind: 'embedding', rows: 5000 * by, features: 64, indices: 512 * by }))
const TASKS: readonly Lookup[] = [
  { kind: 'embedding', rows: 20_000, features: 64, indices: 2048 },
  { kind: 'permutation', rows: 80_000, features: 1, indices: 80_000 },
  ...DOUBLING,
]
const LR = 0.1
/** Untimed first: at least so many steps, and as many as so many milliseconds hold. */
const WARM = { steps: 40, ms: 1500 } as const
const TIMES = 25

/** A task, set up: a step of it, and what is to be as it was computed in float64 after the first. */
interface Loop {
  step(): Promise<void>
  readonly found: () => Tensor
  readonly wanted: Float64Array
}

function embeddingLoop({ rows, features, indices }: Lookup): Loop {
  const numbers = uniform(1)
  const tokens = Int32Array.from({ length: indices }, () => Math.floor(numbers() * rows))
  const factors = Float32Array.from({ length: indices * features }, (_, i) => (i % 7) - 3)
  const weight = new nn.Parameter(zeros([rows, features]))
  const optimizer = new optim.SGD([weight], { lr: LR })
  const [index, by] = [tensor(tokens), tensor(factors, { shape: [indices, features] })]
  const wanted = new Float64Array(rows * features)
  tokens.forEach((row, i) => {
    for (let f = 0; f < features; f++) {
      const at = row * features + f
      wanted[at] = (wanted[at] as number) - LR * (factors[i * features + f] as number)
    }
  })
  return {
    async step() {
      optimizer.zeroGrad()
      const loss = nn.functional.embedding(index, weight).mul(by).sum()
      loss.backward()
      optimizer.step()
      await loss.item()
    },
    found: () => weight,
    wanted,
  }
}

function permutationLoop({ rows, indices }: Lookup): Loop {
  const order = Int32Array.from({ length: indices }, (_, i) => (i * 7919) % rows)
  const factors = Float32Array.from({ length: indices }, (_, i) => (i % 1001) / 8)
  const x = zeros([rows], { requiresGrad: true })
  const [index, by] = [tensor(order), tensor(factors)]
  const wanted = new Float64Array(rows)
  order.forEach((row, i) => {
    wanted[row] = (wanted[row] as number) + (factors[i] as number)
  })
  return {
    async step() {
      x.grad = null
      const loss = x.at(index).mul(by).sum()
      loss.backward()
      await loss.item()
    },
    found: () => x.grad as Tensor,
    wanted,
  }
}

const LOOPS: { readonly [K in Lookup['kind']]: (task: Lookup) => Loop } = { embedding: embeddingLoop, permutation: permutationLoop }

async function check(name: string, loop: Loop): Promise<void> {
  await loop.step()
  const found = await loop.found().data()
  loop.wanted.forEach((want, i) => {
    const got = found[i] as number
    if (!(Math.abs(got - want) <= 1e-5 * Math.max(1, Math.abs(want)))) throw new Error(`${name}: number ${i} is ${got}, expected ${want}`)
  })
}

const nameOf = ({ kind, rows, features, indices }: Lookup): string =>
  kind === 'permutation'
    ? `x.at(permutation) of ${rows}, and its gradient`
    : `embedding of ${rows} × ${features}, ${indices} tokens, and SGD`

async function warmUp(loop: Loop): Promise<void> {
  const begin = performance.now()
  for (let i = 0; i < WARM.steps || performance.now() - begin < WARM.ms; i++) await loop.step()
}

async function timesOf(loop: Loop): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < TIMES; i++) {
    const begin = performance.now()
    await loop.step()
    times.push(performance.now() - begin)
  }
  return times
}

/** The medians of PyTorch's rounds, for each task. */
function pytorch(rounds: number): { readonly torch: string; readonly rounds: readonly (readonly number[])[] } {
  const script = fileURLToPath(new URL('lookups.py', import.meta.url))
  const answer = execFileSync('/usr/bin/python3', [script, JSON.stringify({ tasks: TASKS, rounds, warm: WARM, times: TIMES })], {
    encoding: 'utf8',
  })
  return JSON.parse(answer)
}

/** Measures every lookup; `found` is called with each row as it is there. */
export async function lookups(
  device: Device,
  rounds: number,
  withTorch: boolean,
  found: (row: LookupRow) => void = () => {},
): Promise<Pick<Lookups, 'adapter' | 'torch' | 'rows'>> {
  const { adapter } = await init({ device })
  const peer = withTorch ? pytorch(rounds) : undefined
  const rows: LookupRow[] = []
  for (const [i, task] of TASKS.entries()) {
    const loop = LOOPS[task.kind](task)
    await check(nameOf(task), loop)
    await warmUp(loop)
    const medians: number[] = []
    for (let round = 0; round < rounds; round++) medians.push(median(await timesOf(loop)))
    const torch = peer?.rounds[i]
    const row: LookupRow = {
      task: nameOf(task),
      ms: spread(medians),
      ...(torch && { torchMs: spread(torch) }),
      ...(DOUBLING.includes(task) && { work: task.features * (task.rows + task.indices) }),
    }
    rows.push(row)
    found(row)
  }
  return { adapter, ...(peer && { torch: peer.torch }), rows }
}
