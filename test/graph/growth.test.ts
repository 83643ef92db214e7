/** @file The time that a schedule takes is linear in the number of nodes, whatever their form: eight times the graph, some eight times the time. */
import { describe, expect, it } from 'vitest'
import type { DType } from '../../src/base/index.ts'
import { schedule, topological } from '../../src/compiler/index.ts'
import { CPU_PLACE, type DeviceTraits } from '../../src/device/index.ts'
import type { Node } from '../../src/graph/index.ts'
import * as p from '../../src/graph/index.ts'

const traits = (maxBuffers: number): DeviceTraits => ({
  maxBuffers,
  maxBindingBytes: 2 ** 27,
  dtypes: new Set<DType>(['float32', 'int32', 'bool']),
  storesAlone: new Set<DType>(['float32', 'int32']),
  parallelism: 64,
  leastSplit: 4096,
  leastScatter: 2 ** 18,
  roundsOperators: true,
  slowContractions: true,
  coalesces: true,
})

const input = (shape: number[]): Node => p.leaf(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, 'float32', CPU_PLACE)
const add = (a: Node | number, b: Node | number): Node => p.binary('add', a, b)
const mul = (a: Node | number, b: Node | number): Node => p.binary('mul', a, b)
const many = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))

/** As `cat` joins them: a balanced tree of choices by position. */
function joined(list: readonly Node[]): Node {
  if (list.length === 1) return list[0] as Node
  const [a, b] = [joined(list.slice(0, list.length >> 1)), joined(list.slice(list.length >> 1))]
  const l = a.shape[0] as number
  const n = l + (b.shape[0] as number)
  return p.where(p.binary('lt', p.iota(n), p.scalar(l, 'int32')), p.pad(a, [0], [n]), p.pad(b, [l], [n]))
}

/** Results of graphs of some n parts. */
const GRAPHS: Readonly<Record<string, { readonly n: number; readonly make: (n: number) => Node[] }>> = {
  'a tree over n leaves': { n: 60, make: (n) => [joined(many(n, () => input([2])))] },
  'a sum of n leaves': { n: 240, make: (n) => [many(n, () => input([4])).reduce((a, b) => add(a, b))] },
  'sums of n vectors, brought together': {
    n: 60,
    make: (n) => [p.pack(many(n, () => p.reduce('sum', mul(input([4, 3]), input([4, 3])), [0])))],
  },
  'n parameters and an update of all': {
    n: 60,
    make(n) {
      const [gradients, values] = [p.pack(many(n, () => mul(input([5]), 2))), p.pack(many(n, () => input([5])))]
      const mean = mul(gradients, p.scalar(0.1, 'float32'))
      return [add(values, p.binary('div', mean, p.unary('sqrt', mul(gradients, gradients)))), mean]
    },
  },
  'a chain of products and sines with its gradient': {
    n: 60,
    make(n) {
      const chain = [input([4])]
      for (let i = 0; i < n; i++) chain.push(p.unary('sin', mul(chain[i] as Node, 1.5)))
      const gradient = chain.reduceRight((g, x) => mul(mul(g, p.unary('cos', mul(x, 1.5))), 1.5), add(input([4]), 1))
      return [p.reduce('sum', chain[n] as Node, [0]), gradient]
    },
  },
  'n reductions of one input, each needed by the next row': {
    n: 60,
    make(n) {
      const x = input([8, 6])
      const sums = many(n, (i) => p.reduce('sum', mul(x, i), [1]))
      return sums.map((s, i) => add(s, p.reduce('max', mul(x, p.reshape(sums[(i * 7) % n] as Node, [8, 1])), [1])))
    },
  },
  'n blocks that each normalize': {
    n: 30,
    make(n) {
      let x = input([4, 6])
      for (let i = 0; i < n; i++) x = add(x, mul(x, p.reshape(p.reduce('sum', mul(x, x), [1]), [4, 1])))
      return [x]
    },
  },
  'n products, each stored with what follows it': {
    n: 30,
    make(n) {
      let x = input([4, 4])
      for (let i = 0; i < n; i++) x = add(x, p.binary('max', p.contract(x, input([4, 4])), 0))
      return [x]
    },
  },
  'n times three views': {
    n: 120,
    make(n) {
      let x = input([4])
      for (let i = 0; i < n; i++) x = p.reshape(p.permute(p.reshape(x, [2, 2]), [1, 0]), [4])
      return [add(x, 1)]
    },
  },
}

/** Milliseconds of this process: others do not count. The best of some, since the collector and the compiler come in between. */
function cost(make: (n: number) => Node[], n: number, maxBuffers: number): number {
  let best = Number.POSITIVE_INFINITY
  for (let i = 0; i < 2; i++) {
    const targets = make(n)
    const order = topological(targets)
    const before = process.cpuUsage()
    schedule(order, targets, new Set(), traits(maxBuffers))
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  return best
}

describe('the time of a schedule is linear', () => {
  for (const maxBuffers of [10, 64]) {
    it.each(Object.entries(GRAPHS))(`for %s (${maxBuffers} buffers)`, { timeout: 120_000 }, (_, { n, make }) => {
      cost(make, n, maxBuffers)
      // In turns, the least of each: a machine that does other work is slower at times, and then for a while
      let [short, long, exponent] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
      for (let i = 0; i < 24 && exponent > 1.3; i++) {
        short = Math.min(short, cost(make, 2 * n, maxBuffers))
        long = Math.min(long, cost(make, 16 * n, maxBuffers))
        exponent = Math.log(long / short) / Math.log(8)
      }
      expect(exponent).toBeLessThanOrEqual(1.3)
    })
  }
})
