/** @file Random graphs through scheduler, fusion and the cpu device, against plain loops that know of none of them. */
import { describe, expect, it } from 'vitest'
import { difference, runRandomGraph } from '../support/random-graph.ts'

/** `TAPEGRAD_SEED=n` runs that seed alone; `TAPEGRAD_GRAPHS=n` runs n seeds of each kind. */
const only = process.env.TAPEGRAD_SEED
const count = Number(process.env.TAPEGRAD_GRAPHS ?? 40)
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => i + 1)

const kinds = [
  { kind: 'exact', floats: ['float64'] },
  { kind: 'exact', floats: ['float32', 'float16'] },
  { kind: 'smooth', floats: ['float64'] },
  { kind: 'smooth', floats: ['float32'] },
] as const

describe.each(kinds)('a random $kind graph of $floats, fused and run on cpu, gives what plain loops give', ({ kind, floats }) => {
  it.each(seeds)('from seed %i', async (seed) => {
    for (const checked of await runRandomGraph(seed, { device: 'cpu', kind, floats }))
      expect(difference(checked), `seed ${seed}`).toBeUndefined()
  })
})
