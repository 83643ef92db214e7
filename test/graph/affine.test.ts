import { describe, expect, it } from 'vitest'
import { contiguousStrides, sizeOf } from '../../src/base/index.ts'
import { add, div, keyOf, linear, literal, mod, ofAxis, reshapeCoords, scale, unravel } from '../../src/kernel/affine.ts'
import type { Axis, Index } from '../../src/kernel/index.ts'

/** The value of an index when each axis has the given position. */
function evaluate(index: Index, at: ReadonlyMap<number, number>): number {
  let sum = index.offset
  for (const { coef, atom } of index.terms) {
    if (atom.kind === 'axis') sum += coef * (at.get(atom.axis.id) as number)
    else if (atom.kind === 'div') sum += coef * Math.floor(evaluate(atom.of, at) / atom.by)
    else if (atom.kind === 'mod') sum += coef * (evaluate(atom.of, at) % atom.by)
    else throw new Error('no values here')
  }
  return sum
}

/** A small generator of whole numbers, so that a failing case can be run again. */
function random(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

const factorsOf = (n: number, pick: (n: number) => number): number[] => {
  const shape: number[] = []
  for (let rest = n; rest > 1; ) {
    const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => d > 1 && rest % d === 0)
    const d = divisors[pick(divisors.length)] as number
    shape.push(d)
    rest /= d
    if (pick(4) === 0) shape.push(1)
  }
  return shape
}

describe('index algebra', () => {
  const a: Axis = { id: 0, size: 6 }
  const b: Axis = { id: 1, size: 4 }

  it('rejoins the quotient and the remainder of a split axis', () => {
    const x = ofAxis({ id: 2, size: 24 })
    expect(keyOf(add(scale(div(x, 4), 4), mod(x, 4)))).toBe(keyOf(x))
    expect(keyOf(linear(unravel(x, [2, 3, 4]), contiguousStrides([2, 3, 4])))).toBe(keyOf(x))
  })

  it('drops a remainder that changes nothing', () => {
    expect(keyOf(mod(ofAxis(a), 6))).toBe(keyOf(ofAxis(a)))
    expect(keyOf(div(ofAxis(a), 6))).toBe(keyOf(literal(0)))
    expect(keyOf(div(add(scale(ofAxis(a), 4), ofAxis(b)), 4))).toBe(keyOf(ofAxis(a)))
    expect(keyOf(mod(add(scale(ofAxis(a), 4), ofAxis(b)), 4))).toBe(keyOf(ofAxis(b)))
  })

  it('maps random chains of reshapes and permutes to the position that moving the elements gives', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const pick = random(seed)
      const count = [12, 24, 36, 60, 64][pick(5)] as number
      // Moves of positions, from the stored tensor outwards.
      const stored = factorsOf(count, pick)
      let shape = stored
      let positions = Array.from({ length: count }, (_, i) => i)
      const views: ((coords: Index[]) => Index[])[] = []
      for (let i = 0; i < 4; i++) {
        const from = shape
        if (pick(2) === 0) {
          const to = factorsOf(count, pick)
          views.push((coords) => reshapeCoords(coords, from, to))
          shape = to
        } else {
          const order = from.map((_, d) => d).sort(() => pick(3) - 1)
          const to = order.map((d) => from[d] as number)
          const strides = order.map((d) => contiguousStrides(from)[d] as number)
          const old = positions
          positions = Array.from({ length: count }, (_, flat) => {
            const coords = contiguousStrides(to).map((s, d) => Math.floor(flat / s) % (to[d] as number))
            return old[coords.reduce((sum, c, d) => sum + c * (strides[d] as number), 0)] as number
          })
          views.push((coords) => {
            const inner: Index[] = new Array(coords.length)
            order.forEach((d, j) => {
              inner[d] = coords[j] as Index
            })
            return inner
          })
          shape = to
        }
      }
      const axes = shape.map((size, id): Axis => ({ id, size }))
      let coords = axes.map(ofAxis)
      for (const view of views.reverse()) coords = view(coords)
      const index = linear(coords, contiguousStrides(stored))
      for (let flat = 0; flat < sizeOf(shape); flat++) {
        const at = new Map(axes.map((x, d) => [x.id, Math.floor(flat / (contiguousStrides(shape)[d] as number)) % x.size]))
        expect(evaluate(index, at), `seed ${seed}, element ${flat}`).toBe(positions[flat])
      }
    }
  })
})
