/** @file Sums in every way in which adapters take them: by one invocation or by a workgroup, several terms at once or one by one. */
import { describe, expect, it } from 'vitest'
import type { Strategy } from '../../src/device/webgpu/strategy.ts'
import type { Expr } from '../../src/kernel/index.ts'
import { acc, axis, binary, flat, kernel, load, runKernel, unary } from './kernels.ts'

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  'one invocation': { kind: 'point', workgroup: 8, elements: 1 },
  'a workgroup of 64': { kind: 'group', workgroup: 64 },
  'a workgroup of 256': { kind: 'group', workgroup: 256 },
}
/** Around what is added plainly by an invocation, and by as many as there are in a workgroup. */
const LENGTHS = [1, 4, 15, 16, 17, 19, 20, 1023, 1024, 1025, 1027, 1281, 4095, 4096, 4097, 4099, 5119, 20_000]

/** What is summed: a load, which is written out several times; what is too much for that; two sums in one loop. */
const TERMS: Readonly<Record<string, (x: Expr) => readonly Expr[]>> = {
  loads: (x) => [x],
  exponentials: (x) => [unary('exp', x)],
  'two sums': (x) => [x, binary('mul', x, x)],
}
const VALUE: Readonly<Record<string, (x: number) => readonly number[]>> = {
  loads: (x) => [x],
  exponentials: (x) => [Math.exp(x)],
  'two sums': (x) => [x, x * x],
}

describe.each(Object.entries(STRATEGIES))('sums by %s', (_, strategy) => {
  it.each(Object.keys(TERMS))('of %s are right to 1e-6', async (name) => {
    const runs = LENGTHS.map(async (n) => {
      const data = Float32Array.from({ length: 3 * n }, (_, i) => 0.1 + (i % 7 === 0 ? 0 : 1 / 3))
      const [rows, k] = [axis(3), axis(n)]
      const terms = (TERMS[name] as (x: Expr) => readonly Expr[])(load(0, flat([rows, k])))
      const reductions = terms.map((value) => ({ op: 'sum', value, type: 'float' }) as const)
      const stores = terms.map((_, slot) => ({ buffer: 1 + slot, index: flat([rows]), value: acc(0, slot) }))
      const outputs = terms.map(() => 'float32' as const)
      const summed = kernel([rows], ['float32'], outputs, [
        { kind: 'reduce', axes: [k], reductions },
        { kind: 'store', axes: [], stores },
      ])
      const lengths = terms.map(() => 3)
      const sums = await runKernel(summed, [data], lengths, [], [], strategy)
      for (const [slot, got] of sums.entries())
        for (let row = 0; row < 3; row++) {
          const want = data.subarray(row * n, (row + 1) * n).reduce((sum, x) => sum + (VALUE[name]?.(x)[slot] as number), 0)
          expect(Math.abs(Number(got[row]) / want - 1), `${n} terms, sum ${slot}, row ${row}`).toBeLessThan(1e-6)
        }
    })
    await Promise.all(runs)
  })

  it('are infinite where a term or the sum is, and NaN where one is', async () => {
    const n = 5000
    const cases: [Record<number, number>, number][] = [
      [{ 3: Number.POSITIVE_INFINITY }, Number.POSITIVE_INFINITY],
      [{ 4999: Number.NEGATIVE_INFINITY }, Number.NEGATIVE_INFINITY],
      [{ 70: Number.POSITIVE_INFINITY, 4000: Number.NEGATIVE_INFINITY }, Number.NaN],
      [{ 0: Number.NaN }, Number.NaN],
      [{ 10: 3e38, 11: 3e38 }, Number.POSITIVE_INFINITY],
    ]
    const data = new Float32Array(cases.length * n).fill(1)
    cases.forEach(([values], row) => {
      for (const [i, v] of Object.entries(values)) data[row * n + Number(i)] = v
    })
    const [rows, k] = [axis(cases.length), axis(n)]
    const summed = kernel(
      [rows],
      ['float32'],
      ['float32'],
      [
        { kind: 'reduce', axes: [k], reductions: [{ op: 'sum', value: load(0, flat([rows, k])), type: 'float' }] },
        { kind: 'store', axes: [], stores: [{ buffer: 1, index: flat([rows]), value: acc(0, 0) }] },
      ],
    )
    const [sums] = await runKernel(summed, [data], [cases.length], [], [], strategy)
    expect([...(sums as Float32Array)]).toEqual(cases.map(([, sum]) => sum))
  })
})
