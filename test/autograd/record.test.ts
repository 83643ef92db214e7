/** @file Ops as they are recorded: several outputs, many inputs, outputs that are an input's value, and what the tape says of them. */
import { beforeAll, describe, expect, it } from 'vitest'
import { recordingPath } from '../../src/base/index.ts'
import * as graph from '../../src/graph/index.ts'
import { add, autograd, cat, detectAnomaly, grad, mul, nn, setDefaultDevice, square, type Tensor, tensor, where } from '../../src/index.ts'
import { defineComposition, defineMultiOutputOp, defineOp } from '../../src/ops/define.ts'
import { gradcheck, gradgradcheck } from '../../src/testing/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const { crossEntropy } = nn.functional
const exact = (values: readonly number[]): Tensor => tensor(values, { dtype: 'float64', device: 'cpu', requiresGrad: true })

/** a · b and a², whose rules read inputs and an output. */
const productAndSquare = defineMultiOutputOp('productAndSquare', {
  inputs: ['a', 'b'],
  outputs: ['product', 'square'],
  forward: (a, b, _: undefined) => [graph.binary('mul', a, b), graph.binary('mul', a, a)],
  saves: { a: ['a', 'b'], b: ['a'] },
  vjp: {
    a: ([p, s], { a, b }) => {
      const ofProduct = p && mul(p, b)
      const ofSquare = s && mul(s, mul(a, 2))
      return ofProduct && ofSquare ? add(ofProduct, ofSquare) : ((ofProduct ?? ofSquare) as Tensor)
    },
    b: ([p], { a, shape }) => (p ? mul(p, a) : tensor(new Float64Array(shape[0] as number), { device: 'cpu' })),
  },
})

/** a + 2b + 3c + 4d, of more tensors than most ops take. */
const weighted = defineOp('weighted', {
  inputs: ['a', 'b', 'c', 'd'],
  forward: (a, b, c, d, factors: readonly number[]) =>
    [a, b, c, d].map((x, i) => graph.binary('mul', x, factors[i] as number)).reduce((x, y) => graph.binary('add', x, y)),
  vjp: {
    a: (g, _, f) => mul(g, f[0] as number),
    b: (g, _, f) => mul(g, f[1] as number),
    c: (g, _, f) => mul(g, f[2] as number),
    d: 'none',
  },
})

describe('an op of several outputs', () => {
  it('gets the gradients of all that something flowed to', async () => {
    const [a, b] = [exact([1, 2]), exact([3, -4])]
    const both = (x: Tensor, y: Tensor): Tensor[] => [...productAndSquare(x, y, undefined)]
    expect(await gradcheck(both, [a, b])).toBe(true)
    expect(await gradgradcheck(both, [a, b])).toBe(true)
    for (const k of [0, 1]) expect(await gradcheck((x: Tensor, y: Tensor) => both(x, y)[k] as Tensor, [a, b])).toBe(true)
  })

  it('is one entry of the tape, by the name of the op', () => {
    const [product, squared] = productAndSquare(exact([1]), exact([2]), undefined)
    expect(product.gradFn?.name).toBe('ProductAndSquare')
    expect(product.gradFn).toBe(squared.gradFn)
  })

  it('notices what was saved and changed since', () => {
    const a = exact([1, 2]).mul(1)
    const [product] = productAndSquare(a, exact([3, 4]), undefined)
    a.mul_(2)
    expect(() => product.sum().backward()).toThrow(
      /^backward: input a of productAndSquare \[2\], saved for the gradient of productAndSquare, was changed in place: it is at version 1, version 0 was saved/,
    )
  })

  it('gives integers no gradient', () => {
    const { values, indices } = exact([3, 1]).max(0)
    expect([values.requiresGrad, indices.requiresGrad, indices.gradFn]).toEqual([true, false, null])
  })
})

/** a², which notes the scopes that it is recorded in. */
const paths: string[][] = []
const noted: (a: Tensor, p: undefined) => Tensor = defineOp('noted', {
  inputs: ['a'],
  forward: (a, _: undefined) => {
    paths.push(recordingPath())
    return graph.binary('mul', a, a)
  },
  saves: { a: ['a'] },
  vjp: { a: (g, { a }) => mul(g, mul(noted(a, undefined), 2)) },
})
const twiceNoted = defineComposition('twiceNoted', (x: Tensor) => noted(noted(x, undefined), undefined))

describe('the scopes around an op', () => {
  it('are the functions that it is a part of, the outermost first', () => {
    const x = exact([1])
    const y = twiceNoted(x)
    grad(y, x, { createGraph: true })
    expect(paths.splice(0)).toEqual([
      ['twiceNoted', 'noted'],
      ['twiceNoted', 'noted'],
      ['grad', 'backward of noted', 'noted'],
      ['grad', 'backward of noted', 'noted'],
    ])
    expect(recordingPath()).toEqual([])
  })

  it('are left where an op throws', () => {
    expect(() => crossEntropy(exact([1, 2]), exact([1]))).toThrow()
    expect(recordingPath()).toEqual([])
  })

  it('are in the report of detectAnomaly', () => {
    const x = exact([1, 2])
    const loss = detectAnomaly(() => crossEntropy(x, tensor(new Int32Array([1]), { shape: [], device: 'cpu' })))
    loss.backward()
    expect(() => loss.backward()).toThrow(/recorded by crossEntropy > div, called at .*record\.test\.ts:\d+/)
  })
})

describe('an op of many inputs', () => {
  it('is seen by anomaly mode with all of them, also those that its gradient does not read', async () => {
    const x = tensor([1, 2], { requiresGrad: true })
    const masked = detectAnomaly(() => where(tensor([true, false]), x, Number.NEGATIVE_INFINITY))
    expect(await masked.data()).toEqual(new Float32Array([1, Number.NEGATIVE_INFINITY]))
  })

  it('brings each its gradient, and those without a rule none', async () => {
    const [a, b, c, d] = [exact([1]), exact([2]), exact([3]), exact([4])]
    const y = weighted(a, b, c, d, [1, 2, 3, 4])
    expect(await y.item()).toBe(30)
    const grads = grad(y, [a, b, c, d], { allowUnused: true })
    expect(await Promise.all(grads.map((g) => g?.item()))).toEqual([1, 2, 3, undefined])
  })
})

describe('a result that is the value of an input', () => {
  it('survives the input, as one of cat does', async () => {
    const x = tensor([1, 2, 3])
    const y = cat([x])
    x.dispose()
    expect(await y.toArray()).toEqual([1, 2, 3])
  })
})

describe('a function of one’s own', () => {
  it('has the edges that its arguments had at the call, whatever its forward does with them', async () => {
    class Detaching extends autograd.Function {
      static forward(ctx: autograd.FunctionContext, x: Tensor): Tensor {
        ctx.saveForBackward(x.clone())
        return square(x.detach_())
      }
      static backward(ctx: autograd.FunctionContext, g: Tensor): Tensor {
        return g.mul(ctx.savedTensors[0] as Tensor).mul(2)
      }
    }
    const leaf = tensor([3], { requiresGrad: true })
    Detaching.apply(leaf.mul(1)).backward()
    expect(await leaf.grad?.toArray()).toEqual([6])
  })
})
