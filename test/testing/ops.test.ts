/**
 * @file The gradients of every op against differences of the op itself, in float64 on cpu, first and second order: on the inputs of the golden cases,
 * along random directions (seeds are printed where one fails). Cases whose inputs lie on a kink, where there is no slope to compare with, are named.
 */
import { describe, expect, it } from 'vitest'
import { grad, onesLike, Tensor, tensor } from '../../src/index.ts'
import { opRegistry } from '../../src/ops/index.ts'
import { gradcheck, gradgradcheck } from '../../src/testing/index.ts'
import { casesByOp, freeFunction, freeName, type GoldenCase, revive, type Setting, stored, tensorOf, tensorsOf } from '../support/golden.ts'

const CPU: Setting = { device: 'cpu', float: 'float64' }

/** Cases at points without a slope, and why; those with infinities, NaN and numbers too large for a difference are left out by themselves. */
const WITHOUT_SLOPE: Readonly<Record<string, string>> = {
  'abs: kink': 'a corner at 0',
  'igamma: slopes at ends': 'x = 0 is where it begins',
  'igammac: slopes at ends': 'x = 0 is where it begins',
  'relu: kink': 'a corner at 0',
  'pow: gradients at zero base': 'no slope at 0 for exponents up to 1',
  'div: floor': 'a staircase: quotients lie on its edges',
  'div: trunc': 'a staircase: quotients lie on its edges',
  'div: floor, next to whole numbers': 'a staircase: quotients lie on its edges',
  'maximum: ties': 'a corner where both are equal',
  'minimum: ties': 'a corner where both are equal',
  'fmax: ties': 'a corner where both are equal',
  'fmin: ties': 'a corner where both are equal',
  'round: ties of tens': 'a staircase: numbers lie on its edges',
  'round: no decimals': 'a staircase: numbers lie on its edges',
  'max: ties with dim: one index': 'a corner where two are equal',
  'max: ties without dim: shared': 'a corner where two are equal',
  'min: ties with dim: one index': 'a corner where two are equal',
  'min: ties without dim: shared': 'a corner where two are equal',
  'amax: ties are shared': 'a corner where two are equal',
  'amin: ties are shared': 'a corner where two are equal',
  'cummax: ties: the last': 'a corner where two are equal',
  'cummin: ties: the last': 'a corner where two are equal',
  'scatterReduce: ties are shared': 'a corner where several are equal',
  'indexReduce: ties are shared': 'a corner where several are equal',
  'maskedFill: minus infinity': 'there is no difference of infinities',
  'scatterReduce: product with two zeros': 'as in PyTorch, there is no second gradient through two zeros',
  'median: ties share the gradient': 'a corner where several are equal',
  'nanmedian: ties share the gradient': 'a corner where several are equal',
  'quantile: the largest': 'a corner where two are equal',
  'nanquantile: the largest': 'a corner where two are equal',
  'mode: zeros of both signs': 'it jumps',
  'mode: dim kept': 'it jumps',
  mode: 'it jumps',
  'frobeniusNorm: zeros': 'a corner at 0',
  'norm: order 1 with zeros': 'a corner at 0',
  'norm: order 2 with zeros': 'a corner at 0',
  'norm: order 3 with zeros': 'a corner at 0',
  'norm: order $inf with zeros': 'a corner at 0',
  'norm: ties of the largest': 'a corner where two are equal',
  'maxPool2d: ties': 'a corner where two are equal',
  'cosineSimilarity: first dim, eps': 'as in PyTorch, lengths below eps have the slope of their own',
  'gaussianNllLoss: eps: small variances': 'as in PyTorch, variances below eps have the slope of eps',
  'binaryCrossEntropy: nearly certain': 'too steep for a difference',
  'smoothL1Loss: bends and large': 'corners',
  'hardshrink: ends': 'a step',
  'softshrink: ends': 'a corner',
  'hardtanh: ends': 'a corner',
  'hardtanh: ends by position': 'a corner',
  'relu6: ends': 'a corner',
  'hardsigmoid: ends': 'a corner',
  'hardswish: ends': 'a corner',
  'segmentReduce: mean, axis 1': 'NaN of a mean of nothing',
  'segmentReduce: max, axis 1': 'infinite of nothing',
  'segmentReduce: min, axis 1': 'infinite of nothing',
  'segmentReduce: max, rows with ties': 'a corner where two are equal',
  'sort: ties keep their order': 'a corner where two are equal',
  'sort: ties, descending': 'a corner where two are equal',
  'cdist: distance 0': 'a corner where a distance is 0',
  'cdist: distance 0, p = 1½': 'a corner where a distance is 0',
  'dist: distance 0': 'a corner where the distance is 0',
  'pdist: distance 0': 'a corner where a distance is 0',
  'cast: float to float32': 'the difference drowns in the rounding to float32',
  'embedding: paddingIdx has no gradient': 'the gradient is left out on purpose',
  'embedding: scaleGradByFreq': 'the gradient is another on purpose',
  'embedding: scaleGradByFreq, paddingIdx': 'the gradient is another on purpose',
  'embedding: maxNorm': 'the function changes its input',
  'embedding: maxNorm of order 1': 'the function changes its input',
  'embeddingBag: sum, maxNorm': 'the function changes its input',
  'embeddingBag: mean, maxNorm': 'the function changes its input',
  'embeddingBag: max, maxNorm': 'the function changes its input',
  'embeddingBag: max, ties': 'a corner where two are equal',
}
const LARGEST = 1e3

/** Ops that no case can reach. */
const UNREACHED: Readonly<Record<string, string>> = {
  logGammaSample: 'random: its gradient is tested by expected values in test/ops/distributions.test.ts',
  overwrite: 'made by functions in place alone: test/ops/inplace.test.ts',
  scaleGradByFreq: 'its gradient is not that of its value: test/ops/embedding.test.ts has it by plain loops',
  toDevice: 'float64 lives on one device only',
}

/** A case as a function of its inputs: the free function, or the method where there is no free one. */
function functionOf(c: GoldenCase): (...inputs: Tensor[]) => Tensor | Tensor[] {
  const name = freeName(c)
  return (...inputs) => {
    const args = (name === null ? (c.methodArgs ?? c.args) : c.args).map((a) => revive(a, inputs, CPU))
    const result =
      name === null
        ? (args[0] as Record<string, (...rest: unknown[]) => unknown>)[c.method as string]?.(...args.slice(1))
        : freeFunction(name)?.(...args)
    return tensorsOf(result)
  }
}

const isDifferentiable = (c: GoldenCase): boolean =>
  c.grads !== undefined &&
  !(c.name in WITHOUT_SLOPE) &&
  c.inputs.some((i) => i.requiresGrad) &&
  c.inputs.every((i) => i.shape.every((n) => n > 0) && stored(i).every((v) => Math.abs(v) <= LARGEST))

/** Adds the ops on the tape of some results. */
function opsOf(results: readonly Tensor[], into: Set<string>): void {
  const stack = results.map((y) => y._edge?.entry ?? null)
  const seen = new Set<unknown>()
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    if (entry === null || seen.has(entry)) continue
    seen.add(entry)
    into.add(entry.op.name)
    for (const edge of entry.inputs) stack.push(edge?.entry ?? null)
  }
}

const golden = [...casesByOp().values()].flat().filter(isDifferentiable)

describe('gradients of ops', () => {
  const walked = new Set<string>()

  async function check(fn: (...inputs: never[]) => Tensor | Tensor[], inputs: Tensor[]): Promise<void> {
    const result = (fn as (...inputs: Tensor[]) => Tensor | Tensor[])(...inputs)
    const outputs = (result instanceof Tensor ? [result] : result).filter((y) => y.requiresGrad)
    const learned = inputs.filter((x) => x.requiresGrad)
    opsOf(outputs, walked)
    // The rules of what gradients are made of are checked by the second order.
    const gradOutputs = outputs.map((y) => onesLike(y, { requiresGrad: true }))
    const first = grad(outputs, learned, { gradOutputs, createGraph: true, allowUnused: true })
    opsOf(
      first.filter((g) => g !== null),
      walked,
    )
    expect(await gradcheck(fn, inputs, { fastMode: true })).toBe(true)
    expect(await gradgradcheck(fn, inputs, { fastMode: true })).toBe(true)
  }

  it.each(golden.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    await check(
      functionOf(c),
      c.inputs.map((span) => tensorOf(span, CPU)),
    )
  })

  it('clone', async () => {
    await check((x: Tensor) => x.clone().square(), [tensor([1, 2], { dtype: 'float64', device: 'cpu', requiresGrad: true })])
  })

  it('were checked for every op that has any', () => {
    const missing = [...opRegistry.values()].filter((d) => d.differentiable.length > 0 && !walked.has(d.name)).map((d) => d.name)
    expect(missing.sort()).toEqual(Object.keys(UNREACHED))
  })
})
