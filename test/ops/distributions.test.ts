/** @file Distributions: PyTorch's values and gradients, samples by their distribution functions, gradients of samples, misuse. */
import { beforeAll, describe, expect, it } from 'vitest'
import { checkpoint, distributions as D, Generator, grad, ones, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import { erf, frequencies, kolmogorov } from '../support/distributions.ts'
import { type DistributionCase, expectSpan, golden, type Setting, type Span, stored, tensorOf } from '../support/golden.ts'

beforeAll(() => setDefaultDevice(device))
const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data())
const seeded = (seed: number): { generator: Generator } => ({ generator: new Generator(seed) })

// ── PyTorch ──

/** Every argument is a tensor: the constructor's own type does not matter here. */
function made({ name, logits }: DistributionCase, params: readonly Tensor[]): D.Distribution {
  const [a, b, c] = params as [Tensor, Tensor, Tensor]
  if (name === 'MultivariateNormal') return new D.MultivariateNormal(a, { scaleTril: b })
  if (name === 'MixtureSameFamily') return new D.MixtureSameFamily(new D.Categorical(a), new D.Normal(b, c))
  const Family = D[name as 'Normal'] as unknown as new (...args: unknown[]) => D.Distribution
  return logits ? new Family({ logits: a }) : new Family(...params)
}

const settings: readonly [Setting, { rtol: number; atol: number }][] = [
  ...(hasDoubles
    ? [
        [
          { device: 'cpu', float: 'float64' },
          { rtol: 1e-8, atol: 1e-9 },
        ] as [Setting, { rtol: number; atol: number }],
      ]
    : []),
  [
    { device, float: 'float32' },
    { rtol: 2e-4, atol: 3e-5 },
  ],
]
const NEEDS_VALUE = ['logProb', 'cdf']

describe.each(settings)('torch.distributions on $device in $float', (setting, tolerance) => {
  for (const c of golden('distributions').families) {
    for (const result of c.results) {
      it(`${c.name}${c.logits ? ' by logits' : ''}: ${result.name}`, async () => {
        const leaves = (spans: readonly Span[]): Tensor[] => spans.map((span) => tensorOf(span, setting).detach().requiresGrad_())
        const [params, others] = [leaves(c.params), leaves(c.others)]
        const p = made(c, params)
        const y = ((): Tensor => {
          if (result.name === 'klDivergence') return D.klDivergence(p, made(c, others))
          if (result.name === 'icdf') return p.icdf(tensorOf(c.probability as Span, setting))
          if (result.name === 'expanded logProb') return p.expand([4, ...p.batchShape]).logProb(tensorOf(c.sample, setting).narrow(0, 0, 1))
          if (NEEDS_VALUE.includes(result.name)) return p[result.name as 'logProb'](tensorOf(c.sample, setting))
          return result.name === 'entropy' ? p.entropy() : p[result.name as 'mean']
        })()
        await expectSpan('value', y, result.value, setting, tolerance)
        const wanted = [...params, ...others].slice(0, result.grads.length)
        if (!y.requiresGrad) return
        const grads = grad(y.sum(), wanted, { allowUnused: true })
        for (const [i, span] of result.grads.entries()) {
          const found = grads[i]
          if (span && found) await expectSpan(`gradient ${i}`, found, span, setting, tolerance)
          else if (span)
            expect(
              Array.from(stored(span)).every((v) => v === 0),
              `gradient ${i}`,
            ).toBe(true)
        }
      })
    }
  }
})

// ── samples ──

const N = 3000
const phi = (v: number): number => (1 + erf(v / Math.SQRT2)) / 2
/** The distribution function of Gamma(k, 1), k whole. */
const erlang = (k: number) => (v: number) => {
  let [term, sum] = [1, 1]
  for (let i = 1; i < k; i++) {
    term *= v / i
    sum += term
  }
  return 1 - Math.exp(-v) * sum
}

describe('samples follow the distribution', () => {
  const continuous: Record<string, [() => D.Distribution, (v: number) => number]> = {
    Normal: [() => new D.Normal(1, 2), (v) => phi((v - 1) / 2)],
    LogNormal: [() => new D.LogNormal(0, 0.5), (v) => phi(Math.log(v) / 0.5)],
    Uniform: [() => new D.Uniform(-1, 3), (v) => (v + 1) / 4],
    Exponential: [() => new D.Exponential(2), (v) => 1 - Math.exp(-2 * v)],
    Laplace: [() => new D.Laplace(1, 2), (v) => (v < 1 ? Math.exp((v - 1) / 2) / 2 : 1 - Math.exp((1 - v) / 2) / 2)],
    'Gamma of 3': [() => new D.Gamma(3, 2), (v) => erlang(3)(2 * v)],
    'Gamma of 1': [() => new D.Gamma(1, 1), erlang(1)],
    'Gamma of ½': [() => new D.Gamma(0.5, 1), (v) => erf(Math.sqrt(v))],
    'Gamma of 40': [() => new D.Gamma(40, 1), erlang(40)],
    'Beta of ½ and ½': [() => new D.Beta(0.5, 0.5), (v) => (2 / Math.PI) * Math.asin(Math.sqrt(v))],
    'Beta of 2 and 1': [() => new D.Beta(2, 1), (v) => v * v],
    'a mixture': [
      () => new D.MixtureSameFamily(new D.Categorical(tensor([1, 3])), new D.Normal(tensor([-1, 2]), 0.5)),
      (v) => 0.25 * phi((v + 1) / 0.5) + 0.75 * phi((v - 2) / 0.5),
    ],
  }
  for (const [name, [make, cdf]] of Object.entries(continuous))
    it(name, async () => {
      const list = await values(make().sample([N], seeded(5)))
      expect(kolmogorov(list, cdf)).toBeLessThan(1.63 / Math.sqrt(N))
    })
  it('whole numbers', async () => {
    const of = async (d: D.Distribution): Promise<number[]> => values(d.sample([N], seeded(6)))
    frequencies(await of(new D.Bernoulli(0.3)), (k) => [0.7, 0.3][k] ?? 0)
    frequencies(await of(new D.Categorical(tensor([1, 0, 3]))), (k) => [0.25, 0, 0.75][k] ?? 0)
    frequencies(await of(new D.Geometric(0.4)), (k) => 0.4 * 0.6 ** k)
    frequencies(await of(new D.Poisson(2)), (k) => [1, 2, 2, 4 / 3, 2 / 3, 4 / 15, 4 / 45, 8 / 315, 2 / 315, 4 / 2835, 4 / 14175, 5.13e-5, 8.5e-6][k] as number * Math.exp(-2)) // biome-ignore format: 2ᵏ/k!
  })
  it('shares add up to 1, however small the concentrations', async () => {
    const x = new D.Dirichlet(tensor([[1e-3, 2e-3, 1e-3], [1, 2, 3]])).sample([500], seeded(7)) // biome-ignore format: rows
    expect(x.shape).toEqual([500, 2, 3])
    for (const v of await values(x.sum(-1))) expect(v).toBeCloseTo(1, 5)
    const means = await values(x.mean(0).select(0, 1))
    means.forEach((v, i) => {
      expect(v).toBeCloseTo((i + 1) / 6, 1)
    })
    for (const v of await values(new D.Beta(1e-3, 1e-3).sample([200], seeded(8)))) expect(v >= 0 && v <= 1).toBe(true)
  })
  it('vectors have their covariance', async () => {
    const covarianceMatrix = tensor([[2, 0.6], [0.6, 1]]) // biome-ignore format: rows
    const p = new D.MultivariateNormal(tensor([1, -1]), { covarianceMatrix })
    const list = await values(p.sample([N], seeded(9)))
    let sum = 0
    for (let i = 0; i < N; i++) sum += ((list[2 * i] as number) - 1) * ((list[2 * i + 1] as number) + 1)
    expect(sum / N).toBeCloseTo(0.6, 0)
    const back = await values(p.covarianceMatrix)
    ;[2, 0.6, 0.6, 1].forEach((v, i) => {
      expect(back[i]).toBeCloseTo(v, 5)
    })
  })
  it('expanded distributions have samples of each place', async () => {
    const all: readonly D.Distribution[] = [
      new D.Normal(tensor([0, 1]), 1),
      new D.Uniform(tensor([0, 1]), 3),
      new D.Gamma(tensor([1, 2]), 1),
      new D.Beta(tensor([1, 2]), 1),
      new D.Dirichlet(tensor([[1, 2, 3], [3, 2, 1]])), // biome-ignore format: rows
      new D.Bernoulli(tensor([0, 0.5])),
      new D.Geometric({ logits: tensor([0, 1]) }),
      new D.Poisson(tensor([1, 2])),
      new D.Categorical(tensor([[1, 0], [1, 3]])), // biome-ignore format: rows
      new D.OneHotCategorical({ logits: tensor([[1, 0], [1, 3]]) }), // biome-ignore format: rows
      new D.MultivariateNormal(tensor([[1, 0], [1, 3]]), { scaleTril: tensor([[1, 0], [1, 3]]) }), // biome-ignore format: rows
      new D.Independent(new D.Normal(ones([2, 3]), 1), 1),
      new D.MixtureSameFamily(new D.Categorical(tensor([1, 3])), new D.Normal(ones([2, 2]), 1)),
    ]
    for (const p of all) {
      const q = p.expand([5, 2])
      expect([q.constructor, q.batchShape, q.eventShape, q.sample([3], seeded(1)).shape]).toEqual([
        p.constructor,
        [5, 2],
        p.eventShape,
        [3, 5, 2, ...p.eventShape],
      ])
      const value = p.sample([1], seeded(2))
      expect(await values(q.logProb(value).select(0, 3))).toEqual(await values(p.logProb(value).select(0, 0)))
    }
    // (a probability of 0 stays one)
    expect(await values(new D.Categorical(tensor([1, 0])).expand([3]).probs)).toEqual([1, 0, 1, 0, 1, 0])
    expect(() => new D.Normal(tensor([0, 1]), 1).expand([2, 3])).toThrow('expand: the batch [2] does not broadcast to [2, 3]')
    expect(() => new D.Normal(0, 1).icdf(1.5)).toThrow('icdf: value must hold numbers from 0 to 1, one element is 1.5')
    expect(() => new D.Poisson(1).icdf(0.5)).toThrow('icdf: there is none of Poisson')
  })
  it('shapes are those of the sample, the batch and the event', () => {
    const p = new D.Independent(new D.Normal(ones([4, 3]), 1), 1)
    expect([p.batchShape, p.eventShape, p.sample([2]).shape, p.logProb(ones([4, 3])).shape, p.entropy().shape]).toEqual([
      [4],
      [3],
      [2, 4, 3],
      [4],
      [4],
    ])
    expect(new D.Categorical(ones([2, 3, 4])).sample([5]).shape).toEqual([5, 2, 3])
    expect(new D.OneHotCategorical(ones([2, 4])).sample([5]).shape).toEqual([5, 2, 4])
  })
})

describe('gradients of samples', () => {
  it('of a gamma sample: the derivative of the quantile', async () => {
    // Gamma(½): F = erf √z; at whole and half α by differences of quantiles is checked through the mean: E[dz/dα] = 1
    const alpha = tensor([0.1, 0.5, 1, 3, 20, 500], { requiresGrad: true })
    const z = new D.Gamma(alpha, ones([6])).rsample([N], seeded(10))
    const [g] = grad(z.sum(), [alpha])
    for (const v of await values((g as Tensor).div(N))) expect(Math.abs(v - 1)).toBeLessThan(0.1)
    // and through that of the logarithm: E[d log z/dα] = ψ′(α)
    const beta = tensor([0.5, 1, 3], { requiresGrad: true })
    const [h] = grad(new D.Gamma(beta, ones([3])).rsample([N], seeded(11)).log().sum(), [beta])
    const want = [Math.PI ** 2 / 2, Math.PI ** 2 / 6, Math.PI ** 2 / 6 - 1.25]
    ;(await values((h as Tensor).div(N))).forEach((v, i) => {
      expect(Math.abs(v / (want[i] as number) - 1)).toBeLessThan(0.1)
    })
  })
  it('a checkpointed sample draws the same when it is recomputed', async () => {
    const scale = tensor([1, 2], { requiresGrad: true })
    const generator = new Generator(12)
    const y = checkpoint((s: Tensor) => new D.Normal(0, s).rsample([], { generator }), scale)
    const [g] = grad(y.sum(), [scale])
    const noise = await values(new D.Normal(0, ones([2])).sample([], seeded(12)))
    expect(await values(g as Tensor)).toEqual(noise)
  })
  it('one seed gives one sample', async () => {
    const p = new D.Gamma(2.5, 1)
    expect(await values(p.sample([4], seeded(1)))).toEqual(await values(p.sample([4], seeded(1))))
    expect(await values(p.sample([4], seeded(1)))).not.toEqual(await values(p.sample([4], seeded(2))))
  })
})

describe('errors', () => {
  it.each([
    [() => new D.Normal(0, -1), /^Normal: scale must hold numbers > 0, one element is -1/],
    [() => new D.Normal(tensor([0], { dtype: 'int32' }), 1), /^Normal: loc must be of a float dtype, got int32/],
    [() => new D.Normal(ones([2]), ones([3])), /^Normal: .*\[2\].*\[3\]/],
    [() => new D.Uniform(1, 1), /^Uniform: low must be below high, got 1 and 1/],
    [() => new D.Bernoulli(1.5), /^Bernoulli: probs must hold numbers from 0 to 1/],
    [() => new D.Bernoulli({}), /^Bernoulli: exactly one of probs and logits must be given/],
    [() => new D.Categorical(tensor(1)), /^Categorical: probs must have at least one dim/],
    [() => new D.Exponential(1).logProb(-1), /^logProb: value must hold numbers ≥ 0, one element is -1/],
    [() => new D.Poisson(1).rsample(), /^rsample: samples of Poisson have no gradient in its parameters. Use sample\(\)/],
    [() => new D.Poisson(1).cdf(1), /^cdf: there is none of Poisson/],
    [() => new D.MultivariateNormal(ones([2]), {}), /^MultivariateNormal: exactly one of scaleTril and covarianceMatrix must be given/],
    [() => new D.MultivariateNormal(ones([2]), { scaleTril: ones([3, 3]) }), /^MultivariateNormal: .*\[2\] and \[3, 3\]/],
    [() => D.klDivergence(new D.Normal(0, 1), new D.Poisson(1)), /^klDivergence: there is no closed form here of Normal and Poisson/],
    [() => new D.Independent(new D.Normal(0, 1), 1), /^Independent: the batch \[\] has fewer than 1 dim/],
  ])('%s', (call, message) => expect(call).toThrow(message))
  it('checks may be left out', () => {
    expect(() => new D.Normal(0, -1, { validateArgs: false })).not.toThrow()
  })
})

it('names what it records: methods that are made of others, too', () => {
  const normal = new D.Normal(tensor([0, 1]), 2)
  for (const p of [normal, new D.Independent(normal, 1), new D.LogNormal(tensor([0, 1]), 2)]) {
    expect(p.rsample()._node.op).toBe('rsample')
    expect(p.sample()._node.op).toBe('sample')
    expect(p.logProb(tensor([1, 2]))._node.op).toBe('logProb')
  }
  expect(normal.cdf(tensor([1, 2]))._node.op).toBe('cdf')
})
