/** @file Says how well the digits of the test set were recognised. */
import { CLASSES } from './data.ts'

/** A table of counts: a row per true digit, a column per answer. Zeros are dots, so that mistakes stand out. */
export function confusionMatrix(labels: ArrayLike<number>, answers: ArrayLike<number>): string {
  const counts = Array.from({ length: CLASSES }, () => new Array<number>(CLASSES).fill(0))
  for (let i = 0; i < labels.length; i++) {
    const row = counts[labels[i] as number] as number[]
    row[answers[i] as number] = (row[answers[i] as number] ?? 0) + 1
  }
  const cell = (value: number | string): string => String(value).padStart(4)
  const head = `true \\ answer ${counts.map((_, digit) => cell(digit)).join('')}`
  return [head, ...counts.map((row, digit) => `${String(digit).padStart(13)} ${row.map((n) => cell(n || '·')).join('')}`)].join('\n')
}

/** `test accuracy 98.6% (355 of 360)` */
export function accuracyLine(labels: ArrayLike<number>, answers: ArrayLike<number>): string {
  const right = Array.from(labels).filter((label, i) => label === answers[i]).length
  return `test accuracy ${((100 * right) / labels.length).toFixed(1)}% (${right} of ${labels.length})`
}
