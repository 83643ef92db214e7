/**
 * @file The same random graphs on every device: interpreted they give what plain loops give, which know of no scheduler and no fusion; and as
 * WebAssembly and on WebGPU they give what the interpreter gives.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { isHalf } from '../../src/base/index.ts'
import { device } from '../support/device.ts'
import type { Checked, RandomGraphOptions } from '../support/random-graph.ts'

/** `TAPEGRAD_SEED=n` runs that seed alone; `TAPEGRAD_GRAPHS=n` runs n seeds of each kind. Few on webgpu: every graph compiles kernels of its own. */
const only = process.env.TAPEGRAD_SEED
const onCpu = device === 'cpu'
const count = Number(process.env.TAPEGRAD_GRAPHS ?? (onCpu ? 28 : 6))
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => (onCpu ? 1 : 1001) + i)

const kinds: readonly Omit<RandomGraphOptions, 'device'>[] = onCpu
  ? [
      { kind: 'exact', floats: ['float64'] },
      { kind: 'exact', floats: ['float32', 'float16'] },
      { kind: 'exact', floats: ['float32', 'bfloat16'] },
      { kind: 'smooth', floats: ['float64'] },
      { kind: 'smooth', floats: ['float32'] },
    ]
  : [
      { kind: 'exact', floats: ['float32', 'float16'], size: 18 },
      { kind: 'exact', floats: ['float32', 'bfloat16'], size: 18 },
      { kind: 'smooth', floats: ['float32'], size: 18 },
    ]

interface Library {
  readonly graphs: typeof import('../support/random-graph.ts')
  /** What is large enough to be computed over something else, or in another order. */
  readonly large: { least: number }
  /** Whether products of device cpu come out of a BLAS. */
  readonly blas: boolean
}

/** A library of its own, whose device cpu has the given engine. */
async function load(engine: 'interpreter' | 'wasm', name: string): Promise<Library> {
  vi.resetModules()
  vi.stubEnv('TAPEGRAD_CPU', engine)
  const { init } = await import('../../src/index.ts')
  const { adapter, features } = await init({ device: 'cpu' })
  expect(adapter).toContain(name)
  const { large } = await import('../../src/compiler/free-early.ts')
  return { graphs: await import('../support/random-graph.ts'), large, blas: features.includes('blas') }
}

let oracle: Library
let library: Library
let least: number
beforeAll(async () => {
  oracle = await load('interpreter', 'interpreter')
  library = await load('wasm', 'WebAssembly')
  expect(oracle.graphs).not.toBe(library.graphs)
  least = library.large.least
})
afterAll(() => {
  vi.unstubAllEnvs()
})

describe.each(kinds)('a random $kind graph of $floats', (options) => {
  it.each(seeds)('from seed %i', { timeout: 120_000 }, async (seed) => {
    const plain = oracle.graphs.unevaluated()
    const wanted = await oracle.graphs.runRandomGraph(seed, { ...options, device: 'cpu' }, plain)
    for (const checked of wanted) expect(oracle.graphs.difference(checked), `seed ${seed}, interpreted`).toBeUndefined()
    // Of these small values every other graph writes results over what it needs no more
    library.large.least = seed % 2 === 0 ? 1 : least
    for (const place of onCpu ? (['cpu'] as const) : (['cpu', 'webgpu'] as const)) {
      const results = await library.graphs.runRandomGraph(seed, { ...options, device: place }, plain)
      expect(results.length, `seed ${seed} on ${place}`).toBe(wanted.length)
      results.forEach((result, i) => {
        const { values: expected } = wanted[i] as Checked
        expect(library.graphs.difference({ ...result, expected }), `seed ${seed} on ${place}`).toBeUndefined()
      })
      // What comes again is planned as a whole, not in parts: the same bits, but where a BLAS computes, and of halves, which are rounded where they are stored
      const rounds = options.floats.some(isHalf) || (place === 'cpu' && library.blas)
      const again = await library.graphs.runRandomGraph(seed, { ...options, device: place }, plain)
      expect(again.length).toBe(results.length)
      again.forEach((result, i) => {
        const { values: expected } = (rounds ? wanted : results)[i] as Checked
        const tolerance = rounds ? result.tolerance : 0
        expect(
          library.graphs.difference({ ...result, expected, tolerance }),
          `seed ${seed} on ${place}, when it comes again`,
        ).toBeUndefined()
      })
    }
  })
})
