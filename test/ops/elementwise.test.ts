/** @file Elementwise ops by value: dtypes that meet, numbers as operands, special values; and errors by text. */
import { beforeAll, describe, expect, it } from 'vitest'
import { add, clamp, type DType, div, eq, maximum, mul, oneHot, pow, setDefaultDevice, sub, tensor, where, zeros } from '../../src/index.ts'
import { device, hasDoubles, wide } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

describe('dtypes that meet', () => {
  const of = (dtype: DType, shape: number[] = [2]) => zeros(shape, { dtype })
  const cases: [DType, DType, DType][] = [
    ['bool', 'int32', 'int32'],
    ['uint8', 'int8', 'int32'],
    ['int32', 'float16', 'float16'],
    ['float16', 'float32', 'float32'],
    ['bool', 'bfloat16', 'bfloat16'],
    ['uint32', 'bfloat16', 'bfloat16'],
    ['float16', 'bfloat16', 'float32'],
    ['bfloat16', 'float32', 'float32'],
    ['float32', 'float64', 'float64'],
  ]
  for (const [a, b, want] of cases) {
    it.runIf(want !== 'float64' || hasDoubles)(`${a} with ${b} gives ${want}, in either order`, () => {
      expect(add(of(a), of(b)).dtype).toBe(want)
      expect(add(of(b), of(a)).dtype).toBe(want)
    })
  }

  it('a 0-d tensor does not widen a tensor with dims of its kind', () => {
    expect(mul(of('float16'), of('float32', [])).dtype).toBe('float16')
    expect(mul(of('int32'), of(wide, [])).dtype).toBe(wide)
    expect(mul(of('uint8'), of('int32', [])).dtype).toBe('uint8')
  })

  it('a number takes the dtype of the tensor, unless it has a fraction and the tensor none', () => {
    expect(of('float16').mul(0.5).dtype).toBe('float16')
    expect(of('int32').add(1).dtype).toBe('int32')
    expect(of('int32').add(0.5).dtype).toBe('float32')
    expect(of('bool').add(1).dtype).toBe('int32')
    expect(sub(1, of('int32')).dtype).toBe('int32')
  })

  it('integers are divided as float32, and rounded on request', async () => {
    const a = tensor([7, -7], { dtype: 'int32' })
    expect(await a.div(2).toArray()).toEqual([3.5, -3.5])
    const floored = div(a, 2, { roundingMode: 'floor' })
    expect(floored.dtype).toBe('int32')
    expect(await floored.toArray()).toEqual([3, -4])
    expect(await div(a, 2, { roundingMode: 'trunc' }).toArray()).toEqual([3, -3])
  })

  it('comparisons give bool', async () => {
    const x = tensor([1, 2, Number.NaN])
    expect(x.ge(2).dtype).toBe('bool')
    expect(await x.ge(2).toArray()).toEqual([false, true, false])
    expect(await eq(x, x).toArray()).toEqual([true, true, false])
  })
})

describe('quotients of float32, rounded, as PyTorch 1.13 has them', () => {
  const { POSITIVE_INFINITY: inf, NaN: nan } = Number
  const table: readonly (readonly [a: number, b: number, floor: number, trunc: number])[] = [
    // a / b rounds up to a whole number, which floor must not be
    [1, 0.1, 9, 10], [-1, 0.1, -10, -10], [1, -0.1, -10, -10], [-1, -0.1, 9, 10],
    [6, 0.2, 29, 30], [-6, 0.2, -30, -30], [3, 0.3, 9, 10], [1e-3, 1e-4, 10, 10],
    // zeros have the sign of a / b
    [0, 2, 0, 0], [-0, 2, -0, -0], [0, -2, -0, -0], [-0, -2, 0, 0], [1e-3, 7, 0, 0], [-1e-3, 7, -1, -0],
    [inf, 1, nan, inf], [-inf, 1, nan, -inf], [5, inf, 0, 0], [-5, inf, -1, -0], [5, -inf, -1, -0], [-5, -inf, 0, 0],
    [nan, 1, nan, nan], [1, nan, nan, nan], [1, 0, inf, inf], [-1, 0, -inf, -inf], [0, 0, nan, nan],
    [2 ** 24, 3, 5592405, 5592405], [3e38, 0.25, inf, inf], [-3e38, 1e38, -4, -3], [2 ** -126, 3, 0, 0],
  ] // biome-ignore format: a table
  const [a, b] = [0, 1].map((i) => table.map((row) => row[i] as number)) as [number[], number[]]

  it.each(['floor', 'trunc'] as const)('%s', async (roundingMode) => {
    const got = await div(tensor(a), tensor(b), { roundingMode }).data()
    const wanted = table.map((row) => row[roundingMode === 'floor' ? 2 : 3])
    expect([...got]).toEqual(wanted) // −0 is not 0 here
  })

  it('have the gradient 0, also by 0 and of infinities', async () => {
    for (const roundingMode of ['floor', 'trunc'] as const) {
      const [x, y] = [tensor(a, { requiresGrad: true }), tensor(b, { requiresGrad: true })]
      div(x, y, { roundingMode }).sum().backward()
      for (const p of [x, y]) expect([...((await p.grad?.data()) ?? [])]).toEqual(a.map(() => 0))
    }
  })

  it.runIf(hasDoubles)('in float64: 1 // 0.1 is 9', async () => {
    const one = tensor([1, -1], { dtype: 'float64' })
    expect(await div(one, 0.1, { roundingMode: 'floor' }).toArray()).toEqual([9, -10])
    expect(await div(one, 0.1, { roundingMode: 'trunc' }).toArray()).toEqual([10, -10])
  })
})

describe('values', () => {
  it('bools add as or, multiply as and', async () => {
    const a = tensor([true, true, false])
    const b = tensor([true, false, false])
    expect(await add(a, b).toArray()).toEqual([true, true, false])
    expect(await mul(a, b).toArray()).toEqual([true, false, false])
  })

  it('integer powers stay integers', async () => {
    expect(await pow(tensor([2, 3], { dtype: 'int32' }), 5).toArray()).toEqual([32, 243])
    expect(pow(tensor([2], { dtype: 'int32' }), 2).dtype).toBe('int32')
    expect(await pow(2, tensor([1, 2, 10])).toArray()).toEqual([2, 4, 1024])
  })

  it('clamp takes numbers, tensors or names', async () => {
    const x = tensor([-2, 0.5, 3])
    expect(await clamp(x, -1, 1).toArray()).toEqual([-1, 0.5, 1])
    expect(await clamp(x, { max: 1 }).toArray()).toEqual([-2, 0.5, 1])
    expect(await clamp(x, tensor([0, 1, 2])).toArray()).toEqual([0, 1, 3])
  })

  it('where takes numbers on either side', async () => {
    const test = tensor([true, false])
    expect(await where(test, 1, tensor([5, 6])).toArray()).toEqual([1, 6])
    expect(where(test, 1, 0).dtype).toBe('int32')
    expect(where(test, 1.5, 0).dtype).toBe('float32')
  })

  it('empty tensors pass through', async () => {
    expect(await zeros([0, 3]).add(1).exp().toArray()).toEqual([])
    expect(zeros([0, 3]).add(zeros([1, 3])).shape).toEqual([0, 3])
  })

  it('oneHot puts a 1 at each index', async () => {
    expect(await oneHot(tensor([2, 0], { dtype: 'int32' }), { numClasses: 3 }).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ])
  })
})

describe('errors', () => {
  it('shapes that do not broadcast are named, with the dim', () => {
    expect(() => add(zeros([2, 3]), zeros([4, 3]))).toThrow(/^add: shapes do not broadcast: \[2, 3\] and \[4, 3\] differ at dim −2/)
    expect(() => maximum(zeros([2]), zeros([3]))).toThrow(/^maximum: /)
  })
  it('what is no tensor is named', () => {
    expect(() => zeros([2]).add('1' as unknown as number)).toThrow(/^add: b must be a Tensor or a number, got '1'. Give the number 1/)
    expect(() => add(1, 2)).toThrow(/^add: one of a and b must be a Tensor, got 1 and 2/)
  })
  it('bools have no difference', () => {
    expect(() => tensor([true]).sub(tensor([false]))).toThrow(/^sub: both operands are bool/)
  })
  it('integers have no negative powers', () => {
    expect(() => tensor([2], { dtype: 'int32' }).pow(-1)).toThrow(/^pow: integers to a negative integer power/)
  })
  it('where wants a bool test', () => {
    expect(() => where(zeros([2]), 1, 2)).toThrow(/^where: test must be bool, got float32/)
  })
  it('clamp wants a bound', () => {
    expect(() => zeros([2]).clamp()).toThrow(/^clamp: at least one of min and max/)
  })
})
