/**
 * @file Reductions of every kind and dtype, at lengths on both sides of every threshold at which one is computed in another way, against plain loops
 * that know nothing of graphs and kernels.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  type DType,
  dtypeInfo,
  fromBfloat,
  fromHalf,
  halfFormats,
  isHalf,
  type TypedArray,
  toBfloat,
  toHalf,
} from '../../src/base/index.ts'
import { LONG } from '../../src/compiler/routines.ts'
import { LANES } from '../../src/device/cpu/wasm/codegen/writer.ts'
import type { Device, DeviceTraits, Place } from '../../src/device/index.ts'
import { WORKGROUP } from '../../src/device/webgpu/strategy.ts'
import { type ReduceOp, SUM_CHAIN } from '../../src/kernel/index.ts'
import { device } from '../support/device.ts'

const OPS: readonly ReduceOp[] = ['sum', 'prod', 'max', 'min', 'argmax', 'argmin']
const ENGINES = device === 'cpu' ? (['wasm', 'interpreter'] as const) : (['webgpu'] as const)
const DTYPES = (Object.keys(dtypeInfo) as DType[]).filter((dtype) => device === 'cpu' || dtype !== 'float64')

// ── plain loops ──

/** A whole number as `dtype` holds it; floats here are small whole numbers, or too large for half precision. */
const held: Readonly<Record<DType, (x: number) => number>> = {
  float64: (x) => x,
  float32: (x) => x,
  float16: (x) => fromHalf(toHalf(x)),
  bfloat16: (x) => fromBfloat(toBfloat(x)),
  int32: (x) => x | 0,
  uint32: (x) => x >>> 0,
  int8: (x) => (x << 24) >> 24,
  uint8: (x) => x & 255,
  bool: (x) => (x === 0 ? 0 : 1),
}

function reduced(op: ReduceOp, values: readonly number[], dtype: DType): number {
  if (op === 'sum') return held[dtype](values.reduce((sum, v) => sum + v, 0))
  if (op === 'prod') {
    const times = dtypeInfo[dtype].kind === 'int' ? Math.imul : (a: number, b: number): number => a * b
    return held[dtype](values.reduce(times, 1))
  }
  const best = values.indexOf(op.endsWith('max') ? values.reduce((a, b) => (b > a ? b : a)) : values.reduce((a, b) => (b < a ? b : a)))
  return op.startsWith('arg') ? best : (values[best] as number)
}

// ── what is reduced ──

type Kind = 'ones' | 'lowest' | 'mixed'
const KINDS: readonly Kind[] = ['ones', 'lowest', 'mixed']
const LOWEST: Readonly<Record<DType, number>> = {
  float64: -1,
  float32: -1,
  float16: -1,
  bfloat16: -1,
  int32: -(2 ** 31),
  uint32: 2 ** 32 - 1,
  int8: -128,
  uint8: 255,
  bool: 0,
}

/** Whole numbers of which sums and products are exact in every dtype. What is missing at the end, or added there, is seen in at least one kind. */
function numbers(kind: Kind, dtype: DType, length: number, row: number): number[] {
  const list = new Array<number>(length)
  if (kind !== 'mixed') return list.fill(kind === 'ones' ? 1 : LOWEST[dtype])
  const [often, rarely, least, most] = dtype === 'bool' ? [1, 0, 0, 1] : dtype.startsWith('u') ? [1, 3, 0, 5] : [1, -1, -3, 5]
  let state = 12345 + 77 * row
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    list[i] = state >>> 31 ? often : rarely
  }
  // The extremes stand twice, the last time at the end
  list[length >> 1] = least
  list[length >> 2] = most
  list[length - 1] = row % 2 === 0 ? most : least
  return list
}

const pack = (dtype: DType, values: readonly number[]): TypedArray => {
  const data = dtypeInfo[dtype].create(values.length)
  data.set(isHalf(dtype) ? values.map(halfFormats[dtype].toBits) : values)
  return data
}

/** One reduction over the middle axis. */
type Case = readonly [outer: number, length: number, inner: number]

interface Library {
  readonly graph: typeof import('../../src/graph/index.ts')
  readonly runtime: typeof import('../../src/runtime/index.ts')
  readonly place: Place
}

async function check(
  { graph, runtime, place }: Library,
  dtype: DType,
  ops: readonly ReduceOp[],
  [outer, length, inner]: Case,
  kind: Kind,
): Promise<void> {
  const rows = Array.from({ length: outer * inner }, (_, r) => numbers(kind, dtype, length, r))
  const data = new Array<number>(outer * length * inner)
  rows.forEach((row, r) => {
    const [o, i] = [Math.floor(r / inner), r % inner]
    row.forEach((v, n) => {
      data[(o * length + n) * inner + i] = v
    })
  })
  const x = graph.leaf(pack(dtype, data), [outer, length, inner], dtype, place)
  const nodes = ops.map((op) => graph.reduce(op, x, [1]))
  const results = await Promise.all(nodes.map((node) => runtime.readNode(node)))
  for (const [k, op] of ops.entries()) {
    const values = Array.from(results[k] as TypedArray, (v) =>
      isHalf(dtype) && !op.startsWith('arg') ? halfFormats[dtype].fromBits(v) : v,
    )
    const wanted = rows.map((row) => reduced(op, row, dtype))
    expect(values, `${op} of ${kind} ${dtype} [${outer}, ${length}, ${inner}]`).toEqual(wanted)
  }
}

const libraries = new Map<string, Library>()
/** From where on the device splits a reduction (src/compiler/rewrite.ts). */
let traits: DeviceTraits
beforeAll(async () => {
  for (const engine of ENGINES) {
    vi.resetModules()
    if (engine !== 'webgpu') vi.stubEnv('TAPEGRAD_CPU', engine)
    const { init } = await import('../../src/index.ts')
    await init({ device })
    libraries.set(engine, {
      graph: await import('../../src/graph/index.ts'),
      runtime: await import('../../src/runtime/index.ts'),
      place: (await import('../../src/device/index.ts')).placeOf(device),
    })
  }
  const { cpuProvider, webgpuProvider } = await import('../../src/device/index.ts')
  traits = ((await (device === 'cpu' ? cpuProvider : webgpuProvider).open()) as { device: Device }).device.traits
})
afterAll(() => {
  vi.unstubAllEnvs()
})

const around = (...centres: number[]): number[] =>
  [...new Set(centres.flatMap((n) => [n - 1, n, n + 1]))].filter((n) => n > 0).sort((a, b) => a - b)

/** Everything in one kernel that is shared or taken several at a time begins at one of these: a lane, a vector, some vectors, and a chain of each. */
const SHORT = around(
  ...[1, LANES, 2 * LANES, 4 * LANES, WORKGROUP, 256, 512],
  ...[SUM_CHAIN, LANES * SUM_CHAIN, 2 * LANES * SUM_CHAIN, 4 * LANES * SUM_CHAIN],
)

describe.each(ENGINES)('reductions on %s', (engine) => {
  it.each(DTYPES)('of %s, at lengths at which a row is computed in another way', { timeout: 120_000 }, async (dtype) => {
    const library = libraries.get(engine) as Library
    for (const length of SHORT) {
      const kinds = length < 4 ? KINDS.slice(0, 2) : KINDS
      for (const kind of kinds) await check(library, dtype, OPS, [1, length, 1], kind)
      await check(library, dtype, OPS, [3, length, 2], kinds.at(-1) as Kind)
    }
  })

  it.each(DTYPES)('of %s, at lengths at which a row is split', { timeout: 120_000 }, async (dtype) => {
    const library = libraries.get(engine) as Library
    const { parallelism, leastSplit } = traits
    const first = Math.max(LONG, leastSplit)
    // One element more than divides into parts, in one row and in several; and one that every part but the last has
    for (const kind of KINDS) await check(library, dtype, OPS, [1, first + 1, 1], kind)
    if (engine === 'interpreter') return // slow, and split where the others are
    for (const length of around(LONG, first)) await check(library, dtype, OPS, [1, length, 1], 'mixed')
    await check(library, dtype, OPS, [1, first + 1, 3], 'lowest')
    for (const length of around(parallelism * Math.ceil(first / parallelism + 3))) await check(library, dtype, OPS, [1, length, 1], 'ones')
    // Rows as many as the device computes at once, or one fewer
    for (const rows of [parallelism - 1, parallelism]) {
      const length = Math.max(LONG, Math.ceil(leastSplit / rows))
      for (const n of [length - 1, length + 1]) await check(library, dtype, OPS, [rows, n, 1], 'mixed')
    }
  })
})

it.each(DTYPES)('a long reduction of %s, each by itself', { timeout: 120_000 }, async (dtype) => {
  const length = Math.max(LONG, traits.leastSplit) + 1
  for (const op of OPS)
    await check(libraries.get(ENGINES[0]) as Library, dtype, [op], [1, length, 1], op.endsWith('max') ? 'lowest' : 'ones')
})

describe('functions of many equal elements', () => {
  it('all, any, equal, allclose, amax, amin and argmax see those that are there, and no others', { timeout: 60_000 }, async () => {
    const { all, allclose, amax, amin, any, argmax, equal, full, init, ones } = await import('../../src/index.ts')
    await init({ device })
    for (const n of around(LONG, Math.max(LONG, traits.leastSplit))) {
      const a = full([n], 2, { device })
      expect(await all(ones([n], { device, dtype: 'bool' })).item()).toBe(1)
      expect(await any(a.ne(2)).item()).toBe(0)
      expect(await equal(a, a)).toBe(true)
      expect(await allclose(a, a)).toBe(true)
      for (const dtype of ['int32', 'uint32', 'uint8'] as const) {
        expect(await amin(ones([n], { device, dtype })).item()).toBe(1)
        expect(await argmax(ones([n], { device, dtype })).item()).toBe(0)
      }
      expect(await amax(full([n], -1, { device, dtype: 'int32' })).item()).toBe(-1)
    }
  })
})
