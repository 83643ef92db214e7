/** @file When a graph that is made of parts is planned anew as a whole: once it comes often, not because it comes again now and then. */
import { expect, it } from 'vitest'
import { init, rand, type Tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'

const counts = (): { dispatches: number; pipelines: number } => {
  const { dispatches, pipelines } = deviceCounters('cpu')
  return { dispatches, pipelines }
}

it('structures that take turns stay made of parts that they share, one that comes again and again becomes a whole', async () => {
  await init({ device: 'cpu' })
  const w = rand([8, 8])
  const start = rand([4, 8])
  await Promise.all([w.data(), start.data()])
  const run = async (length: number): Promise<number> => {
    let x: Tensor = start
    for (let i = 0; i < length; i++) x = x.matmul(w).tanh().add(x.softmax(1))
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
