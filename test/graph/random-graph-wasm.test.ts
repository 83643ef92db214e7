/** @file Random graphs on the cpu device as WebAssembly, against plain loops. */
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../src/index.ts'
import { difference, runRandomGraph } from '../support/random-graph.ts'

const only = process.env.TAPEGRAD_SEED
const count = Number(process.env.TAPEGRAD_GRAPHS ?? 40)
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => i + 1)

// The device is opened with its first use, which is below
process.env.TAPEGRAD_CPU = 'wasm'

const kinds = [
  { kind: 'exact', floats: ['float64'] },
  { kind: 'exact', floats: ['float32', 'float16'] },
  { kind: 'smooth', floats: ['float64'] },
  { kind: 'smooth', floats: ['float32'] },
] as const

beforeAll(async () => {
  expect((await init({ device: 'cpu' })).adapter).toContain('WebAssembly')
})

describe.each(kinds)('a random $kind graph of $floats, run as WebAssembly, gives what plain loops give', ({ kind, floats }) => {
  it.each(seeds)('from seed %i', async (seed) => {
    for (const checked of await runRandomGraph(seed, { device: 'cpu', kind, floats }))
      expect(difference(checked), `seed ${seed}`).toBeUndefined()
  })
})
