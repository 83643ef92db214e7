/** @file Kernels as WebAssembly: random graphs and PyTorch's values need nothing that has to be interpreted. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { interpreted } from '../../src/device/cpu/wasm/engine.ts'
import { casesByOp, freeName, runCase, type Setting, type Tolerance } from '../support/golden.ts'
import { difference, runRandomGraph } from '../support/random-graph.ts'

const before = process.env.TAPEGRAD_CPU
beforeAll(() => {
  process.env.TAPEGRAD_CPU = 'wasm'
})
afterAll(() => {
  if (before === undefined) delete process.env.TAPEGRAD_CPU
  else process.env.TAPEGRAD_CPU = before
})

const seeds = Array.from({ length: 12 }, (_, i) => 1000 + i)

describe('kernels as WebAssembly give what plain loops give', () => {
  for (const [kind, floats] of [
    ['exact', ['float64']],
    ['exact', ['float32', 'float16']],
    ['smooth', ['float32']],
  ] as const) {
    it.each(seeds)(`${kind} graphs of ${floats}, seed %i`, async (seed) => {
      for (const checked of await runRandomGraph(seed, { device: 'cpu', kind, floats }))
        expect(difference(checked), `seed ${seed}`).toBeUndefined()
    })
  }
})

describe('kernels as WebAssembly give PyTorch’s values', () => {
  const settings: readonly (readonly [Setting, Tolerance])[] = [
    [
      { device: 'cpu', float: 'float64' },
      { rtol: 1e-10, atol: 1e-12 },
    ],
  ]
  for (const [setting, tolerance] of settings)
    for (const [op, cases] of casesByOp())
      it(`${op} in ${setting.float}`, async () => {
        for (const c of cases) if (freeName(c) !== null) await runCase(c, 'function', setting, tolerance)
      })
})

it('nothing was interpreted', () => {
  expect([...interpreted]).toEqual([])
})
