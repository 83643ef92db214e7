/** @file Random graphs on the cpu device whose every kernel is shared among three threads, against plain loops. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WORTH } from '../../src/device/cpu/wasm/threads/threads.ts'
import { arange, init, nn, tensor } from '../../src/index.ts'
import { difference, runRandomGraph } from '../support/random-graph.ts'

const seeds = Array.from({ length: Number(process.env.TAPEGRAD_GRAPHS ?? 30) }, (_, i) => 3001 + i)
const usual = { ...WORTH }

beforeAll(async () => {
  Object.assign(WORTH, { job: 0, chunk: 1 })
  // The device is opened with its first use, which is here
  Object.assign(process.env, { TAPEGRAD_CPU: 'wasm', TAPEGRAD_THREADS: '3' })
  expect((await init({ device: 'cpu' })).adapter).toContain('3 threads')
})
afterAll(() => Object.assign(WORTH, usual))

describe.each([
  { kind: 'exact', floats: ['float64'] },
  { kind: 'exact', floats: ['float32', 'float16'] },
  { kind: 'exact', floats: ['float32', 'bfloat16'] },
  { kind: 'smooth', floats: ['float32'] },
] as const)('a random $kind graph of $floats, shared among threads, gives what plain loops give', ({ kind, floats }) => {
  it.each(seeds)('from seed %i', async (seed) => {
    for (const checked of await runRandomGraph(seed, { device: 'cpu', kind, floats }))
      expect(difference(checked), `seed ${seed}`).toBeUndefined()
  })
})

it('of wrong indices, the first in the order of rows is told, whoever met it first', async () => {
  const weight = arange(40, { device: 'cpu', dtype: 'float32' }).reshape([10, 4])
  for (let i = 0; i < 30; i++) {
    const indices = new Int32Array(200).fill(3)
    indices[17 + i] = 70 + i
    indices[150] = 99
    const rows = nn.functional.embedding(tensor(indices, { device: 'cpu' }).add(0), weight)
    await expect(rows.data()).rejects.toThrow(`index ${70 + i} is out of range for an axis of size 10`)
  }
})
