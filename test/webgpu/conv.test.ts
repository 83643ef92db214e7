/** @file Convolution and pooling on WebGPU: random shapes and options against plain loops, halves, and how users put them to use. */
import { describe, expect, it } from 'vitest'
import { nn, type Tensor, tensor } from '../../src/index.ts'
import { checkAvgPool, checkConv, checkMaxPool, type WindowSetting } from '../support/check-windows.ts'
import { checkUses } from '../support/conv-uses.ts'

const { avgPool2d, conv2d, maxPool2d, relu } = nn.functional
const device = 'webgpu'
const WEBGPU: WindowSetting = { device, dtype: 'float32', error: 2e-5 }

describe('forward and backward, as plain loops', () => {
  it('conv2d', { timeout: 60_000 }, async () => {
    for (const seed of [3, 7, 9, 11, 13, 19]) await checkConv(seed, WEBGPU)
  })
  it('maxPool2d', async () => {
    for (const seed of [1003, 1004, 1011, 1022]) await checkMaxPool(seed, WEBGPU)
  })
  it('avgPool2d', async () => {
    for (const seed of [2001, 2004, 2013, 2017]) await checkAvgPool(seed, WEBGPU)
  })
})

describe('halves', () => {
  /** Values that halves hold. */
  const halves = (shape: number[], seed: number): Float32Array =>
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.round(Math.sin(i * 1.7 + seed) * 16) / 16)

  it('are convolved and pooled, and give halves, as float32 does up to their rounding', async () => {
    const run = async (dtype: 'float16' | 'float32'): Promise<(readonly [string, ArrayLike<number>])[]> => {
      const leaf = (shape: number[], seed: number): Tensor => tensor(halves(shape, seed), { shape, dtype, device, requiresGrad: true })
      const [x, w, b] = [leaf([2, 4, 7, 6], 1), leaf([6, 2, 3, 3], 2), leaf([6], 3)]
      const y = conv2d(x, w, b, { padding: 1, stride: [2, 1], groups: 2 })
      const z = avgPool2d(maxPool2d(relu(y), 2, { padding: 1 }), 2)
      expect([y.dtype, z.dtype]).toEqual([dtype, dtype])
      z.sum().backward()
      const all = { y, z, x: x.grad as Tensor, w: w.grad as Tensor, b: b.grad as Tensor }
      for (const t of Object.values(all)) expect(t.dtype).toBe(dtype)
      return Promise.all(Object.entries(all).map(async ([name, t]) => [name, (await t.data()) as Float32Array] as const))
    }
    const [got, want] = [await run('float16'), await run('float32')]
    for (const [i, [name, values]] of want.entries()) {
      const half = got[i]?.[1] as ArrayLike<number>
      for (let k = 0; k < values.length; k++)
        expect(Math.abs((half[k] as number) - (values[k] as number)), `${name}[${k}]`).toBeLessThan(
          0.01 * (1 + Math.abs(values[k] as number)),
        )
    }
  })
})

describe('as users put them to use', () => {
  // those that bring views of their own into the kernels; the others, which are about the tape, run on the CPU device
  const views = Object.entries(checkUses).filter(([name]) => /permuted|slice|without a batch|empty/.test(name))
  expect(views).toHaveLength(4)
  for (const [name, check] of views) it(name, { timeout: 60_000 }, () => check(WEBGPU))
})
