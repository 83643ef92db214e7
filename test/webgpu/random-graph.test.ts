/** @file The same random graphs on WebGPU and on the cpu device. */
import { describe, expect, it } from 'vitest'
import { difference, runRandomGraph } from '../support/random-graph.ts'

/** `TAPEGRAD_SEED=n` runs that seed alone; `TAPEGRAD_GRAPHS=n` runs n seeds of each kind. Every graph compiles kernels of its own, so few are run by default. */
const only = process.env.TAPEGRAD_SEED
const count = Number(process.env.TAPEGRAD_GRAPHS ?? 6)
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => 1001 + i)

const kinds = [
  { kind: 'exact', floats: ['float32', 'float16'] },
  { kind: 'smooth', floats: ['float32'] },
] as const

describe.each(kinds)('a random $kind graph gives on webgpu what it gives on cpu', ({ kind, floats }) => {
  it.each(seeds)('from seed %i', { timeout: 120_000 }, async (seed) => {
    const oracle = await runRandomGraph(seed, { device: 'cpu', kind, floats, size: 18 })
    const results = await runRandomGraph(seed, { device: 'webgpu', kind, floats, size: 18 })
    expect(results.length, `seed ${seed}`).toBe(oracle.length)
    for (const [i, result] of results.entries()) {
      const expected = oracle[i]?.values as Float64Array
      expect(difference({ ...result, expected }), `seed ${seed}`).toBeUndefined()
    }
  })
})
