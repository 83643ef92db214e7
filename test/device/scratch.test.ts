/** @file Which slots of a program share memory. */
import { describe, expect, it } from 'vitest'
import { planScratch } from '../../src/device/scratch.ts'

interface Life {
  readonly length: number
  readonly first: number
  readonly last: number
}

/** Elements of the least place. */
const UNIT = 64

/** A plan for slots that live so long: each dispatch uses those whose lives it is in. */
function planned(lives: readonly Life[]): ReturnType<typeof planScratch> {
  const length = Math.max(...lives.map(({ last }) => last)) + 1
  const dispatches = Array.from({ length }, (_, k) => ({
    slots: lives.flatMap(({ first, last }, s) => (first === k || last === k ? [s] : [])),
  }))
  const slots = lives.map((life) => ({ kind: 'scratch' as const, dtype: 'float32' as const, length: life.length }))
  return planScratch(slots, dispatches, (slot) => 4 * slot.length)
}

/** The most that is in use at once. */
const needed = (lives: readonly Life[]): number =>
  Math.max(...lives.map(({ first: k }) => lives.reduce((n, l) => (l.first <= k && k <= l.last ? n + 4 * l.length : n), 0)))

const total = (bytes: readonly number[]): number => bytes.reduce((a, b) => a + b, 0)

/** A number below n, of a fixed sequence. */
const numbers = (seed: number): ((n: number) => number) => {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

describe('scratch memory', () => {
  it('is shared only by slots that are not in use together, and is as large as each', () => {
    for (let seed = 1; seed < 30; seed++) {
      const below = numbers(seed)
      const lives = Array.from({ length: 120 }, (): Life => {
        const first = below(100)
        return { length: UNIT * (1 + below(seed % 2 ? 4 : 1000)), first, last: first + below(20) }
      })
      const { placeOf, bytes } = planned(lives)
      for (const [i, a] of lives.entries()) {
        expect(bytes[placeOf[i] as number]).toBeGreaterThanOrEqual(4 * a.length)
        for (const [k, b] of lives.entries())
          if (i < k && placeOf[i] === placeOf[k]) expect(a.first > b.last || b.first > a.last).toBe(true)
      }
      expect(total(bytes)).toBeLessThan(1.6 * needed(lives))
    }
  })

  it('is as little as can be for slots of one size', () => {
    const below = numbers(5)
    const lives = Array.from({ length: 3000 }, (): Life => {
      const first = below(2000)
      return { length: UNIT, first, last: first + below(200) }
    })
    expect(total(planned(lives).bytes)).toBe(needed(lives))
  })

  it('takes what is smaller than the least place as equal', () => {
    const lives = Array.from({ length: 200 }, (_, k): Life => ({ length: 1 + (k % UNIT), first: k, last: k + 1 }))
    expect(planned(lives).bytes).toEqual([4 * UNIT, 4 * UNIT])
  })

  it('keeps small slots out of the way of large ones', () => {
    // A forward that halves and doubles: what was small must not grow step by step
    const lives = Array.from({ length: 200 }, (_, k): Life => ({ length: UNIT * (k % 2 ? 1000 : 10 + (k % 7)), first: k, last: k + 1 }))
    expect(total(planned(lives).bytes)).toBeLessThan(4 * UNIT * (1000 + 3 * 20))
  })
})
