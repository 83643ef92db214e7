/**
 * @file float16 and bfloat16 are computed in float32 and rounded once. Every op that takes halves is run on PyTorch's cases with halves, and on inputs whose sums, squares
 * or counts on the way pass 65,504 while the answer does not; both against the same in float64, value and gradient.
 */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { opRegistry } from '../../src/ops/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'
import { casesByOp } from '../support/golden.ts'
import { expectRounded, isTaken, ROUNDED_IN_PLACE, runInHalves as run } from '../support/half-cases.ts'
import { HALVES, type Half, nearestHalf, ulpOf } from '../support/halves.ts'

const F = tg.nn.functional

// ── PyTorch's cases ──

/** Ops that say their dtypes themselves. */
const OWN_DTYPES: readonly string[] = ['floatPower', 'ldexp', 'nextafter', 'arange', 'linspace', 'cast']

/** What float32 itself loses: 1 + tanh x and 1 + erf x near 0, cubics near their zeros. */
const CANCELS: Readonly<Record<string, number>> = { gridSample: 1e-5, gelu: 1e-6, cosineSimilarity: 1e-6 }
/** What is lost in gradients because rules read the result as it is stored, in units of the last place of 1: 1 − y² and y(1 − y) are as far off as y is. */
const READ: Readonly<Record<string, number>> = { tanh: 2, sigmoid: 1 }

describe.each(HALVES)("PyTorch's cases in %s are those of float64, rounded once", { timeout: 120_000 }, (half) => {
  for (const [op, cases] of casesByOp()) {
    const all = cases.filter(
      (c) => !OWN_DTYPES.includes(op) && !ROUNDED_IN_PLACE.includes(c.name) && c.inputs.some((i) => i.dtype === 'float'),
    )
    const own = all.filter((_, i) => isTaken(half, i, all.length))
    if (own.length === 0) continue
    it(op, async () => {
      const slack = CANCELS[op] ?? 1e-7
      // … or powers of it
      const times = opRegistry.get(op)?.half === 'keep' ? 4 : 1
      const read = (READ[op] ?? 0) * ulpOf(1, half)
      // All are recorded before one is read: they are computed in one run, and a GPU's kernels compile side by side.
      const runs = own.map((c) => ({ c, got: run(c, half, half, device), want: run(c, half, 'float64', 'cpu') }))
      const checks = runs.flatMap(({ c, got, want }) => {
        const values = got.outputs.map((y, i) => expectRounded(half, `${c.name}: output ${i}`, y, want.outputs[i] as tg.Tensor, { slack }))
        const grads = got.inputs.map(async (x, i) => {
          const grad = want.inputs[i]?.grad
          expect(x.grad === null).toBe(!grad)
          if (grad)
            await expectRounded(half, `${c.name}: gradient of input ${i}`, x.grad as tg.Tensor, grad, { times, slack: slack + read })
        })
        return [...values, ...grads]
      })
      await Promise.all(checks)
    })
  }
})

describe.each(HALVES)('a rounded quotient of %s is that of the exact quotient', (half) => {
  // Not one of these quotients is as close to a whole number as doubles are
  const n = 4096
  const a = Float64Array.from({ length: n }, (_, i) => nearestHalf(300 * Math.sin(i), half))
  const b = Float64Array.from({ length: n }, (_, i) => nearestHalf(Math.cos(7 * i) || 1, half))
  it.each(['trunc', 'floor'] as const)('%s', async (roundingMode) => {
    const [x, y] = [a, b].map((v) => tg.tensor(v, { dtype: half, device })) as [tg.Tensor, tg.Tensor]
    const want = Array.from(a, (v, i) => nearestHalf(Math[roundingMode](v / (b[i] as number)), half))
    expect([...(await tg.div(x, y, { roundingMode }).data())]).toEqual(want)
  })
})

// ── inputs whose intermediate results are no halves ──

interface Large {
  /** Each input's shape, and its value at each position. */
  readonly inputs: readonly { readonly shape: readonly number[]; readonly at: (i: number) => number }[]
  readonly f: (x: readonly tg.Tensor[], home: 'cpu' | 'webgpu') => tg.Tensor
  /** Of the gradient of the result, at each position; 1 by default. */
  readonly g?: (i: number) => number
  readonly slack?: number
}

const constant = (v: number, ...shape: number[]) => ({ shape, at: () => v })
const values = (...list: number[]) => ({ shape: [list.length], at: (i: number) => list[i] as number })
/** v, −v, v, −v, … */
const alternating = (v: number, ...shape: number[]) => ({ shape, at: (i: number) => (i % 2 ? -v : v) })
const classes = (n: number, home: 'cpu' | 'webgpu'): tg.Tensor => tg.zeros([n], { dtype: 'int32', device: home })
/** More ones than a half counts to. */
const MANY = 81_920

/** Functions of two tensors of many elements, which come to one number. */
const averages = (functions: Readonly<Record<string, (x: tg.Tensor, y: tg.Tensor) => tg.Tensor>>): Record<string, Large> =>
  Object.fromEntries(
    Object.entries(functions).map(([name, f]): [string, Large] => [
      name,
      {
        inputs: [constant(0.75, MANY / 2, 2), constant(0.25, MANY / 2, 2)],
        f: ([x, y]) => f(x as tg.Tensor, y as tg.Tensor),
        g: () => 30_000,
      },
    ]),
  )

/** For each op that widens, a case in which something on the way passes 65,504, and the answer does not. */
const LARGE: Readonly<Record<string, Large>> = {
  sum: { inputs: [{ shape: [4, 1000], at: (i) => (i % 1000 < 500 ? 40_000 : -39_999) }], f: ([x]) => (x as tg.Tensor).sum(1) },
  sumToSize: {
    inputs: [{ shape: [4, 1000], at: (i) => (i % 1000 < 500 ? 40_000 : -39_999) }],
    f: ([x]) => (x as tg.Tensor).sumToSize(4, 1),
  },
  mean: { inputs: [constant(0.5, 2, 3, 224, 224)], f: ([x]) => (x as tg.Tensor).mean() },
  var: { inputs: [alternating(200, MANY)], f: ([x]) => (x as tg.Tensor).var() },
  std: { inputs: [constant(2, MANY)], f: ([x]) => (x as tg.Tensor).std() },
  prod: { inputs: [values(60_000, 2, 1 / 64, 1 / 8)], f: ([x]) => (x as tg.Tensor).prod(), g: () => 1 / 32 },
  nansum: { inputs: [{ shape: [4, 1000], at: (i) => (i % 1000 < 500 ? 40_000 : -39_999) }], f: ([x]) => (x as tg.Tensor).nansum(1) },
  nanmean: { inputs: [constant(0.5, 2, 3, 224, 224)], f: ([x]) => (x as tg.Tensor).nanmean() },
  histc: { inputs: [{ shape: [MANY], at: (i) => (i < 1000 ? 0 : 1) }], f: ([x]) => (x as tg.Tensor).histc(2).narrow(0, 0, 1) },
  segmentReduce: {
    inputs: [constant(0.5, MANY)],
    f: ([x], home) => tg.segmentReduce(x as tg.Tensor, 'mean', { lengths: tg.tensor([MANY], { dtype: 'int32', device: home }) }),
  },
  trace: { inputs: [{ shape: [64, 64], at: (i) => (i < 2048 ? 4000 : -3999) }], f: ([x]) => (x as tg.Tensor).trace() },
  dist: { inputs: [constant(300, 4, 64), constant(-299, 4, 64)], f: ([a, b]) => (a as tg.Tensor).dist(b as tg.Tensor) },
  norm: { inputs: [constant(200, 10_000)], f: ([x]) => (x as tg.Tensor).norm(), g: () => 50_000 },
  matrixNorm: { inputs: [constant(1, 2, MANY)], f: ([x]) => tg.linalg.matrixNorm(x as tg.Tensor, 1), g: () => 50_000 },
  renorm: { inputs: [constant(200, 2, 10_000)], f: ([x]) => (x as tg.Tensor).renorm(2, 0, 30_000) },
  amax: { inputs: [constant(1, MANY)], f: ([x]) => (x as tg.Tensor).amax(), g: () => 50_000 },
  amin: { inputs: [constant(1, MANY)], f: ([x]) => (x as tg.Tensor).amin(), g: () => 50_000 },
  argmax: { inputs: [{ shape: [MANY], at: (i) => (i === MANY - 1 ? 2 : 1) }], f: ([x]) => (x as tg.Tensor).argmax() },
  argmin: { inputs: [{ shape: [MANY], at: (i) => (i === MANY - 1 ? 0 : 1) }], f: ([x]) => (x as tg.Tensor).argmin() },
  maxDim: { inputs: [constant(60_000, 2, MANY)], f: ([x]) => (x as tg.Tensor).max(1).values },
  minDim: { inputs: [constant(-60_000, 2, MANY)], f: ([x]) => (x as tg.Tensor).min(1).values },
  all: { inputs: [constant(1, MANY)], f: ([x]) => (x as tg.Tensor).all() },
  any: { inputs: [{ shape: [MANY], at: (i) => (i === MANY - 1 ? 1 : 0) }], f: ([x]) => (x as tg.Tensor).any() },
  quantile: { inputs: [values(-60_000, 60_000)], f: ([x]) => (x as tg.Tensor).quantile(0.5), g: () => 2 },
  nanquantile: { inputs: [values(-60_000, Number.NaN, 60_000)], f: ([x]) => (x as tg.Tensor).nanquantile(0.5), g: () => 2 },
  diff: { inputs: [values(-40_000, 40_000, 60_000)], f: ([x]) => (x as tg.Tensor).diff(2) },
  trapezoid: { inputs: [values(60_000, 60_000, 10_000)], f: ([x]) => tg.trapezoid(x as tg.Tensor, { dx: 0.5 }) },
  trapz: { inputs: [values(60_000, 60_000, 10_000)], f: ([x]) => tg.trapz(x as tg.Tensor, { dx: 0.5 }) },
  cumulativeTrapezoid: { inputs: [values(60_000, 60_000, 10_000)], f: ([x]) => tg.cumulativeTrapezoid(x as tg.Tensor, { dx: 0.5 }) },
  gradient: { inputs: [values(-40_000, 0, 40_000)], f: ([x]) => tg.gradient(x as tg.Tensor)[0] as tg.Tensor },
  cov: { inputs: [alternating(200, 4)], f: ([x]) => (x as tg.Tensor).cov() },
  corrcoef: {
    inputs: [{ shape: [2, 4], at: (i) => [300, -300, 200, -200, 250, 100, -250, -100][i] as number }],
    f: ([x]) => (x as tg.Tensor).corrcoef(),
    g: (i) => i * 10_000,
  },
  softmax: {
    inputs: [{ shape: [1, MANY], at: (i) => (i === 7 ? 12 : 0) }],
    f: ([x]) => F.softmax(x as tg.Tensor, 1),
    g: (i) => (i === 7 ? 100 : 0),
  },
  logSoftmax: {
    inputs: [{ shape: [1, MANY], at: (i) => (i === 7 ? 3 : 0) }],
    f: ([x]) => F.logSoftmax(x as tg.Tensor, 1),
    g: (i) => (i % 2 ? -2 : 3),
  },
  logsumexp: { inputs: [constant(1, MANY)], f: ([x]) => tg.logsumexp(x as tg.Tensor), g: () => 30_000 },
  cumsum: { inputs: [constant(1, MANY / 2)], f: ([x]) => (x as tg.Tensor).cumsum(0) },
  cumprod: { inputs: [values(1 / 64, 1 / 8, 4)], f: ([x]) => (x as tg.Tensor).cumprod(0), g: () => 30_000 },
  cummax: { inputs: [{ shape: [MANY], at: (i) => (i === 0 ? 2 : 1) }], f: ([x]) => (x as tg.Tensor).cummax(0).values, g: () => 0.5 },
  cummin: { inputs: [{ shape: [MANY], at: (i) => (i === 0 ? 1 : 2) }], f: ([x]) => (x as tg.Tensor).cummin(0).values, g: () => 0.5 },
  logcumsumexp: {
    inputs: [constant(3, 4096)],
    f: ([x]) => (x as tg.Tensor).logcumsumexp(0),
    g: (i) => (i === 4095 ? 30_000 : 0),
  },
  gelu: { inputs: [values(-300, -50, 45, 300)], f: ([x]) => F.gelu(x as tg.Tensor, { approximate: 'tanh' }) },
  glu: { inputs: [values(60_000, -60_000, -12, -13)], f: ([x]) => F.glu(x as tg.Tensor), g: () => 60_000 },
  mseLoss: {
    inputs: [{ shape: [1000], at: (i) => (i < 10 ? 500 : 0) }, constant(0, 1000)],
    f: ([x, y]) => F.mseLoss(x as tg.Tensor, y as tg.Tensor),
  },
  nllLoss: { inputs: [constant(-2, MANY, 2)], f: ([x], home) => F.nllLoss(x as tg.Tensor, classes(MANY, home)), g: () => 50_000 },
  crossEntropy: {
    inputs: [{ shape: [MANY, 3], at: (i) => (i % 3) * 4 }],
    f: ([x], home) => F.crossEntropy(x as tg.Tensor, classes(MANY, home), { labelSmoothing: 0.1 }),
    g: () => 50_000,
  },
  mv: {
    inputs: [{ shape: [2, 64], at: (i) => (i % 2 ? 1000 : -999) }, constant(100, 64)],
    f: ([a, x]) => tg.mv(a as tg.Tensor, x as tg.Tensor),
  },
  vdot: {
    inputs: [alternating(300, 64), { shape: [64], at: (i) => (i % 2 ? 299 : 300) }],
    f: ([a, b]) => tg.vdot(a as tg.Tensor, b as tg.Tensor),
  },
  inner: { inputs: [alternating(300, 2, 64), constant(200, 3, 64)], f: ([a, b]) => tg.inner(a as tg.Tensor, b as tg.Tensor) },
  outer: {
    inputs: [constant(2, 2), alternating(50, MANY)],
    f: ([a, b]) => tg.outer(a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : 999),
  },
  kron: {
    inputs: [constant(2, 2), alternating(50, 4096)],
    f: ([a, b]) => tg.kron(a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : 999),
  },
  tensordot: { inputs: [alternating(300, 2, 64), constant(200, 64, 3)], f: ([a, b]) => tg.tensordot(a as tg.Tensor, b as tg.Tensor, 1) },
  bilinear: {
    inputs: [alternating(100, 3, 8), constant(100, 3, 4), constant(10, 2, 8, 4), constant(1, 2)],
    f: ([x, y, w, b]) => F.bilinear(x as tg.Tensor, y as tg.Tensor, w as tg.Tensor, b as tg.Tensor),
    g: () => 0.25,
  },
  addmm: {
    inputs: [constant(-60_000, 4, 8), constant(50, 4, 32), constant(50, 32, 8)],
    f: ([x, a, b]) => tg.addmm(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1000),
  },
  addmv: {
    inputs: [constant(-60_000, 4), constant(50, 4, 32), constant(50, 32)],
    f: ([x, a, b]) => tg.addmv(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1000),
  },
  addr: {
    inputs: [constant(-60_000, 4, 8), constant(300, 4), constant(300, 8)],
    f: ([x, a, b]) => tg.addr(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1000),
  },
  addbmm: {
    inputs: [constant(-60_000, 4, 8), constant(50, 3, 4, 16), constant(40, 3, 16, 8)],
    f: ([x, a, b]) => tg.addbmm(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1000),
  },
  baddbmm: {
    inputs: [constant(-60_000, 2, 4, 8), constant(50, 2, 4, 32), constant(50, 2, 32, 8)],
    f: ([x, a, b]) => tg.baddbmm(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1000),
  },
  chainMatmul: {
    inputs: [constant(200, 2, 8), constant(100, 8, 2), constant(2 ** -8, 2, 3)],
    f: ([a, b, c]) => tg.chainMatmul(a as tg.Tensor, b as tg.Tensor, c as tg.Tensor),
    g: () => 0.25,
  },
  multiDot: {
    inputs: [constant(200, 2, 8), constant(100, 8, 2), constant(2 ** -8, 2, 3)],
    f: (list) => tg.linalg.multiDot(list),
    g: () => 0.25,
  },
  matrixPower: {
    inputs: [{ shape: [2, 2], at: (i) => [300, 299, -300, -299][i] as number }],
    f: ([x]) => tg.matrixPower(x as tg.Tensor, 3),
    g: () => 2 ** -4,
  },
  einsum: {
    inputs: [constant(50, 4, 32), constant(50, 32, 8), constant(2 ** -5, 8)],
    f: ([a, b, c]) => tg.einsum('ij,jk,k->ik', a as tg.Tensor, b as tg.Tensor, c as tg.Tensor),
    g: (i) => (i % 2 ? 100 : -100),
  },
  cdist: {
    inputs: [constant(400, 2, 64), constant(100, 3, 64)],
    f: ([a, b]) => tg.cdist(a as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1001),
  },
  pdist: { inputs: [{ shape: [3, 64], at: (i) => 300 * Math.floor(i / 64) }], f: ([x]) => tg.pdist(x as tg.Tensor) },
  matmul: {
    // the gradient of the second sums over the batch that it is broadcast to
    inputs: [
      { shape: [3, 2, 64], at: (i) => (i < 256 ? 30 : -30) },
      { shape: [1, 64, 2], at: (i) => (i % 4 === 0 || i % 4 === 3 ? 1000 : -999) },
    ],
    f: ([a, b]) => (a as tg.Tensor).matmul(b as tg.Tensor),
    g: (i) => (i < 8 ? 1200 : 2200),
  },
  linear: {
    inputs: [constant(50, 4, 32), constant(50, 8, 32), constant(-50_000, 8)],
    f: ([x, w, b]) => F.linear(x as tg.Tensor, w as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 1000 : -1000),
  },
  conv2d: {
    inputs: [constant(50, 2, 8, 5, 5), constant(30, 4, 8, 3, 3), constant(-60_000, 4)],
    f: ([x, w, b]) => F.conv2d(x as tg.Tensor, w as tg.Tensor, b as tg.Tensor),
    g: (i) => (i % 2 ? 2000 : -2000),
  },
  convTranspose2d: {
    inputs: [constant(50, 2, 8, 3, 3), constant(30, 8, 4, 3, 3), constant(-60_000, 4)],
    f: ([x, w, b]) => F.convTranspose2d(x as tg.Tensor, w as tg.Tensor, b as tg.Tensor, { padding: 1 }),
    g: (i) => (i % 2 ? 2000 : -2000),
  },
  avgPool2d: {
    inputs: [constant(60_000, 1, 1, 6, 6)],
    f: ([x]) => F.avgPool2d(x as tg.Tensor, 3, { stride: 1 }),
    g: (i) => (i % 2 ? 60_000 : -60_000),
  },
  resample: {
    inputs: [constant(60_000, 1, 2, 5)],
    f: ([x]) => F.adaptiveAvgPool1d(x as tg.Tensor, 2),
    g: (i) => (i % 2 ? 60_000 : -60_000),
  },
  lpPool2d: { inputs: [constant(200, 1, 1, 4, 4)], f: ([x]) => F.lpPool2d(x as tg.Tensor, 2, 2), g: () => 100 },
  gridSample: {
    // all samples are the only element
    inputs: [constant(1, 1, 1, 1, 1), constant(0, 1, 4, 4, 2)],
    f: ([x, grid]) => F.gridSample(x as tg.Tensor, grid as tg.Tensor),
    g: (i) => (i % 2 ? 60_000 : -60_000),
  },
  fold: {
    // four meet in the middle
    inputs: [{ shape: [1, 4, 4], at: (i) => (i % 3 ? 1 : i > 7 ? 60_000 : -60_000) }],
    f: ([x]) => F.fold(x as tg.Tensor, 3, 2),
  },
  foldWindows: {
    // the gradient of overlapping windows: nine meet in the middle
    inputs: [{ shape: [1, 1, 5, 5], at: (i) => (i === 12 ? 9 : 0) }],
    f: ([x]) => F.maxPool2d(x as tg.Tensor, 3, { stride: 1 }),
    g: (i) => (i % 2 ? 60_000 : -60_000),
  },
  scatterAlong: {
    inputs: [constant(1, 3, 2)],
    f: ([x], home) => F.embedding(tg.ones([MANY], { dtype: 'int32', device: home }), x as tg.Tensor),
    g: (i) => (i < MANY ? 2 : -1),
  },
  embeddingBag: {
    inputs: [values(60_000, 50_000)],
    f: ([x], home) => tg.embeddingBag(tg.tensor([[0, 1, 0, 1]], { dtype: 'int32', device: home }), (x as tg.Tensor).reshape(2, 1)),
  },
  embeddingBagMax: {
    inputs: [values(60_000, 50_000)],
    f: ([x], home) => {
      const [input, offsets] = [
        [0, 1, 0, 1],
        [0, 3],
      ].map((of) => tg.tensor(of, { dtype: 'int32', device: home })) as [tg.Tensor, tg.Tensor]
      return tg.embeddingBag(input, (x as tg.Tensor).reshape(2, 1), offsets, { mode: 'max' })
    },
  },
  scatterSum: {
    inputs: [constant(1, 3)],
    f: ([x], home) => tg.gather(x as tg.Tensor, 0, tg.ones([MANY], { dtype: 'int32', device: home })),
    g: (i) => (i < MANY / 2 ? 2 : -1.5),
  },
  scatterProd: {
    inputs: [constant(2, 1), values(60_000, 60_000, 2 ** -10, 2 ** -10)],
    f: ([x, src], home) => tg.scatterReduce(x as tg.Tensor, 0, classes(4, home), src as tg.Tensor, 'prod'),
    g: () => 2 ** -10,
  },
  scatterExtreme: {
    inputs: [constant(0, 1), constant(1, MANY)],
    f: ([x, src], home) => tg.scatterReduce(x as tg.Tensor, 0, classes(MANY, home), src as tg.Tensor, 'amax'),
    g: () => 50_000,
  },
  scatterAdd: {
    inputs: [constant(-60_000, 2), constant(2, MANY)],
    f: ([x, src], home) => tg.scatterAdd(x as tg.Tensor, 0, classes(MANY, home), src as tg.Tensor).at(1),
  },
  scatterReduce: {
    inputs: [constant(3, 2), constant(2, MANY)],
    f: ([x, src], home) => tg.scatterReduce(x as tg.Tensor, 0, classes(MANY, home), src as tg.Tensor, 'mean'),
    g: () => 50_000,
  },
  indexAdd: {
    inputs: [constant(-60_000, 1), values(60_000, 50_000, -10_000)],
    f: ([x, source], home) => tg.indexAdd(x as tg.Tensor, 0, classes(3, home), source as tg.Tensor),
  },
  indexReduce: {
    inputs: [constant(3, 2), constant(2, MANY)],
    f: ([x, src], home) => tg.indexReduce(x as tg.Tensor, 0, classes(MANY, home), src as tg.Tensor, 'mean'),
    g: () => 50_000,
  },
  padAround: {
    // the gradient of the edge is that of four places
    inputs: [values(1, 2)],
    f: ([x]) => tg.nn.functional.pad(x as tg.Tensor, [3, 0], 'replicate'),
    g: (i) => [40_000, 40_000, -40_000, -39_000, 1][i] as number,
  },
  vander: { inputs: [values(200)], f: ([x]) => tg.vander(x as tg.Tensor, 3), g: (i) => [200, -30_000, 1][i] as number },
  put: {
    inputs: [constant(-60_000, 1), values(60_000, 50_000, -10_000)],
    f: ([x, source], home) => tg.put(x as tg.Tensor, classes(3, home), source as tg.Tensor, true),
  },
  indexPut: {
    inputs: [constant(-60_000, 1), values(60_000, 50_000, -10_000)],
    f: ([x, source], home) => tg.indexPut(x as tg.Tensor, [classes(3, home)], source as tg.Tensor, { accumulate: true }),
  },
  lerp: { inputs: [values(60_000, -60_000), values(-60_000, 60_000)], f: ([a, b]) => tg.lerp(a as tg.Tensor, b as tg.Tensor, 0.25) },
  addcmul: {
    inputs: [values(-60_000, 60_000), values(300, -300), values(300, 300)],
    f: ([x, a, b]) => tg.addcmul(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
  },
  addcdiv: {
    inputs: [values(-60_000, 60_000), values(300, -300), values(1 / 256, 1 / 256)],
    f: ([x, a, b]) => tg.addcdiv(x as tg.Tensor, a as tg.Tensor, b as tg.Tensor),
    g: () => 1 / 64,
  },
  cross: {
    inputs: [values(300, 200, 100), values(300, 250, 1)],
    f: ([a, b]) => tg.cross(a as tg.Tensor, b as tg.Tensor),
  },
  logit: { inputs: [values(2 ** -17, 2 ** -18)], f: ([x]) => tg.logit(x as tg.Tensor), g: () => 1 / 16 },
  mvlgamma: { inputs: [values(3000, 4000)], f: ([x]) => tg.mvlgamma(x as tg.Tensor, 2) },
  batchNorm: {
    inputs: [{ shape: [64, 2, 8], at: (i) => (i % 8) * 8000 }],
    f: ([x]) => F.batchNorm(x as tg.Tensor, null, null, { training: true }),
    g: (i) => (i % 3) * 20_000,
  },
  // Their sums pass what a half holds, and their means do not
  ...averages({
    l1Loss: (x, y) => F.l1Loss(x, y),
    smoothL1Loss: (x, y) => F.smoothL1Loss(x, y),
    huberLoss: (x, y) => F.huberLoss(x, y),
    binaryCrossEntropy: (x, y) => F.binaryCrossEntropy(x, y),
    binaryCrossEntropyWithLogits: (x, y) => F.binaryCrossEntropyWithLogits(x, y),
    klDiv: (x, y) => F.klDiv(x, y),
    poissonNllLoss: (x, y) => F.poissonNllLoss(x, y),
    gaussianNllLoss: (x, y) => F.gaussianNllLoss(x, y, tg.onesLike(x)),
    hingeEmbeddingLoss: (x, y) => F.hingeEmbeddingLoss(x.add(y), tg.onesLike(x)),
    softMarginLoss: (x, y) => F.softMarginLoss(x.add(y), tg.onesLike(x)),
    marginRankingLoss: (x, y) => F.marginRankingLoss(x, y, tg.onesLike(x).neg(), { margin: 3 }),
    cosineEmbeddingLoss: (x, y) =>
      F.cosineEmbeddingLoss(x, y.mul(tg.tensor([1, 0.5], { dtype: y.dtype, device: x.device as 'cpu' })), tg.onesLike(x).at('...', 0)),
    tripletMarginLoss: (x, y) => F.tripletMarginLoss(x, y, tg.onesLike(x)),
    tripletMarginWithDistanceLoss: (x, y) => F.tripletMarginWithDistanceLoss(x, y, tg.onesLike(x)),
    multiMarginLoss: (x, y) => F.multiMarginLoss(x.add(y), classes(MANY / 2, x.device as 'cpu')),
    multilabelMarginLoss: (x, y) => F.multilabelMarginLoss(x.add(y), tg.zerosLike(x, { dtype: 'int32' })),
    multilabelSoftMarginLoss: (x, y) => F.multilabelSoftMarginLoss(x.add(y), tg.onesLike(x)),
    pairwiseDistance: (x, y) => F.pairwiseDistance(x.t(), y.t()).mean(),
  }),
  cosineSimilarity: {
    inputs: [values(300, -400, 500), values(100, 200, 300)],
    f: ([x, y]) => F.cosineSimilarity(x as tg.Tensor, y as tg.Tensor, { dim: 0 }),
    g: () => 100,
  },
  normalize: { inputs: [values(300, -400, 500)], f: ([x]) => F.normalize(x as tg.Tensor, { dim: 0 }), g: (i) => 100 * i },
  scaledDotProductAttention: {
    inputs: [constant(100, 2, 64), constant(100, 3, 64), values(-3, 5, 7)],
    f: ([q, k, v]) => F.scaledDotProductAttention(q as tg.Tensor, k as tg.Tensor, (v as tg.Tensor).reshape(3, 1)),
    g: () => 100,
    slack: 5e-4, // equal scores: the gradient of queries and keys is 0, of terms that are not
  },
  alphaDropout: {
    inputs: [values(60_000, -60_000, 3, 1 / 3)],
    f: ([x]) => F.alphaDropout(x as tg.Tensor, 0.5, { training: true, generator: new tg.Generator(3) }),
  },
  featureAlphaDropout: {
    inputs: [{ shape: [2, 2, 3], at: (i) => 9000 * (i - 6) + 1 / 3 }],
    f: ([x]) => F.featureAlphaDropout(x as tg.Tensor, 0.5, { training: true, generator: new tg.Generator(3) }),
  },
  gumbelSoftmax: {
    inputs: [values(60_000, 60_000, 59_968)],
    f: ([x]) => F.gumbelSoftmax((x as tg.Tensor).mul(1 / 64), 1, { generator: new tg.Generator(3) }),
  },
  ctcLoss: {
    inputs: [constant(-1700, 40, 2)],
    f: ([x], home) => F.ctcLoss(x as tg.Tensor, tg.ones([20], { dtype: 'int32', device: home }), 40, 20),
    g: () => 100,
  },
  layerNorm: {
    inputs: [{ shape: [2, 64], at: (i) => (i % 8) * 8000 }],
    f: ([x]) => F.layerNorm(x as tg.Tensor, [64]),
    g: (i) => (i % 3) * 20_000,
  },
  rmsNorm: {
    inputs: [{ shape: [2, 64], at: (i) => (i % 8) * 8000 }],
    f: ([x]) => F.rmsNorm(x as tg.Tensor, [64]),
    g: (i) => (i % 3) * 20_000,
  },
  groupNorm: {
    inputs: [{ shape: [2, 4, 16], at: (i) => (i % 8) * 8000 }],
    f: ([x]) => F.groupNorm(x as tg.Tensor, 2),
    g: (i) => (i % 3) * 20_000,
  },
  instanceNorm: {
    inputs: [{ shape: [2, 2, 32], at: (i) => (i % 8) * 8000 }],
    f: ([x]) => F.instanceNorm(x as tg.Tensor),
    g: (i) => (i % 3) * 20_000,
  },
  localResponseNorm: {
    inputs: [{ shape: [1, 4, 3], at: (i) => i * 1000 }],
    f: ([x]) => F.localResponseNorm(x as tg.Tensor, 3),
    g: (i) => (i % 3) * 20_000,
  },
}

/** Ops whose case is another's. */
const WITHIN: Readonly<Record<string, string>> = {
  conv1d: 'conv2d',
  conv3d: 'conv2d',
  convTbc: 'conv2d',
  convTranspose1d: 'convTranspose2d',
  convTranspose3d: 'convTranspose2d',
  lpPool1d: 'lpPool2d',
  interpolate: 'resample',
  affineGrid: 'matmul',
  adaptiveAvgPool1d: 'resample',
  adaptiveAvgPool2d: 'resample',
  adaptiveAvgPool3d: 'resample',
  avgPool1d: 'avgPool2d',
  avgPool3d: 'avgPool2d',
  contraction: 'einsum',
  distance: 'cdist',
  convolution: 'conv2d',
  convolutionInput: 'conv2d', // its gradients
  convolutionWeight: 'conv2d',
  normalizeRows: 'layerNorm',
  probabilityLoss: 'binaryCrossEntropy',
  batchMean: 'batchNorm',
  batchRstd: 'batchNorm',
  linearRecurrence: 'cumprod', // its gradient
}
/** Ops that no half reaches. */
const WITHOUT: Readonly<Record<string, string>> = { oneHot: 'takes integers' }

/** Value and gradients of a case. */
function evaluate({ inputs, f, g }: Large, half: Half, dtype: Half | 'float64', home: 'cpu' | 'webgpu'): tg.Tensor[] {
  const make = (shape: readonly number[], at: (i: number) => number): tg.Tensor =>
    tg.tensor(
      Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => nearestHalf(at(i), half)),
      { shape: [...shape], dtype, device: home },
    )
  const x = inputs.map(({ shape, at }) => make(shape, at).requiresGrad_())
  const y = f(x, home)
  if (!y.requiresGrad) return [y]
  y.backward(make(y.shape, g ?? (() => 1)))
  return [y, ...x.map((v) => v.grad as tg.Tensor)]
}

describe('nothing on the way has to fit in a half', () => {
  it.each(HALVES.flatMap((half) => Object.entries(LARGE).map(([name, large]) => [name, half, large] as const)))(
    '%s of %s',
    async (name, half, large) => {
      const [got, want] = [evaluate(large, half, half, device), evaluate(large, half, 'float64', 'cpu')]
      await Promise.all(
        got.map((y, i) => expectRounded(half, `${name}: ${i === 0 ? 'value' : `gradient ${i}`}`, y, want[i] as tg.Tensor, large)),
      )
    },
  )

  it('in any op: those that widen have a case, the others move elements or compute single ones', () => {
    const widen = [...opRegistry.values()].filter((d) => d.half === 'widen').map((d) => d.name)
    expect(widen.filter((name) => !((WITHIN[name] ?? name) in LARGE) && !(name in WITHOUT))).toEqual([])
    expect(Object.keys({ ...LARGE, ...WITHIN, ...WITHOUT }).filter((name) => !widen.includes(name))).toEqual([])
  })
})

// ── what it costs ──

/** Kernels of a forward, and of forward and backward, read together, when they come again. */
async function kernelsOf(
  dtype: Half | 'float32',
  shapes: readonly (readonly number[])[],
  f: (...x: tg.Tensor[]) => tg.Tensor,
): Promise<[number, number]> {
  const x = shapes.map((shape) => tg.randn(shape, { device, dtype }))
  const g = tg.randn(f(...x).shape, { device, dtype })
  await Promise.all([...x, g].map((v) => v.data()))
  const count = async (run: () => readonly tg.Tensor[]): Promise<number> => {
    await Promise.all(run().map((y) => y.data()))
    await tg.synchronize()
    const before = deviceCounters(device).dispatches
    await Promise.all(run().map((y) => y.data()))
    return deviceCounters(device).dispatches - before
  }
  const forward = await count(() => [f(...x)])
  for (const v of x) v.requiresGrad = true
  const both = await count(() => {
    const y = f(...x)
    return [y, ...tg.grad(y, x, { gradOutputs: g })]
  })
  return [forward, both]
}

describe.each(HALVES)('casts from and to %s are part of other kernels', (half) => {
  // Where halves share words, a kernel of rows or of a product cannot store them: so each result that is kept costs one kernel more than in float32.
  const labels = tg.zeros([64], { dtype: 'int32', device })
  const cases: readonly [string, readonly (readonly number[])[], (...x: tg.Tensor[]) => tg.Tensor, forward: number, both: number][] = [
    ['mean', [[64, 512]], (x) => x.mean(1), 2, 4],
    ['var', [[64, 512]], (x) => x.var(1), 2, 3],
    ['softmax', [[64, 512]], (x) => F.softmax(x, 1), 2, 2],
    ['logSoftmax', [[64, 512]], (x) => F.logSoftmax(x, 1), 2, 3],
    ['logsumexp', [[64, 512]], (x) => tg.logsumexp(x, 1), 2, 3],
    ['amax', [[64, 512]], (x) => x.amax(1), 2, 3],
    ['crossEntropy', [[64, 512]], (x) => F.crossEntropy(x, labels), 4, 6],
    ['gelu', [[64, 512]], (x) => F.gelu(x), 1, 1],
    [
      'matmul',
      [
        [64, 512],
        [512, 64],
      ],
      (a, b) => a.matmul(b),
      2,
      6,
    ],
    ['linear', [[64, 512], [128, 512], [128]], (x, w, b) => F.linear(x, w, b), 2, 8],
    ['conv2d', [[4, 8, 16, 16], [16, 8, 3, 3], [16]], (x, w, b) => F.conv2d(x, w, b, { padding: 1 }), 3, 10],
    ['avgPool2d', [[4, 8, 16, 16]], (x) => F.avgPool2d(x, 2), 2, 3],
  ]
  it.each(cases)('%s', async (_, shapes, f, forward, both) => {
    const [a, b] = await kernelsOf(half, shapes, f)
    expect(a).toBeLessThanOrEqual(forward)
    expect(b).toBeLessThanOrEqual(both)
    const { features } = await tg.init({ device })
    if (half === 'float16' && features.includes('shader-f16')) expect([a, b]).toEqual(await kernelsOf('float32', shapes, f))
  })

  it('an operand of a product stays a half in memory', async () => {
    const n = 512
    const [a, b] = [tg.randn([n, n], { device, dtype: half }), tg.randn([n, n], { device, dtype: half })]
    await Promise.all([a.data(), b.data()])
    await tg.synchronize()
    const before = tg.memory(device).liveBytes
    tg.resetPeakMemory(device)
    await F.linear(a, b).data()
    // both operands come up from the host; then the sums in float32, and the result
    expect(tg.memory(device).peakBytes - before).toBeLessThanOrEqual(n * n * (2 + 2 + 4 + 2))
  })
})
