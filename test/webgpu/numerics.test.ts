/** @file What each function of the kernel IR means on WebGPU, value by value, against Math in double precision. */
import { describe, expect, it } from 'vitest'
import { fromHalf, toHalf } from '../../src/base/index.ts'
import type { BinaryOp, UnaryOp } from '../../src/kernel/index.ts'
import { at, axis, binary, cast, flat, literal, load, mapKernel, runKernel, unary, where } from './kernels.ts'

const { NaN: nan, POSITIVE_INFINITY: inf } = Number
const SPECIAL = [0, -0, 1, -1, 0.5, -0.5, 2, -2, 1e-30, 1e30, -1e30, nan, inf, -inf]
const spread = (low: number, high: number, n = 997): number[] => Array.from({ length: n }, (_, i) => low + ((high - low) * i) / (n - 1))
const powers = (low: number, high: number, n = 997): number[] => spread(Math.log(low), Math.log(high), n).map(Math.exp)
const signed = (list: readonly number[]): number[] => [...list, ...list.map((x) => -x)]

function erf(x: number): number {
  // Taylor below 3, the continued fraction of erfc above
  const a = Math.abs(x)
  if (a < 3) {
    let term = a
    let sum = a
    for (let n = 1; n < 200; n++) {
      term *= (-a * a) / n
      sum += term / (2 * n + 1)
    }
    return (Math.sign(x) * sum * 2) / Math.sqrt(Math.PI)
  }
  let f = 0
  for (let n = 60; n > 0; n--) f = n / 2 / (a + f)
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + f)))
}
const roundEven = (x: number): number => {
  const r = Math.round(x)
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r
}

interface Row {
  readonly f: (x: number) => number
  readonly x: readonly number[]
  /** Largest error allowed, relative to the value (absolute below `floor`). */
  readonly tolerance: number
  readonly floor?: number
}
const U = 2 ** -23
/** Tolerances are those that docs/devices.md promises. */
const TABLE: Partial<Record<UnaryOp, Row>> = {
  neg: { f: (x) => -x, x: signed(powers(1e-20, 1e20)), tolerance: 0 },
  abs: { f: Math.abs, x: signed(powers(1e-20, 1e20)), tolerance: 0 },
  sign: { f: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0), x: signed(powers(1e-20, 1e20)), tolerance: 0 },
  floor: { f: Math.floor, x: spread(-20.3, 20.7), tolerance: 0 },
  ceil: { f: Math.ceil, x: spread(-20.3, 20.7), tolerance: 0 },
  trunc: { f: Math.trunc, x: spread(-20.3, 20.7), tolerance: 0 },
  round: { f: roundEven, x: [...spread(-20.3, 20.7), ...spread(-5, 5, 21)], tolerance: 0 },
  exp: { f: Math.exp, x: [...spread(-87, 88.7), 89, 100, -104, -200, 1e-8], tolerance: 3 * U, floor: 1.2e-38 },
  expm1: { f: Math.expm1, x: [...spread(-20, 88), ...signed(powers(1e-10, 1))], tolerance: 5 * U },
  log: { f: Math.log, x: [...powers(1.2e-38, 3e38), ...spread(0.5, 2)], tolerance: 3 * U },
  log1p: { f: Math.log1p, x: [...spread(-0.999, 3), ...signed(powers(1e-20, 0.5)), ...powers(1, 1e30)], tolerance: 4 * U },
  sqrt: { f: Math.sqrt, x: powers(1e-37, 3e38), tolerance: 3 * U },
  rsqrt: { f: (x) => 1 / Math.sqrt(x), x: powers(1e-37, 3e38), tolerance: 4 * U },
  recip: { f: (x) => 1 / x, x: signed(powers(1e-37, 1e37)), tolerance: 3 * U },
  sin: { f: Math.sin, x: [...spread(-20, 20), ...signed([1e3, 1e4, 1e5, 1e6, 1e7, 123456, 3e8, 1e15, 1e30])], tolerance: 2 * U, floor: 1 },
  cos: { f: Math.cos, x: [...spread(-20, 20), ...signed([1e3, 1e4, 1e5, 1e6, 1e7, 123456, 3e8, 1e15, 1e30])], tolerance: 2 * U, floor: 1 },
  tanh: { f: Math.tanh, x: [...spread(-12, 12), ...signed(powers(1e-20, 1))], tolerance: 4 * U },
  erf: { f: erf, x: [...spread(-5, 5), ...signed(powers(1e-20, 1))], tolerance: 5 * U },
}

function expectClose(
  op: string,
  inputs: readonly number[][],
  got: ArrayLike<number>,
  want: readonly number[],
  tolerance: number,
  floor = 0,
): void {
  for (let i = 0; i < want.length; i++) {
    const x = got[i] as number
    const y = Math.fround(want[i] as number)
    const where = `${op}(${inputs.map((list) => list[i]).join(', ')}) = ${x}, should be ${y}`
    if (Number.isNaN(y)) expect(x, where).toBeNaN()
    else if (!Number.isFinite(y) || y === 0) expect(Math.abs(x - y) <= Math.max(floor * tolerance, 1.2e-38) || x === y, where).toBe(true)
    else expect(Math.abs(x - (want[i] as number)), where).toBeLessThanOrEqual(Math.max(Math.abs(y), floor) * tolerance + 1.2e-38)
  }
}

async function apply(op: UnaryOp, x: readonly number[]): Promise<ArrayLike<number>> {
  const g = axis(x.length)
  const k = mapKernel([g], ['float32'], 'float32', unary(op, load(0, flat([g]))))
  const [y] = await runKernel(k, [Float32Array.from(x)], [x.length])
  return y as Float32Array
}

describe('functions of one argument', () => {
  for (const [op, row] of Object.entries(TABLE)) {
    it(`${op} agrees with double precision`, async () => {
      const x = row.x.map(Math.fround)
      expectClose(op, [x], await apply(op as UnaryOp, x), x.map(row.f), row.tolerance, row.floor)
    })
    it(`${op} treats NaN and infinities as IEEE 754 does`, async () => {
      const x = SPECIAL.map(Math.fround)
      // sin and cos of an argument that only double precision can tell apart are tested above
      expectClose(op, [x], await apply(op as UnaryOp, x), x.map(row.f), Math.max(row.tolerance, U), row.floor)
    })
  }
})

const pairs = (list: readonly number[]): [number[], number[]] => [list.flatMap((a) => list.map(() => a)), list.flatMap(() => list)]

async function apply2(op: BinaryOp, a: readonly number[], b: readonly number[]): Promise<ArrayLike<number>> {
  const g = axis(a.length)
  const value = binary(op, load(0, flat([g])), load(1, flat([g])))
  const k = mapKernel([g], ['float32', 'float32'], 'float32', value.type === 'bool' ? cast(value, 'bool', 'float32') : value)
  const [y] = await runKernel(k, [Float32Array.from(a), Float32Array.from(b)], [a.length])
  return y as Float32Array
}
/** C's pow, which differs from Math.pow where x is ±1. */
const pow = (x: number, y: number): number => (x === 1 ? 1 : x === -1 && Math.abs(y) === inf ? 1 : x ** y)
const keepNaN = (f: (a: number, b: number) => number) => (a: number, b: number) => (Number.isNaN(a) || Number.isNaN(b) ? nan : f(a, b))
const FUNCTIONS: Partial<Record<BinaryOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  mod: (a, b) => a % b,
  pow,
  max: keepNaN(Math.max),
  min: keepNaN(Math.min),
  lt: (a, b) => +(a < b),
  le: (a, b) => +(a <= b),
  eq: (a, b) => +(a === b),
  ne: (a, b) => +(a !== b),
}

describe('functions of two arguments', () => {
  for (const [op, f] of Object.entries(FUNCTIONS)) {
    it(`${op} treats NaN and infinities as IEEE 754 does`, async () => {
      const [a, b] = pairs([...SPECIAL, 3, -3, 0.25, 7, -8].map(Math.fround))
      const want = a.map((x, i) => f(x, b[i] as number))
      expectClose(op, [a, b], await apply2(op as BinaryOp, a, b), want, op === 'pow' ? 8e-6 : 2 * U)
    })
    it(`${op} with a literal gives the same`, async () => {
      const x = [...SPECIAL, 3, -8, 0.3].map(Math.fround)
      for (const c of [0, 2, -1.5]) {
        const g = axis(x.length)
        for (const swap of [false, true]) {
          const e = load(0, flat([g]))
          const value = swap ? binary(op as BinaryOp, literal(c), e) : binary(op as BinaryOp, e, literal(c))
          const k = mapKernel([g], ['float32'], 'float32', value.type === 'bool' ? cast(value, 'bool', 'float32') : value)
          const [y] = await runKernel(k, [Float32Array.from(x)], [x.length])
          const want = x.map((v) => (swap ? f(c, v) : f(v, c)))
          expectClose(`${op} ${c} ${swap}`, [x], y as Float32Array, want, op === 'pow' ? 8e-6 : 2 * U)
        }
      }
    })
  }

  it('pow agrees with double precision', async () => {
    const a = powers(1e-3, 1e3, 400).map(Math.fround)
    const b = spread(-10, 10, 400).map(Math.fround)
    expectClose(
      'pow',
      [a, b],
      await apply2('pow', a, b),
      a.map((x, i) => x ** (b[i] as number)),
      1e-5,
    )
    const n = spread(-12, 12, 25)
    const x = n.map(() => -1.75)
    expectClose(
      'pow',
      [x, n],
      await apply2('pow', x, n),
      n.map((y) => (-1.75) ** y),
      2e-6,
    )
  })

  it('whole numbers wrap and divide as in C', async () => {
    const list = [0, 1, -1, 2, -7, 13, 2 ** 31 - 1, -(2 ** 31), 123456789, -987654321]
    const [a, b] = pairs(list)
    const div = (x: number, y: number): number => (y === 0 ? x : Math.trunc(x / y) | 0)
    const ops: Partial<Record<BinaryOp, (x: number, y: number) => number>> = {
      add: (x, y) => (x + y) | 0,
      sub: (x, y) => (x - y) | 0,
      mul: (x, y) => Math.imul(x, y),
      div,
      max: Math.max,
      min: Math.min,
      and: (x, y) => x & y,
      or: (x, y) => x | y,
      xor: (x, y) => x ^ y,
    }
    for (const [op, f] of Object.entries(ops)) {
      const g = axis(a.length)
      const k = mapKernel([g], ['int32', 'int32'], 'int32', binary(op as BinaryOp, load(0, flat([g]), 'i32'), load(1, flat([g]), 'i32')))
      const [y] = await runKernel(k, [Int32Array.from(a), Int32Array.from(b)], [a.length])
      expect([...(y as Int32Array)], op).toEqual(a.map((x, i) => f(x, b[i] as number)))
    }
  })
})

describe('conversions', () => {
  const VALUES = [
    0,
    -0,
    1,
    -1.5,
    1.5,
    2.5,
    255.9,
    300,
    -130,
    65519,
    65520,
    70000,
    1e-8,
    6e-8,
    5.96e-8,
    6.1e-5,
    1e-40,
    2 ** 31,
    -(2 ** 31),
    3e9,
    1e20,
    -1e20,
    inf,
    -inf,
    nan,
  ]

  it('rounds to float16 to the nearest even, with overflow to infinity and NaN kept', async () => {
    const x = [...VALUES, ...signed(powers(1e-9, 1e5, 2000)), 2049, 2051, 1 + 2 ** -11, 1 + 3 * 2 ** -11].map(Math.fround)
    const g = axis(x.length)
    const k = mapKernel([g], ['float32'], 'float16', load(0, flat([g])))
    const [half] = await runKernel(k, [Float32Array.from(x)], [x.length])
    const want = x.map((v) => (Math.abs(v) < 1.2e-38 ? (Object.is(Math.sign(v), -0) || v < 0 ? 0x8000 : 0) : toHalf(v)))
    x.forEach((v, i) => {
      if (Number.isNaN(v)) expect(fromHalf((half as Uint16Array)[i] as number)).toBeNaN()
      else expect((half as Uint16Array)[i], `half of ${v}`).toBe(want[i])
    })
    const back = mapKernel([g], ['float16'], 'float32', load(0, flat([g])))
    const [y] = await runKernel(back, [half as Uint16Array], [x.length])
    expect([...(y as Float32Array)]).toEqual([...(half as Uint16Array)].map(fromHalf))
    const rounded = mapKernel([g], ['float32'], 'float32', cast(load(0, flat([g])), 'float32', 'float16'))
    const [z] = await runKernel(rounded, [Float32Array.from(x)], [x.length])
    expect([...(z as Float32Array)]).toEqual([...(y as Float32Array)])
  })

  it('truncates floats to whole numbers and saturates', async () => {
    const x = VALUES.map(Math.fround)
    const g = axis(x.length)
    const of = async (to: 'int32' | 'int8' | 'uint8' | 'bool'): Promise<number[]> => {
      const [y] = await runKernel(
        mapKernel([g], ['float32'], to, cast(load(0, flat([g])), 'float32', to)),
        [Float32Array.from(x)],
        [x.length],
      )
      return [...(y as Int32Array)]
    }
    const int = x.map((v) => (Number.isNaN(v) ? 0 : Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(v)))) | 0)
    expect(await of('int32')).toEqual(int)
    expect(await of('int8')).toEqual(int.map((v) => (v << 24) >> 24))
    expect(await of('uint8')).toEqual(int.map((v) => v & 255))
    expect(await of('bool')).toEqual(x.map((v) => +(v !== 0)))
  })

  it('special values reach a kernel as literals', async () => {
    const g = axis(3)
    const test = binary('lt', load(0, flat([g])), literal(0))
    const k = mapKernel(
      [g],
      ['float32'],
      'float32',
      where(test, literal(-inf), where(binary('eq', load(0, flat([g])), literal(0)), literal(nan), literal(inf))),
    )
    const [y] = await runKernel(k, [Float32Array.of(-1, 0, 1)], [3])
    expect([...(y as Float32Array)]).toEqual([-inf, nan, inf])
  })

  it('floats keep their bits when loaded by position, also NaN', async () => {
    const g = axis(4)
    const k = mapKernel([g], ['float32'], 'float32', load(0, at(3, [-1, g])))
    const [y] = await runKernel(k, [Float32Array.of(1, nan, -inf, 4)], [4])
    expect([...(y as Float32Array)]).toEqual([4, -inf, nan, 1])
  })
})
