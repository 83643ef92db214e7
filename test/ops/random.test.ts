/** @file Random tensors: seeds, ranges, shares; creation by value. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  arange,
  bernoulli,
  dropout,
  eye,
  full,
  Generator,
  linspace,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  randperm,
  setDefaultDevice,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.ts'
import { philox } from '../../src/ops/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))
const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data())
const average = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length

describe('generators', () => {
  it('Philox on the host gives the published words', () => {
    // known answers of Random123 (kat_vectors: philox4x32 10)
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
    expect(philox([0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toEqual([
      0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd,
    ])
  })
  it('one seed gives one stream, and every call other numbers', async () => {
    manualSeed(7)
    const first = [await values(rand([5])), await values(rand([5]))]
    manualSeed(7)
    expect([await values(rand([5])), await values(rand([5]))]).toEqual(first)
    expect(first[0]).not.toEqual(first[1])
  })
  it('a state that was kept continues the stream', async () => {
    const generator = new Generator(3)
    rand([2], { generator })
    const state = generator.getState()
    const next = await values(rand([4], { generator }))
    expect(await values(rand([4], { generator: new Generator().setState(state) }))).toEqual(next)
  })
  it('values do not depend on when they are read', async () => {
    manualSeed(1)
    const a = rand([3])
    manualSeed(1)
    const b = rand([3])
    rand([9])
    expect(await values(b)).toEqual(await values(a))
  })
})

describe('distributions', () => {
  it('rand lies in [0, 1) with mean ½', async () => {
    const list = await values(rand([4000], { generator: new Generator(1) }))
    expect(Math.min(...list)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...list)).toBeLessThan(1)
    expect(average(list)).toBeCloseTo(0.5, 1)
  })
  it('randn has mean 0 and variance 1', async () => {
    const list = await values(randn([4000], { generator: new Generator(2) }))
    expect(Math.abs(average(list))).toBeLessThan(0.06)
    expect(average(list.map((v) => v * v))).toBeCloseTo(1, 1)
  })
  it('randint gives every whole number of its range', async () => {
    const x = randint(-2, 3, [500], { generator: new Generator(3) })
    expect(x.dtype).toBe('int32')
    expect([...new Set(await values(x))].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2])
  })
  it('randperm gives every position once', async () => {
    const list = await values(randperm(50, { generator: new Generator(4) }))
    expect(list).not.toEqual(list.toSorted((a, b) => a - b))
    expect(list.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })
  it('bernoulli gives 0 and 1 by their probability', async () => {
    expect(await values(bernoulli(tensor([0, 1, 0, 1])))).toEqual([0, 1, 0, 1])
    expect(average(await values(bernoulli(zeros([4000]), 0.25, { generator: new Generator(5) })))).toBeCloseTo(0.25, 1)
  })
})

describe('dropout', () => {
  it('keeps the share 1 − p, scales it, and masks the gradient alike', async () => {
    const x = ones([4000], { requiresGrad: true })
    const y = dropout(x, { p: 0.25, generator: new Generator(6) })
    const list = await values(y)
    expect(new Set(list)).toEqual(new Set([0, Math.fround(4 / 3)]))
    expect(average(list)).toBeCloseTo(1, 1)
    y.sum().backward()
    expect(await values(x.grad as Tensor)).toEqual(list)
  })
  it('does nothing in evaluation, and drops all at p = 1 without a NaN', async () => {
    const x = ones([3], { requiresGrad: true })
    expect(dropout(x, { training: false })).toBe(x)
    const y = dropout(x, 1)
    y.sum().backward()
    expect([await values(y), await values(x.grad as Tensor)]).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
  })
  it('refuses a probability out of range', () => {
    expect(() => dropout(ones([1]), 1.5)).toThrow(/^dropout: p must be a number from 0 to 1, or options .*, got 1.5/)
  })
})

describe('creation', () => {
  it('makes ranges, steps and the identity', async () => {
    expect(arange(3).dtype).toBe('int32')
    expect(await values(arange(1, 2, 0.25))).toEqual([1, 1.25, 1.5, 1.75])
    expect(await values(arange(5, 0, -2))).toEqual([5, 3, 1])
    expect(await values(linspace(0, 1, 5))).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(await eye(2, 3).toArray()).toEqual([
      [1, 0, 0],
      [0, 1, 0],
    ])
    expect(await full([2], 7).toArray()).toEqual([7, 7])
  })
  it('puts float64 on the cpu device, and refuses it on webgpu', () => {
    setDefaultDevice(undefined)
    expect(tensor(new Float64Array(2)).device).toBe('cpu')
    expect(() => zeros([2], { dtype: 'float64', device: 'webgpu' })).toThrow(/^zeros: webgpu has no float64/)
    setDefaultDevice(device)
  })
  it('copies its data', async () => {
    const data = new Float32Array([1, 2])
    const x = tensor(data)
    data[0] = 9
    expect(await values(x)).toEqual([1, 2])
  })
  it('names a bad size, dtype or device', () => {
    expect(() => zeros([2, -1])).toThrow(/^zeros: shape\[1\] must be a whole number ≥ 0, got -1/)
    expect(() => zeros([2], { dtype: 'float' as 'float32' })).toThrow(/^zeros: dtype must be a dtype .*, got 'float'. 'float32' is meant/)
    expect(() => zeros([2], { device: 'cuda' as 'cpu' })).toThrow(/^zeros: device must be a device .*, got 'cuda'. 'webgpu' is the GPU/)
    expect(() => arange(0, 5, -1)).toThrow(/^arange: a step of -1 does not lead from 0 to 5/)
  })
})
