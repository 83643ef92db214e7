/**
 * @file `max` and `min` along a dim, values and positions together: as one routine, and as the reductions that are fused where that is as good, against plain
 * loops, on both sides of every length and number of rows at which they are computed in another way.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { isFloat } from '../../src/base/index.ts'
import { LONG } from '../../src/compiler/routines.ts'
import { type DType, init, noGrad, ShapeError, synchronize, type Tensor, tensor } from '../../src/index.ts'
import { closeStep, deviceCounters, memoryStats } from '../../src/runtime/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import { chooser } from '../support/random-graph.ts'

beforeAll(() => init({ device }))

interface Extremes {
  readonly values: number[]
  readonly indices: number[]
}

/** Row by row: the first of equals, NaN before all. */
function extremes(op: 'max' | 'min', data: readonly number[], shape: readonly number[], dim: number): Extremes {
  const size = shape[dim] as number
  const inner = shape.slice(dim + 1).reduce((n, s) => n * s, 1)
  const found: Extremes = { values: [], indices: [] }
  for (let row = 0; row < data.length / size; row++) {
    const first = Math.floor(row / inner) * size * inner + (row % inner)
    let best = 0
    for (let k = 1; k < size; k++) {
      const [a, b] = [data[first + best * inner] as number, data[first + k * inner] as number]
      if (!Number.isNaN(a) && (Number.isNaN(b) || (op === 'max' ? b > a : b < a))) best = k
    }
    found.values.push(data[first + best * inner] as number)
    found.indices.push(best)
  }
  return found
}

const product = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1)

/** Few numbers, so that most extremes are there several times; some rows have a NaN, or two. */
function numbers(random: () => number, shape: readonly number[], dtype: DType): number[] {
  const float = isFloat(dtype)
  const least = dtype === 'bool' || dtype.startsWith('u') ? 0 : -3
  const nan = float && random() < 0.5 ? 4 / product(shape) : 0
  return Array.from({ length: product(shape) }, () => {
    if (random() < nan) return Number.NaN
    const v = Math.floor(random() * (dtype === 'bool' ? 2 : 7)) + least
    return float && random() < 0.02 ? v * Number.POSITIVE_INFINITY || 0 : v
  })
}

async function check(x: Tensor, data: readonly number[], dim: number, op: 'max' | 'min', what: string): Promise<void> {
  const { values, indices } = x[op](dim)
  const wanted = extremes(op, data, x.shape, dim)
  expect([...(await values.data())], `${what}: values`).toEqual(wanted.values)
  expect([...(await indices.data())], `${what}: indices`).toEqual(wanted.indices)
}

const dtypes: readonly DType[] = [
  ...(hasDoubles ? (['float64'] as const) : []),
  'float32',
  'float16',
  'bfloat16',
  'int32',
  'uint32',
  'int8',
  'uint8',
  'bool',
]

describe.each(dtypes)('values and positions of %s', (dtype) => {
  it('are those of plain loops, of random shapes along every dim', { timeout: 120_000 }, async () => {
    const random = chooser(7)
    for (let n = 0; n < (device === 'cpu' ? 40 : 8); n++) {
      const shape = Array.from({ length: 1 + Math.floor(random() * 4) }, () => 1 + Math.floor(random() * 9))
      const data = numbers(random, shape, dtype)
      const x = tensor(data, { dtype }).reshape(shape)
      const op = random() < 0.5 ? 'max' : 'min'
      for (const dim of shape.keys()) {
        await check(x, data, dim, op, `[${shape}] along ${dim}`)
        // … and through a view
        if (dim === 0) await check(x.reshape(shape.toReversed()), data, 0, op, `[${shape.toReversed()}] along 0`)
      }
    }
  })
})

/** Rows of so many elements are taken in parts on some device, where there are few of them. */
const lengths = [LONG - 1, LONG, LONG + 1, 2 ** 16 - 1, 2 ** 16, 2 ** 18 - 1, 2 ** 18, 2 ** 18 + 1]

describe('long rows', () => {
  it.each(lengths)('of %i elements, few and many, side by side and interleaved', { timeout: 120_000 }, async (length) => {
    const random = chooser(length)
    for (const shape of [
      [length],
      [2, length],
      [length, 2],
      ...(length < 10_000
        ? [
            [63, length],
            [65, length],
            [2, length, 3],
          ]
        : []),
    ]) {
      const data = numbers(random, shape, 'float32')
      const x = tensor(data).reshape(shape)
      const dim = shape.indexOf(length)
      await check(x, data, dim, 'max', `max of [${shape}]`)
      await check(x.to('int32'), data.map((v) => (Number.isFinite(v) ? v : Number.isNaN(v) ? 0 : v > 0 ? 2 ** 31 - 1 : -(2 ** 31))), dim, 'min', `min of int32 [${shape}]`) // biome-ignore format: one line
      // Of something that is to be stored first
      await check(x.mul(2), data.map((v) => 2 * v), dim, 'min', `min of a product [${shape}]`) // biome-ignore format: one line
    }
  })

  it('whose extremes are the first, the last, NaN, or all the same', { timeout: 120_000 }, async () => {
    const length = 2 ** 18
    const at = (...places: readonly (readonly [number, number])[]): number[] => {
      const list = new Array<number>(length).fill(0)
      for (const [i, v] of places) list[i] = v
      return list
    }
    const cases = [
      at(),
      at([0, 1]),
      at([length - 1, 1]),
      at([length - 1, Number.NaN], [5000, Number.NaN], [0, 9]),
      at([70_000, 3], [90_000, 3]),
    ]
    cases.push(new Array<number>(length).fill(Number.NEGATIVE_INFINITY))
    for (const [n, data] of cases.entries()) await check(tensor(data), data, 0, 'max', `case ${n}`)
  })
})

const dispatches = (): number => deviceCounters(device).dispatches

describe('what is computed', () => {
  const x = (): Tensor => tensor(Array.from({ length: 20_000 }, (_, i) => (i * 7919) % 10_007)).reshape([200, 100])

  it('is one kernel with two outputs, and nothing more when the other one is read', async () => {
    const given = x()
    const before = dispatches()
    const { values, indices } = given.max(1)
    await values.data()
    await indices.data()
    expect(dispatches()).toBe(before + 1)
  })

  it('is fused with what reads it where one output is used', async () => {
    const given = x()
    const { values, indices } = given.max(1, { keepdim: true })
    indices.dispose()
    const before = dispatches()
    await given.sub(values).exp().data()
    expect(dispatches()).toBe(before + 1)
  })

  it('gives an output that is read after its sibling was used up, in this step and in the next', async () => {
    const data = [...(await x().data())]
    const wanted = extremes('min', data, [200, 100], 1)
    const given = x()
    const { values, indices } = given.min(1)
    const doubled = values.mul(2)
    const next = indices.add(1)
    expect([...(await doubled.data())]).toEqual(wanted.values.map((v) => 2 * v))
    expect([...(await indices.data())]).toEqual(wanted.indices)
    closeStep()
    await synchronize()
    expect([...(await values.data())]).toEqual(wanted.values)
    expect([...(await next.data())]).toEqual(wanted.indices.map((i) => i + 1))
  })

  it('holds no more memory after many steps than after few', async () => {
    const given = x()
    const held: number[] = []
    for (let step = 0; step < 60; step++) {
      const { values, indices } = noGrad(() => given.mul(step).max(step % 2))
      await indices.data()
      if (step % 3 === 0) await values.data()
      closeStep()
      await synchronize()
      held.push(memoryStats(device).liveBytes)
    }
    expect(held[59]).toBeLessThanOrEqual(held[20] as number)
  })

  it('has the gradient at the position', async () => {
    const given = tensor([[1, 5, 5], [7, 2, Number.NaN]], { requiresGrad: true }) // biome-ignore format: one line
    const { values, indices } = given.max(1)
    values
      .mul(tensor([10, 20]))
      .sum()
      .backward()
    expect([...(await indices.data())]).toEqual([1, 2])
    expect([...(await (given.grad as Tensor).data())]).toEqual([0, 10, 0, 0, 0, 20])
  })

  it('is nothing over nothing, which is an error of the function that was called', () => {
    expect(() => tensor([]).max(0)).toThrow(ShapeError)
    expect(() => tensor([]).max(0)).toThrow(/^max: /)
  })
})
