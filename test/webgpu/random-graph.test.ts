/** @file The same random graphs on WebGPU and on the cpu device. */
import { describe, expect, it } from 'vitest'
import { difference, runRandomGraph } from '../support/random-graph.ts'

const only = process.env.TAPEGRAD_SEED
const count = Number(process.env.TAPEGRAD_GRAPHS ?? 25)
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => 1001 + i)

describe('random graphs on webgpu agree with the cpu device', () => {
  for (const kind of ['exact', 'smooth'] as const) {
    it.each(seeds)(`${kind}, seed %i`, async (seed) => {
      const floats = kind === 'exact' ? (['float32', 'float16'] as const) : (['float32'] as const)
      const oracle = await runRandomGraph(seed, { device: 'cpu', kind, floats })
      const results = await runRandomGraph(seed, { device: 'webgpu', kind, floats })
      expect(results.length).toBe(oracle.length)
      results.forEach((result, i) => {
        expect(difference({ ...result, expected: oracle[i]?.values as Float64Array }), `seed ${seed}`).toBeUndefined()
      })
    })
  }
})
