/**
 * @file Products and convolutions of float16 and bfloat16 against the same in float32, of the numbers that the halves hold: value and gradients, on every engine.
 * Sums are in float32 whatever the operands are, and results are rounded once, so they differ by that rounding and by the order of float32 sums.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import type { ConvOptions, Tensor } from '../../src/index.ts'
import { autocastClasses } from '../../src/ops/index.ts'
import { device } from '../support/device.ts'
import { ENGINES, type Library, loadLibrary } from '../support/engines.ts'
import { HALVES, type Half, nearestHalf, ulpOf } from '../support/halves.ts'
import { noise } from '../webgpu/kernels.ts'

interface Case {
  readonly op: string
  readonly note: string
  readonly shapes: readonly (readonly number[])[]
  readonly f: (tg: Library, ...x: Tensor[]) => Tensor
}

const of = (op: string, f: Case['f'], cases: Readonly<Record<string, Case['shapes']>>): Case[] =>
  Object.entries(cases).map(([note, shapes]) => ({ op, note, shapes, f }))
const conv2d = (note: string, shapes: Case['shapes'], options: ConvOptions = {}): Case => ({
  op: 'conv2d',
  note,
  shapes,
  f: (tg, x, w, bias) => tg.nn.functional.conv2d(x as Tensor, w as Tensor, bias ?? null, options),
})

const CASES: readonly Case[] = [
  ...of('matmul', (tg, a, b) => tg.matmul(a as Tensor, b as Tensor), {
    'small matrices': [[3, 5], [5, 4]],
    'matrices that fill tiles': [[70, 96], [96, 130]],
    'a long sum': [[24, 3000], [3000, 24]],
    'a long sum of one row': [[1, 9000], [9000, 2]],
    'a matrix and a vector': [[33, 65], [65]],
    'two vectors': [[700], [700]],
    'a batch, broadcast': [[3, 1, 9, 20], [4, 20, 11]],
    'a batch and one matrix': [[5, 12, 33], [33, 18]],
  }), // biome-ignore format: a table
  ...of('matmul', (tg, a, b) => tg.matmul((a as Tensor).mT, (b as Tensor).mT), {
    'both transposed': [[64, 40], [50, 64]],
  }), // biome-ignore format: a table
  ...of('mm', (tg, a, b) => tg.mm(a as Tensor, b as Tensor), { 'odd sizes': [[17, 31], [31, 23]] }), // biome-ignore format: a table
  ...of('bmm', (tg, a, b) => tg.bmm(a as Tensor, b as Tensor), { 'attention scores': [[4, 32, 16], [4, 16, 32]] }), // biome-ignore format: a table
  ...of('linear', (tg, x, w, b) => tg.nn.functional.linear(x as Tensor, w as Tensor, b), {
    'with a bias': [[40, 72], [56, 72], [56]],
    'without, of a batch': [[2, 5, 64], [10, 64]],
  }), // biome-ignore format: a table
  ...of('mv', (tg, a, b) => tg.mv(a as Tensor, b as Tensor), { 'odd sizes': [[33, 65], [65]] }), // biome-ignore format: a table
  ...of('addmm', (tg, c, a, b) => tg.addmm(c as Tensor, a as Tensor, b as Tensor), { 'of a row': [[23], [17, 31], [31, 23]] }), // biome-ignore format: a table
  ...of('addmv', (tg, c, a, b) => tg.addmv(c as Tensor, a as Tensor, b as Tensor), { 'odd sizes': [[33], [33, 65], [65]] }), // biome-ignore format: a table
  ...of('addr', (tg, c, a, b) => tg.addr(c as Tensor, a as Tensor, b as Tensor), { 'odd sizes': [[9, 7], [9], [7]] }), // biome-ignore format: a table
  ...of('addbmm', (tg, c, a, b) => tg.addbmm(c as Tensor, a as Tensor, b as Tensor), { 'odd sizes': [[5, 7], [3, 5, 9], [3, 9, 7]] }), // biome-ignore format: a table
  ...of('baddbmm', (tg, c, a, b) => tg.baddbmm(c as Tensor, a as Tensor, b as Tensor), { 'odd sizes': [[3, 5, 7], [3, 5, 9], [3, 9, 7]] }), // biome-ignore format: a table
  ...of('einsum', (tg, a, b) => tg.einsum('bqhd,bkhd->bhqk', a as Tensor, b as Tensor), { 'attention scores': [[2, 5, 3, 16], [2, 7, 3, 16]] }), // biome-ignore format: a table
  ...of('prelu', (tg, x, w) => tg.prelu(x as Tensor, w as Tensor), { 'a slope for each channel': [[4, 3, 5], [3]] }), // biome-ignore format: a table
  ...of('conv1d', (tg, x, w, b) => tg.nn.functional.conv1d(x as Tensor, w as Tensor, b ?? null, { padding: 1 }), {
    'with a bias': [[2, 3, 19], [5, 3, 3], [5]],
  }), // biome-ignore format: a table
  ...of('conv3d', (tg, x, w, b) => tg.nn.functional.conv3d(x as Tensor, w as Tensor, b ?? null), {
    'with a bias': [[1, 3, 4, 5, 6], [4, 3, 2, 3, 2], [4]],
  }), // biome-ignore format: a table
  ...of('convTranspose1d', (tg, x, w, b) => tg.nn.functional.convTranspose1d(x as Tensor, w as Tensor, b ?? null, { stride: 2 }), {
    strided: [[2, 3, 9], [3, 5, 3], [5]],
  }), // biome-ignore format: a table
  ...of('convTranspose2d', (tg, x, w, b) => tg.nn.functional.convTranspose2d(x as Tensor, w as Tensor, b ?? null, { stride: 2, padding: 1 }), {
    strided: [[2, 3, 5, 4], [3, 5, 3, 3], [5]],
  }), // biome-ignore format: a table
  ...of('convTranspose3d', (tg, x, w, b) => tg.nn.functional.convTranspose3d(x as Tensor, w as Tensor, b ?? null), {
    'with a bias': [[1, 3, 3, 4, 2], [3, 2, 2, 3, 2], [2]],
  }), // biome-ignore format: a table
  ...of('convTbc', (tg, x, w, b) => tg.nn.functional.convTbc(x as Tensor, w as Tensor, b as Tensor), { 'odd sizes': [[9, 2, 3], [3, 3, 5], [5]] }), // biome-ignore format: a table
  conv2d('with a bias', [[2, 3, 9, 9], [5, 3, 3, 3], [5]], { padding: 1 }), // biome-ignore format: one line
  conv2d('strided and dilated', [[1, 4, 13, 12], [6, 4, 3, 2]], { stride: 2, dilation: [2, 1], padding: 2 }), // biome-ignore format: one line
  conv2d('in groups', [[2, 6, 8, 8], [12, 2, 3, 3], [12]], { groups: 3 }), // biome-ignore format: one line
  conv2d('of each channel by itself', [[2, 8, 7, 7], [8, 1, 3, 3]], { groups: 8, padding: 'same' }), // biome-ignore format: one line
  conv2d('with a long sum', [[2, 64, 6, 6], [8, 64, 5, 5]], {}), // biome-ignore format: one line
]

/** Ops that are computed within others: the three that a convolution and its gradients are. */
const WITHIN: Readonly<Record<string, string>> = { convolution: 'conv2d', convolutionInput: 'conv2d', convolutionWeight: 'conv2d' }

/** Several products, each of which is rounded: tested by what they are made of, and against PyTorch in halves (half.test.ts). */
const OF_PRODUCTS = ['scaledDotProductAttention', 'multiDot', 'chainMatmul']

/** What float32 sums in another order may be off by, in proportion to the largest result. */
const SUMS = 2e-6

/** Value and gradients. */
function evaluate(tg: Library, { shapes, f }: Case, half: Half, dtype: Half | 'float32'): Tensor[] {
  const make = (shape: readonly number[], seed: number): Tensor =>
    tg.tensor(
      noise(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ).map((v) => nearestHalf(v, half)),
      { shape: [...shape], dtype, device },
    )
  const x = shapes.map((shape, i) => make(shape, i + 1).requiresGrad_())
  const y = f(tg, ...x)
  y.backward(make(y.shape, 99))
  return [y, ...x.map((v) => v.grad as Tensor)]
}

describe.each(ENGINES)('on $name', (engine) => {
  let tg: Library
  beforeAll(async () => {
    tg = await loadLibrary(engine)
  })

  for (const half of HALVES) {
    it.each(CASES)(`$op of ${half}: $note`, async (c) => {
      const [got, want] = [evaluate(tg, c, half, half), evaluate(tg, c, half, 'float32')]
      for (const [i, y] of got.entries()) {
        const what = i === 0 ? 'value' : `gradient ${i}`
        expect([what, y.dtype, y.shape]).toEqual([what, half, want[i]?.shape])
        const [g, w] = await Promise.all([y.data(), (want[i] as Tensor).data()])
        const numbers = Array.from(w, Number)
        const most = numbers.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
        const wrong = numbers.flatMap((v, k) => {
          const off = Math.abs((g[k] as number) - v)
          return off <= 0.5 * ulpOf(v, half) + SUMS * most ? [] : [`${what} ${k}: ${g[k]}, float32 has ${v}`]
        })
        expect(wrong).toEqual([])
      }
    })
  }
})

it('every op that autocast computes in halves has a case', () => {
  const lower = [...autocastClasses].filter(([, kind]) => kind === 'lower').map(([name]) => WITHIN[name] ?? name)
  expect(lower.length).toBeGreaterThan(0)
  expect(lower.filter((op) => !CASES.some((c) => c.op === op))).toEqual(OF_PRODUCTS)
})
