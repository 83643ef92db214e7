/** @file Samplers by the distributions that they should follow: Kolmogorov's distance of continuous ones, frequencies of counts, one stream on every device. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  binomial,
  type DType,
  full,
  Generator,
  multinomial,
  nn,
  normal,
  ones,
  poisson,
  randintLike,
  setDefaultDevice,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import { erf, frequencies, kolmogorov } from '../support/distributions.ts'

beforeAll(() => setDefaultDevice(device))
const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data())
const average = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length
const seeded = (seed: number): { generator: Generator } => ({ generator: new Generator(seed) })
const N = 4000
const floats: readonly DType[] = hasDoubles ? ['float32', 'float64'] : ['float32']

describe.each(floats)('continuous samplers in %s', (dtype) => {
  const placed = { dtype, ...(dtype === 'float64' && { device: 'cpu' as const }) }
  const samplers: Record<string, [(x: Tensor) => Tensor, (v: number) => number]> = {
    exponential_: [(x) => x.exponential_(2, seeded(1)), (v) => 1 - Math.exp(-2 * v)],
    cauchy_: [(x) => x.cauchy_(1, 3, seeded(2)), (v) => 0.5 + Math.atan((v - 1) / 3) / Math.PI],
    logNormal_: [(x) => x.logNormal_(0.5, 0.25, seeded(3)), (v) => (1 + erf((Math.log(v) - 0.5) / 0.25 / Math.SQRT2)) / 2],
    normal_: [(x) => x.normal_(-1, 2, seeded(4)), (v) => (1 + erf((v + 1) / 2 / Math.SQRT2)) / 2],
    uniform_: [(x) => x.uniform_(-1, 2, seeded(5)), (v) => (v + 1) / 3],
    'normal of tensors': [(x) => normal(x.add(-1), x.add(2), seeded(6)), (v) => (1 + erf((v + 1) / 2 / Math.SQRT2)) / 2],
  }
  for (const [name, [draw, cdf]] of Object.entries(samplers)) {
    it(name, async () => {
      const list = await values(draw(zeros([N], placed)))
      expect(kolmogorov(list, cdf)).toBeLessThan(1.63 / Math.sqrt(N)) // 1% of samples lie further off
    })
  }
})

describe('truncNormal_', () => {
  const phi = (z: number): number => (1 + erf(z / Math.SQRT2)) / 2
  const density = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)
  const kinds: readonly (readonly [mean: number, std: number, a: number, b: number])[] = [
    [0, 1, -2, 2],
    [0.5, 2, -1, 0.75],
    [1, 0.02, -2, 2],
    [0, 1, 3, 4],
    [2, 0.5, -1, 0.25],
  ]
  it.each(kinds)('of mean %d, std %d from %d to %d has its distribution and its moments', async (mean, std, a, b) => {
    const [low, high] = [(a - mean) / std, (b - mean) / std]
    const mass = phi(high) - phi(low)
    const list = await values(nn.init.truncNormal_(zeros([N]), mean, std, a, b, seeded(8)))
    expect(kolmogorov(list, (v) => (phi((v - mean) / std) - phi(low)) / mass)).toBeLessThan(1.63 / Math.sqrt(N))
    expect(Math.min(...list)).toBeGreaterThanOrEqual(Math.fround(a))
    expect(Math.max(...list)).toBeLessThanOrEqual(Math.fround(b))
    const shift = (density(low) - density(high)) / mass
    const variance = std ** 2 * (1 + (low * density(low) - high * density(high)) / mass - shift ** 2)
    const found = average(list)
    expect(Math.abs(found - (mean + std * shift))).toBeLessThan(4 * Math.sqrt(variance / N))
    expect(Math.abs(average(list.map((v) => (v - found) ** 2)) / variance - 1)).toBeLessThan(0.12)
  })

  it('keeps to its bounds far out, also in halves', async () => {
    const x = nn.init.truncNormal_(zeros([100], { dtype: 'float16' }), { a: 30, b: 31 })
    expect(x.dtype).toBe('float16')
    for (const v of await values(x)) expect(v >= 30 && v <= 31).toBe(true)
    expect(() => nn.init.truncNormal_(zeros([2]), 0, 1, 2, 1)).toThrow('truncNormal_: b must be above a, got 2 and 1')
    expect(() => nn.init.truncNormal_(zeros([2]), 0, 0)).toThrow('truncNormal_: std must be above 0')
  })
})

describe('counts', () => {
  const factorials = [0]
  for (let k = 1; k < 2000; k++) factorials[k] = (factorials[k - 1] as number) + Math.log(k)
  const ways = (n: number, k: number): number => (factorials[n] as number) - (factorials[k] as number) - (factorials[n - k] as number)

  it.each([0.3, 4, 9.9, 10, 12.5, 80, 700])('poisson of mean %d', async (mean) => {
    const list = await values(poisson(full([N], mean), seeded(Math.round(10 * mean))))
    frequencies(list, (k) => Math.exp(k * Math.log(mean) - mean - (factorials[k] as number)))
  })
  it.each([
    [5, 0.3],
    [30, 0.2],
    [30, 0.9],
    [25, 0.4],
    [50, 0.5],
    [1500, 0.35],
    [1000, 0.004],
  ])('binomial of %d trials with probability %d', async (n, p) => {
    const list = await values(binomial(full([N], n), tensor(p), seeded(8)))
    frequencies(list, (k) => (k > n ? 0 : Math.exp(ways(n, k) + k * Math.log(p) + (n - k) * Math.log(1 - p))))
  })
  it.each(['float32', 'int32', 'uint8'] as const)('geometric_ in %s', async (dtype) => {
    const list = await values(zeros([N], { dtype }).geometric_(0.3, seeded(9)))
    frequencies(list, (k) => (k < 1 ? 0 : 0.3 * 0.7 ** (k - 1)))
  })
  it('counts that are certain', async () => {
    expect(await values(poisson(tensor([0, 0])))).toEqual([0, 0])
    expect(await values(binomial(tensor([7, 7, 0, 1e6]), tensor([0, 1, 0.5, 1])))).toEqual([0, 7, 0, 1e6])
    expect(await values(poisson(zeros([2, 0])))).toEqual([])
  })
  it('means past the whole numbers of float32, and of halves', async () => {
    const list = await values(poisson(full([N], 1e8), seeded(10)))
    expect(Math.abs(average(list.map((v) => v - 1e8)))).toBeLessThan(500)
    expect(average(list.map((v) => (v - 1e8) ** 2)) / 1e8).toBeCloseTo(1, 1)
    const half = poisson(full([N], 3, { dtype: 'float16' }), seeded(11))
    expect(half.dtype).toBe('float16')
    expect(average(await values(half))).toBeCloseTo(3, 0)
  })
  it('what is no parameter gives NaN where the host does not have it', async () => {
    const x = tensor([-1, 1]).mul(1)
    expect((await values(poisson(x)))[0]).toBeNaN()
    expect((await values(binomial(tensor([3, 3]), x.mul(1))))[0]).toBeNaN()
  })
})

describe('whole numbers and choices', () => {
  it('random_ gives every number of its range', async () => {
    const seen = async (x: Tensor): Promise<number[]> => [...new Set(await values(x))].sort((a, b) => a - b)
    expect(await seen(zeros([300]).random_(-2, 2, seeded(12)))).toEqual([-2, -1, 0, 1])
    expect(await seen(zeros([300], { dtype: 'uint8' }).random_(3, seeded(13)))).toEqual([0, 1, 2])
    expect(await seen(zeros([50], { dtype: 'bool' }).random_(seeded(14)))).toEqual([0, 1])
    const free = await values(zeros([N], { dtype: 'int32' }).random_(seeded(15)))
    expect(kolmogorov(free, (v) => v / 2 ** 31)).toBeLessThan(1.63 / Math.sqrt(N))
    expect(Math.max(...(await values(zeros([N], { dtype: 'float16' }).random_(seeded(16)))))).toBeLessThanOrEqual(2 ** 11)
  })
  it('randintLike is like its tensor', async () => {
    const x = randintLike(zeros([50, 2]), 3, 5, seeded(17))
    expect([x.shape, x.dtype, new Set(await values(x))]).toEqual([[50, 2], 'float32', new Set([3, 4])])
  })
  it('bernoulli_ takes a number, or a tensor that broadcasts', async () => {
    expect(await values(zeros([2, 2]).bernoulli_(tensor([0, 1])))).toEqual([0, 1, 0, 1])
    expect(average(await values(zeros([N], { dtype: 'int32' }).bernoulli_(0.2, seeded(18))))).toBeCloseTo(0.2, 1)
    expect(average(await values(zeros([N]).bernoulli_(seeded(19))))).toBeCloseTo(0.5, 1)
  })
  it('multinomial draws by the weights, with replacement', async () => {
    const x = multinomial(tensor([[0, 1, 3], [2, 0, 0]]), N, true, seeded(20)) // biome-ignore format: rows
    expect([x.shape, x.dtype]).toEqual([[2, N], 'int32'])
    const list = await values(x)
    frequencies(list.slice(0, N), (k) => [0, 0.25, 0.75][k] ?? 0)
    expect(new Set(list.slice(N))).toEqual(new Set([0]))
  })
  it('multinomial without replacement draws each once, the heavier ones first', async () => {
    const list = await values(multinomial(tensor([1, 2, 0, 7]).expand([N, 4]), 3, seeded(21)))
    const firsts = list.filter((_, i) => i % 3 === 0)
    frequencies(firsts, (k) => [0.1, 0.2, 0, 0.7][k] ?? 0)
    const rows = Array.from({ length: N }, (_, i) => list.slice(3 * i, 3 * i + 3).sort().join()) // biome-ignore format: one line
    expect(new Set(rows)).toEqual(new Set(['0,1,3']))
    // The second: with 1 first, 3 follows with 7/8
    const after = rows.flatMap((_, i) => (list[3 * i] === 1 ? [list[3 * i + 1] as number] : []))
    frequencies(after, (k) => [1 / 8, 0, 0, 7 / 8][k] ?? 0)
  })
})

describe('streams', () => {
  const draws = (on: 'cpu' | 'webgpu', seed: number): Tensor[] => {
    const generator = new Generator(seed)
    const x = (): Tensor => zeros([64], { device: on })
    return [
      x().geometric_(0.3, { generator }),
      x().random_(1000, { generator }),
      x().bernoulli_(0.4, { generator }),
      poisson(x().fill_(4), { generator }),
      poisson(x().fill_(40), { generator }),
      binomial(x().fill_(40), x().fill_(0.4), { generator }),
      multinomial(x().fill_(1), 20, { generator }),
      multinomial(x().fill_(1), 20, true, { generator }),
      x().exponential_(1, { generator }),
      x().cauchy_(0, 1, { generator }),
      x().logNormal_(0, 1, { generator }),
    ]
  }
  it('a seed gives the numbers of the cpu device, and other calls others', async () => {
    const here = await Promise.all(draws(device, 3).map(values))
    const cpu = await Promise.all(draws('cpu', 3).map(values))
    here.forEach((list, i) => {
      const whole = i < 8
      list.forEach((v, k) => {
        const w = cpu[i]?.[k] as number
        expect(Math.abs(v - w)).toBeLessThanOrEqual(whole ? 0 : 1e-4 * Math.max(1, Math.abs(w)))
      })
    })
    const other = await Promise.all(draws(device, 4).map(values))
    for (let i = 0; i < here.length; i++) expect(other[i]).not.toEqual(here[i])
  })
  it('no gradient goes through a count', () => {
    const x = ones([2], { requiresGrad: true })
    expect([poisson(x), multinomial(x, 1), binomial(x, x.detach()), normal(x, 1)].map((y) => y.requiresGrad)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })
})

describe('errors', () => {
  it.each([
    [() => zeros([1]).exponential_(0), /^exponential_: lambd must be a number > 0, got 0/],
    [() => zeros([1], { dtype: 'int32' }).cauchy_(), /^cauchy_: x must be of a float dtype, got int32/],
    [() => zeros([1]).logNormal_(0, -1), /^logNormal_: std must be a number > 0, got -1/],
    [() => zeros([1]).geometric_(1), /^geometric_: p must be a number between 0 and 1, got 1/],
    [() => zeros([1], { dtype: 'uint8' }).random_(300), /^random_: high − 1 is 299, which uint8 cannot hold/],
    [() => zeros([1]).random_(3, 3), /^random_: whole numbers low < high.* got 3 and 3/],
    [() => zeros([1]).bernoulli_(tensor([2])), /^bernoulli_: probabilities are numbers from 0 to 1; one is 2/],
    [() => zeros([2]).bernoulli_(ones([3])), /^bernoulli_: .*\[3\]/],
    [() => poisson(tensor([-1])), /^poisson: x holds means, which are ≥ 0; one is -1/],
    [() => poisson(ones([1], { dtype: 'int32' })), /^poisson: x must be of a float dtype, got int32/],
    [() => binomial(tensor([1.5]), tensor([0.5])), /^binomial: count holds whole numbers ≥ 0; one is 1.5/],
    [() => binomial(tensor([2]), tensor([1.5])), /^binomial: prob holds numbers from 0 to 1; one is 1.5/],
    [() => binomial(ones([2]), ones([3]).mul(0.5)), /^binomial: .*\[2\].*\[3\]/],
    [() => multinomial(tensor([1, 2]), 3), /^multinomial: 3 samples of 2 categories need \{ replacement: true \}/],
    [() => multinomial(tensor([1, 0]), 2), /^multinomial: row 0 of x has 1 weights above 0, and 2 are drawn from it/],
    [() => multinomial(tensor([1, -1]), 1), /^multinomial: weights are finite numbers ≥ 0; one is -1/],
    [() => multinomial(ones([2, 2, 2]), 1), /^multinomial: x holds weights .* got \[2, 2, 2\]/],
    [() => normal(tensor([0]), -1), /^normal: std must be a number ≥ 0, or a Tensor, got -1/],
    [() => normal(tensor([0]), tensor([-1])), /^normal: std must be ≥ 0; an element is -1/],
    [() => normal(0, 1, undefined as never), /^normal: shape must be /],
    [() => normal(tensor([0]), 1, [2] as never), /^normal: a shape goes with two numbers only/],
    [() => randintLike(zeros([1]), 5, 5), /^randintLike: whole numbers low < high/],
  ])('%s', (call, message) => expect(call).toThrow(message))
})
