/** @file Scans of random shapes, along any dim and of any layout: values, positions and gradients as plain loops have them. */
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'
import { chooser } from '../support/random-graph.ts'

beforeAll(async () => {
  await tg.init({ device })
  tg.setDefaultDevice(device)
})

/** A row, and what of a gradient at its results belongs to its elements. */
interface Plain {
  readonly values: (x: readonly number[]) => number[]
  readonly gradient: (x: readonly number[], g: readonly number[]) => number[]
}

const running =
  (join: (a: number, b: number) => number) =>
  (x: readonly number[]): number[] => {
    const out: number[] = []
    for (const [i, v] of x.entries()) out.push(i === 0 ? v : join(out[i - 1] as number, v))
    return out
  }
/** Σ over j ≥ k of g times what the slope of the j-th result along the k-th element is. */
const gradientBy =
  (slope: (x: readonly number[], k: number, j: number) => number) =>
  (x: readonly number[], g: readonly number[]): number[] =>
    x.map((_, k) => g.reduce((sum, gj, j) => (j < k ? sum : sum + gj * slope(x, k, j)), 0))
/** Where the extreme of the first j + 1 stands: the last of equals. */
const lastAt =
  (op: 'max' | 'min') =>
  (x: readonly number[], j: number): number =>
    x.slice(0, j + 1).lastIndexOf(Math[op](...x.slice(0, j + 1)))
const logsum = (x: readonly number[]): number => Math.log(x.reduce((sum, v) => sum + Math.exp(v), 0))

const extreme = (op: 'max' | 'min'): Plain => ({
  values: running(Math[op]),
  gradient: gradientBy((x, k, j) => Number(lastAt(op)(x, j) === k)),
})
const PLAIN = {
  cumsum: { values: running((a, b) => a + b), gradient: gradientBy(() => 1) },
  cumprod: {
    values: running((a, b) => a * b),
    gradient: gradientBy((x, k, j) => x.slice(0, j + 1).reduce((p, v, i) => (i === k ? p : p * v), 1)),
  },
  cummax: extreme('max'),
  cummin: extreme('min'),
  logcumsumexp: {
    values: (x) => x.map((_, j) => logsum(x.slice(0, j + 1))),
    gradient: gradientBy((x, k, j) => Math.exp((x[k] as number) - logsum(x.slice(0, j + 1)))),
  },
} as const satisfies Readonly<Record<string, Plain>>
type Name = keyof typeof PLAIN

function valuesOf(name: Name, x: tg.Tensor, dim: number): tg.Tensor {
  const y = x[name](dim)
  return y instanceof tg.Tensor ? y : y.values
}

/** The rows of a row-major array along `dim`, and how to put rows together. */
function rowsOf(list: ArrayLike<number>, shape: readonly number[], dim: number): { rows: number[][]; places: number[][] } {
  const size = shape[dim] as number
  const inner = shape.slice(dim + 1).reduce((n, s) => n * s, 1)
  const outer = shape.slice(0, dim).reduce((n, s) => n * s, 1)
  const places = Array.from({ length: outer * inner }, (_, row) =>
    Array.from({ length: size }, (_, k) => (Math.floor(row / inner) * size + k) * inner + (row % inner)),
  )
  return { places, rows: places.map((row) => row.map((i) => list[i] as number)) }
}

/** A tensor of a random shape and layout: transposed, or every other element of a longer one. */
function randomTensor(dice: () => number): tg.Tensor {
  const whole = (least: number, most: number): number => least + Math.floor(dice() * (most - least + 1))
  const shape = Array.from({ length: whole(1, 3) }, () => (dice() < 0.05 ? 0 : dice() < 0.2 ? whole(15, 33) : whole(1, 6)))
  const sparse = dice() < 0.3
  const stored = sparse ? [...shape.slice(0, -1), 2 * (shape.at(-1) as number)] : shape
  const count = stored.reduce((n, s) => n * s, 1)
  // Some zeros, some equals
  const values = Float32Array.from({ length: count }, () => (dice() < 0.15 ? 0 : dice() < 0.3 ? whole(-2, 2) : 3 * dice() - 1.5))
  const x = tg.tensor(values, { shape: stored })
  const thin = sparse ? x.at('...', '::2') : x
  return dice() < 0.4 ? thin.transpose(0, -1) : thin
}

const near = (what: string, got: ArrayLike<number>, want: readonly number[]): void => {
  for (const [i, w] of want.entries()) {
    const off = Math.abs((got[i] as number) - w)
    if (!(off <= 2e-5 * Math.max(1, Math.abs(w)))) expect.fail(`${what}: element ${i} is ${got[i]}, not ${w}`)
  }
}

describe.each(Object.keys(PLAIN) as Name[])('%s', (name) => {
  const { values, gradient } = PLAIN[name]

  it.each(Array.from({ length: 12 }, (_, seed) => seed))('of a random tensor, from seed %i', async (seed) => {
    const dice = chooser(1000 + seed)
    const x = randomTensor(dice).detach().requiresGrad_()
    const dim = Math.floor(dice() * x.ndim)
    const y = valuesOf(name, x, dice() < 0.5 ? dim : dim - x.ndim)
    expect(y.shape).toEqual(x.shape)
    const g = tg.tensor(
      Float32Array.from({ length: x.numel() }, () => dice() - 0.4),
      { shape: [...x.shape] },
    )
    y.backward(g)
    const given = rowsOf(await x.data(), x.shape, dim)
    const [got, gradients] = [await y.data(), await (x.grad as tg.Tensor).data()]
    const upstream = rowsOf(await g.data(), x.shape, dim).rows
    const wanted = { values: new Array<number>(got.length), gradients: new Array<number>(got.length) }
    given.rows.forEach((row, r) => {
      const places = given.places[r] as number[]
      values(row).forEach((v, k) => {
        wanted.values[places[k] as number] = v
      })
      gradient(row, upstream[r] as number[]).forEach((v, k) => {
        wanted.gradients[places[k] as number] = v
      })
    })
    near(`${name} of [${x.shape}] along ${dim}`, got, wanted.values)
    near(`gradient of ${name} of [${x.shape}] along ${dim}`, gradients, wanted.gradients)
  })
})

it.each(['cummax', 'cummin'] as const)('%s says where the last of equals stands', async (name) => {
  const x = [1, 3, 3, -2, 3, 5, -2, 5]
  const { values, indices } = tg.tensor(x)[name]({ dim: -1 })
  expect(indices.dtype).toBe('int32')
  const at = lastAt(name === 'cummax' ? 'max' : 'min')
  expect(await indices.toArray()).toEqual(x.map((_, j) => at(x, j)))
  expect(await values.toArray()).toEqual(PLAIN[name].values(x))
})

it('integers wrap, and small ones come to int32', async () => {
  expect(
    await tg
      .tensor([2 ** 31 - 1, 1, 1], { dtype: 'int32' })
      .cumsum(0)
      .toArray(),
  ).toEqual([2 ** 31 - 1, -(2 ** 31), 1 - 2 ** 31])
  expect(await tg.tensor([65536, 65537], { dtype: 'uint32' }).cumprod(0).toArray()).toEqual([65536, 65536])
  const small = tg.tensor([100, 100], { dtype: 'int8' })
  expect([small.cumsum(0).dtype, small.cummax(0).values.dtype, small.cumsum(0, { dtype: 'int8' }).dtype]).toEqual(['int32', 'int8', 'int8'])
  expect(await small.cumsum({ dim: 0 }).toArray()).toEqual([100, 200])
  expect(await small.cumsum({ dim: 0, dtype: 'int8' }).toArray()).toEqual([100, -56])
})

it('a dim has to be given', () => {
  const x = tg.tensor([1, 2])
  expect(() => x.cumsum({ dtype: 'float32' })).toThrow('cumsum: dim must be given')
  expect(() => x.cummax(1)).toThrow('cummax: dim 1 is out of range')
  expect(() => tg.tensor([1, 2], { dtype: 'int32' }).logcumsumexp(0)).toThrow('logcumsumexp')
})
