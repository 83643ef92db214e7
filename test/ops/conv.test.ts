/** @file Convolution and pooling with random shapes and options against plain loops, and how users put them to use. */
import { describe, it } from 'vitest'
import { checkAvgPool, checkConv, checkMaxPool, type WindowSetting } from '../support/check-windows.ts'

const CPU: WindowSetting = { device: 'cpu', dtype: 'float64', error: 1e-9 }

describe('in plain loops, forward and backward', () => {
  const seeds = (first: number, n: number): number[] => Array.from({ length: n }, (_, i) => first + i)
  it('conv2d of any size, stride, padding, dilation and groups', async () => {
    for (const seed of seeds(1, 80)) await checkConv(seed, CPU)
  })
  it('maxPool2d, also of values that tie', async () => {
    for (const seed of seeds(1000, 60)) await checkMaxPool(seed, CPU)
  })
  it('avgPool2d in all its ways to count', async () => {
    for (const seed of seeds(2000, 60)) await checkAvgPool(seed, CPU)
  })
})
