/** @file Integer arithmetic is exact in its width and wraps, on every device: against BigInt, over edges and random operands. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { DType, Tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'
import { BITS, floored, power, truncated, wrap } from '../support/numbers.ts'

type Integer = Extract<DType, 'int32' | 'uint32' | 'int8' | 'uint8'>
const DTYPES: readonly Integer[] = ['int32', 'uint32', 'int8', 'uint8']
const unsigned = (dtype: Integer): boolean => dtype.startsWith('u')
const ARRAY = { int32: Int32Array, uint32: Uint32Array, int8: Int8Array, uint8: Uint8Array } as const
const ENGINES = device === 'cpu' ? (['wasm', 'interpreter'] as const) : (['webgpu'] as const)

// ── what each function means ──

type Library = typeof import('../../src/index.ts')
interface Binary {
  readonly apply: (tg: Library, a: Tensor, b: Tensor) => Tensor
  readonly exact: (a: bigint, b: bigint) => bigint | boolean
  readonly divides?: true
}
const max = (a: bigint, b: bigint): bigint => (a > b ? a : b)
const min = (a: bigint, b: bigint): bigint => (a < b ? a : b)

const BINARY: Readonly<Record<string, Binary>> = {
  add: { apply: (tg, a, b) => tg.add(a, b), exact: (a, b) => a + b },
  sub: { apply: (tg, a, b) => tg.sub(a, b), exact: (a, b) => a - b },
  'sub with alpha': { apply: (tg, a, b) => tg.sub(a, b, { alpha: 3 }), exact: (a, b) => a - 3n * b },
  mul: { apply: (tg, a, b) => tg.mul(a, b), exact: (a, b) => a * b },
  'div, trunc': { apply: (tg, a, b) => tg.div(a, b, { roundingMode: 'trunc' }), exact: truncated, divides: true },
  'div, floor': { apply: (tg, a, b) => tg.div(a, b, { roundingMode: 'floor' }), exact: floored, divides: true },
  pow: { apply: (tg, a, b) => tg.pow(a, b), exact: power },
  maximum: { apply: (tg, a, b) => tg.maximum(a, b), exact: max },
  minimum: { apply: (tg, a, b) => tg.minimum(a, b), exact: min },
  clamp: { apply: (tg, a, b) => tg.clamp(a, b), exact: max },
  where: { apply: (tg, a, b) => tg.where(a.gt(b), a, b), exact: max },
  lt: { apply: (tg, a, b) => tg.lt(a, b), exact: (a, b) => a < b },
  le: { apply: (tg, a, b) => tg.le(a, b), exact: (a, b) => a <= b },
  eq: { apply: (tg, a, b) => tg.eq(a, b), exact: (a, b) => a === b },
  ne: { apply: (tg, a, b) => tg.ne(a, b), exact: (a, b) => a !== b },
}

const UNARY: Readonly<Record<string, readonly [(tg: Library, x: Tensor) => Tensor, (x: bigint) => bigint]>> = {
  neg: [(tg, x) => tg.neg(x), (x) => -x],
  abs: [(tg, x) => tg.abs(x), (x) => (x < 0n ? -x : x)],
  sign: [(tg, x) => tg.sign(x), (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)],
  relu: [(tg, x) => tg.relu(x), (x) => max(x, 0n)],
  square: [(tg, x) => tg.square(x), (x) => x * x],
  'pow 3': [(tg, x) => tg.pow(x, 3), (x) => x ** 3n],
  'pow 4': [(tg, x) => tg.pow(x, 4), (x) => x ** 4n],
  'pow 19': [(tg, x) => tg.pow(x, 19), (x) => power(x, 19n)],
  '2 to the': [(tg, x) => tg.pow(2, x), (x) => power(2n, x)],
  '3 times': [(tg, x) => tg.mul(x, 3), (x) => 3n * x],
  '/ 3, trunc': [(tg, x) => tg.div(x, 3, { roundingMode: 'trunc' }), (x) => truncated(x, 3n)],
  '/ 3, floor': [(tg, x) => tg.div(x, 3, { roundingMode: 'floor' }), (x) => floored(x, 3n)],
  '/ 1, floor': [(tg, x) => tg.div(x, 1, { roundingMode: 'floor' }), (x) => x],
  floor: [(tg, x) => tg.floor(x), (x) => x],
  round: [(tg, x) => tg.round(x), (x) => x],
}

// ── operands ──

function edges(dtype: Integer): number[] {
  const bits = BITS[dtype]
  const [low, high] = unsigned(dtype) ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
  const list = [
    0,
    1,
    2,
    3,
    5,
    7,
    10,
    16,
    100,
    127,
    128,
    255,
    256,
    46340,
    46341,
    65535,
    65536,
    2 ** 24 - 1,
    2 ** 24 + 1,
    2 ** 30,
    2 ** 31 - 1,
    2 ** 31 + 1,
  ]
  const all = [...list, ...list.map((x) => -x), low, low + 1, high - 1, high]
  return [...new Set(all)].filter((x) => x >= low && x <= high).map((x) => x + 0)
}

/** Of every magnitude. */
function random(dtype: Integer, count: number, seed: number): number[] {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
  return Array.from({ length: count }, () => {
    const word = BigInt(next() ^ (next() >>> 7)) >> BigInt(next() % BITS[dtype])
    return wrap(next() & 1 ? word : -word, dtype)
  })
}

const RANDOM = 3001

const libraries = new Map<string, Library>()
beforeAll(async () => {
  for (const engine of ENGINES) {
    vi.resetModules()
    if (engine !== 'webgpu') vi.stubEnv('TAPEGRAD_CPU', engine)
    const tg = await import('../../src/index.ts')
    await tg.init({ device })
    tg.setDefaultDevice(device)
    libraries.set(engine, tg)
  }
})
afterAll(() => {
  vi.unstubAllEnvs()
})

describe.each(ENGINES)('integers on %s', (engine) => {
  const tensorOf = (values: readonly number[], dtype: Integer, shape: readonly number[] = [values.length]): Tensor =>
    (libraries.get(engine) as Library).tensor(ARRAY[dtype].from(values), { dtype, shape: [...shape] })

  /** Element by element; says the first operands at which they differ. */
  async function expectExact(
    what: string,
    got: Tensor,
    dtype: Integer,
    wanted: readonly (bigint | boolean)[],
    operands: (i: number) => string,
  ): Promise<void> {
    const values = await got.data()
    expect(values.length).toBe(wanted.length)
    expect(got.dtype).toBe(typeof wanted[0] === 'boolean' ? 'bool' : dtype)
    for (let i = 0; i < wanted.length; i++) {
      const w = wanted[i] as bigint | boolean
      const right = typeof w === 'boolean' ? Number(w) : wrap(w, dtype)
      if (Number(values[i]) !== right) expect.fail(`${what} of ${dtype} ${operands(i)} is ${values[i]}, not ${right}`)
    }
  }

  describe.each(DTYPES)('%s', (dtype) => {
    // Functions that are recorded together are computed together: few kernels, which software adapters compile slowly
    it('functions of two', async () => {
      const tg = libraries.get(engine) as Library
      const some = edges(dtype)
      const a = [...some.flatMap((x) => some.map(() => x)), ...random(dtype, RANDOM, 1)]
      const b = [...some.flatMap(() => some), ...random(dtype, RANDOM, 2)]
      const divisors = b.map((x) => (x === 0 ? 9 : x))
      const [left, right, nonzero] = [tensorOf(a, dtype), tensorOf(b, dtype), tensorOf(divisors, dtype)]
      const results = Object.values(BINARY).map(({ apply, divides }) => apply(tg, left, divides ? nonzero : right))
      for (const [n, [name, { exact, divides }]] of Object.entries(BINARY).entries()) {
        const others = divides ? divisors : b
        const wanted = a.map((x, i) => exact(BigInt(x), BigInt(others[i] as number)))
        await expectExact(name, results[n] as Tensor, dtype, wanted, (i) => `${a[i]}, ${others[i]}`)
      }
    })

    it('functions of one', async () => {
      const tg = libraries.get(engine) as Library
      const x = [...edges(dtype), ...random(dtype, RANDOM, 3)]
      const input = tensorOf(x, dtype)
      const results = Object.values(UNARY).map(([apply]) => apply(tg, input))
      for (const [n, [name, [, exact]]] of Object.entries(UNARY).entries()) {
        const wanted = x.map((v) => exact(BigInt(v)))
        await expectExact(name, results[n] as Tensor, dtype, wanted, (i) => `${x[i]}`)
      }
    })

    it('sums and products of matrices', async () => {
      const [m, k, n] = [7, 300, 5]
      const [a, b] = [random(dtype, m * k, 4), random(dtype, k * n, 5)]
      const dot = (i: number, j: number): bigint => {
        let sum = 0n
        for (let t = 0; t < k; t++) sum += BigInt(a[i * k + t] as number) * BigInt(b[t * n + j] as number)
        return sum
      }
      const product = Array.from({ length: m * n }, (_, at) => dot(Math.floor(at / n), at % n))
      await expectExact('matmul', tensorOf(a, dtype, [m, k]).matmul(tensorOf(b, dtype, [k, n])), dtype, product, (i) => `at ${i}`)
      // Sums of small integers are int32, as in PyTorch (int64 there)
      const wide = BITS[dtype] === 8 ? 'int32' : dtype
      const rows = Array.from({ length: m }, (_, i) => a.slice(i * k, (i + 1) * k).reduce((sum, v) => sum + BigInt(v), 0n))
      await expectExact('sum', tensorOf(a, dtype, [m, k]).sum(1), wide, rows, (i) => `row ${i}`)
    })

    it('casts', async () => {
      const x = [...edges(dtype), ...random(dtype, RANDOM, 6)]
      const wanted = x.map((v) => BigInt(v))
      const results = DTYPES.map((to) => tensorOf(x, dtype).to({ dtype: to }))
      for (const [n, to] of DTYPES.entries()) await expectExact(`cast to ${to}`, results[n] as Tensor, to, wanted, (i) => `${x[i]}`)
    })
  })

  it('are divided by 0 only with an error', { timeout: 120_000 }, async () => {
    const tg = libraries.get(engine) as Library
    const one = tensorOf([1, 2, 3], 'int32')
    for (const roundingMode of ['floor', 'trunc'] as const) {
      expect(() => tg.div(one, 0, { roundingMode })).toThrow(tg.ZeroDivisionError)
      expect(() => tg.div(one, tensorOf([1, 0, 2], 'int32'), { roundingMode })).toThrow('div: an integer is divided by 0')
    }
    for (const dtype of DTYPES) {
      // Known to the device alone
      const zero = tensorOf([2, 1, 2], dtype).sub(1)
      await expect(tg.div(tensorOf([1, 2, 3], dtype), zero, { roundingMode: 'floor' }).data(), dtype).rejects.toThrow(tg.ZeroDivisionError)
    }
    const zero = one.sub(2)
    await expect(tg.div(7, zero, { roundingMode: 'trunc' }).data()).rejects.toThrow('div: an integer is divided by 0')
    // As floats they are infinite
    expect([...(await tg.div(one, 0).data())]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
    // Others go on
    expect([...(await one.add(1).data())]).toEqual([2, 3, 4])
  })

  it('padding and what a choice leaves out are divided by nothing', async () => {
    const tg = libraries.get(engine) as Library
    const [a, b] = [tensorOf([6, -7, 8], 'int32').add(0), tensorOf([2, 2, -3], 'int32').add(0)]
    const q = tg.div(a, b, { roundingMode: 'floor' })
    expect([...(await tg.pad(q, [2, 3]).data())]).toEqual([0, 0, 3, -4, -3, 0, 0, 0])
    const zeros = tensorOf([1, 0, 0, 4, 5], 'int32').add(0)
    const chosen = tg.where(zeros.ne(0), tg.div(20, zeros, { roundingMode: 'trunc' }), -1)
    expect([...(await chosen.data())]).toEqual([20, -1, -1, 5, 4])
  })

  it('bools are not divided with a roundingMode', () => {
    const tg = libraries.get(engine) as Library
    const yes = tg.tensor([true, true])
    expect(() => tg.div(yes, yes, { roundingMode: 'floor' })).toThrow(tg.DTypeError)
  })
})
