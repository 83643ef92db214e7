/** @file The moved training images of examples/digits. */
import { expect, it } from 'vitest'
import { augment } from '../../examples/digits/augment.ts'
import { SIDE } from '../../examples/digits/data.ts'
import { arange, manualSeed } from '../../src/index.ts'
import { device } from '../support/device.ts'

const IMAGES = 400

/** Images of the numbers 1 … 64, moved down and to the right by so many pixels. */
const movedBy = (down: number, right: number): number[] =>
  Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [row, column] = [Math.floor(i / SIDE) - down, (i % SIDE) - right]
    return Math.min(row, column) < 0 || Math.max(row, column) >= SIDE ? 0 : row * SIDE + column + 1
  })
const steps = [-1, 0, 1]
const moves = steps.flatMap((down) => steps.map((right) => movedBy(down, right).join()))
const UNMOVED = 4

it('augmentation leaves about half of the images where they are, and moves the others by a pixel in all eight directions', async () => {
  const images = arange(1, SIDE * SIDE + 1, { dtype: 'float32', device })
    .reshape(1, 1, SIDE, SIDE)
    .expand(IMAGES, -1, -1, -1)
  manualSeed(0)
  const moved = augment(images)
  expect(moved.shape).toEqual([IMAGES, 1, SIDE, SIDE])
  const answers = ((await moved.flatten(1).toArray()) as number[][]).map((pixels) => moves.indexOf(pixels.join()))
  expect(answers).not.toContain(-1)
  const counts = moves.map((_, move) => answers.filter((answer) => answer === move).length)
  // 1/2 are left alone, and of the others 1/9 are moved by nothing: 5/9 in all, 1/18 for each direction; four standard deviations around that
  counts.forEach((count, move) => {
    const share = move === UNMOVED ? 5 / 9 : 1 / 18
    expect(Math.abs(count - IMAGES * share)).toBeLessThan(4 * Math.sqrt(IMAGES * share * (1 - share)))
  })

  manualSeed(0)
  expect(await augment(images).flatten().toArray()).toEqual(await moved.flatten().toArray())
})
