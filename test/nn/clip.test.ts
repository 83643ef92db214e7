/** @file `clipGradNorm_` in every norm, against PyTorch, in every float dtype of the device. */
import { describe, expect, it } from 'vitest'
import { isHalf } from '../../src/base/index.ts'
import { type DType, nn, tensor, zeros } from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import { type Clip, golden } from '../support/golden.ts'
import { nearestHalf } from '../support/halves.ts'

const { clips } = golden('clips')

const withGradients = (lists: readonly (readonly (number | string)[])[], dtype: DType): nn.Parameter[] =>
  lists.map((list) => {
    const p = new nn.Parameter(zeros([list.length], { device, dtype }))
    p.grad = tensor(list.map(Number), { device, dtype })
    return p
  })

const close = (got: number, want: number, rtol: number, atol: number): boolean =>
  Object.is(got, want) || got === want || (Number.isNaN(got) && Number.isNaN(want)) || Math.abs(got - want) <= rtol * Math.abs(want) + atol

const DTYPES: readonly (readonly [DType, rtol: number, atol: number])[] = [
  ['float32', 2e-5, 1e-10],
  ['float16', 1.2e-3, 6e-8],
  ['bfloat16', 1e-2, 0],
  ...(hasDoubles ? ([['float64', 1e-12, 0]] as const) : []),
]

describe.each(DTYPES)('clipGradNorm_ of %s', (dtype, rtol, atol) => {
  it("answers PyTorch's norms and gradients, in any norm", { timeout: 120_000 }, async () => {
    const check = async (c: Clip): Promise<void> => {
      const params = withGradients(c.grads, dtype)
      const norm = nn.utils.clipGradNorm_(params, c.maxNorm, { normType: Number(c.normType) })
      const what = `norm ${c.normType} of ${JSON.stringify(c.grads)} to ${c.maxNorm}`
      expect(norm.dtype).toBe(dtype === 'float64' ? 'float64' : 'float32')
      const [got, ...grads] = await Promise.all([norm.item(), ...params.map((p) => (p.grad as NonNullable<typeof p.grad>).data())])
      expect(close(got, Number(c.norm), rtol, atol), `${what} is ${got}, PyTorch has ${c.norm}`).toBe(true)
      c.clipped.forEach((want, i) => {
        const values = Array.from(grads[i] as ArrayLike<number>)
        expect(params[i]?.grad?.dtype).toBe(dtype)
        want.forEach((w, k) => {
          expect(close(values[k] as number, Number(w), rtol, atol), `${what}: gradient ${i} is [${values}], PyTorch has [${want}]`).toBe(
            true,
          )
        })
      })
    }
    await Promise.all(clips.map(check))
  })

  it('takes the norm of more than a half counts or squares', async () => {
    const params = withGradients([Array(70_000).fill(1), Array(3).fill(300)], dtype)
    expect(await nn.utils.clipGradNorm_(params, 10, { normType: 1 }).item()).toBeCloseTo(70_900, 0)
    const [first] = await Promise.all(params.map((p) => p.grad?.data()))
    const want = isHalf(dtype) ? nearestHalf(10 / 70_900, dtype) : 10 / 70_900
    expect(close(first?.[0] as number, want, 1e-5, 0)).toBe(true)
    expect(await nn.utils.clipGradNorm_(withGradients([Array(70_000).fill(1), Array(3).fill(300)], dtype), 1).item()).toBeCloseTo(
      Math.sqrt(340_000),
      2,
    )
  })
})

describe('clipGradNorm_', () => {
  it('rejects a norm that is not finite where that is asked for, and leaves the gradients', async () => {
    const params = withGradients([[3, Number.POSITIVE_INFINITY], [4]], 'float32')
    await expect(nn.utils.clipGradNorm_(params, 1, { errorIfNonfinite: true })).rejects.toThrow(
      'clipGradNorm_: the norm of order 2 of the gradients is Infinity, so they cannot be scaled by it',
    )
    expect([...((await params[0]?.grad?.data()) ?? [])]).toEqual([3, Number.POSITIVE_INFINITY])
    const finite = withGradients([[3], [4]], 'float32')
    const norm = await nn.utils.clipGradNorm_(finite, 1, { errorIfNonfinite: true })
    expect(await norm.item()).toBe(5)
    expect((await finite[0]?.grad?.item()) as number).toBeCloseTo(0.6, 5)
  })

  it('refuses norms and options that it does not know', () => {
    const params = withGradients([[1]], 'float32')
    const clip = nn.utils.clipGradNorm_ as (...args: unknown[]) => unknown
    for (const normType of [0, -1, Number.NaN, 'inf', null])
      expect(() => clip(params, 1, { normType }), String(normType)).toThrow(
        'clipGradNorm_: normType must be a number > 0, or Infinity, got',
      )
    expect(() => clip(params, 1, { norm_type: 1 })).toThrow("clipGradNorm_: unknown option 'norm_type'. Did you mean 'normType'?")
    expect(() => clip(params, 1, Number.POSITIVE_INFINITY)).toThrow(
      'clipGradNorm_: options go by name, in an object { normType, errorIfNonfinite }',
    )
    expect(() => clip(params, 1, { errorIfNonfinite: 1 })).toThrow('clipGradNorm_: errorIfNonfinite must be true or false, got 1')
  })
})
