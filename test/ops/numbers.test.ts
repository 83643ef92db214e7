/**
 * @file Numbers that a tensor's dtype does not hold: comparisons and bounds answer what the numbers say, what makes values refuses them, and arithmetic is exact
 * modulo 2ⁿ or refuses them. Every function that takes a number, for every dtype and boundary, against plain loops; and so for tensors of two dtypes.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { DType, Tensor } from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import {
  bounded,
  ENDS,
  fits,
  floored,
  INTEGERS,
  type Integer,
  isFloat,
  isInteger,
  NUMBERS,
  nearest,
  power,
  RELATIONS,
  type Relation,
  truncated,
  valuesOf,
  wrap,
} from '../support/numbers.ts'

type Library = typeof import('../../src/index.ts')
const DTYPES: readonly DType[] = [...(hasDoubles ? (['float64'] as const) : []), 'float32', 'float16', 'bfloat16', ...INTEGERS, 'bool']
const ENGINES = device === 'cpu' ? (['wasm', 'interpreter'] as const) : (['webgpu'] as const)
const TIMEOUT = 300_000

/** A software adapter is slow, and how numbers become those of a dtype is the host's work: there, those around the ends of the dtype are enough. */
const numbersBeside = (dtype: DType): readonly number[] =>
  device === 'cpu'
    ? NUMBERS
    : NUMBERS.filter((c) => nextTo(c, ENDS[dtype]) || [0, 1, -1, 0.5, 3e9, 2 ** 32, 2 ** 40].includes(c) || !Number.isFinite(c))
const nextTo = (c: number, ends: readonly number[]): boolean => ends.some((end) => Math.abs(c - end) <= 1)

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

const ARRAYS = { int32: Int32Array, uint32: Uint32Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array } as const

describe.each(ENGINES)('numbers on %s', (engine) => {
  const library = (): Library => libraries.get(engine) as Library
  const tensorOf = (values: readonly number[], dtype: DType, shape: readonly number[] = [values.length]): Tensor =>
    library().tensor(isFloat(dtype) ? Float64Array.from(values) : (ARRAYS[dtype as Integer].from(values) as Int32Array), {
      dtype,
      shape: [...shape],
    })

  async function expectValues(what: string, got: Tensor, dtype: DType, wanted: readonly number[]): Promise<void> {
    const values = await got.data()
    expect(got.dtype, what).toBe(dtype)
    expect(values.length, what).toBe(wanted.length)
    for (let i = 0; i < wanted.length; i++) {
      const [v, w] = [Number(values[i]), wanted[i] as number]
      if (v !== w && !(Number.isNaN(v) && Number.isNaN(w))) expect.fail(`${what}: element ${i} is ${v}, not ${w}`)
    }
  }

  /** The call refuses its number, under its own name. */
  function expectRefused(what: string, name: string, call: () => unknown): void {
    const { ArgumentError } = library()
    try {
      call()
    } catch (error) {
      if (error instanceof ArgumentError && error.op === name) return
      throw error
    }
    expect.fail(`${what} is accepted`)
  }

  // ── comparisons ──

  describe.each(DTYPES)('beside %s', (dtype) => {
    it('are compared as what they are', { timeout: TIMEOUT }, async () => {
      const tg = library()
      const values = valuesOf(dtype)
      const x = tensorOf(values, dtype)
      for (const c of numbersBeside(dtype)) {
        // Within the range of a float, a number is the nearest value of that dtype
        const own = isFloat(dtype) && fits(c, dtype) ? nearest(c, dtype) : c
        const results = (Object.keys(RELATIONS) as Relation[]).flatMap((name) => [
          [`${name}(x, ${c})`, tg[name](x, c), values.map((v) => RELATIONS[name](v, own))] as const,
          [`${name}(${c}, x)`, tg[name](c, x), values.map((v) => RELATIONS[name](own, v))] as const,
        ])
        await Promise.all(results.map(([what, got, wanted]) => expectValues(`${what} of ${dtype}`, got, 'bool', wanted.map(Number))))
      }
    })

    it('bound', { timeout: TIMEOUT }, async () => {
      const tg = library()
      const values = valuesOf(dtype)
      const x = tensorOf(values, dtype)
      for (const c of numbersBeside(dtype)) {
        const meets: DType = isFloat(dtype) ? dtype : !Number.isInteger(c) ? 'float32' : dtype === 'bool' ? 'int32' : dtype
        const wanted = (side: 'lower' | 'upper'): number[] => values.map((v) => bounded(nearest(v, meets), c, meets, side))
        const results = [
          ['clamp(x, c)', tg.clamp(x, c), wanted('lower')],
          ['clamp(x, { min: c })', tg.clamp(x, { min: c }), wanted('lower')],
          ['clamp(x, null, c)', tg.clamp(x, null, c), wanted('upper')],
          ['maximum(x, c)', tg.maximum(x, c), wanted('lower')],
          ['maximum(c, x)', tg.maximum(c, x), wanted('lower')],
          ['minimum(x, c)', tg.minimum(x, c), wanted('upper')],
          ['minimum(c, x)', tg.minimum(c, x), wanted('upper')],
        ] as const
        await Promise.all(results.map(([what, got, right]) => expectValues(`${what} of ${dtype} with ${c}`, got, meets, right)))
      }
    })

    it('become values where the dtype holds them, and are refused elsewhere', { timeout: TIMEOUT }, async () => {
      const tg = library()
      const x = tensorOf([1, 0], dtype)
      const test = tg.tensor([true, false])
      const makers: Readonly<Record<string, [name: string, make: (c: number) => Tensor, wanted: (c: number) => number[]]>> = {
        full: ['full', (c) => tg.full([2], c, { dtype }), (c) => [c, c]],
        'full, 0-d': ['full', (c) => tg.full([], c, { dtype }), (c) => [c]],
        fullLike: ['fullLike', (c) => tg.fullLike(x, c), (c) => [c, c]],
        fill_: ['fill_', (c) => tensorOf([1, 0], dtype).fill_(c), (c) => [c, c]],
        constant_: ['constant_', (c) => tg.nn.init.constant_(tensorOf([1, 0], dtype), c), (c) => [c, c]],
        tensor: ['tensor', (c) => tg.tensor([1, c], { dtype }), (c) => [1, c]],
        'tensor of an array': ['tensor', (c) => tg.tensor(Float64Array.of(1, c), { dtype }), (c) => [1, c]],
        pad: ['pad', (c) => tg.pad(x, [1, 0], { value: c }), (c) => [c, 1, 0]],
        linspace: ['linspace', (c) => tg.linspace(c, c, 2, { dtype }), (c) => [c, c]],
        arange: ['arange', (c) => tg.arange(c, c + 1, { dtype }), (c) => [c]],
        'where, first': ['where', (c) => tg.where(test, c, x), (c) => [c, 0]],
        'where, second': ['where', (c) => tg.where(test, x, c), (c) => [1, c]],
      }
      for (const c of numbersBeside(dtype)) {
        const results: (readonly [string, Tensor, DType, number[]])[] = []
        for (const [what, [name, make, wanted]] of Object.entries(makers)) {
          // Ranges have ends, and of `where` a fraction beside integers makes floats
          if ((name === 'linspace' || name === 'arange') && !Number.isFinite(c)) continue
          if (name === 'arange' && Math.abs(c) > 2 ** 50) continue
          const made: DType =
            name !== 'where' || isFloat(dtype) ? dtype : !Number.isInteger(c) ? 'float32' : dtype === 'bool' ? 'int32' : dtype
          const kept = (v: number): number => (made === 'bool' ? Number(v !== 0) : nearest(v, made))
          const call = (): Tensor => make(c)
          if (fits(c, made)) results.push([`${what} with ${c} of ${dtype}`, call(), made, wanted(c).map(kept)])
          else expectRefused(`${what} with ${c} of ${dtype}`, name, call)
        }
        await Promise.all(results.map((result) => expectValues(...result)))
      }
    })

    it('are added, subtracted and multiplied modulo 2ⁿ, or refused', { timeout: TIMEOUT }, async () => {
      const tg = library()
      const values = valuesOf(dtype).filter((v) => Math.abs(v) < 1e30)
      const x = tensorOf(values, dtype)
      const functions: Readonly<
        Record<
          string,
          [name: string, f: (c: number) => Tensor, number: (v: number, c: number) => number, whole: (v: bigint, c: bigint) => bigint]
        >
      > = {
        'x + c': ['add', (c) => tg.add(x, c), (v, c) => v + c, (v, c) => v + c],
        'c + x': ['add', (c) => tg.add(c, x), (v, c) => v + c, (v, c) => v + c],
        'x + 1c': ['add', (c) => tg.add(x, c, { alpha: 1 }), (v, c) => v + c, (v, c) => v + c],
        'x − c': ['sub', (c) => tg.sub(x, c), (v, c) => v - c, (v, c) => v - c],
        'c − x': ['sub', (c) => tg.sub(c, x), (v, c) => c - v, (v, c) => c - v],
        'x · c': ['mul', (c) => tg.mul(x, c), (v, c) => v * c, (v, c) => v * c],
        'c · x': ['mul', (c) => tg.mul(c, x), (v, c) => v * c, (v, c) => v * c],
      }
      for (const c of numbersBeside(dtype)) {
        const meets: DType = isFloat(dtype) ? dtype : !Number.isInteger(c) ? 'float32' : dtype === 'bool' ? 'int32' : dtype
        const results: (readonly [string, Tensor, DType, number[]])[] = []
        for (const [what, [name, f, number, whole]] of Object.entries(functions)) {
          const said = `${what}, ${c} beside ${dtype}`
          if (!isInteger(meets)) {
            const wide = meets === 'float64' ? meets : 'float32'
            const right = values.map((v) => nearest(nearest(number(nearest(v, wide), nearest(c, wide)), wide), meets))
            results.push([said, f(c), meets, right])
          } else if (c < -(2 ** 31) || c >= 2 ** 32) expectRefused(said, name, () => f(c))
          else results.push([said, f(c), meets, values.map((v) => wrap(whole(BigInt(v), BigInt(c)), meets))])
        }
        await Promise.all(results.map((result) => expectValues(...result)))
      }
    })

    it('are truth values', { timeout: TIMEOUT }, async () => {
      const tg = library()
      const values = valuesOf(dtype)
      const x = tensorOf(values, dtype)
      for (const c of numbersBeside(dtype)) {
        const [both, one] = [tg.logicalAnd(x, c), tg.logicalXor(c, x)]
        const wanted = [(v: number): boolean => v !== 0 && c !== 0, (v: number): boolean => (v !== 0) !== (c !== 0)].map((f) =>
          values.map((v) => Number(f(v))),
        )
        await Promise.all([
          expectValues(`logicalAnd(x, ${c}) of ${dtype}`, both, 'bool', wanted[0] as number[]),
          expectValues(`logicalXor(${c}, x) of ${dtype}`, one, 'bool', wanted[1] as number[]),
        ])
      }
    })
  })

  it.each(INTEGERS)('divide %s, and are powers of them, where the dtype holds them', { timeout: TIMEOUT }, async (dtype) => {
    const tg = library()
    const values = valuesOf(dtype)
    const x = tensorOf(values, dtype)
    const odd = tensorOf([1, 3, 7], dtype)
    for (const c of numbersBeside(dtype).filter(Number.isInteger)) {
      const results: (readonly [string, Tensor, DType, number[]])[] = []
      for (const [roundingMode, exact] of [
        ['floor', floored],
        ['trunc', truncated],
      ] as const) {
        const said = `${roundingMode} of ${dtype} with ${c}`
        const [by, of] = [(): Tensor => tg.div(x, c, { roundingMode }), (): Tensor => tg.div(c, odd, { roundingMode })]
        if (!fits(c, dtype)) {
          expectRefused(`x / c, ${said}`, 'div', by)
          expectRefused(`c / x, ${said}`, 'div', of)
          continue
        }
        if (c !== 0) results.push([`x / c, ${said}`, by(), dtype, values.map((v) => wrap(exact(BigInt(v), BigInt(c)), dtype))])
        results.push([`c / x, ${said}`, of(), dtype, [1n, 3n, 7n].map((v) => wrap(exact(BigInt(c), v), dtype))])
      }
      if (c < 0 || !fits(c, dtype)) expectRefused(`xᶜ of ${dtype} with ${c}`, 'pow', () => tg.pow(x, c))
      else results.push([`xᶜ of ${dtype} with ${c}`, tg.pow(x, c), dtype, values.map((v) => wrap(power(BigInt(v), BigInt(c)), dtype))])
      if (c < -(2 ** 31) || c >= 2 ** 32) expectRefused(`cˣ of ${dtype} with ${c}`, 'pow', () => tg.pow(c, odd))
      else results.push([`cˣ of ${dtype} with ${c}`, tg.pow(c, odd), dtype, [1n, 3n, 7n].map((v) => wrap(power(BigInt(c), v), dtype))])
      await Promise.all(results.map((result) => expectValues(...result)))
    }
  })

  // ── tensors of two dtypes ──

  /** Every value of one dtype beside every value of the other; and each of the second as a 0-d tensor, which does not widen the first. */
  function pairs(a: DType, b: DType): { what: string; x: Tensor; y: Tensor; all: (readonly [number, number])[] }[] {
    const [left, right] = [valuesOf(a), valuesOf(b)]
    const all = left.flatMap((v) => right.map((w) => [v, w] as const))
    const every = { what: `${a} and ${b}`, x: tensorOf(all.map(([v]) => v), a), y: tensorOf(all.map(([, w]) => w), b), all } // biome-ignore format: one line
    const singles = right
      .filter((w) => device === 'cpu' || nextTo(w, ENDS[b]))
      .map((w) => ({
        what: `${a} and ${w} as ${b}`,
        x: tensorOf(left, a),
        y: tensorOf([w], b, []),
        all: left.map((v) => [v, w] as const),
      }))
    return [every, ...singles]
  }

  it.each(DTYPES)('%s tensors are compared with those of any dtype as what they hold', { timeout: TIMEOUT }, async (a) => {
    const tg = library()
    for (const b of DTYPES) {
      for (const { what, x, y, all } of pairs(a, b)) {
        const names = Object.keys(RELATIONS) as Relation[]
        const results = names.map((name) => tg[name](x, y))
        const wanted = (name: Relation): number[] => all.map(([v, w]) => Number(RELATIONS[name](v, w)))
        await Promise.all(names.map((name, i) => expectValues(`${name} of ${what}`, results[i] as Tensor, 'bool', wanted(name))))
      }
    }
  })

  it.each(INTEGERS)(
    '%s tensors meet integers of any dtype: bounds and quotients are of what both hold, the rest is exact modulo 2ⁿ',
    { timeout: TIMEOUT },
    async (a) => {
      const tg = library()
      const limited = (v: number, dtype: DType): number => Math.min(Math.max(v, ENDS[dtype][0]), ENDS[dtype][1])
      for (const b of INTEGERS) {
        for (const { what, x, y, all } of pairs(a, b)) {
          const divisor = tg.where(y.eq(0), 7, y)
          const some: readonly (readonly [string, Tensor, (v: number, w: number, dtype: Integer) => number])[] = [
            ['maximum', tg.maximum(x, y), (v, w, dtype) => limited(Math.max(v, w), dtype)],
            ['minimum', tg.minimum(y, x), (v, w, dtype) => limited(Math.min(v, w), dtype)],
            ['clamp', tg.clamp(x, y), (v, w, dtype) => limited(Math.max(v, w), dtype)],
            ['clamp', tg.clamp(x, null, y), (v, w, dtype) => limited(Math.min(v, w), dtype)],
            ['div, floor', tg.div(x, divisor, { roundingMode: 'floor' }), (v, w, dtype) => wrap(floored(BigInt(v), BigInt(w || 7)), dtype)],
            [
              'div, trunc',
              tg.div(x, divisor, { roundingMode: 'trunc' }),
              (v, w, dtype) => wrap(truncated(BigInt(v), BigInt(w || 7)), dtype),
            ],
            ['add', tg.add(x, y), (v, w, dtype) => wrap(BigInt(v) + BigInt(w), dtype)],
            ['add with alpha', tg.add(x, y, { alpha: 3 }), (v, w, dtype) => wrap(BigInt(v) + 3n * BigInt(w), dtype)],
            ['sub with alpha', tg.sub(y, x, { alpha: -3 }), (v, w, dtype) => wrap(BigInt(w) + 3n * BigInt(v), dtype)],
            ['mul', tg.mul(x, y), (v, w, dtype) => wrap(BigInt(v) * BigInt(w), dtype)],
            ['pow', tg.pow(x, y), (v, w, dtype) => wrap(power(BigInt(v), BigInt(w)), dtype)],
          ]
          await Promise.all(
            some.map(([name, got, exact]) => {
              const dtype = got.dtype as Integer
              const wanted = all.map(([v, w]) => exact(v, w, dtype))
              return expectValues(`${name} of ${what}`, got, dtype, wanted)
            }),
          )
        }
      }
    },
  )

  it('of two dtypes are close where they are', async () => {
    const { allclose, tensor } = library()
    const [least, most] = [tensor(Int32Array.of(-(2 ** 31))), tensor(Int32Array.of(2 ** 31 - 1))]
    expect(await allclose(most, least)).toBe(false)
    expect(await allclose(least, least)).toBe(true)
    const [one, next] = [tensor(Int32Array.of(16777216)), tensor(Int32Array.of(16777217))]
    expect(await allclose(one, next, { rtol: 0, atol: 0.5 })).toBe(false)
    expect(await allclose(one, next, { rtol: 0, atol: 1 })).toBe(true)
    expect(await allclose(tensor(Uint32Array.of(2 ** 32 - 1)), tensor(Int32Array.of(-1)))).toBe(false)
  })

  it('positions past 32 bits, and uint32 positions past 2³¹, are out of range', async () => {
    const tg = library()
    for (const v of [3, -4, 2 ** 31, 2 ** 32, -(2 ** 32), 2 ** 40])
      for (const index of [v, [v], [0, v]]) expect(() => tg.tensor([1, 2, 3]).at(index), `at(${index})`).toThrow(tg.IndexError)
    const position = tensorOf([2 ** 32 - 1], 'uint32')
    await expect((async () => tg.tensor([1, 2, 3]).at(position).data())()).rejects.toThrow(tg.IndexError)
    await expect((async () => tg.gather(tg.tensor([1, 2, 3]), 0, position.add(0)).data())()).rejects.toThrow(tg.IndexError)
  })

  // ── what makes several values ──

  it('ranges stay within the dtype', async () => {
    const tg = library()
    expect(() => tg.arange(2 ** 31, 2 ** 31 + 2)).toThrow('arange: the first value is 2147483648, which int32 cannot hold')
    expect(() => tg.arange(2 ** 31 - 1, 2 ** 31 + 1)).toThrow('arange: the last value is 2147483648, which int32 cannot hold')
    expect(() => tg.arange(250, 260, { dtype: 'uint8' })).toThrow('arange: element 6 is 256, which uint8 cannot hold (0 to 255)')
    expect(() => tg.arange(0, 1, 0.25, { dtype: 'int32' })).toThrow('arange: element 1 is 0.25, which int32 cannot hold: it has a fraction')
    expect(() => tg.linspace(0, 5, 3, { dtype: 'int32' })).toThrow(tg.ArgumentError)
    expect(() => tg.randperm(300, { dtype: 'uint8' })).toThrow(tg.ArgumentError)
    await expectValues('arange to the end', tg.arange(2 ** 31 - 2, 2 ** 31), 'int32', [2 ** 31 - 2, 2 ** 31 - 1])
    await expectValues('arange', tg.arange(-(2 ** 31), 2 ** 31, 2 ** 32 - 1), 'int32', [-(2 ** 31), 2 ** 31 - 1])
    await expectValues('arange of one', tg.arange(5, 6, 2 ** 40), 'int32', [5])
    await expectValues('arange of none', tg.arange(2 ** 40, 2 ** 40), 'int32', [])
    await expectValues('arange of uint32', tg.arange(2 ** 31, 2 ** 31 + 2, { dtype: 'uint32' }), 'uint32', [2 ** 31, 2 ** 31 + 1])
    await expectValues('arange of bool', tg.arange(3, { dtype: 'bool' }), 'bool', [0, 1, 1])
    await expectValues('linspace', tg.linspace(0, 6, 3, { dtype: 'int32' }), 'int32', [0, 3, 6])
  })

  it('random numbers stay within the dtype', async () => {
    const tg = library()
    expect(() => tg.randint(0, 300, [2], { dtype: 'uint8' })).toThrow('randint: high − 1 is 299, which uint8 cannot hold (0 to 255)')
    expect(() => tg.randint(-1, 2, [2], { dtype: 'uint32' })).toThrow('randint: low is -1, which uint32 cannot hold')
    expect(() => tg.randint(2 ** 31, 2 ** 31 + 9, [2])).toThrow(tg.ArgumentError)
    expect(() => tg.randint(0, 70000, [2], { dtype: 'float16' })).toThrow(tg.ArgumentError)
    for (const [low, high, dtype] of [
      [2 ** 31, 2 ** 32, 'uint32'],
      [0, 2 ** 32, 'uint32'],
      [3e9, 3e9 + 1024, 'float32'],
      [2 ** 40, 2 ** 40 + 2 ** 32, 'float32'],
      [-(2 ** 31), 2 ** 31, 'int32'],
    ] as const) {
      const values = [...(await tg.randint(low, high, [200], { dtype }).data())].map(Number)
      for (const v of values) if (!(v >= low && v <= high)) expect.fail(`randint(${low}, ${high}) of ${dtype} gives ${v}`)
    }
    const half = tg.zeros([2]).half()
    expect(() => half.uniform_(0, 1e6)).toThrow('uniform_: to is 1000000, which float16 cannot hold')
    expect(() => half.normal_(-1e6)).toThrow('normal_: mean is -1000000, which float16 cannot hold')
    expect(() => tg.normal(0, 1e39, [2])).toThrow('normal: std is 1e+39, which float32 cannot hold')
  })

  it('in place, and by name, are the same', async () => {
    const tg = library()
    const x = (): Tensor => tensorOf([1, 2, 3], 'int32')
    expect(() => x().add_(2 ** 40)).toThrow('add_: b is 1099511627776')
    expect(() => x().add(x(), { alpha: 2 ** 40 })).toThrow('add: alpha is 1099511627776')
    expect(() => x().pow_(2 ** 31)).toThrow('pow_: b is 2147483648, which int32 cannot hold')
    expect(() => tg.add(x(), tg.tensor([true, false, true]), { alpha: 2 ** 40 })).toThrow('add: alpha is 1099511627776')
    await expectValues('alpha beside floats', tg.add(tg.zeros([3]), x(), { alpha: 2 ** 40 }), 'float32', [2 ** 40, 2 ** 41, 3 * 2 ** 40])
    await expectValues('clamp_', x().clamp_(2, 3e9), 'int32', [2, 2, 3])
    await expectValues('add_', tensorOf([1, 2], 'uint8').add_(-1), 'uint8', [0, 1])
    expect(() => tg.where(tg.tensor([true]), 3e9, 1)).toThrow('where: a is 3000000000, which int32 cannot hold')
    expect(() => tg.nn.functional.nllLoss(tg.zeros([1, 2]), tensorOf([0], 'int32'), { ignoreIndex: 2 ** 32 })).toThrow(tg.ArgumentError)
    // Divided as floats, any number will do
    await expectValues('div of halves', tg.div(tensorOf([5, -5], 'float16'), 1e6, { roundingMode: 'floor' }), 'float16', [0, -1])
    await expectValues('div of floats', tg.div(tensorOf([5], 'float32'), 1e39, { roundingMode: 'trunc' }), 'float32', [0])
    await expectValues('div', tg.div(tensorOf([2 ** 30], 'int32'), 2 ** 40), 'float32', [2 ** -10])
  })
})
