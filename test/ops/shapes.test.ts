/** @file Views, indexing, joining and reductions by value, against what Python's rules give; and errors by text. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  arange,
  argmax,
  cat,
  crossEntropy,
  embedding,
  gather,
  matmul,
  max,
  mean,
  oneHot,
  pad,
  setDefaultDevice,
  stack,
  sum,
  type Tensor,
  tensor,
  variance,
  zeros,
} from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const grid = (...shape: number[]): Tensor =>
  arange(shape.reduce((a, b) => a * b, 1))
    .float()
    .reshape(shape)
const ints = (values: number[] | number[][]): Tensor => tensor(values, { dtype: 'int32' })

describe('at', () => {
  it('of a slice without elements has a gradient of zeros', async () => {
    for (const items of [['5::3'], ['5::2', '...', null, ':2:2'], ['...', '3::2']]) {
      const x = tensor(Array.from({ length: 5 }, () => [1, 2, 3])).requiresGrad_()
      const y = x.at(...items)
      expect(y.shape).toContain(0)
      y.sum().backward()
      expect((await x.grad?.toArray())?.toString()).toBe(new Array(15).fill(0).toString())
    }
  })
  it('takes slices, positions, new dims and an ellipsis', async () => {
    const x = grid(4, 3)
    expect(await x.at(1).toArray()).toEqual([3, 4, 5])
    expect(await x.at(-1, -1).toArray()).toBe(11)
    expect(await x.at('1:3', '::2').toArray()).toEqual([
      [3, 5],
      [6, 8],
    ])
    expect(await x.at('::-1', 0).toArray()).toEqual([9, 6, 3, 0])
    expect(await x.at('-2:', '...').toArray()).toEqual([
      [6, 7, 8],
      [9, 10, 11],
    ])
    expect(x.at('3:1').shape).toEqual([0, 3])
    expect(grid(2, 3, 4).at('...', null, 0).shape).toEqual([2, 3, 1])
    expect(x.at(null, '...', null).shape).toEqual([1, 4, 3, 1])
  })

  it('takes index lists, which broadcast together', async () => {
    const x = grid(3, 4)
    expect(await x.at([2, 0]).toArray()).toEqual([
      [8, 9, 10, 11],
      [0, 1, 2, 3],
    ])
    expect(await x.at(':', [1, -1]).toArray()).toEqual([
      [1, 3],
      [5, 7],
      [9, 11],
    ])
    expect(await x.at([0, 2], [1, 3]).toArray()).toEqual([1, 11])
    expect(await x.at([[0], [2]], [1, 3]).toArray()).toEqual([
      [1, 3],
      [9, 11],
    ])
  })

  it('leaves the dims of adjacent lists in place and puts others in front', () => {
    const x = zeros([2, 3, 4, 5])
    expect(x.at(':', [0, 1, 2, 0, 1, 2], [0, 1, 2, 3, 0, 1]).shape).toEqual([2, 6, 5])
    expect(x.at(':', [0, 1], ':', [0, 1]).shape).toEqual([2, 2, 4])
    expect(x.at([[0, 1]], ':', [0]).shape).toEqual([1, 2, 3, 5])
  })

  it('looks up positions that only the device knows', async () => {
    const x = grid(3, 2)
    const index = ints([0, 1]).add(ints([2, -2]))
    expect(await x.at(index).toArray()).toEqual([
      [4, 5],
      [4, 5],
    ])
    expect(await x.at(index, ints([0, 1]).mul(1)).toArray()).toEqual([4, 5])
  })

  it('brings gradients back to where they came from, summed where repeated', async () => {
    const x = grid(4).requiresGrad_()
    x.at([1, 1, 3])
      .mul(tensor([1, 10, 100]))
      .sum()
      .backward()
    expect(await x.grad?.toArray()).toEqual([0, 11, 0, 100])
    const y = grid(5, 2).requiresGrad_()
    y.at('4::-2', 1)
      .mul(tensor([1, 2, 3]))
      .sum()
      .backward()
    expect(await y.grad?.toArray()).toEqual([
      [0, 3],
      [0, 0],
      [0, 2],
      [0, 0],
      [0, 1],
    ])
  })

  it('refuses masks, wrong slices and positions out of range', () => {
    const x = grid(4, 3)
    expect(() => x.at(x.gt(2))).toThrow(/^at: .*maskedSelect/)
    expect(() => x.at('1;2')).toThrow(/^at: '1;2' is no slice/)
    expect(() => x.at(4)).toThrow(/^at: index 4 is out of range for dim 0 of \[4, 3\] \(size 4\)/)
    expect(() => x.at([0, 4])).toThrow(/^at: index 4 is out of range for size 4/)
    expect(() => x.at(0, 0, 0)).toThrow(/^at: 3 indices for a tensor of 2 dims/)
  })
})

describe('joining', () => {
  it('cat and stack join any number of tensors in order', async () => {
    const parts = Array.from({ length: 11 }, (_, i) => tensor([i]))
    expect(await cat(parts).toArray()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(await stack(parts.slice(0, 2), 1).toArray()).toEqual([[0, 1]])
    expect(await cat([grid(2, 1), grid(2, 2)], { dim: 1 }).toArray()).toEqual([
      [0, 0, 1],
      [1, 2, 3],
    ])
    expect(cat([zeros([0]), zeros([2, 3])]).shape).toEqual([2, 3])
  })
  it('cat names the tensor that does not fit', () => {
    expect(() => cat([zeros([2, 3]), zeros([2, 4])])).toThrow(
      /^cat: sizes other than dim 0 differ: tensors\[1\] is \[2, 4\], the first is \[2, 3\]/,
    )
  })
  it('pad surrounds with a value, and negative padding cuts', async () => {
    expect(await pad(tensor([1, 2]), [1, 2], { value: 9 }).toArray()).toEqual([9, 1, 2, 9, 9])
    expect(await pad(tensor([1, 2, 3]), [-1, 1]).toArray()).toEqual([2, 3, 0])
  })
})

describe('reductions', () => {
  it('over nothing: sum 0, mean NaN, max an error', async () => {
    expect(await sum(zeros([0])).item()).toBe(0)
    expect(await sum(zeros([2, 0]), 1).toArray()).toEqual([0, 0])
    expect(await mean(zeros([0])).item()).toBeNaN()
    expect(() => max(zeros([0]))).toThrow(/^max: nothing to choose from: x is \[0\]/)
  })
  it('bools and integers are counted in int32, and have no mean', async () => {
    const x = tensor([true, true, false])
    expect(x.sum().dtype).toBe('int32')
    expect(await x.sum().item()).toBe(2)
    expect(() => x.mean()).toThrow(/^mean: x must be of a float dtype, got bool/)
    expect(await x.mean({ dtype: 'float32' }).item()).toBeCloseTo(2 / 3)
  })
  it('max along a dim answers an object that is a tuple', async () => {
    const { values, indices } = tensor([
      [1, 5, 5],
      [7, 2, 0],
    ]).max(1)
    expect([await values.toArray(), await indices.toArray()]).toEqual([
      [5, 7],
      [1, 0],
    ])
    const [v, i] = tensor([[1, 5]]).max({ dim: 1, keepdim: true })
    expect([v.shape, i.shape, i.dtype]).toEqual([[1, 1], [1, 1], 'int32'])
  })
  it('argmax among all elements counts in row-major order', async () => {
    expect(
      await argmax(
        tensor([
          [1, 2],
          [9, 3],
        ]),
      ).item(),
    ).toBe(2)
  })
  it('ties share the gradient of max(), the first takes that of max(dim)', async () => {
    const x = tensor([2, 2, 1], { requiresGrad: true })
    x.max().backward()
    expect(await x.grad?.toArray()).toEqual([0.5, 0.5, 0])
    const y = tensor([2, 2, 1], { requiresGrad: true })
    y.max(0).values.backward()
    expect(await y.grad?.toArray()).toEqual([1, 0, 0])
  })
  it('variance divides by n − 1 unless told otherwise', async () => {
    expect(await variance(tensor([1, 2, 3, 4])).item()).toBeCloseTo(5 / 3)
    expect(await tensor([1, 2, 3, 4]).var({ correction: 0 }).item()).toBeCloseTo(1.25)
  })
  it('names a dim that is not there', () => {
    expect(() => zeros([2, 3]).sum(2)).toThrow(/^sum: dim 2 is out of range for a tensor of 2 dims/)
    expect(() => zeros([2, 3]).sum([0, 0])).toThrow(/^sum: a dim appears twice/)
  })
})

describe('products', () => {
  it('take vectors, matrices and batches', () => {
    expect(matmul(zeros([3]), zeros([3])).shape).toEqual([])
    expect(matmul(zeros([2, 3]), zeros([3])).shape).toEqual([2])
    expect(matmul(zeros([3]), zeros([5, 3, 4])).shape).toEqual([5, 4])
    expect(matmul(zeros([7, 1, 2, 3]), zeros([5, 3, 4])).shape).toEqual([7, 5, 2, 4])
  })
  it('with nothing to sum are zeros', async () => {
    expect(await matmul(zeros([2, 0]), zeros([0, 2])).toArray()).toEqual([
      [0, 0],
      [0, 0],
    ])
  })
  it('name both shapes and the way out', () => {
    expect(() => matmul(zeros([64, 784]), zeros([256, 784]))).toThrow(
      'matmul: inner sizes differ: a is [64, 784] (last 784), b is [256, 784] (second-last 256). Transpose b?',
    )
  })
})

it('pad cuts no more than there is, though it adds on the other side', async () => {
  for (const padding of [
    [-2, -2],
    [-4, 4],
    [5, -4],
  ])
    expect(() => pad(zeros([3]), padding)).toThrow(/^pad: padding \[.*\] leaves less than nothing of \[3\]/)
  expect(await pad(tensor([1, 2, 3]), [-3, 1]).toArray()).toEqual([0])
  expect(await pad(tensor([1, 2, 3]), [2, -2]).toArray()).toEqual([0, 0, 1])
})

describe('indices out of range', () => {
  it('are found at the call where the host knows them', () => {
    expect(() => embedding(ints([0, 3]), zeros([3, 2]))).toThrow(/^embedding: index 3 is out of range for size 3/)
    expect(() => gather(zeros([2, 2]), 1, ints([[0], [-1]]))).toThrow(/^gather: index -1/)
    expect(() => crossEntropy(zeros([2, 3]), ints([0, 5]))).toThrow(/^crossEntropy: index 5/)
  })
  it('are found of indices that were in the range of another tensor, many of them', () => {
    const many = ints(Array.from({ length: 1000 }, (_, i) => i % 5))
    for (let i = 0; i < 2; i++) {
      expect(embedding(many, zeros([5, 2])).shape).toEqual([1000, 2])
      expect(() => embedding(many, zeros([4, 2]))).toThrow(/^embedding: index 4 is out of range for size 4/)
      expect(() => zeros([4]).at(many)).toThrow(/^at: index 4 is out of range for size 4/)
    }
  })
  it('are found at the next await where only the device does', async () => {
    const far = (): Tensor => ints([1]).add(5)
    await expect(embedding(far(), grid(3, 2).add(0)).data()).rejects.toThrow(/embedding/)
    await expect(oneHot(far(), { numClasses: 3 }).data()).rejects.toThrow(/oneHot/)
    await expect(grid(3, 3).at(far(), far()).data()).rejects.toThrow(/at/)
    await expect(crossEntropy(grid(1, 3), far()).item()).rejects.toThrow(/crossEntropy/)
  })
  it('class indices of a float dtype are an error with the way out', () => {
    expect(() => crossEntropy(zeros([2, 3]), zeros([2]))).toThrow(/class indices must be integers.*\{ dtype: 'int32' \}/)
  })
})
