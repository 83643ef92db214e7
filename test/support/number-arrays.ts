/**
 * @file `toEqual` of long arrays of numbers. vitest compares them key by key, as objects, which takes a microsecond for each number; what is equal is found to be
 * so in one loop. All else is left to vitest, and with it what is said of arrays that differ.
 */

type Numbers = ArrayLike<number | bigint>

const isNumbers = (value: unknown): value is Numbers => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

/** True of two arrays of one kind that hold the same numbers, as `Object.is` has it; undefined, which is no answer, of all else. */
export function sameNumbers(a: unknown, b: unknown): true | undefined {
  if (!isNumbers(a) || !isNumbers(b) || a.length !== b.length || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return undefined
  for (let i = 0; i < a.length; i++) {
    const value = a[i]
    if ((typeof value !== 'number' && typeof value !== 'bigint') || !Object.is(value, b[i])) return undefined
  }
  return true
}
