/** @file Signatures: what is part of a graph's structure, and what is not. */
import { describe, expect, it } from 'vitest'
import { sameSignature, signature, topological } from '../../src/compiler/index.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import * as g from '../../src/graph/index.ts'

const row = (target: g.Node, donors: readonly g.Node[] = []): Int32Array =>
  signature(topological([target]), [target], new Set(donors)).row.slice()
const data = (n: number, value = 0): g.Node => g.leaf(new Float32Array(n).fill(value), [n], 'float32', CPU_PLACE)
const same = (a: g.Node, b: g.Node): boolean => sameSignature(row(a), row(b))

describe('a signature', () => {
  it('does not tell values of data and of scalars', () => {
    const graph = (x: number, by: number): g.Node => g.binary('mul', data(4, x), g.scalar(by, 'float32'))
    expect(same(graph(1, 2), graph(3, 4))).toBe(true)
  })

  it('tells constants bit for bit', () => {
    const plus = (value: number): g.Node => g.binary('add', data(4), value)
    expect(same(plus(0.1), plus(0.1))).toBe(true)
    expect(same(plus(0.1), plus(0.1 + 2 ** -56))).toBe(false)
    expect(same(plus(0), plus(-0))).toBe(false)
    expect(same(plus(Number.NaN), plus(Number.NaN))).toBe(true)
  })

  it('tells shapes, dtypes, operators and their parameters', () => {
    const graphs = [
      g.unary('exp', data(6)),
      g.unary('log', data(6)),
      g.unary('exp', data(5)),
      g.cast(data(6), 'int32'),
      g.cast(data(6), 'bool'),
      g.reshape(data(6), [2, 3]),
      g.reshape(data(6), [3, 2]),
      g.permute(g.reshape(data(6), [1, 2, 3]), [0, 2, 1]),
      g.permute(g.reshape(data(6), [1, 3, 2]), [2, 0, 1]),
      g.slice(data(6), [0], [2]),
      g.slice(data(6), [0], [2], [2]),
      g.window(data(6), [{ offset: 0, terms: [[0, 1]] }], [2]),
      g.window(data(6), [{ offset: 0, terms: [[0, 2]] }], [2]),
      g.window(data(6), [{ offset: 1, terms: [[0, 1]] }], [2]),
      g.pad(data(6), [0], [8]),
      g.reduce('sum', g.reshape(data(6), [2, 3]), [0]),
      g.reduce('max', g.reshape(data(6), [2, 3]), [0]),
      g.reduce('sum', g.reshape(data(6), [3, 2]), [1]),
    ]
    const rows = graphs.map((node) => row(node).join())
    expect(new Set(rows).size).toBe(graphs.length)
  })

  it('has the places where views begin apart from the row', () => {
    const of = (target: g.Node): [string, string] => {
      const { row: words, positions } = signature(topological([target]), [target], new Set())
      return [words.join(), positions.join()]
    }
    const pairs = [
      [g.slice(data(6), [0], [2]), g.slice(data(6), [3], [2])],
      [g.pad(data(6), [0], [9]), g.pad(data(6), [3], [9])],
    ] as const
    for (const [zero, three] of pairs) {
      expect(of(zero)[0]).toBe(of(three)[0])
      expect([of(zero)[1], of(three)[1]]).toEqual(['0', '3'])
    }
  })

  it('tells the outputs and parameters of routines', () => {
    const square = g.leaf(new Int32Array(9), [3, 3], 'int32', CPU_PLACE)
    const extreme = (op: 'max' | 'min', dim: number, output: number): g.Node =>
      g.routine({ kind: 'reduceWithIndex', op, dim }, [square])[output] as g.Node
    const graphs = [extreme('max', 0, 0), extreme('max', 0, 1), extreme('max', 1, 0), extreme('min', 0, 0)]
    expect(new Set(graphs.map((node) => row(node).join())).size).toBe(graphs.length)
    expect(same(extreme('max', 1, 1), extreme('max', 1, 1))).toBe(true)
  })

  it('tells which node is read where, and which may be overwritten', () => {
    const [a, b] = [data(4), data(4)]
    const difference = g.binary('sub', a, b)
    expect(same(difference, g.binary('sub', a, a))).toBe(false)
    expect(same(difference, g.binary('sub', b, a))).toBe(true) // two inputs, whichever comes first
    expect(sameSignature(row(difference), row(difference, [a]))).toBe(false)
    expect(sameSignature(row(difference, [a]), row(difference, [b]))).toBe(false)
  })
})
