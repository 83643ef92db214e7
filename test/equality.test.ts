/** @file Arrays of numbers are equal in tests where vitest says so by itself (test/support/number-arrays.ts). */
import { describe, expect, it } from 'vitest'
import { sameNumbers } from './support/number-arrays.ts'

const long = (last: number): number[] => Array.from({ length: 1000 }, (_, i) => (i === 999 ? last : i))
const same: readonly (readonly [what: string, a: unknown, b: unknown])[] = [
  ['no numbers', [], []],
  ['NaN and -0', [1, Number.NaN, -0], [1, Number.NaN, -0]],
  ['a thousand', long(1), long(1)],
  ['float32', Float32Array.of(1, Number.NaN), Float32Array.of(1, Number.NaN)],
  ['int64', BigInt64Array.of(1n), BigInt64Array.of(1n)],
]
const different: readonly (readonly [what: string, a: unknown, b: unknown])[] = [
  ['0 and -0', [0], [-0]],
  ['two and one', [1, 2], [1]],
  ['other numbers', [1, 2], [1, 3]],
  ['a number and a text', [1], ['1']],
  ['a number and a bigint', [1], [1n]],
  ['a thousand, of which the last differs', long(1), long(2)],
  ['an array and a typed array', [1], Float32Array.of(1)],
  ['float32 and float64', Float32Array.of(1), Float64Array.of(1)],
  ['what is left open', [1, undefined], [1, null]],
]

describe('toEqual', () => {
  it.each(same)('holds: %s', (_, a, b) => {
    expect(sameNumbers(a, b)).toBe(true)
    expect(a).toEqual(b)
    expect({ a: [a] }).toStrictEqual({ a: [b] })
  })

  it.each(different)('fails: %s', (_, a, b) => {
    expect(sameNumbers(a, b)).toBeUndefined()
    expect(a).not.toEqual(b)
    expect({ a: [a] }).not.toStrictEqual({ a: [b] })
  })
})
