/** @file Matrix products: every layout, ragged edges, batches, epilogues, in every template, against plain loops. */
import { describe, expect, it } from 'vitest'
import { toHalf } from '../../src/base/index.ts'
import { register, type Strategy } from '../../src/device/webgpu/strategy.ts'
import type { Expr, Kernel, Store } from '../../src/kernel/index.ts'
import { acc, at, axis, binary, distance, flat, kernel, literal, load, noise, openDevice, runKernel, unary } from './kernels.ts'

interface Spec {
  readonly m: number
  readonly n: number
  readonly k: number
  /** a is stored [k, m] or b [n, k]. */
  readonly ta?: boolean
  readonly tb?: boolean
  readonly batch?: number
  /** One matrix serves the whole batch. */
  readonly shareB?: boolean
  readonly half?: boolean
  /** Adds bias and residual, applies relu, and stores the plain product too. */
  readonly epilogue?: boolean
}

function contractKernel({ m, n, k, ta, tb, batch = 1, shareB, half, epilogue }: Spec): Kernel {
  const [z, i, j, l] = [axis(batch), axis(m), axis(n), axis(k)]
  const batched = batch > 1
  const a = load(0, at(0, ...(batched ? [[m * k, z] as const] : []), [ta ? 1 : k, i], [ta ? m : 1, l]))
  const b = load(1, at(0, ...(batched && !shareB ? [[k * n, z] as const] : []), [tb ? 1 : n, l], [tb ? k : 1, j]))
  const grid = batch > 1 ? [z, i, j] : [i, j]
  const sum = acc(0, 0)
  const stores: Store[] = []
  const extra: Expr = epilogue
    ? unary('tanh', binary('max', binary('add', binary('add', sum, load(2, at(0, [1, j]))), load(3, flat(grid))), literal(0)))
    : sum
  stores.push({ buffer: epilogue ? 4 : 2, index: flat(grid), value: extra })
  if (epilogue) stores.push({ buffer: 5, index: flat(grid), value: sum })
  const type = half ? 'float16' : 'float32'
  return kernel(
    grid,
    epilogue ? [type, type, 'float32', 'float32'] : [type, type],
    epilogue ? ['float32', 'float32'] : ['float32'],
    [
      { kind: 'reduce', axes: [l], reductions: [{ op: 'sum', value: binary('mul', a, b), type: 'float' }] },
      { kind: 'store', axes: [], stores },
    ],
    { contract: { batch: batch > 1 ? [z] : [], m: [i], n: [j], k: [l], a, b } },
  )
}

async function check(spec: Spec, strategy: Strategy): Promise<void> {
  const { m, n, k, ta, tb, batch = 1, shareB, half, epilogue } = spec
  const quarter = (v: number): number => Math.round(v * 64) / 64 // exact in halves
  const a = noise(batch * m * k, 1).map(quarter)
  const b = noise((shareB ? 1 : batch) * k * n, 2).map(quarter)
  const bias = noise(n, 3)
  const residual = noise(batch * m * n, 4)
  const stored = (x: Float32Array): Float32Array | Uint16Array => (half ? Uint16Array.from(x, toHalf) : x)
  const inputs = epilogue ? [stored(a), stored(b), bias, residual] : [stored(a), stored(b)]
  const size = batch * m * n
  const got = await runKernel(contractKernel(spec), inputs, epilogue ? [size, size] : [size], [], [], strategy)
  const sums = new Float64Array(size)
  for (let z = 0; z < batch; z++)
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let s = 0
        for (let l = 0; l < k; l++) {
          s +=
            (a[z * m * k + (ta ? l * m + i : i * k + l)] as number) * (b[(shareB ? 0 : z * k * n) + (tb ? j * k + l : l * n + j)] as number)
        }
        sums[(z * m + i) * n + j] = s
      }
  const what = JSON.stringify({ spec, strategy })
  if (!epilogue) expect(distance(got[0] as Float32Array, sums), what).toBeLessThan(1e-5)
  else {
    const want = sums.map((s, p) => Math.tanh(Math.max(0, s + (bias[p % n] as number) + (residual[p] as number))))
    expect(distance(got[0] as Float32Array, want), what).toBeLessThan(1e-5)
    expect(distance(got[1] as Float32Array, sums), what).toBeLessThan(1e-5)
  }
}

const { subgroup } = await openDevice()

const STRATEGIES: Record<string, Strategy> = {
  'one invocation per output': { kind: 'point', workgroup: 64, elements: 1 },
  'register tiles 8x8': { kind: 'register', rows: 8, columns: 8, lanes: 8, exchange: false, share: 1 },
  'register tiles 4x2, sides exchanged': { kind: 'register', rows: 4, columns: 2, lanes: 8, exchange: true, share: 1 },
  'register tiles 16x2, loads shared in subgroups': { kind: 'register', rows: 16, columns: 2, lanes: 8, exchange: false, share: subgroup },
  'shared tiles 32x32': { kind: 'tiled', tileM: 32, tileN: 32, tileK: 16, moreM: 1, exchange: false },
  'shared tiles 32x64, sides exchanged': { kind: 'tiled', tileM: 32, tileN: 64, tileK: 16, moreM: 1, exchange: true },
  // the shape of the 128x64 tile in a quarter of its size: adapters in software compile the whole for seconds
  'shared tiles 64x32': { kind: 'tiled', tileM: 64, tileN: 32, tileK: 8, moreM: 2, exchange: false },
}

for (const [name, strategy] of Object.entries(STRATEGIES)) {
  describe(`a matrix product by ${name}`, () => {
    it('multiplies in all four layouts, with ragged edges', async () => {
      for (const ta of [false, true]) for (const tb of [false, true]) await check({ m: 37, n: 75, k: 29, ta, tb }, strategy)
    })
    it('multiplies vectors and single elements', async () => {
      for (const [m, n, k] of [
        [1, 1, 1],
        [1, 70, 33],
        [70, 1, 33],
        [9, 10, 1],
        [1, 1, 300],
      ] as const)
        await check({ m, n, k }, strategy)
    })
    it('multiplies batches, also with one matrix for all', async () => {
      await check({ m: 10, n: 12, k: 17, batch: 5 }, strategy)
      await check({ m: 10, n: 12, k: 17, batch: 5, shareB: true, ta: true, tb: true }, strategy)
    })
    it('stores through an epilogue with bias, residual and two outputs', async () => {
      await check({ m: 33, n: 40, k: 21, epilogue: true }, strategy)
      await check({ m: 7, n: 9, k: 21, batch: 3, epilogue: true, tb: true }, strategy)
    })
    it('multiplies halves', async () => {
      await check({ m: 20, n: 30, k: 40, half: true, tb: true }, strategy)
    })
  })
}

it('small products are spread over the cores, and little is computed past the edges', () => {
  const strides = { a_m: 256, a_k: 1, b_k: 10, b_n: 1, batches: 1 }
  const narrow = register({ ...strides, m: 64, n: 10, k: 256 }, 8, 2)
  if (narrow.kind !== 'register') throw new Error('not a register tile')
  const [m, n] = narrow.exchange ? [10, 64] : [64, 10]
  const tiles = Math.ceil(m / narrow.rows) * Math.ceil(n / (narrow.columns * narrow.lanes))
  expect(tiles).toBeGreaterThanOrEqual(2)
  expect(tiles * narrow.rows * narrow.columns * narrow.lanes).toBeLessThanOrEqual(2 * 640)
})
