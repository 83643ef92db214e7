import { describe, expect, it } from 'vitest'
import { arange, autograd, ones, randn, type Tensor, tensor, zeros } from '../../src/index.ts'
import { AssertionError, assertClose, gradcheck, gradgradcheck } from '../../src/testing/index.ts'
import '../support/matchers.ts'

const f64 = { dtype: 'float64', device: 'cpu' } as const
const input = (shape: number[]): Tensor => randn(shape, f64).detach().requiresGrad_()
const failure = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise
  } catch (e) {
    return e as Error
  }
  throw new Error('nothing was thrown')
}

/** x², whose backward forgets the 2. */
class WrongSquare extends autograd.Function {
  static forward(ctx: autograd.FunctionContext, x: Tensor): Tensor {
    ctx.saveForBackward(x)
    return x.mul(x)
  }
  static backward(ctx: autograd.FunctionContext, g: Tensor): Tensor {
    return g.mul(ctx.savedTensors[0] as Tensor)
  }
}
const wrongSquare = (x: Tensor): Tensor => WrongSquare.apply(x) as Tensor

describe('assertClose', () => {
  it('passes what is close, by the tolerance of the dtype or the one given', async () => {
    await assertClose(tensor([1, 2]), [1, 2.000001])
    await assertClose(tensor([[1], [2]]), tensor([[1], [2]]))
    await assertClose(tensor([1, 2]), [1.05, 2], { atol: 0.1 })
    await assertClose(tensor([Number.NaN, Number.POSITIVE_INFINITY]), [Number.NaN, Number.POSITIVE_INFINITY], { equalNan: true })
    await assertClose(zeros([0, 3]), zeros([0, 3]))
    await expect(tensor([1, 2])).not.toBeCloseToTensor([1, 2.1])
  })

  it('names shape, dtype, both errors, the worst element and three neighbours on each side', async () => {
    const error = await failure(
      assertClose(
        arange(0, 12, { dtype: 'float32' }).reshape(3, 4),
        arange(0, 12, { dtype: 'float32' })
          .reshape(3, 4)
          .add(ones([3, 4]).triu().mul(0.5)),
      ),
    )
    expect(error).toBeInstanceOf(AssertionError)
    expect(error.message).toBe(
      `assertClose: 9 of 12 elements of [3, 4] float32 differ (rtol 0.0000013, atol 0.00001)
  worst at [0, 0]: actual 0, expected 0.5
  largest absolute difference 0.5 at [0, 0], largest relative 1 at [0, 0]
  around the worst: actual [0, 1, 2, 3, …], expected [0.5, 1.5, 2.5, 3.5, …]`,
    )
  })

  it('tells shapes and dtypes that differ, and NaN where none should be', async () => {
    expect((await failure(assertClose(zeros([2, 3]), zeros([3, 2])))).message).toBe(
      'assertClose: shapes differ: actual is [2, 3], expected [3, 2]',
    )
    expect((await failure(assertClose(zeros([2]), zeros([2], { dtype: 'int32' })))).message).toBe(
      'assertClose: dtypes differ: actual is float32, expected int32 (shape [2])',
    )
    await assertClose(zeros([2]), zeros([2], { dtype: 'int32' }), { checkDtype: false })
    expect((await failure(assertClose(tensor([1, Number.NaN]), [1, Number.NaN]))).message).toContain(
      'worst at [1]: actual NaN, expected NaN',
    )
    expect((await failure(assertClose(tensor([1, 2], { dtype: 'int32' }), [1, 2.5]))).message).toContain(
      'worst at [1]: actual 2, expected 2.5',
    )
  })
})

describe('gradcheck', () => {
  it('passes right gradients of one and several inputs and results', async () => {
    expect(await gradcheck((x: Tensor) => x.sin().mul(x), [input([3])])).toBe(true)
    expect(await gradcheck((a: Tensor, b: Tensor) => [a.matmul(b), a.sum()], [input([2, 3]), input([3, 2])])).toBe(true)
    expect(
      await gradcheck(
        (x: Tensor, index: Tensor, n: number) => x.indexSelect(0, index).mul(n),
        [input([4, 2]), tensor([0, 3, 3], { dtype: 'int32', device: 'cpu' }), 3],
      ),
    ).toBe(true)
    await expect((x: Tensor) => x.softmax(1)).toPassGradcheck([input([2, 3])])
  })

  it('finds a wrong gradient, and shows analytic and numeric side by side with the seed', async () => {
    const x = tensor([1, 2], { ...f64, requiresGrad: true })
    const error = await failure(gradcheck(wrongSquare, [x], { seed: 42 }))
    expect(error).toBeInstanceOf(AssertionError)
    expect(error.message).toMatch(
      /^gradcheck: the gradient of result 0 \[2\] by input 0 \[2\] is not the slope of the function\n2 of 4 slopes are off/,
    )
    expect(error.message).toMatch(/d y\[1\] \/ d x\[1\]: analytic 2, numeric (4|3\.99999|4\.00000)/)
    expect(error.message).toContain('(seed 42)')
    expect(await gradcheck(wrongSquare, [x], { raiseException: false })).toBe(false)
    await expect(wrongSquare).not.toPassGradcheck([x])
  })

  it('finds it along a random direction too, with two calls of the function', async () => {
    let calls = 0
    const counted = (x: Tensor): Tensor => {
      calls++
      return x.tanh()
    }
    expect(await gradcheck(counted, [input([5, 5])], { fastMode: true, seed: 1 })).toBe(true)
    expect(calls).toBeLessThan(6)
    const error = await failure(gradcheck(wrongSquare, [input([4])], { fastMode: true, seed: 7 }))
    expect(error.message).toMatch(/along a random direction .* analytic .*, numeric [\s\S]*\(seed 7\)/)
  })

  it('refuses inputs that cannot be checked', async () => {
    expect((await failure(gradcheck((x: Tensor) => x, [zeros([2], f64)]))).message).toBe(
      'gradcheck: no input requires grad. Make them with { requiresGrad: true }',
    )
    expect((await failure(gradcheck((x: Tensor) => x, [zeros([2], { requiresGrad: true, device: 'cpu' })]))).message).toContain(
      'differences need float64',
    )
    expect((await failure(gradcheck((x: Tensor) => x.detach(), [input([2])]))).message).toContain('no result requires grad')
  })
})

describe('gradgradcheck', () => {
  it('passes right second gradients, also where there are none', async () => {
    expect(await gradgradcheck((x: Tensor) => x.pow(3), [input([3])])).toBe(true)
    expect(await gradgradcheck((a: Tensor, b: Tensor) => a.matmul(b).tanh(), [input([2, 2]), input([2, 2])])).toBe(true)
    expect(await gradgradcheck((x: Tensor) => x.mul(2), [input([3])])).toBe(true)
    expect(await gradgradcheck((x: Tensor) => x.exp().sum(), [input([4])], { fastMode: true })).toBe(true)
  })

  it('finds a wrong second gradient behind a right first one', async () => {
    /** x², with a first gradient that is right and hides how it depends on x. */
    class Hiding extends autograd.Function {
      static forward(ctx: autograd.FunctionContext, x: Tensor): Tensor {
        ctx.saveForBackward(x)
        return x.mul(x)
      }
      static backward(ctx: autograd.FunctionContext, g: Tensor): Tensor {
        return g.mul((ctx.savedTensors[0] as Tensor).detach()).mul(2)
      }
    }
    const hiding = (x: Tensor): Tensor => Hiding.apply(x) as Tensor
    expect(await gradcheck(hiding, [input([3])])).toBe(true)
    expect((await failure(gradgradcheck(hiding, [input([3])]))).message).toMatch(/^gradgradcheck: /)
  })
})
