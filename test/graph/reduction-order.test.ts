/** @file A reduction and a contraction give the same bits in every kernel: fused with what is around, in any way, and each by itself. */
import { beforeAll, describe, expect, it } from 'vitest'
import { init, manualSeed, rand, type Tensor } from '../../src/index.ts'
import { policy } from '../../src/runtime/plans.ts'
import { device } from '../support/device.ts'
import { runRandomGraph, unevaluated } from '../support/random-graph.ts'
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
    const plain = unevaluated()
    const values = async (stored: boolean): Promise<Float64Array[]> =>
      (await runRandomGraph(seed, { ...options, stored }, plain)).map((checked) => Float64Array.from(checked.values))
    const apart = await values(true)
    for (const planned of ['in parts', 'as a whole']) expect(await values(false), planned).toEqual(apart)
  })
})

it('sums of what is permuted are those of what it shows, whether it has been stored or not', async () => {
  manualSeed(3)
  const x = rand([300, 700], { device })
  const y = rand([20, 30, 40], { device })
  const pairs: readonly (readonly [view: () => Tensor, of: (view: Tensor) => Tensor, same: () => Tensor])[] = [
    [() => x.T, (t) => t.sum(0), () => x.sum(1)],
    [() => x.T, (t) => t.sum(1), () => x.sum(0)],
    [() => x.T, (t) => t.sum(), () => x.sum()],
    [() => y.permute([0, 2, 1]), (t) => t.sum([0, 1]), () => y.sum([0, 2])],
  ]
  for (const [view, of, same] of pairs) {
    const wanted = await same().data()
    expect(await of(view()).data()).toEqual(wanted)
    const stored = view()
    await stored.data()
    expect(await of(stored).data()).toEqual(wanted)
  }
})
