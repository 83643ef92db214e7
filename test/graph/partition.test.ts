/** @file Where a graph is cut into parts. */
import { describe, expect, it } from 'vitest'
import { topological } from '../../src/compiler/index.ts'
import { Partition } from '../../src/compiler/partition.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import * as g from '../../src/graph/index.ts'

const matrix = (rows: number, columns: number): g.Node => g.leaf(new Float32Array(rows * columns), [rows, columns], 'float32', CPU_PLACE)

/** What other parts read of each part, or is wanted. */
function targetsOfParts(...wanted: g.Node[]): (readonly g.Node[])[] {
  const order = topological(wanted)
  order.forEach((node, i) => {
    node.place = i
  })
  const parts = new Partition(order, new Set(wanted))
  return Array.from({ length: parts.length }, (_, at) => parts.part(at).targets)
}

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
