/** @file PyTorch's cases in halves, and what their results are compared with: the same in float64. */
import { expect } from 'vitest'
import * as tg from '../../src/index.ts'
import { device, LONG } from './device.ts'
import { freeFunction, freeName, type GoldenCase, revive, type Span, stored, tensorsOf } from './golden.ts'
import { type Half, nearestHalf, ulpOf } from './halves.ts'

/**
 * `got` is `want` rounded to a half `times` times: off by half a unit in the last place for each, and by what float32 arithmetic may be off before that (WGSL's
 * exp by 3 + 2|x| units of float32). `slack` is what its cancellation may cost.
 */
export async function expectRounded(
  dtype: Half,
  what: string,
  got: tg.Tensor,
  want: tg.Tensor,
  { times = 1, slack = 1e-7 } = {},
): Promise<void> {
  expect([...got.shape], `${what}: shape`).toEqual([...want.shape])
  const [g, w] = await Promise.all([got.data(), want.data()])
  if (want.dtype !== 'float64') {
    expect(got.dtype, `${what}: dtype`).toBe(want.dtype)
    expect([...g], what).toEqual([...w])
    return
  }
  expect(got.dtype, `${what}: dtype`).toBe(dtype)
  for (let i = 0; i < w.length; i++) {
    const [a, b] = [g[i] as number, w[i] as number]
    if (a === nearestHalf(b, dtype) || (Number.isNaN(a) && Number.isNaN(b))) continue
    const allowed = 0.505 * ulpOf(b, dtype) + (times - 1) * 0.5 * ulpOf(1, dtype) * Math.abs(b) + 1e-4 * Math.abs(b) + slack
    if (!(Math.abs(a - b) <= allowed)) expect.fail(`${what}: element ${i} of ${w.length} is ${a}, float64 has ${b}`)
  }
}

/** Cases in which what is read was rounded in place before: twice in all. */
export const ROUNDED_IN_PLACE: readonly string[] = ['sum', 'mean', 'max'].map((mode) => `embeddingBag: ${mode}, maxNorm`)

/** A case in `dtype`, or in float64 of the same numbers: its own, or those of `floats` in place of its inputs'. */
export function runInHalves(
  c: GoldenCase,
  half: Half,
  dtype: Half | 'float64',
  home: 'cpu' | 'webgpu',
  floats?: (input: number, i: number) => number | undefined,
): { outputs: tg.Tensor[]; inputs: tg.Tensor[] } {
  const tensorOf = (span: Span & { readonly requiresGrad?: boolean }, own?: (i: number) => number | undefined): tg.Tensor => {
    const isFloat = span.dtype === 'float'
    return tg.tensor(
      Float64Array.from(stored(span), (v, i) => (isFloat ? nearestHalf(own?.(i) ?? v, half) : v)),
      {
        shape: [...span.shape],
        dtype: span.dtype === 'float' ? dtype : span.dtype,
        device: home,
        requiresGrad: span.requiresGrad ?? false,
      },
    )
  }
  const inputs = c.inputs.map((span, input) => tensorOf(span, floats && ((i) => floats(input, i))))
  const name = freeName(c)
  const [first, ...rest] = (name === null ? (c.methodArgs ?? c.args) : c.args).map((a) =>
    revive(a, inputs, { device: home, float: 'float64' }),
  )
  const result =
    name === null
      ? (first as Record<string, (...a: unknown[]) => unknown>)[c.method as string]?.(...rest)
      : freeFunction(name)?.(first, ...rest)
  const outputs = tensorsOf(result)
  if (c.gradOutput && c.grads) (outputs[0] as tg.Tensor).backward(tensorOf(c.gradOutput))
  return { outputs, inputs }
}

/**
 * A GPU's driver takes far longer to compile kernels than these to run: there each op has a third of its cases, another one for each half, and all of them in
 * `npm run test:long`.
 */
export const isTaken = (half: Half, i: number, all: number): boolean =>
  device === 'cpu' || LONG || i % 3 === (half === 'float16' ? 0 : Math.min(1, all - 1))
