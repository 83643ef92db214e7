/** @file Scans on device cpu: WebAssembly gives what the interpreter gives, of any length and along any axis, and the same bits for any number of threads. */
import { describe, expect, it } from 'vitest'
import { openCpu } from '../../src/device/cpu/index.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import type { WasmBlock } from '../../src/device/cpu/wasm/memory/heap.ts'
import { CHUNK } from '../../src/device/cpu/wasm/routines/scan.ts'
import { WORTH } from '../../src/device/cpu/wasm/threads/threads.ts'
import { routineRow } from '../../src/kernel/index.ts'
import { type HostArray, runRoutine } from '../support/routines.ts'
import { difference, elements, inputsOf, OPS, SCANNED, type Scan, scanOf } from '../support/scans.ts'

const NEAR = { float32: 1e-6, float64: 1e-12 } as const

/** Around the columns that are scanned together, and the lengths from which on rows are scanned in chunks. */
const shapes: readonly (readonly [shape: readonly number[], dim: number])[] = [
  [[1], 0],
  [[5, 7], 1],
  [[5, 7], 0],
  [[3, 1, 4], 1],
  [[2, 9, 15], 1],
  [[2, 9, 16], 1],
  [[9, 17], 0],
  [[3, 4, 35], 1],
  [[2 * CHUNK - 1], 0],
  [[2 * CHUNK], 0],
  [[2 * CHUNK + 1, 3], 0],
  [[2, 3 * CHUNK - 5], 1],
]

describe.each(OPS)('scan by %s', (op) => {
  it.each(shapes)('of %j along %i', async (shape, dim) => {
    const { device } = openCpu('wasm')
    for (const dtype of SCANNED[op])
      for (const reverse of [false, true]) {
        const worst = await difference(device, scanOf(op, dim, reverse), inputsOf(op, dtype, shape))
        expect(worst, `${dtype} ${reverse ? 'reversed' : ''}`).toBeLessThanOrEqual(NEAR[dtype as keyof typeof NEAR] ?? 0)
      }
    expect(device.memory()).toMatchObject({ liveBytes: 0, buffers: 0 })
  })
})

/** The outputs of a scan, by an engine alone. */
function computed(engine: WasmEngine, routine: Scan, inputs: readonly HostArray[]): number[][] {
  const outputs = routineRow(routine).outputs(routine, inputs)
  const call = { routine, label: '', inputs, outputs, sites: [] }
  const { scratch, dispatches } = engine.routine(call)
  const lengthOf = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1)
  const blocks = [
    ...[...inputs, ...outputs].map(({ dtype, shape }) => engine.heap.take(dtype, lengthOf(shape))),
    ...scratch.map(({ dtype, length }) => engine.heap.take(dtype, length)),
  ]
  inputs.forEach(({ values }, i) => {
    blocks[i]?.values.set(values)
  })
  const fail = (): never => expect.unreachable()
  for (const { kernel, buffers } of dispatches) kernel({ data: buffers.map((b) => blocks[b] as WasmBlock), scalars: [], fail })
  return outputs.map((_, i) => [...(blocks[inputs.length + i] as WasmBlock).values])
}

describe('a scan', () => {
  it('gives the same bits for any number of threads', async () => {
    const usual = { ...WORTH }
    Object.assign(WORTH, { job: 0, chunk: 1 })
    const engines = [1, 2, 3].map((threads) => new WasmEngine(threads, false))
    try {
      for (const op of OPS)
        for (const [shape, dim] of [
          [[3 * CHUNK], 0],
          [[50, 37, 20], 1],
        ] as const) {
          const results = engines.map((engine) => computed(engine, scanOf(op, dim), inputsOf(op, 'float32', shape)))
          for (const result of results) expect(result).toEqual(results[0])
        }
    } finally {
      Object.assign(WORTH, usual)
      for (const engine of engines) await engine.close()
    }
  })

  it('writes the outputs alone that are wanted', async () => {
    const { device } = openCpu('wasm')
    for (const shape of [[70], [2 * CHUNK]]) {
      const x = elements('max', 'float32', shape)
      const both = await runRoutine(device, scanOf('max', 0), [x])
      expect(await runRoutine(device, scanOf('max', 0), [x], [true, false])).toEqual([both[0]])
      expect(await runRoutine(device, scanOf('max', 0), [x], [false, true])).toEqual([both[1]])
    }
  })

  it('joins NaN, infinities and zeros of either sign as the interpreter does, also where a chunk begins', async () => {
    const { device } = openCpu('wasm')
    const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0]
    for (const op of OPS)
      for (const value of odd) {
        // What is infinite in one chunk may be NaN in the next, where all factors in between come to 0
        if (op === 'recurrence' && Math.abs(value) === Number.POSITIVE_INFINITY) continue
        for (const [n, at] of [0, CHUNK - 1, 2 * CHUNK].entries()) {
          const inputs = inputsOf(op, n === 1 ? 'float64' : 'float32', [2 * CHUNK + 5])
          for (const { values } of inputs) {
            values[at] = value
            values[at + 2] = value
          }
          expect(await difference(device, scanOf(op, 0, n === 2), inputs), `${op} of ${value} at ${at}`).toBeLessThan(1e-6)
        }
      }
    const nothing = new Float32Array(CHUNK * 2 + 5).fill(Number.NEGATIVE_INFINITY)
    expect(await difference(device, scanOf('logaddexp', 0), [{ dtype: 'float32', shape: [nothing.length], values: nothing }])).toBe(0)
  })

  it('keeps ten million terms of one sign to the last digits', async () => {
    const { device } = openCpu('wasm')
    const values = new Float32Array(1e7).fill(0.1)
    const [sums] = await runRoutine(device, scanOf('sum', 0), [{ dtype: 'float32', shape: [values.length], values }])
    for (const n of [10, 1e3, 1e5, 1e6, 1e7]) {
      const want = n * Math.fround(0.1)
      expect(Math.abs((sums?.[n - 1] as number) - want) / want).toBeLessThan(1e-6)
    }
  })
})
