/** @file A reduction and a contraction give the same bits in every kernel: fused with what is around, in any way, and each by itself. */
import { beforeAll, describe, expect, it } from 'vitest'
import { init } from '../../src/index.ts'
import { policy } from '../../src/runtime/plans.ts'
import { device } from '../support/device.ts'
import { runRandomGraph } from '../support/random-graph.ts'
import { runSurrounded } from '../support/surroundings.ts'

const only = process.env.TAPEGRAD_SEED
const count = Number(process.env.TAPEGRAD_GRAPHS ?? (device === 'cpu' ? 20 : 4))
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => 7001 + i)
const dtypes = device === 'cpu' ? (['float32', 'float64'] as const) : (['float32'] as const)

beforeAll(async () => {
  // A BLAS has an order of its own
  if (device === 'cpu') Object.assign(process.env, { TAPEGRAD_CPU: 'wasm', TAPEGRAD_BLAS: 'off' })
  await init({ device })
  // Planned in parts when they are new, as wholes when they come again
  policy.waitFor = () => 1
})

describe.each(dtypes)('%s', (dtype) => {
  describe.each(['reductions', 'contractions'] as const)('%s', (of) => {
    it.each(seeds)('from seed %i', async (seed) => {
      const apart = await runSurrounded(seed, { device, dtype, of, stored: true })
      for (const planned of ['in parts', 'as a whole'])
        expect(await runSurrounded(seed, { device, dtype, of, stored: false }), planned).toEqual(apart)
    })
  })
})

describe('a random graph', () => {
  const floats = device === 'cpu' ? (['float32', 'float64'] as const) : (['float32'] as const)
  it.each(seeds)('from seed %i', async (seed) => {
    const options = { device, kind: 'smooth', floats, size: 18 } as const
    const values = async (stored: boolean): Promise<Float64Array[]> =>
      (await runRandomGraph(seed, { ...options, stored })).map((checked) => Float64Array.from(checked.values))
    const apart = await values(true)
    for (const planned of ['in parts', 'as a whole']) expect(await values(false), planned).toEqual(apart)
  })
})
