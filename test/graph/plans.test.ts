/** @file Plans of parts: what they are shared by, and when a graph that is made of them is planned anew as a whole. */
import { expect, it } from 'vitest'
import { init, rand, type Tensor, tensor, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'

const counts = (): { dispatches: number; pipelines: number } => {
  const { dispatches, pipelines } = deviceCounters('cpu')
  return { dispatches, pipelines }
}

it('structures that take turns stay made of parts that they share, one that comes again and again becomes a whole', async () => {
  await init({ device: 'cpu' })
  const w = rand([8, 8])
  const start = rand([24, 8])
  await Promise.all([w.data(), start.data()])
  /** What follows from each row of a product is a part; planned as a whole, it is all in one kernel. */
  const run = async (length: number): Promise<number> => {
    const rows = start.matmul(w)
    let x: Tensor = start
    for (let i = 0; i < length; i++) x = x.matmul(w).tanh().add(rows.select(0, i).exp())
    const { dispatches } = counts()
    await x.sum().item()
    return counts().dispatches - dispatches
  }
  const lengths = Array.from({ length: 24 }, (_, i) => i + 1)
  const sweep = async (): Promise<number[]> => {
    const found: number[] = []
    for (const length of lengths) found.push(await run(length))
    return found
  }
  const first = await sweep()
  const { pipelines } = counts()
  for (let i = 0; i < 3; i++) expect(await sweep()).toEqual(first)
  expect(counts().pipelines).toBe(pipelines)

  const again: number[] = []
  for (let i = 0; i < 12; i++) again.push(await run(20))
  expect(again.at(-1)).toBeLessThan(first[19] as number)
})

it('time steps that look at other places of a sequence have one plan', async () => {
  await init({ device: 'cpu' })
  const random = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => Math.sin(seed + 1.7 * i))
  const w = tensor(random(16, 1), { shape: [4, 4] })
  const pipelines = async (steps: number): Promise<number> => {
    const values = random(steps * 4, steps)
    const x = tensor(values, { shape: [steps, 4], requiresGrad: true })
    const before = counts().pipelines
    let h: Tensor = zeros([1, 4])
    for (let t = 0; t < steps; t++)
      h = h
        .matmul(w)
        .add(x.narrow(0, t, 1).matmul(w))
        .tanh()
    h.sum().backward()
    const [sum, grad] = [await h.sum().item(), (await x.grad?.toArray()) as number[][]]
    const made = counts().pipelines - before
    // The same, step by step
    const of = async (t: number): Promise<number> => {
      let [plain, dh] = [
        [0, 0, 0, 0],
        [0, 0, 0, 0],
      ]
      const weights = (await w.toArray()) as number[][]
      for (let s = 0; s < steps; s++) {
        const seen = values.slice(4 * s, 4 * s + 4)
        const [before, dBefore] = [plain, dh]
        plain = plain.map((_, j) =>
          Math.tanh(weights.reduce((n, row, i) => n + ((before[i] as number) + (seen[i] as number)) * (row[j] as number), 0)),
        )
        dh = plain.map(
          (y, j) =>
            (1 - y * y) *
            weights.reduce((n, row, i) => n + ((dBefore[i] as number) + (s === t && i === 2 ? 1 : 0)) * (row[j] as number), 0),
        )
      }
      expect(sum).toBeCloseTo(
        plain.reduce((a, b) => a + b),
        4,
      )
      return dh.reduce((a, b) => a + b)
    }
    for (const t of [0, steps >> 1, steps - 1]) expect(grad[t]?.[2]).toBeCloseTo(await of(t), 4)
    return made
  }
  await pipelines(8)
  // Sizes of the sequence and of its gradient are others each time, and nothing else
  const [short, long] = [await pipelines(16), await pipelines(40)]
  expect(long).toBeLessThanOrEqual(short + 4)
})
