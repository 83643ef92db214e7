/** @file Kernels that programs share: those of equal code, whatever they are called, and no others. */
import { describe, expect, it } from 'vitest'
import { KernelCache } from '../../src/device/kernel-cache.ts'
import { type Expr, type Kernel, kernelKey } from '../../src/kernel/index.ts'
import { acc, at, axis, binary, cast, flat, kernel, literal, load, mapKernel, unary, where } from '../webgpu/kernels.ts'

/** Kernels that all compute something else. Each is made anew by each call. */
const kernels: readonly (() => Kernel)[] = [
  ...([6, 7] as const).map((n) => () => map(n, (x) => x)),
  () => map(6, (x) => unary('exp', x)),
  () => map(6, (x) => unary('sin', x)),
  () => map(6, (x) => binary('add', x, literal(0))),
  () => map(6, (x) => binary('add', x, literal(-0))),
  () => map(6, (x) => binary('add', x, literal(1))),
  () => map(6, (x) => binary('sub', x, literal(1))),
  () => map(6, (x) => binary('sub', literal(1), x)),
  () => map(6, (x) => cast(x, 'float32', 'float16')),
  () => map(6, (x) => where(binary('lt', x, literal(0)), x, literal(2))),
  () => map(6, (x) => where(binary('lt', x, literal(0)), literal(2), x)),
  () => map(6, (x) => binary('mul', x, { kind: 'scalar', slot: 0, type: 'float' })),
  () => map(6, (x) => binary('mul', x, { kind: 'scalar', slot: 1, type: 'float' })),
  ...[at(0), at(1)].map((index) => () => map(6, () => load(0, index))),
  () => (([a, b]) => mapKernel([a, b], ['float32'], 'float32', load(0, at(0, [3, a], [1, b]))))([axis(2), axis(3)] as const),
  () => (([a, b]) => mapKernel([a, b], ['float32'], 'float32', load(0, at(0, [1, a], [2, b]))))([axis(2), axis(3)] as const),
  () => (([a, b]) => mapKernel([a, b], ['float32'], 'float32', load(0, at(0, [3, a], [1, b]))))([axis(3), axis(2)] as const),
  () => map(6, (x) => x, 'float16'),
  () => map(6, (x) => ({ kind: 'checked', value: x, size: 4, site: 0, type: 'i32' })),
  () => map(6, (x) => ({ kind: 'checked', value: x, size: 5, site: 0, type: 'i32' })),
  () => map(6, (x) => ({ kind: 'checked', value: x, size: 5, site: 1, type: 'i32' })),
  ...(['sum', 'max'] as const).map((op) => () => reduced(op)),
  () => reduced('sum', { kind: 'lanes', vectors: 1 }),
  () => reduced('sum', { kind: 'lanes', vectors: 2 }),
  () => reduced('sum', { kind: 'sequence', terms: 8, compensated: false }),
]

function map(n: number, value: (x: Expr) => Expr, output: 'float32' | 'float16' = 'float32'): Kernel {
  const a = axis(n)
  return mapKernel([a], ['float32'], output, value(load(0, at(0, [1, a]))))
}

function reduced(op: 'sum' | 'max', order?: Extract<Kernel['stages'][number], { kind: 'reduce' }>['order']): Kernel {
  const [row, along] = [axis(3), axis(16)]
  const value = load(0, at(0, [16, row], [1, along]))
  const stage = { kind: 'reduce' as const, axes: [along], reductions: [{ op, value, type: 'float' as const }], ...(order && { order }) }
  return kernel(
    [row],
    ['float32'],
    ['float32'],
    [stage, { kind: 'store', axes: [], stores: [{ buffer: 1, index: flat([row]), value: acc(0, 0) }] }],
  )
}

describe('the key of a kernel', () => {
  it('is another for each thing that changes what is computed', () => {
    const keys = kernels.map((make) => kernelKey(make()))
    expect(new Set(keys).size).toBe(kernels.length)
  })

  it('is the same for the same code, whatever it is called, and however its axes and expressions came about', () => {
    for (const make of kernels) {
      const again = make()
      expect(kernelKey({ ...again, label: 'another', sites: ['another'] })).toBe(kernelKey(make()))
    }
  })
})

describe('the kernels of a device', () => {
  it('are compiled once for equal code and equal lengths', () => {
    const cache = new KernelCache<number>()
    let compiled = 0
    const get = (k: Kernel, lengths: readonly number[]): number => cache.kernel(k, lengths, () => ++compiled)
    const one = map(6, (x) => x)
    expect([
      get(one, [6, 6]),
      get(one, [6, 6]),
      get(
        map(6, (x) => x),
        [6, 6],
      ),
    ]).toEqual([1, 1, 1])
    expect([get(one, [8, 6]), get(one, [6, 6])]).toEqual([2, 1])
    expect(
      get(
        map(7, (x) => x),
        [7, 7],
      ),
    ).toBe(3)
  })
})
