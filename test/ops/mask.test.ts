/** @file What depends on values: maskedSelect, nonzero, equal, allclose. */
import { beforeAll, describe, expect, it } from 'vitest'
import { allclose, equal, maskedSelect, nonzero, ones, setDefaultDevice, tensor, zeros } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

describe('maskedSelect', () => {
  const x = tensor([
    [1, -2, 3],
    [-4, 5, -6],
  ])

  it('gives the elements where the mask holds, in row-major order', async () => {
    const y = await x.maskedSelect(x.gt(0))
    expect(y.shape).toEqual([3])
    expect(y.device).toBe(device)
    expect(await y.toArray()).toEqual([1, 3, 5])
    expect((await maskedSelect(x, x.gt(9))).shape).toEqual([0])
    expect(await (await maskedSelect(tensor(2), tensor(true))).toArray()).toEqual([2])
  })

  it('broadcasts', async () => {
    expect(await (await x.maskedSelect(tensor([true, false, true]))).toArray()).toEqual([1, 3, -4, -6])
    expect(await (await tensor([1, 2]).maskedSelect(tensor([[true], [false]]))).toArray()).toEqual([1, 2])
  })

  it('brings the gradient to the elements that were chosen', async () => {
    const w = tensor([1, 2, 3], { requiresGrad: true })
    ;(await w.maskedSelect(w.ne(2))).square().sum().backward()
    expect(await w.grad?.toArray()).toEqual([2, 0, 6])
  })

  it('takes the value at the call', async () => {
    const w = tensor([1, 2])
    const chosen = w.maskedSelect(w.gt(1))
    w.add_(10)
    expect(await (await chosen).toArray()).toEqual([2])
  })

  it('refuses a mask that is not bool, or does not broadcast', async () => {
    await expect(x.maskedSelect(x)).rejects.toThrow('maskedSelect: mask must be bool, got float32')
    await expect(x.maskedSelect(zeros([2], { dtype: 'bool' }))).rejects.toThrow(/^maskedSelect: shapes do not broadcast/)
  })
})

describe('nonzero', () => {
  it('gives the position of each element that is not 0', async () => {
    const y = await nonzero(tensor([[0, 1], [2, 0], [0, 3]])) // biome-ignore format: rows
    expect(y.dtype).toBe('int32')
    expect(await y.toArray()).toEqual([[0, 1], [1, 0], [2, 1]]) // biome-ignore format: rows
    expect((await zeros([2, 3]).nonzero()).shape).toEqual([0, 2])
    expect((await ones([]).nonzero()).shape).toEqual([1, 0])
  })
})

describe('equal', () => {
  it('compares shapes and values', async () => {
    expect(await equal(tensor([1, 2]), tensor([1, 2]))).toBe(true)
    expect(await tensor([1, 2]).equal(tensor([1, 3]))).toBe(false)
    expect(await equal(ones([2]), ones([1, 2]))).toBe(false)
    expect(await equal(zeros([0]), zeros([0]))).toBe(true)
    expect(await equal(tensor([Number.NaN]), tensor([Number.NaN]))).toBe(false)
  })
})

describe('allclose', () => {
  it('allows for atol and rtol', async () => {
    const x = tensor([1, 100])
    expect(await allclose(x, tensor([1.000001, 100.0001]))).toBe(true)
    expect(await allclose(x, tensor([1.1, 100]))).toBe(false)
    expect(await x.allclose(tensor([1.1, 100]), { atol: 0.2 })).toBe(true)
    expect(await x.allclose(tensor([1.1, 105]), { rtol: 0.1 })).toBe(true)
    expect(await allclose(tensor([true]), tensor([true]))).toBe(true)
  })

  it('has infinities close to themselves alone, and NaN only where asked', async () => {
    const inf = tensor([Number.POSITIVE_INFINITY])
    const nan = tensor([Number.NaN])
    expect(await allclose(inf, inf)).toBe(true)
    expect(await allclose(ones([1]), inf)).toBe(false)
    expect(await allclose(nan, nan)).toBe(false)
    expect(await allclose(nan, nan, { equalNan: true })).toBe(true)
  })
})
