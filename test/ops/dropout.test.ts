/** @file Dropout and samples of classes: by property, since their numbers are not PyTorch's. */
import { beforeAll, describe, expect, it } from 'vitest'
import { Generator, grad, nn, ones, randn, setDefaultDevice, type Tensor, tensor, zeros } from '../../src/index.ts'
import { device } from '../support/device.ts'

const F = nn.functional
beforeAll(() => setDefaultDevice(device))
const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data())
const average = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length
const from = (seed: number) => ({ generator: new Generator(seed) })
const trained = (seed: number) => ({ training: true, ...from(seed) })
/** −αλ, what selu tends to. */
const LIMIT = -1.7580993408473766
const stretch = (p: number): number => 1 / Math.sqrt((LIMIT * LIMIT * p + 1) * (1 - p))

describe('dropout of whole channels', () => {
  const forms = [
    ['dropout1d', F.dropout1d, [20, 30, 4], 600],
    ['dropout1d', F.dropout1d, [600, 4], 600],
    ['dropout2d', F.dropout2d, [20, 30, 2, 3], 600],
    ['dropout2d', F.dropout2d, [20, 30, 4], 600],
    ['dropout3d', F.dropout3d, [20, 30, 2, 1, 2], 600],
    ['dropout3d', F.dropout3d, [600, 2, 1, 2], 600],
  ] as const
  it.each(forms)('%s (%#) drops all of one or none, and scales the rest', async (_, dropout, shape, channels) => {
    const x = ones([...shape], { requiresGrad: true })
    const y = dropout(x, 0.25, from(6))
    const rows = (await y.reshape(channels, -1).toArray()) as number[][]
    for (const row of rows) expect(new Set(row).size).toBe(1)
    const firsts = rows.map((row) => row[0] as number)
    expect(new Set(firsts)).toEqual(new Set([0, Math.fround(4 / 3)]))
    expect(average(firsts)).toBeGreaterThan(0.9)
    expect(average(firsts)).toBeLessThan(1.1)
    y.sum().backward()
    expect(await values(x.grad as Tensor)).toEqual(await values(y))
  })
  it.each(forms)('%s (%#) gives x itself in evaluation, zeros at p = 1', async (_, dropout, shape) => {
    const x = ones([...shape])
    expect(dropout(x, { training: false })).toBe(x)
    expect(new Set(await values(dropout(x, 1)))).toEqual(new Set([0]))
  })
  it('refuses shapes that have no channels', () => {
    expect(() => F.dropout1d(ones([2]))).toThrow(/^dropout1d: x must be \[N, C, L\] or \[C, L\], got \[2\]/)
    expect(() => F.dropout2d(ones([2, 3]))).toThrow(/^dropout2d: x must be \[N, C, H, W\] or \[N, C, L\], got \[2, 3\]/)
    expect(() => F.dropout3d(ones([2, 3, 4]))).toThrow(/^dropout3d: x must be \[N, C, D, H, W\] or \[C, D, H, W\], got \[2, 3, 4\]/)
    expect(() => F.featureAlphaDropout(ones([2]))).toThrow(/^featureAlphaDropout: x must be \[N, C, …\], got \[2\]/)
  })
})

describe('alpha dropout', () => {
  const p = 0.3
  it('keeps mean 0 and variance 1, and masks the gradient', async () => {
    const x = randn([20000], { requiresGrad: true, ...from(1) })
    const y = F.alphaDropout(x, p, trained(2))
    const list = await values(y)
    expect(Math.abs(average(list))).toBeLessThan(0.04)
    expect(Math.abs(average(list.map((v) => v * v)) - 1)).toBeLessThan(0.05)
    const [own] = grad(y.sum(), [x]) as [Tensor]
    const [given, slopes] = [await values(x), await values(own)]
    const a = stretch(p)
    const dropped = a * LIMIT * (1 - p)
    const wrong = list.filter((v, i) => {
      const kept = slopes[i] !== 0
      return (
        Math.abs(v - (kept ? a * (given[i] as number) - a * LIMIT * p : dropped)) > 1e-5 ||
        (kept && Math.abs((slopes[i] as number) - a) > 1e-6)
      )
    })
    expect(wrong).toEqual([])
    expect(average(slopes.map((s) => Number(s === 0)))).toBeCloseTo(p, 1)
  })
  it('of whole channels', async () => {
    const y = F.featureAlphaDropout(zeros([20, 30, 2, 2]), p, trained(3))
    const rows = (await y.reshape(600, 4).toArray()) as number[][]
    for (const row of rows) expect(new Set(row).size).toBe(1)
    const share = average(rows.map((row) => Number((row[0] as number) < 0)))
    expect(share).toBeGreaterThan(0.22)
    expect(share).toBeLessThan(0.38)
  })
  it('does nothing unless it trains, and gives zeros at p = 1', async () => {
    const x = tensor([[1, Number.POSITIVE_INFINITY]])
    expect(F.alphaDropout(x)).toBe(x)
    expect(F.featureAlphaDropout(x)).toBe(x)
    expect(await values(F.alphaDropout(x, 1, { training: true }))).toEqual([0, 0])
  })
})

describe('gumbelSoftmax', () => {
  const shares = [0.5, 0.3, 0.2]
  const logits = () => tensor(shares.map(Math.log)).expand(4000, 3)
  it('chooses each class by its probability, one-hot where it is hard', async () => {
    const y = F.gumbelSoftmax(logits(), 0.5, { hard: true, ...from(5) })
    expect(new Set(await values(y))).toEqual(new Set([0, 1]))
    expect(new Set(await values(y.sum(1)))).toEqual(new Set([1]))
    const chosen = await values(y.mean(0))
    for (const [i, share] of shares.entries()) expect(Math.abs((chosen[i] as number) - share)).toBeLessThan(0.03)
  })
  it('is a distribution along its dim, and of a hard one the gradient is that of the soft one', async () => {
    const x = randn([3, 5], { requiresGrad: true, ...from(1) })
    const weights = randn([3, 5], from(2))
    const of = (hard: boolean) => F.gumbelSoftmax(x, { tau: 2, hard, dim: 0, ...from(3) })
    for (const v of await values(of(false).sum(0))) expect(v).toBeCloseTo(1, 6)
    const slopes = await Promise.all([false, true].map(async (hard) => values((grad(of(hard).mul(weights).sum(), [x]) as [Tensor])[0])))
    expect(slopes[0]).toEqual(slopes[1])
    expect(slopes[0]?.some((v) => v !== 0)).toBe(true)
    const [soft, hard] = [await values(of(false).argmax(0)), await values(of(true).argmax(0))]
    expect(soft).toEqual(hard)
  })
  it('refuses a temperature of 0 and integers', () => {
    expect(() => F.gumbelSoftmax(ones([2]), 0)).toThrow(/^gumbelSoftmax: tau must be more than 0, got 0/)
    expect(() => F.gumbelSoftmax(ones([2], { dtype: 'int32' }))).toThrow(/^gumbelSoftmax: logits/)
  })
})
