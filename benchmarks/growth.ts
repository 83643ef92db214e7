/**
 * @file `npm run bench -- growth`: how the time of a program that is seen for the first time (recorded, scheduled, compiled, run and read) grows with its
 * length. Each program is run at n, 2n, 4n and 8n, and its results are checked. The time is the processor's, which other work on the machine changes least.
 */

import { cat, init, manualSeed, nn, optim, sin, stack, synchronize, type Tensor, tanh, tensor } from '../src/index.ts'
import type { GrowthRow } from './results.ts'
import type { Device } from './worker.ts'

/** What a program found, and what it should have. */
interface Outcome {
  readonly got: ArrayLike<number>
  readonly want: ArrayLike<number>
}

export interface GrowthProgram {
  readonly name: string
  /** The shortest length that is measured. */
  readonly n: number
  run(n: number): Promise<Outcome>
}

const leaf = (values: number[], requiresGrad = false): Tensor => tensor(values, { requiresGrad })
const list = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const WIDTH = 4

/** Losses of an elman cell h ← tanh(u · h + x), and d loss / d u, in double precision. */
function elman(n: number, u: number, x: (t: number) => number): { loss: number; slope: number } {
  let [h, dh, loss, slope] = [0, 0, 0, 0]
  for (let t = 0; t < n; t++) {
    const next = Math.tanh(u * h + x(t))
    dh = (1 - next * next) * (h + u * dh)
    h = next
    loss += h * h
    slope += 2 * h * dh
  }
  return { loss, slope }
}

export const PROGRAMS: readonly GrowthProgram[] = [
  {
    name: 'stack of n leaves',
    n: 500,
    async run(n) {
      const got = await stack(list(n, (i) => leaf([i, -i]))).data()
      return { got, want: list(2 * n, (k) => (k % 2 ? -(k >> 1) : k >> 1)) }
    },
  },
  {
    name: 'cat of n leaves, and its gradient',
    n: 250,
    async run(n) {
      const parts = list(n, (i) => leaf([i, 1, 2].slice(0, 1 + (i % 3)), true))
      const joined = cat(parts)
      joined.mul(joined).sum().backward()
      const grads = await Promise.all(parts.map((p) => (p.grad as Tensor).data()))
      return { got: grads.flatMap((g) => [...g]), want: parts.flatMap((_, i) => [2 * i, 2, 4].slice(0, 1 + (i % 3))) }
    },
  },
  {
    name: 'first Adam step of n parameters',
    n: 125,
    async run(n) {
      const params = list(n, (i) => new nn.Parameter(tensor([i, 1, -1, 2])))
      const optimizer = new optim.Adam(params, { lr: 0.5, eps: 0 })
      params
        .map((p, i) => p.mul(i % 2 ? 1 : -1).sum())
        .reduce((a, b) => a.add(b))
        .backward()
      optimizer.step()
      // The first step of Adam is lr against the sign of the gradient
      const values = await Promise.all(params.map((p) => p.data()))
      return {
        got: values.flatMap((v) => [...v]),
        want: list(n, (i) => [i, 1, -1, 2].map((v) => v + (i % 2 ? -0.5 : 0.5))).flat(),
      }
    },
  },
  {
    name: 'chain of n times mul and sin, and its gradient',
    n: 250,
    async run(n) {
      const starts = [0.1, 0.5, 1, 2]
      const x = leaf(starts, true)
      let y = x
      for (let i = 0; i < n; i++) y = sin(y.mul(1.001))
      y.sum().backward()
      const want = starts.map((start) => {
        let [v, d] = [start, 1]
        for (let i = 0; i < n; i++) [v, d] = [Math.sin(v * 1.001), d * 1.001 * Math.cos(v * 1.001)]
        return [v, d] as const
      })
      const [got, grad] = [await y.data(), await (x.grad as Tensor).data()]
      return { got: [...got, ...grad], want: [...want.map(([v]) => v), ...want.map(([, d]) => d)] }
    },
  },
  {
    name: 'n independent branches of one input',
    n: 125,
    async run(n) {
      const x = leaf([1, 2, 3])
      const sums = list(n, (i) => x.mul(i).exp().sum())
      const means = sums.map((s, i) => x.sub(s).mul(i).mean())
      await synchronize()
      const values = await Promise.all([...sums, ...means].map((t) => t.item()))
      const total = (i: number): number => Math.exp(i) + Math.exp(2 * i) + Math.exp(3 * i)
      // exp of more than 88 is past float32
      const known = (v: number, i: number): number => (3 * i < 80 ? v : 0)
      return {
        got: values.map((v, k) => known(v, k % n)),
        want: list(2 * n, (k) => known(k < n ? total(k) : (2 - total(k - n)) * (k - n), k % n)),
      }
    },
  },
  {
    name: 'n residual blocks, and their gradient',
    n: 25,
    async run(n) {
      // x ← x + relu(x · W) with W = I / n: every block scales by 1 + 1/n
      const eye = list(WIDTH, (r) => list(WIDTH, (c) => (r === c ? 1 / n : 0)))
      const weights = list(n, () => new nn.Parameter(tensor(eye)))
      const x = tensor(
        list(2, () => list(WIDTH, (c) => 1 + c)),
        { requiresGrad: true },
      )
      let y: Tensor = x
      for (const w of weights) y = y.add(y.matmul(w).relu())
      y.sum().backward()
      const scale = (1 + 1 / n) ** n
      const grads = await Promise.all([x, ...weights].map((t) => (t.grad as Tensor).data()))
      // d y / d W of a block: the input of the block times the scale of those behind it, over the two rows
      const rows = list(WIDTH, (r) => list(WIDTH, () => (2 * (1 + r) * scale) / (1 + 1 / n))).flat()
      return { got: grads.flatMap((g) => [...g]), want: [...list(2 * WIDTH, () => scale), ...weights.flatMap(() => rows)] }
    },
  },
  {
    name: 'loop of n steps of a cell, a loss each, and an update',
    n: 60,
    async run(n) {
      manualSeed(0)
      const u = new nn.Parameter(tensor([0.5, 0.5]))
      const optimizer = new optim.SGD([u], { lr: 0.01 })
      let h: Tensor = tensor([0, 0])
      let loss: Tensor | undefined
      for (let t = 0; t < n; t++) {
        h = tanh(u.mul(h).add(leaf([Math.sin(t), Math.sin(t)])))
        const own = h.square().sum()
        loss = loss ? loss.add(own) : own
      }
      const all = loss as Tensor
      all.backward()
      optimizer.step()
      const want = elman(n, 0.5, Math.sin)
      const updated = 0.5 - 0.01 * want.slope
      return { got: [await all.item(), ...(await u.data())], want: [2 * want.loss, updated, updated] }
    },
  },
]

/** Throws where a program's numbers are wrong. */
function check(name: string, n: number, { got, want }: Outcome): void {
  if (got.length !== want.length) throw new Error(`${name}, n = ${n}: ${got.length} numbers where ${want.length} are expected`)
  for (let i = 0; i < want.length; i++) {
    const [g, w] = [got[i] as number, want[i] as number]
    if (!(Math.abs(g - w) <= 2e-4 * Math.max(1, Math.abs(w)))) throw new Error(`${name}, n = ${n}: number ${i} is ${g}, expected ${w}`)
  }
}

/** Milliseconds of the process. */
async function timeOf({ name, run }: GrowthProgram, n: number): Promise<number> {
  await synchronize()
  const before = process.cpuUsage()
  const outcome = await run(n)
  const { user, system } = process.cpuUsage(before)
  check(name, n, outcome)
  return (user + system) / 1000
}

/** Measures every program; `found` is called with each row as it is there. */
export async function growth(
  device: Device,
  rounds: number,
  found: (row: GrowthRow) => void = () => {},
): Promise<{ adapter: string; rows: GrowthRow[] }> {
  const { adapter } = await init({ device })
  const rows: GrowthRow[] = []
  for (const program of PROGRAMS) {
    const sizes = [1, 2, 4, 8].map((times) => program.n * times)
    // Before anything counts, the engine's compiler is warm and most shaders are there
    for (const n of [7, program.n - 5, 2 * program.n - 5]) check(program.name, n, await program.run(n))
    const ms = sizes.map(() => Number.POSITIVE_INFINITY)
    // In turns, as a machine is faster at times. Lengths that differ a little are different programs: none finds what another has compiled
    for (let round = 0; round < rounds; round++)
      for (const [i, n] of sizes.entries()) ms[i] = Math.min(ms[i] as number, await timeOf(program, n + round))
    const row: GrowthRow = { program: program.name, sizes, ms }
    rows.push(row)
    found(row)
  }
  return { adapter, rows }
}
