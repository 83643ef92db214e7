/** @file Limits of dtypes against PyTorch's, promotion and casts of all pairs, print options, and the small questions of a tensor. */
import { afterEach, describe, expect, it } from 'vitest'
import * as tg from '../src/index.ts'
import { device } from './support/device.ts'

describe('limits of dtypes are those of torch.finfo and torch.iinfo', () => {
  it.each([
    ['float64', 64, 2.220446049250313e-16, 1.7976931348623157e308, 2.2250738585072014e-308, 1e-15],
    ['float32', 32, 1.1920928955078125e-7, 3.4028234663852886e38, 1.1754943508222875e-38, 1e-6],
    ['float16', 16, 0.0009765625, 65504, 6.103515625e-5, 0.001],
    ['bfloat16', 16, 0.0078125, 3.3895313892515355e38, 1.1754943508222875e-38, 0.01],
  ] as const)('%s', (dtype, bits, eps, max, tiny, resolution) => {
    expect(tg.finfo(dtype)).toEqual({ dtype, bits, eps, max, min: -max, tiny, smallestNormal: tiny, resolution })
  })

  it.each([
    ['int32', 32, 2147483647, -2147483648],
    ['uint32', 32, 4294967295, 0],
    ['int8', 8, 127, -128],
    ['uint8', 8, 255, 0],
  ] as const)('%s', (dtype, bits, max, min) => {
    expect(tg.iinfo(dtype)).toEqual({ dtype, bits, max, min })
  })

  it('of another kind are refused', () => {
    expect(() => tg.finfo('int32')).toThrow('finfo: int32 is no float dtype. iinfo has its limits')
    expect(() => tg.iinfo('float16')).toThrow('iinfo: float16 is no integer dtype. finfo has its limits')
    expect(() => tg.iinfo('bool')).toThrow('iinfo: bool is no integer dtype. It has no limits')
  })
})

describe('canCast and resultType', () => {
  it('floats do not become integers, and nothing but bool becomes bool', () => {
    expect(tg.canCast('float64', 'float16')).toBe(true)
    expect(tg.canCast('float32', 'int32')).toBe(false)
    expect(tg.canCast('int32', 'uint8')).toBe(true)
    expect(tg.canCast('uint8', 'bool')).toBe(false)
    expect(tg.canCast('bool', 'int8')).toBe(true)
  })

  it('a number and a 0-d tensor do not widen what has dims', () => {
    const int = tg.tensor([1, 2], { dtype: 'int32', device })
    const half = tg.tensor([1, 2], { dtype: 'float16', device })
    const single = tg.tensor(1.5, { device })
    expect([tg.resultType(int, 1.5), tg.resultType(int, 2), tg.resultType(half, single), tg.resultType(single, int)]).toEqual([
      'float32',
      'int32',
      'float16',
      'float32',
    ])
    expect([tg.resultType(1, 2), tg.resultType(1, 2.5), tg.resultType(true, false)]).toEqual(['int32', 'float32', 'bool'])
  })
})

describe('isNonzero', () => {
  it.each([
    ['float32', -0, false],
    ['float32', Number.NaN, true],
    ['int32', 2, true],
    ['bool', 0, false],
  ] as const)('of %s %d', async (dtype, value, expected) => {
    const x = tg.tensor([value], { dtype, device })
    expect([await tg.isNonzero(x), await x.isNonzero()]).toEqual([expected, expected])
  })

  it('of none or several is an error', async () => {
    await expect(tg.isNonzero(tg.zeros([2, 1], { device }))).rejects.toThrow(
      'isNonzero: x must have one element, got [2, 1]. Ask for all or any: x.all(), x.any()',
    )
  })
})

describe('setPrintoptions', () => {
  afterEach(() => tg.setPrintoptions({ profile: 'default' }))
  const text = (): Promise<string> => tg.tensor([1.23456, 1000.5], { device: 'cpu' }).toText()

  it('holds for all that is printed, and stays until it is set again', async () => {
    tg.setPrintoptions({ precision: 1 })
    expect(await text()).toBe('tensor([   1.2, 1000.5])')
    tg.setPrintoptions({ sciMode: true })
    expect(await text()).toBe('tensor([1.2e+00, 1.0e+03])')
    tg.setPrintoptions({ profile: 'default' })
    expect(await text()).toBe('tensor([   1.2346, 1000.5000])')
  })

  it('a profile leaves out more, or nothing', async () => {
    tg.setPrintoptions({ profile: 'short' })
    expect(await tg.arange(2000, { device: 'cpu' }).toText()).toBe('tensor([   0,    1,  ..., 1998, 1999])')
    tg.setPrintoptions({ profile: 'full' })
    expect(await tg.arange(2000, { device: 'cpu' }).toText()).toContain('1000')
    expect(await tg.arange(2000, { device: 'cpu' }).toText({ threshold: 10, edgeitems: 1 })).toBe('tensor([   0,  ..., 1999])')
  })
})

it('seed() seeds by chance, and its number brings the stream back', async () => {
  const drawn = tg.seed()
  const first = await tg.rand([3], { device }).data()
  tg.manualSeed(drawn)
  expect(await tg.rand([3], { device }).data()).toEqual(first)
  expect(tg.seed()).not.toBe(drawn)
})

it('isAnomalyEnabled says whether anomaly mode is on', () => {
  expect(tg.isAnomalyEnabled()).toBe(false)
  tg.detectAnomaly(() => expect(tg.isAnomalyEnabled()).toBe(true))
  tg.setDetectAnomaly(true)
  expect(tg.isAnomalyEnabled()).toBe(true)
  tg.setDetectAnomaly(false)
})
