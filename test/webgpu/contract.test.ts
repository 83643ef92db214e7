/**
 * @file Contractions, from plain matrix products to those of a convolution (several axes to a side, views with any strides): every layout, ragged edges,
 * batches, epilogues, in every template, against plain loops.
 */
import { describe, expect, it } from 'vitest'
import { register, type Strategy } from '../../src/device/webgpu/strategy.ts'
import {
  CONVOLUTIONS,
  checkContraction,
  forward,
  matrices,
  mirrored,
  ofInput,
  ofWeight,
  PRODUCTS,
  randomSpec,
  type Spec,
} from '../support/contractions.ts'
import { openDevice, runKernel } from './kernels.ts'

const check = (spec: Spec, strategy: Strategy): Promise<void> =>
  checkContraction(spec, (kernel, inputs, lengths) => runKernel(kernel, inputs, lengths, [], [], strategy), strategy)

/** Compiled side by side. */
const checkAll = async (specs: readonly Spec[], strategy: Strategy): Promise<void> => {
  await Promise.all(specs.map((spec) => check(spec, strategy)))
}

const { subgroup, info } = await openDevice()

/** Small, because adapters in software compile a sum over several axes for as many seconds as there are registers; what they choose is below. */
const eight = { kind: 'register', lanes: 8, share: 1 } as const
const STRATEGIES: Record<string, Strategy> = {
  'one invocation per output': { kind: 'point', workgroup: 64, elements: 1 },
  'register tiles 2x4': { ...eight, rows: 2, columns: 4, exchange: false },
  'register tiles 4x2, sides exchanged': { ...eight, rows: 4, columns: 2, exchange: true },
}

/** Where the adapter has subgroups of a known size. */
const SHARING: Record<string, Strategy> = {
  'register tiles 16x1, loads shared in subgroups': { ...eight, rows: 16, columns: 1, exchange: false, share: subgroup },
  'register tiles 8x2, loads shared, sides exchanged': { ...eight, rows: 8, columns: 2, exchange: true, share: subgroup },
}

/** The tiles that hardware is given. */
const TILED: Record<string, Strategy> = {
  'shared tiles 32x32': { kind: 'tiled', tileM: 32, tileN: 32, tileK: 16, moreM: 1, exchange: false },
  'shared tiles 64x64': { kind: 'tiled', tileM: 64, tileN: 64, tileK: 16, moreM: 1, exchange: false },
  'shared tiles 64x64, sides exchanged': { kind: 'tiled', tileM: 64, tileN: 64, tileK: 16, moreM: 1, exchange: true },
  'shared tiles 128x64': { kind: 'tiled', tileM: 128, tileN: 64, tileK: 16, moreM: 2, exchange: false },
  'shared tiles 128x64, sides exchanged': { kind: 'tiled', tileM: 128, tileN: 64, tileK: 16, moreM: 2, exchange: true },
}

/**
 * Adapters in software, which never choose the tiled template, compile a text of it for 4 s, or 1 to 2 s where tiles are small. So there every branch of
 * the template is taken with small ones, in few texts: one or two vectors of a panel to an invocation, MORE_M 1 and 2, panels along k and across.
 */
const SMALL: Record<string, readonly [Strategy, readonly Spec[]]> = {
  '16x16': [
    { kind: 'tiled', tileM: 16, tileN: 16, tileK: 4, moreM: 1, exchange: false },
    [
      matrices({ m: 37, n: 43, k: 29, epilogue: true }),
      matrices({ m: 9, n: 12, k: 17, batch: 5, ta: true, tb: true, half: 'float16' }),
      matrices({ m: 1, n: 1, k: 1 }),
      // in parts, and in so many that their additions are compensated
      matrices({ m: 17, n: 18, k: 700 }),
      matrices({ m: 3, n: 5, k: 20_000 }),
      forward({ batch: 2, groups: 3, channels: 2, outputs: 3, size: 9, kernel: [2, 3], stride: 2, dilation: 2, epilogue: true }),
      mirrored(ofWeight({ batch: 3, channels: 4, outputs: 9, size: 8, kernel: [3, 2] })),
    ],
  ],
  '8x16, sides exchanged': [
    { kind: 'tiled', tileM: 8, tileN: 16, tileK: 4, moreM: 1, exchange: true },
    [matrices({ m: 37, n: 21, k: 29, ta: true }), ofInput({ batch: 3, channels: 5, outputs: 4, size: 7, kernel: [3, 2], epilogue: true })],
  ],
  '16x8, twice the rows to an invocation': [
    { kind: 'tiled', tileM: 16, tileN: 8, tileK: 2, moreM: 2, exchange: false },
    [matrices({ m: 37, n: 21, k: 29, tb: true }), ofWeight({ batch: 3, channels: 4, outputs: 9, size: 8, kernel: [3, 2] })],
  ],
}

let seed = 100
for (const [name, strategy] of Object.entries({ ...STRATEGIES, ...(subgroup > 1 && SHARING), ...(!info.software && TILED) })) {
  describe(`by ${name}`, () => {
    it.for(Object.entries(PRODUCTS))('a product %s', ([, specs]) => checkAll(specs, strategy))
    it.for(Object.entries(CONVOLUTIONS))('a convolution %s', ([, specs]) => checkAll(specs, strategy))
    it('any axes and strides', () =>
      checkAll(
        Array.from({ length: 6 }, () => randomSpec(seed++)),
        strategy,
      ))
  })
}

it('by register tiles as large as are chosen', async () => {
  const product = matrices({ m: 70, n: 150, k: 29, epilogue: true })
  for (const share of [1, subgroup]) await check(product, { ...eight, rows: 8, columns: 8, exchange: false, share })
  await check(product, { ...eight, rows: 32, columns: 2, exchange: true, share: subgroup })
})

describe('by shared tiles in small', () => {
  it.for(Object.entries(SMALL))('%s', { timeout: 120_000 }, async ([, [strategy, specs]]) => {
    for (const spec of specs) await check(spec, strategy)
  })
})

it('small products are spread over the cores, and little is computed past the edges', () => {
  const strides = { a_m: 256, a_k: 1, b_k: 10, b_n: 1, batches: 1 }
  const narrow = register({ ...strides, m: 64, n: 10, k: 256 }, 8, 2)
  if (narrow.kind !== 'register') throw new Error('not a register tile')
  const [m, n] = narrow.exchange ? [10, 64] : [64, 10]
  const tiles = Math.ceil(m / narrow.rows) * Math.ceil(n / (narrow.columns * narrow.lanes))
  expect(tiles).toBeGreaterThanOrEqual(2)
  expect(tiles * narrow.rows * narrow.columns * narrow.lanes).toBeLessThanOrEqual(2 * 640)
})

it('lanes share rows only where subgroups fill the workgroup', () => {
  const shape = { a_m: 256, a_k: 1, b_k: 512, b_n: 1, batches: 1, m: 512, n: 512, k: 256 }
  const shared = (subgroup: number): unknown => (register(shape, subgroup, 2) as { share?: number }).share
  for (const subgroup of [4, 8]) expect(shared(subgroup)).toBe(subgroup)
  for (const subgroup of [1, 16, 32, 64]) expect(shared(subgroup)).toBe(1)
})
