import { describe, expect, it } from 'vitest'
import type { DType } from '../../src/base/index.ts'
import { type Schedule, schedule, topological } from '../../src/compiler/index.ts'
import { CPU_PLACE, type DeviceTraits } from '../../src/device/index.ts'
import type { Node } from '../../src/graph/index.ts'
import * as p from '../../src/graph/index.ts'
import type { Kernel } from '../../src/kernel/index.ts'

const traits: DeviceTraits = {
  maxBuffers: 9,
  maxBindingBytes: 2 ** 27,
  dtypes: new Set<DType>(['float32', 'int32', 'bool']),
  storesAlone: new Set<DType>(['float32', 'int32']),
  parallelism: 64,
  leastSplit: 4096,
  leastScatter: 2 ** 18,
  roundsOperators: true,
  slowContractions: true,
  coalesces: true,
}

const input = (shape: number[]): Node => p.leaf(new Float32Array(shape.reduce((a, b) => a * b, 1)), shape, 'float32', CPU_PLACE)
const plan = (targets: Node[], donors: Node[] = [], limits: Partial<DeviceTraits> = {}): Schedule =>
  schedule(topological(targets), targets, new Set(donors), { ...traits, ...limits })
const kernelsOf = (s: Schedule): Kernel[] =>
  s.program.steps.map((step) => {
    if (step.kind !== 'kernel') throw new Error(`${step.call.label} is no kernel`)
    return step.kernel
  })
const labels = (s: Schedule): string[] => kernelsOf(s).map((k) => k.label)
const add = (a: Node | number, b: Node | number): Node => p.binary('add', a, b)
const mul = (a: Node | number, b: Node | number): Node => p.binary('mul', a, b)
const sub = (a: Node | number, b: Node | number): Node => p.binary('sub', a, b)
const number = (v: number): Node => p.scalar(v, 'float32')
const T = (x: Node): Node => p.permute(x, [1, 0])

function softmax(x: Node): Node {
  const [rows] = x.shape as [number]
  const e = p.unary('exp', sub(x, p.reshape(p.reduce('max', x, [1]), [rows, 1])))
  return p.binary('div', e, p.reshape(p.reduce('sum', e, [1]), [rows, 1]))
}

describe('the schedule', () => {
  it('makes one kernel of a chain of elementwise primitives and views', () => {
    const x = input([4, 6])
    const y = p.reshape(T(p.unary('exp', mul(x, number(2)))), [3, 8])
    const s = plan([add(y, 1)])
    expect(labels(s)).toEqual(['mul+exp+add'])
    expect(s.program.slots.map((slot) => slot.kind)).toEqual(['input', 'output'])
  })

  it('makes one loop of dims that lie side by side, whatever dims of one position are between them', () => {
    const sizes = (s: Schedule): number[] => (kernelsOf(s)[0] as Kernel).grid.map((a) => a.size)
    expect(sizes(plan([add(input([4, 6]), 1)]))).toEqual([24])
    expect(sizes(plan([add(input([4, 1, 6]), 1)]))).toEqual([24])
    expect(sizes(plan([add(input([4, 1, 6]), input([4, 1, 1]))]))).toEqual([4, 6])
    // Rows and columns of a product stay apart, also where neither operand varies along them
    const same = (shape: number[]): Node => p.expand(p.reshape(input([3]), [1, 3]), shape)
    const [kernel] = kernelsOf(plan([p.contract(same([5, 3]), T(same([4, 3])))]))
    expect(kernel?.contract?.m.map((a) => a.size)).toEqual([5])
    expect(kernel?.contract?.n.map((a) => a.size)).toEqual([4])
  })

  it('makes one kernel of a softmax', () => {
    const s = plan([softmax(input([64, 10]))])
    expect(s.program.steps).toHaveLength(1)
    expect(kernelsOf(s)[0]?.stages.map((stage) => stage.kind)).toEqual(['reduce', 'reduce', 'store'])
  })

  it('stores bias and activation with the matrix product', () => {
    const s = plan([p.binary('max', add(p.contract(input([5, 7]), input([7, 3])), input([3])), 0)])
    expect(labels(s)).toEqual(['matmul+add+max'])
    expect(kernelsOf(s)[0]?.contract).toBeDefined()
  })

  it('stores what is rounded to a half of a product in the place of the product, where several kernels read it', () => {
    const half = p.cast(add(p.contract(input([32, 16]), input([16, 32])), input([32])), 'float16')
    const wide = p.cast(half, 'float32')
    const readers = [p.reduce('sum', wide, [0]), p.reduce('max', mul(wide, 2), [1])]
    const s = plan(readers, [], { dtypes: new Set<DType>(['float32', 'float16', 'int32', 'bool']), storesAlone: new Set<DType>(['float32', 'float16', 'int32']) }) // biome-ignore format: a table
    expect(labels(s)[0]).toBe('matmul+add+cast')
    const products = s.program.slots.filter(({ kind, length }) => kind === 'scratch' && length === 32 * 32).map(({ dtype }) => dtype)
    expect(products).toEqual(['float16'])
  })

  it('computes what comes after a fence after its gates, and twice what is the same before and after it', () => {
    const x = input([4, 5])
    const square = (): Node => p.reduce('sum', mul(x, x), [1])
    const first = square()
    const gate = p.reduce('max', p.unary('exp', p.reshape(first, [4, 1])), [0])
    const orders = [
      ...[[square(), gate], [gate, square()]].map((targets) => labels(plan(targets))),
      ...[0, 1].map((at) => {
        const later = p.afterFence(new p.Fence([gate], undefined), square)
        return labels(plan(at === 0 ? [later, gate] : [gate, later]))
      }),
    ] // biome-ignore format: a table
    for (const free of orders.slice(0, 2)) expect(free).toEqual(['mul+sum+mul+sum', 'exp+max'])
    for (const fenced of orders.slice(2)) expect(fenced).toEqual(['mul+sum', 'exp+max', 'mul+sum'])
  })

  it('computes a transposed product the way it is wanted, without a copy', () => {
    const s = plan([p.pack([T(p.contract(T(input([64, 32])), input([64, 16]))), input([5])])])
    expect(labels(s)).toEqual(['matmul', 'copy'])
    expect(s.program.slots.filter((slot) => slot.kind === 'scratch')).toEqual([])
  })

  it('splits a long reduction of few rows in two', () => {
    const s = plan([p.reduce('max', input([100_003]), [0])])
    expect(s.program.steps).toHaveLength(2)
    expect(kernelsOf(s)[0]?.grid.map((a) => a.size)).toEqual([64])
  })

  it('never binds more buffers than the device allows, however many tensors an expression reads', () => {
    let sum = input([8])
    for (let i = 0; i < 30; i++) sum = add(sum, input([8]))
    const s = plan([sum])
    for (const kernel of kernelsOf(s)) expect(kernel.buffers.length).toBeLessThanOrEqual(7)
    expect(s.program.steps.length).toBeLessThanOrEqual(6)
  })

  it('finds a way to fit a softmax, its gradient and their reductions into any number of buffers', () => {
    for (let maxBuffers = 6; maxBuffers <= 16; maxBuffers++) {
      const [x, w, b, g, h] = [input([64, 12]), input([12, 10]), input([10]), input([64, 10]), input([64, 10])]
      const y = softmax(add(p.contract(x, w), b))
      const rows = p.reshape(p.reduce('sum', mul(mul(g, y), h), [1]), [64, 1])
      const dx = mul(mul(y, h), sub(mul(g, number(0.5)), rows))
      const loss = p.reduce('sum', mul(p.unary('log', y), g), [0, 1])
      const s = plan([loss, dx, p.reduce('sum', dx, [0]), p.contract(T(x), dx)], [], { maxBuffers })
      for (const kernel of kernelsOf(s)) expect(kernel.buffers.length).toBeLessThanOrEqual(maxBuffers - 2)
    }
  })

  it('overwrites what an optimizer gives up, in one kernel for all parameters', () => {
    const { length } = p.packLayout([200, 30])
    const [w, m, g] = [input([length]), input([length]), input([length])]
    const m2 = add(mul(m, number(0.9)), g)
    const s = plan([sub(w, mul(m2, number(0.1))), m2], [m])
    expect(s.program.steps).toHaveLength(1)
    expect(
      kernelsOf(s)[0]
        ?.buffers.map((b) => b.access)
        .sort(),
    ).toEqual(['read', 'read', 'readwrite', 'write'])
    expect([...s.donated]).toHaveLength(1)
  })

  it('writes gradients into their arena where they are computed', () => {
    const x = input([64, 20])
    const g = input([64, 30])
    const s = plan([p.pack([p.contract(T(g), x), p.reduce('sum', g, [0])])])
    expect(labels(s)).toEqual(['matmul', 'sum'])
    expect(s.program.slots.map((slot) => slot.kind)).toEqual(['input', 'input', 'output'])
  })

  it('gives two graphs of one form the same kernels, whatever their sizes', () => {
    const text = (rows: number): string =>
      JSON.stringify(kernelsOf(plan([softmax(mul(input([rows, 10]), number(3)))])), (key, v) => (key === 'size' ? '#' : v))
    expect(text(64)).toBe(text(48))
  })

  it('counts what is stored as one primitive of what reads it: a chain and its gradient are few kernels', () => {
    const chain = [input([8])]
    for (let i = 0; i < 300; i++) chain.push(p.unary('sin', mul(chain[i] as Node, 1.5)))
    const gradient = chain.reduceRight((g, x) => mul(mul(g, p.unary('cos', mul(x, 1.5))), 1.5), input([8]))
    const s = plan([p.reduce('sum', chain[300] as Node, [0]), gradient], [], { maxBuffers: 64 })
    expect(s.program.steps.length).toBeLessThanOrEqual(20)
  })

  it('stores a view that shows another through many others, whose coordinates would become long', () => {
    let x = input([4])
    for (let i = 0; i < 100; i++) x = p.reshape(p.permute(p.reshape(x, [2, 2]), [1, 0]), [4])
    const s = plan([add(x, 1)])
    expect(s.program.steps.length).toBeGreaterThan(1)
    expect(s.program.steps.length).toBeLessThanOrEqual(6)
  })

  it('holds together for graphs of thousands of primitives', () => {
    let x = input([16])
    for (let i = 0; i < 5000; i++) x = add(mul(x, number(0.5)), 1)
    const s = plan([x])
    expect(s.program.steps.length).toBeGreaterThan(10)
    expect(s.program.slots.filter((slot) => slot.kind === 'output')).toHaveLength(1)
  })
})

describe('a routine', () => {
  const both = (x: Node, dim = 1): [Node, Node] => p.routine({ kind: 'reduceWithIndex', op: 'max', dim }, [x]) as [Node, Node]
  const steps = (s: Schedule): string[] =>
    s.program.steps.map((step) => (step.kind === 'kernel' ? step.kernel.label : `routine ${step.call.label}`))

  it('is one step with two outputs where both are read, in either order', () => {
    const [values, indices] = both(input([8, 10]))
    for (const targets of [
      [values, indices],
      [indices, values],
    ]) {
      const s = plan(targets)
      expect(steps(s)).toEqual(['routine maxWithIndex'])
      expect(s.program.slots.map(({ kind, dtype }) => `${kind} ${dtype}`)).toEqual(['input float32', 'output float32', 'output int32'])
      expect(s.program.steps[0]?.slots).toEqual([0, 1, 2])
      expect(s.outputs.map((t) => targets[t])).toEqual([values, indices])
    }
  })

  it('is one of two that compute the same, and reads the buffer of what it sees in another shape', () => {
    const x = input([80])
    const rows = p.reshape(x, [8, 10])
    const s = plan([both(rows)[0], both(rows)[1]])
    expect(steps(s)).toEqual(['routine maxWithIndex'])
    expect(s.program.slots[0]).toMatchObject({ kind: 'input', length: 80 })
    expect(steps(plan([...both(rows), ...both(rows)]))).toEqual(['routine maxWithIndex', 'routine maxWithIndex'])
    expect(steps(plan([...both(rows, 0), ...both(rows, 1)]))).toEqual(['routine maxWithIndex', 'routine maxWithIndex'])
  })

  it('is the reduction that it was where one output is read', () => {
    expect(steps(plan([both(input([8, 10]))[0]]))).toEqual(['max'])
    expect(steps(plan([both(input([8, 10]))[1]]))).toEqual(['argmax'])
    const x = input([64, 10])
    const [values] = both(x)
    expect(steps(plan([p.unary('exp', sub(x, p.reshape(values, [64, 1])))]))).toEqual(['max+sub+exp'])
  })

  it('that sends to rows compares every row with every target where these are few, and sorts where they are many', () => {
    const sums = (n: number, rows: number): Node =>
      p.routine({ kind: 'scatter', op: 'sum', rows }, [p.leaf(new Int32Array(n), [n], 'int32', CPU_PLACE), input([n, 2])])[0] as Node
    expect(steps(plan([p.unary('exp', sums(20, 30))]))).toHaveLength(1)
    expect(steps(plan([sums(3000, 300)]))).toEqual(['routine scatter sum'])
  })

  it('is fused as before where that takes fewer kernels: with what it reads, and with what reads it', () => {
    const x = input([64, 10])
    expect(steps(plan(both(p.unary('exp', x))))).toHaveLength(1)
    expect(steps(plan(both(T(x))))).toHaveLength(1)
    const [values, indices] = both(x)
    expect(steps(plan([indices, p.unary('exp', sub(x, p.reshape(values, [64, 1])))]))).toHaveLength(1)
  })

  it('is one where few rows are long, whatever it reads and whatever reads it, of inputs that are stored', () => {
    const [values, indices] = both(p.unary('exp', input([2, 10_000])))
    const s = plan([indices, mul(values, 2)])
    expect(steps(s)).toEqual(['exp', 'routine maxWithIndex', 'mul'])
    expect(steps(plan(both(T(input([10_000, 2])))))).toEqual(['copy', 'routine maxWithIndex'])
    expect(steps(plan(both(p.reshape(p.iota(20_000, CPU_PLACE), [2, 10_000]))))).toEqual(['copy', 'routine maxWithIndex'])
  })

  it('is computed in 32 bits where its input is narrower', () => {
    const halves = p.leaf(new Uint16Array(20_000), [2, 10_000], 'float16', CPU_PLACE)
    const s = plan(both(halves))
    expect(steps(s)).toEqual(['cast', 'routine maxWithIndex', 'cast'])
    expect(s.program.slots.map(({ kind, dtype }) => `${kind} ${dtype}`)).toEqual(
      expect.arrayContaining(['input float16', 'scratch float32', 'output float16', 'output int32']),
    )
  })
})
