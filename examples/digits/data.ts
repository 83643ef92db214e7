/** @file Reads the digits and splits them: 1,437 to train with, 360 to test with, the same in every run. */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'

export const CLASSES = 10
/** An image is SIDE × SIDE pixels. */
export const SIDE = 8
const TEST_IMAGES = 360
const SPLIT_SEED = 20

export interface Digits {
  /** Gray values in 0 … 1, 64 per image, row by row. */
  readonly images: Float32Array
  readonly labels: Int32Array
  readonly count: number
}

/**
 * Each line of the file is an image: 64 counts in 0 … 16, then the digit. The lines come in the order in which people wrote, so they are
 * shuffled before the split. The shuffle has a seed of its own: `--seed` changes the training, never what is tested.
 */
export function loadDigits(): { train: Digits; test: Digits } {
  const text = gunzipSync(readFileSync(new URL('digits.csv.gz', import.meta.url))).toString('latin1')
  const rows = text
    .trim()
    .split('\n')
    .map((line) => line.split(',').map(Number))
  shuffle(rows, SPLIT_SEED)
  return { train: pack(rows.slice(TEST_IMAGES)), test: pack(rows.slice(0, TEST_IMAGES)) }
}

function pack(rows: readonly (readonly number[])[]): Digits {
  const images = Float32Array.from(rows.flatMap((row) => row.slice(0, -1).map((count) => count / 16)))
  return { images, labels: Int32Array.from(rows, (row) => row.at(-1) as number), count: rows.length }
}

/** Fisher and Yates' shuffle, driven by a 32-bit linear congruential generator (multiplier and increment of Numerical Recipes). */
function shuffle<T>(items: T[], seed: number): void {
  let state = seed
  for (let i = items.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const j = Math.floor((state / 2 ** 32) * (i + 1))
    ;[items[i], items[j]] = [items[j] as T, items[i] as T]
  }
}
