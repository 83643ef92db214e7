/** @file Where a graph is cut into parts. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { topological } from '../../src/compiler/index.ts'
import { rounding } from '../../src/compiler/origin.ts'
import { type Part, Partition } from '../../src/compiler/partition.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import * as g from '../../src/graph/index.ts'

const matrix = (rows: number, columns: number): g.Node => g.leaf(new Float32Array(rows * columns), [rows, columns], 'float32', CPU_PLACE)

function partsOf(...wanted: g.Node[]): Part[] {
  const order = topological(wanted)
  order.forEach((node, i) => {
    node.place = i
  })
  const parts = new Partition(order, new Set(wanted))
  return Array.from({ length: parts.length }, (_, at) => parts.part(at))
}

/** What other parts read of each part, or is wanted. */
const targetsOfParts = (...wanted: g.Node[]): (readonly g.Node[])[] => partsOf(...wanted).map(({ targets }) => targets)

describe('a product of which the transposed is read', () => {
  it('is computed as that, in its own part', () => {
    const turned = g.permute(g.contract(matrix(2, 3), matrix(3, 4)), [1, 0])
    const wanted = g.unary('exp', g.contract(turned, matrix(2, 5)))
    expect(targetsOfParts(wanted)).toEqual([[turned], [wanted]])
  })

  it('stays as it is where something else reads it, too', () => {
    const product = g.contract(matrix(2, 3), matrix(3, 4))
    const wanted = g.contract(g.permute(product, [1, 0]), g.contract(product, matrix(4, 5)))
    expect(targetsOfParts(wanted)[0]).toEqual([product])
  })

  it('stays as it is where it is wanted', () => {
    const product = g.contract(matrix(2, 3), matrix(3, 4))
    const wanted = g.contract(g.permute(product, [1, 0]), matrix(2, 5))
    expect(targetsOfParts(product, wanted)).toEqual([[product], [wanted]])
  })
})

describe('one of many slices of a value', () => {
  const row = (of: g.Node, i: number): g.Node => g.slice(of, [i, 0], [1, 4])

  it('begins a part, the same for each', () => {
    const base = g.contract(matrix(9, 2), matrix(2, 4))
    const wanted = Array.from({ length: 9 }, (_, i) => g.unary('exp', row(base, i)))
    expect(targetsOfParts(...wanted)).toEqual([[base], ...wanted.map((node) => [node])])
  })

  it('goes where a product is that it is added to, as parameters do that lie in one arena', () => {
    const arena = matrix(9, 4)
    const wanted = Array.from({ length: 9 }, (_, i) => g.binary('add', g.contract(matrix(1, 2), matrix(2, 4)), row(arena, i)))
    expect(targetsOfParts(...wanted)).toEqual(wanted.map((node) => [node]))
  })

  it('begins no second part beside another', () => {
    const [a, b] = [matrix(9, 4), matrix(9, 4)]
    const wanted = Array.from({ length: 9 }, (_, i) => g.binary('mul', row(a, i), row(b, i)))
    expect(targetsOfParts(...wanted)).toEqual(wanted.map((node) => [node]))
  })
})

describe('a sum over parts', () => {
  const product = (): g.Node => g.contract(matrix(2, 3), matrix(3, 4))

  it('is computed with the products, where each is added as it comes', () => {
    const first = product()
    const second = g.binary('add', first, product())
    const third = g.binary('add', second, product())
    expect(targetsOfParts(third)).toEqual([[first], [second], [third]])
  })

  it('of what was computed before is a part for each addition', () => {
    const products = Array.from({ length: 4 }, product)
    let sum = g.binary('add', products[3] as g.Node, products[2] as g.Node)
    const sums = [sum]
    for (const i of [1, 0]) {
      sum = g.binary('add', sum, products[i] as g.Node)
      sums.push(sum)
    }
    expect(targetsOfParts(sum)).toEqual([...products.slice(0, 3).map((node) => [node]), ...sums.map((node) => [node])])
  })
})

describe('what only later parts read', () => {
  const product = (x: g.Node): g.Node => g.contract(x, matrix(4, 4))
  /** Rows of a product that does not stay in a cache. */
  const ROWS = 4096
  const large = (): g.Node => product(matrix(ROWS, 4))
  /** 1 - y², as a gradient rule records it: with the forward pass that it is made of. */
  const slope = (y: g.Node): g.Node => g.binary('sub', g.constant(1, 'float32', CPU_PLACE), g.binary('mul', y, y))

  it('is computed there where it is made of one value that is stored in any case', () => {
    const y = g.unary('tanh', product(matrix(2, 4)))
    const derivative = slope(y)
    const next = product(y)
    const wanted = g.binary('mul', next, derivative)
    expect(targetsOfParts(wanted)).toEqual([[y], [wanted]])
  })

  it('is stored where a product reads it, or where it is wanted', () => {
    const y = g.unary('tanh', product(matrix(2, 4)))
    const derivative = slope(y)
    expect(targetsOfParts(product(y), product(derivative))[0]).toEqual([y, derivative])
    expect(targetsOfParts(derivative, g.binary('mul', product(y), derivative))[0]).toEqual([y, derivative])
  })

  it('is stored where it takes much, or is made of several values', () => {
    const [x, w] = [product(matrix(2, 4)), product(matrix(2, 4))]
    const [y, z] = [g.unary('exp', x), g.unary('tanh', w)]
    const both = g.binary('mul', y, z)
    const sine = g.unary('sin', y)
    const wanted = g.binary('mul', g.binary('mul', product(y), both), g.binary('mul', product(z), sine))
    expect(new Set(targetsOfParts(wanted).slice(0, 2).flat())).toEqual(new Set([y, z, both, sine]))
  })

  it('is computed of one value, stored instead of several, or of one of half the size', () => {
    const x = large()
    const [y, z] = [g.unary('exp', x), g.unary('tanh', x)]
    expect(targetsOfParts(g.binary('mul', g.binary('mul', large(), y), z))[0]).toEqual([x])
    const half = g.cast(large(), 'float16')
    const wide = g.unary('exp', g.cast(half, 'float32'))
    expect(targetsOfParts(g.binary('mul', large(), wide))[0]).toEqual([half])
  })

  it('is stored where it would be computed at more points than it has elements, as in front of a pad', () => {
    const x = large()
    const [y, z] = [g.unary('exp', x), g.unary('tanh', x)]
    const padded = g.pad(g.binary('mul', g.binary('mul', large(), y), z), [0, 0], [ROWS, 16])
    expect(new Set(targetsOfParts(padded)[0])).toEqual(new Set([y, z]))
  })

  it('is stored where it is small, and takes more than some additions', () => {
    const x = product(matrix(2, 4))
    const [y, z] = [g.unary('exp', x), g.unary('tanh', x)]
    expect(new Set(targetsOfParts(g.binary('mul', g.binary('mul', product(matrix(2, 4)), y), z))[0])).toEqual(new Set([y, z]))
  })

  it('is computed of a stored value and what is small beside it', () => {
    const wide = g.unary('exp', product(matrix(32, 4)))
    const total = g.reduce('sum', wide, [0])
    const scaled = g.binary('mul', wide, g.expand(g.reshape(total, [1, 4]), [32, 4]))
    const wanted = g.binary('mul', product(wide), scaled)
    expect(targetsOfParts(wanted)[0]).toEqual([wide, total])
  })
})

describe('a half that a product reads', () => {
  const { least } = rounding
  beforeEach(() => {
    rounding.least = 1
  })
  afterEach(() => {
    rounding.least = least
  })
  const product = (x: g.Node): g.Node => g.contract(x, matrix(x.shape[1] as number, x.shape[1] as number))
  const half = (x: g.Node): g.Node => g.cast(x, 'float16')
  /** So many products, each of the one before. */
  const products = (x: g.Node, count: number): g.Node[] => {
    const list = [product(x)]
    while (list.length < count) list.push(product(list.at(-1) as g.Node))
    return list
  }
  /** The products of a half: at once, and after so many others, with what is read of the rest by then. */
  function later(of: g.Node, rounded: g.Node, between: number): { readonly parts: readonly Part[]; readonly part: Part } {
    const soon = g.contract(rounded, half(matrix(rounded.shape[1] as number, 4)))
    const rest = products(g.cast(soon, 'float32'), between)
    const late = g.contract(half(g.permute(rest.at(-1) as g.Node, [1, 0])), rounded)
    const wanted = g.binary('add', g.reduce('sum', g.cast(late, 'float32'), [0, 1]), of)
    const parts = partsOf(wanted)
    return { parts, part: parts.find(({ order }) => order.includes(late)) as Part }
  }
  const computes = (part: Part, node: g.Node): boolean => part.order.some((n, i) => n === node && !part.read[i])
  const reads = (part: Part, node: g.Node): boolean => part.order.some((n, i) => n === node && part.read[i])

  it('is rounded again for one that comes much later, of what is read then in any case', () => {
    const x = product(matrix(4, 4))
    const rounded = half(g.unary('exp', x))
    const { part } = later(x, rounded, 20)
    expect(computes(part, rounded)).toBe(true)
    expect(reads(part, x)).toBe(true)
  })

  it('is what was stored for one that comes soon', () => {
    const x = product(matrix(4, 4))
    const rounded = half(g.unary('exp', x))
    const { part } = later(x, rounded, 3)
    expect(reads(part, rounded)).toBe(true)
  })

  it.each([
    ['it holds on to more than is saved', (x: g.Node) => half(g.unary('exp', x)), matrix(4, 4)],
    ['it takes much', (x: g.Node) => half(Array.from({ length: 8 }).reduce((y: g.Node) => g.unary('sin', y), x)), undefined],
    ['it is made of several values', (x: g.Node) => half(g.binary('mul', x, product(x))), undefined],
  ])('is what was stored where %s', (_, make, other) => {
    const x = product(matrix(4, 4))
    const rounded = make(x)
    const { part } = later(other ?? x, rounded, 20)
    expect(reads(part, rounded)).toBe(true)
  })

  it('is rounded again of a stored weight, and of a value and what little is shown of one', () => {
    const arena = matrix(64, 16)
    const x = product(matrix(4, 4))
    const weight = half(g.slice(arena, [0, 0], [4, 4]))
    expect(computes(later(x, weight, 20).part, weight)).toBe(true)
    const wide = g.contract(matrix(16, 4), matrix(4, 16))
    const sum = half(g.binary('add', wide, g.expand(g.slice(arena, [3, 0], [1, 16]), [16, 16])))
    expect(computes(later(wide, sum, 20).part, sum)).toBe(true)
  })
})
