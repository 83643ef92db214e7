/** @file Text of tensors against what PyTorch printed (written down by test/golden/generate.py), and the options of `torch.set_printoptions`. */
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { tensor } from '../src/index.ts'
import { type FormatOptions, formatTensor } from '../src/tensor/format.ts'
import { golden, stored } from './support/golden.ts'

/** PyTorch's words for the suffixes as this library says them. */
const inOurWords = (text: string): string => text.replaceAll('torch.int64', 'int32').replaceAll('torch.', '')

describe('formatTensor prints what PyTorch prints', () => {
  for (const printed of golden('texts').texts) {
    it(printed.name, () => {
      const { shape, dtype, requiresGrad = false } = printed
      expect(formatTensor(stored(printed), { shape, dtype, requiresGrad })).toBe(inOurWords(printed.text))
    })
  }
})

describe('formatTensor', () => {
  const text = (values: readonly number[], options?: FormatOptions): string =>
    formatTensor(values, { shape: [values.length], dtype: 'float64' }, options).replace(', dtype=float64', '')

  it('rounds ties to the even digit, as C does', () => {
    expect(text([0.03125, 0.09375])).toBe('tensor([0.0312, 0.0938])')
    expect(text([0.5, 1.5, 2.5], { precision: 0 })).toBe('tensor([0, 2, 2])')
    expect(text([100005, 100015, 1])).toBe('tensor([1.0000e+05, 1.0002e+05, 1.0000e+00])')
  })

  it('keeps to the precision asked for', () => {
    expect(text([1.12345, 10.5], { precision: 2 })).toBe('tensor([ 1.12, 10.50])')
  })

  it('uses scientific notation where it is asked for, and only there', () => {
    expect(text([1.5, 2], { sciMode: true })).toBe('tensor([1.5000e+00, 2.0000e+00])')
    expect(text([0.001, 250.5], { sciMode: false })).toBe('tensor([    0.0010,   250.5000])')
  })

  it('summarises above the threshold with as many edge items as asked for', () => {
    expect(text([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], { threshold: 5 })).toBe('tensor([0., 1., 2.,  ..., 7., 8., 9.])')
    expect(text([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], { threshold: 5, edgeitems: 1 })).toBe('tensor([0.,  ..., 9.])')
  })

  it('breaks lines at the width asked for', () => {
    const narrow = formatTensor([1, 2, 3, 4, 5], { shape: [5], dtype: 'float32', requiresGrad: true }, { linewidth: 20 })
    expect(narrow).toBe('tensor([1., 2., 3.,\n        4., 5.],\n       requires_grad=True)')
  })

  it('names the device where it is not the host, and what made the tensor', () => {
    const facts = { shape: [2], dtype: 'float32', device: 'webgpu', gradFn: 'Mul' } as const
    expect(formatTensor([1, 2], facts)).toBe("tensor([1., 2.], device='webgpu', grad_fn=<MulBackward0>)")
    expect(formatTensor([1, 2], { ...facts, device: 'cpu' })).toBe('tensor([1., 2.], grad_fn=<MulBackward0>)')
    expect(formatTensor([1, 2], { shape: [2], dtype: 'float16', device: 'webgpu' })).toBe(
      "tensor([1., 2.], device='webgpu', dtype=float16)",
    )
  })

  it('says the dtype of an empty tensor whatever it is', () => {
    expect(formatTensor([], { shape: [0, 2], dtype: 'int32' })).toBe('tensor([], size=(0, 2), dtype=int32)')
  })
})

describe('toString() and console.log', () => {
  it('say shape, dtype, device and grad in one line, and show the values only where the host has them', async () => {
    const x = tensor(
      [
        [1, 2],
        [3, 4.5],
      ],
      { device: 'cpu', requiresGrad: true },
    )
    expect(`${x}`).toBe('Tensor([2, 2], float32, cpu, requiresGrad)\n[[1.0000, 2.0000],\n [3.0000, 4.5000]]')
    const y = x.mul(2)
    expect(inspect(y)).toBe('Tensor([2, 2], float32, cpu, gradFn=Mul)')
    await y.data()
    expect(inspect(y)).toBe('Tensor([2, 2], float32, cpu, gradFn=Mul)\n[[2., 4.],\n [6., 9.]]')
    expect(`${tensor([], { device: 'cpu' })}`).toBe('Tensor([0], float32, cpu) []')
  })
})
