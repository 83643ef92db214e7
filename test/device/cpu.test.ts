/** @file The cpu device, by kernels written out by hand and values known from elsewhere. */
import { describe, expect, it } from 'vitest'
import {
  CustomOpError,
  type DType,
  dtypeInfo,
  fromHalf,
  halfFormats,
  IndexError,
  isHalf,
  type TypedArray,
  toHalf,
} from '../../src/base/index.ts'
import { openCpu } from '../../src/device/cpu/index.ts'
import { erf, philox, roundEven } from '../../src/device/cpu/special.ts'
import { loadKoffi } from '../../src/device/cpu/wasm/contraction/blas.ts'
import type { Device, DeviceBuffer, HostCopy, Program, Slot } from '../../src/device/index.ts'
import {
  type Axis,
  type BinaryOp,
  type CustomArrays,
  type Expr,
  type Index,
  type Kernel,
  type ReduceOp,
  type RoutineCall,
  type Stage,
  type UnaryOp,
  type ValueType,
  valueTypeOf,
} from '../../src/kernel/index.ts'

// --- writing kernels ---

const axis = (id: number, size: number): Axis => ({ id, size })
/** offset + Σ coef · axis */
const at = (offset: number, ...terms: readonly (readonly [number, Axis])[]): Index => ({
  offset,
  terms: terms.map(([coef, a]) => ({ coef, atom: { kind: 'axis', axis: a } })),
})
const literal = (value: number, type: ValueType = 'float'): Expr => ({ kind: 'const', value, type })
const load = (buffer: number, index: Index, type: ValueType = 'float'): Extract<Expr, { kind: 'load' }> => ({
  kind: 'load',
  buffer,
  index,
  type,
})
const unary = (op: UnaryOp, x: Expr): Expr => ({ kind: 'unary', op, x, type: x.type })
const binary = (op: BinaryOp, a: Expr, b: Expr): Expr => ({
  kind: 'binary',
  op,
  a,
  b,
  type: op === 'lt' || op === 'le' || op === 'eq' || op === 'ne' ? 'bool' : a.type,
})
const cast = (x: Expr, from: DType, to: DType): Expr => ({ kind: 'cast', x, from, to, type: valueTypeOf(to) })
const acc = (stage: number, slot = 0, type: ValueType = 'float'): Expr => ({ kind: 'acc', stage, slot, type })
const store = (buffer: number, index: Index, value: Expr, axes: readonly Axis[] = []): Stage => ({
  kind: 'store',
  axes,
  stores: [{ buffer, index, value }],
})
const reduce = (axes: readonly Axis[], op: ReduceOp, value: Expr): Stage => ({
  kind: 'reduce',
  axes,
  reductions: [{ op, value, type: op === 'argmax' || op === 'argmin' ? 'i32' : value.type }],
})

/** Buffers: the inputs first, then one output. */
function kernelOf(
  grid: readonly Axis[],
  stages: readonly Stage[],
  inputs: readonly DType[],
  output: DType,
  sites: readonly string[] = [],
): Kernel {
  const buffers = [...inputs.map((dtype) => ({ dtype, access: 'read' }) as const), { dtype: output, access: 'write' } as const]
  return { label: 'test', grid, stages, buffers, sites }
}

function programOf(kernel: Kernel, inputs: readonly TypedArray[], length: number, scalars: Program['scalars'] = []): Program {
  const slots = kernel.buffers.map(({ dtype }, i): Slot => {
    const input = inputs[i]
    return input ? { kind: 'input', dtype, length: input.length } : { kind: 'output', dtype, length }
  })
  return { steps: [{ kind: 'kernel', kernel, slots: slots.map((_, i) => i), scalars: scalars.map((_, i) => i) }], slots, scalars }
}

/** Runs one kernel on host arrays; `length` elements come out. */
function start(
  device: Device,
  kernel: Kernel,
  inputs: readonly TypedArray[],
  length: number,
  scalars: readonly number[] = [],
): Promise<TypedArray> {
  const types = scalars.map((): 'float' => 'float')
  const { dtype } = kernel.buffers.at(-1) as { dtype: DType }
  const output = device.allocate(dtype, length)
  const [copy] = device.run(device.compile(programOf(kernel, inputs, length, types)), {
    inputs,
    outputs: [output],
    scalars,
    evacuate: [output],
  })
  return (copy as { get(): Promise<TypedArray> }).get()
}
const run = (kernel: Kernel, inputs: readonly TypedArray[], length: number, scalars: readonly number[] = []): Promise<TypedArray> =>
  start(openCpu().device, kernel, inputs, length, scalars)

await loadKoffi()

const i = axis(0, 1)
/** The value of an expression without inputs. */
async function evaluate(e: Expr, dtype?: DType): Promise<number> {
  const to = dtype ?? (e.type === 'float' ? 'float64' : e.type === 'i32' ? 'int32' : e.type === 'u32' ? 'uint32' : 'bool')
  const [value] = await run(kernelOf([i], [store(0, at(0, [1, i]), e)], [], to), [], 1)
  return isHalf(to) ? halfFormats[to].fromBits(value as number) : (value as number)
}

const f32 = (...v: number[]): Float32Array => Float32Array.from(v)

describe('kernels on the cpu device', () => {
  it('compute elementwise over a grid, with broadcast operands', async () => {
    const [row, column] = [axis(0, 2), axis(1, 3)]
    const sum = binary('add', load(0, at(0, [3, row], [1, column])), load(1, at(0, [1, column])))
    const kernel = kernelOf([row, column], [store(2, at(0, [3, row], [1, column]), sum)], ['float32', 'float32'], 'float32')
    expect(await run(kernel, [f32(1, 2, 3, 4, 5, 6), f32(10, 20, 30)], 6)).toEqual(f32(11, 22, 33, 14, 25, 36))
  })

  it('read through strides, flips and offsets', async () => {
    const [a, b] = [axis(0, 3), axis(1, 2)]
    const flipped = load(0, at(5, [-1, a], [-3, b]))
    const kernel = kernelOf([a, b], [store(1, at(0, [2, a], [1, b]), flipped)], ['float32'], 'float32')
    expect(await run(kernel, [f32(0, 1, 2, 3, 4, 5)], 6)).toEqual(f32(5, 2, 4, 1, 3, 0))
  })

  it('read through ⌊x / c⌋ and x mod c', async () => {
    const p = axis(0, 6)
    const of = at(0, [1, p])
    // position p of the transpose of a 2×3 matrix: 3 · (p mod 2) + ⌊p / 2⌋
    const index: Index = { offset: 0, terms: [{ coef: 3, atom: { kind: 'mod', of, by: 2 } }, { coef: 1, atom: { kind: 'div', of, by: 2 } }] } // biome-ignore format: one line
    const kernel = kernelOf([p], [store(1, at(0, [1, p]), load(0, index))], ['float32'], 'float32')
    expect(await run(kernel, [f32(0, 1, 2, 3, 4, 5)], 6)).toEqual(f32(0, 3, 1, 4, 2, 5))
  })

  it('pad: a where evaluates only the branch that it chooses', async () => {
    const p = axis(0, 5)
    const moved = at(-2, [1, p])
    const test: Expr = { kind: 'inside', index: moved, size: 2, type: 'bool' }
    const padded: Expr = { kind: 'where', test, a: load(0, moved), b: literal(0), type: 'float' }
    const kernel = kernelOf([p], [store(1, at(0, [1, p]), padded)], ['float32'], 'float32')
    expect(await run(kernel, [f32(7, 8)], 5)).toEqual(f32(0, 0, 7, 8, 0))
  })

  it('run a row program: the stages of a softmax', async () => {
    const [row, k] = [axis(0, 2), axis(1, 3)]
    const x = load(0, at(0, [3, row], [1, k]))
    const shifted = unary('exp', binary('sub', x, acc(0)))
    const stages = [
      reduce([k], 'max', x),
      reduce([k], 'sum', shifted),
      store(1, at(0, [3, row], [1, k]), binary('div', shifted, acc(1)), [k]),
    ]
    const out = await run(kernelOf([row], stages, ['float64'], 'float64'), [Float64Array.of(1, 2, 3, 0, 0, Math.log(2))], 6)
    const e = [Math.exp(-2), Math.exp(-1), 1]
    const total = e.reduce((s, v) => s + v)
    const expected = [...e.map((v) => v / total), 0.25, 0.25, 0.5]
    out.forEach((v, n) => {
      expect(v).toBeCloseTo(expected[n] as number, 15)
    })
  })

  it('sum products: a matrix product in double precision', async () => {
    const [m, n, k] = [axis(0, 2), axis(1, 2), axis(2, 3)]
    const product = binary('mul', load(0, at(0, [3, m], [1, k])), load(1, at(0, [2, k], [1, n])))
    const stages = [reduce([k], 'sum', product), store(2, at(0, [2, m], [1, n]), acc(0))]
    const kernel = kernelOf([m, n], stages, ['float32', 'float32'], 'float32')
    expect(await run(kernel, [f32(1, 2, 3, 4, 5, 6), f32(1, 2, 3, 4, 5, 6)], 4)).toEqual(f32(22, 28, 49, 64))
    // 1 + 2⁻³⁰ − 1 is lost in float32, kept in double
    const thin = kernelOf([], [reduce([k], 'sum', load(0, at(0, [1, k]))), store(1, at(0), acc(0))], ['float64'], 'float64')
    expect(await run(thin, [Float64Array.of(1, 2 ** -30, -1)], 1)).toEqual(Float64Array.of(2 ** -30))
  })

  it('reduce with every op, over several axes in row-major order', async () => {
    const [r, c] = [axis(0, 2), axis(1, 3)]
    const data = f32(3, -1, 7, 7, -5, 2)
    const reduced = async (op: ReduceOp): Promise<number> => {
      const value = load(0, at(0, [3, r], [1, c]))
      const output: DType = op === 'argmax' || op === 'argmin' ? 'int32' : 'float32'
      const kernel = kernelOf([], [reduce([r, c], op, value), store(1, at(0), acc(0, 0, valueTypeOf(output)))], ['float32'], output)
      return (await run(kernel, [data], 1))[0] as number
    }
    expect([await reduced('sum'), await reduced('prod'), await reduced('max'), await reduced('min')]).toEqual([
      13,
      3 * -1 * 7 * 7 * -5 * 2,
      7,
      -5,
    ])
    expect([await reduced('argmax'), await reduced('argmin')]).toEqual([2, 4])
  })

  it('keep NaN in max and min, and take the first one as the extreme', async () => {
    const k = axis(0, 4)
    const data = f32(1, Number.NaN, 5, Number.NaN)
    for (const [op, output, expected] of [
      ['max', 'float32', Number.NaN],
      ['min', 'float32', Number.NaN],
      ['argmax', 'int32', 1],
      ['argmin', 'int32', 1],
    ] as const) {
      // biome-ignore format: a table
      const stages = [reduce([k], op, load(0, at(0, [1, k]))), store(1, at(0), acc(0, 0, valueTypeOf(output)))]
      expect(await run(kernelOf([], stages, ['float32'], output), [data], 1)).toEqual(
        dtypeInfo[output].view(new Float64Array([0]).buffer, 0, 1).fill(expected),
      )
    }
  })

  it('reduce bools and whole numbers in their own type', async () => {
    const k = axis(0, 3)
    const any = kernelOf([], [reduce([k], 'max', load(0, at(0, [1, k]), 'bool')), store(1, at(0), acc(0, 0, 'bool'))], ['bool'], 'bool')
    expect(await run(any, [Uint8Array.of(0, 2, 0)], 1)).toEqual(Uint8Array.of(1))
    const sum = kernelOf([], [reduce([k], 'sum', load(0, at(0, [1, k]), 'i32')), store(1, at(0), acc(0, 0, 'i32'))], ['int32'], 'int32')
    expect(await run(sum, [Int32Array.of(2 ** 31 - 1, 1, 5)], 1)).toEqual(Int32Array.of(-(2 ** 31) + 5))
  })

  it('write several buffers at one point, all from the values before', async () => {
    const p = axis(0, 2)
    const here = at(0, [1, p])
    const [a, b] = [load(0, here), load(1, here)]
    const swap: Stage = { kind: 'store', axes: [], stores: [{ buffer: 0, index: here, value: b }, { buffer: 1, index: here, value: a }] } // biome-ignore format: one line
    const buffers = [{ dtype: 'float32', access: 'readwrite' }, { dtype: 'float32', access: 'readwrite' }] as const // biome-ignore format: one line
    const kernel: Kernel = { label: 'swap', grid: [p], stages: [swap], buffers, sites: [] }
    const slots: Slot[] = [
      { kind: 'input', dtype: 'float32', length: 2 },
      { kind: 'input', dtype: 'float32', length: 2 },
      { kind: 'output', dtype: 'float32', length: 2, donor: 0 },
      { kind: 'output', dtype: 'float32', length: 2, donor: 1 },
    ]
    const { device } = openCpu()
    const inputs = [device.upload('float32', f32(1, 2)), device.upload('float32', f32(3, 4))]
    const outputs = [device.allocate('float32', 2), device.allocate('float32', 2)] as const
    device.run(device.compile({ steps: [{ kind: 'kernel', kernel, slots: [2, 3], scalars: [] }], slots, scalars: [] }), {
      inputs,
      outputs,
      scalars: [],
      evacuate: [],
    })
    expect([await device.read(outputs[0]), await device.read(outputs[1])]).toEqual([f32(3, 4), f32(1, 2)])
    expect(device.memory()).toMatchObject({ liveBytes: 16, buffers: 2 })
    await expect(device.read(inputs[0] as (typeof outputs)[0])).rejects.toThrow('was never written, or was released')
  })

  it('take step-varying numbers from the run', async () => {
    const p = axis(0, 2)
    const scaled = binary('mul', load(0, at(0, [1, p])), { kind: 'scalar', slot: 0, type: 'float' })
    const kernel = kernelOf([p], [store(1, at(0, [1, p]), scaled)], ['float32'], 'float32')
    expect(await run(kernel, [f32(1, 2)], 2, [0.5])).toEqual(f32(0.5, 1))
  })

  it('compute a value used in many places once for each point', async () => {
    // 60 doublings of a shared operand: 2⁶⁰ evaluations, were each use computed anew
    let sum = load(0, at(0, [1, i])) as Expr
    for (let n = 0; n < 60; n++) sum = binary('add', sum, sum)
    expect(await run(kernelOf([i], [store(1, at(0, [1, i]), sum)], ['float64'], 'float64'), [Float64Array.of(1)], 1)).toEqual(
      Float64Array.of(2 ** 60),
    )
  })
})

describe('numbers on the cpu device', () => {
  it('convert as PyTorch does', async () => {
    const table: readonly (readonly [number, DType, DType, number])[] = [
      [2.9, 'float32', 'int32', 2], [-2.9, 'float32', 'int32', -2], [3e9, 'float32', 'int32', 2 ** 31 - 1], [Number.NaN, 'float32', 'int32', 0],
      [300.7, 'float32', 'uint8', 44], [-1, 'float32', 'uint8', 255], [200, 'int32', 'int8', -56], [-1, 'int32', 'uint32', 2 ** 32 - 1],
      [0.1, 'float64', 'float32', Math.fround(0.1)], [0.1, 'float64', 'float16', fromHalf(toHalf(0.1))], [70000, 'float32', 'float16', Number.POSITIVE_INFINITY],
      [0.1, 'float64', 'bfloat16', 0.10009765625], [3.4e38, 'float32', 'bfloat16', Number.POSITIVE_INFINITY],
      [2 ** 24 + 1, 'int32', 'float32', 2 ** 24], [0.25, 'float32', 'bool', 1], [Number.NaN, 'float32', 'bool', 1], [0, 'int32', 'bool', 0], [1, 'bool', 'float32', 1],
    ] // biome-ignore format: a table
    for (const [value, from, to, expected] of table) {
      const result = await evaluate(cast(literal(value, valueTypeOf(from)), from, to), to === 'float32' ? 'float64' : to)
      expect(result, `${value} from ${from} to ${to}`).toBe(expected)
    }
  })

  it('are rounded or narrowed by the buffer that takes them', async () => {
    expect(await evaluate(literal(0.1), 'float32')).toBe(Math.fround(0.1))
    expect(await evaluate(literal(0.1), 'float16')).toBe(fromHalf(toHalf(0.1)))
    expect(await evaluate(literal(0.1), 'bfloat16')).toBe(0.10009765625)
    expect(await evaluate(literal(300, 'i32'), 'uint8')).toBe(44)
    expect(await evaluate(literal(200, 'i32'), 'int8')).toBe(-56)
  })

  for (const engine of ['wasm', 'interpreter'] as const)
    it(`are compared as they are stored (${engine})`, async () => {
      const thirds = binary('div', load(0, at(0, [1, i])), literal(3))
      const same = kernelOf([i], [store(2, at(0, [1, i]), binary('eq', thirds, load(1, at(0, [1, i]))))], ['float32', 'float32'], 'bool')
      const { device } = openCpu(engine)
      expect(await start(device, same, [f32(1), f32(1 / 3)], 1)).toEqual(Uint8Array.of(1))
      expect(await start(device, same, [f32(1), f32(Math.fround(1 / 3) + 2 ** -25)], 1)).toEqual(Uint8Array.of(0))
      const doubles = kernelOf([i], [store(2, at(0, [1, i]), binary('eq', thirds, load(1, at(0, [1, i]))))], ['float64', 'float64'], 'bool')
      expect(await start(device, doubles, [Float64Array.of(1), Float64Array.of(Math.fround(1 / 3))], 1)).toEqual(Uint8Array.of(0))
    })

  it('wrap where they are whole', async () => {
    const i32 = (op: BinaryOp, a: number, b: number): Promise<number> => evaluate(binary(op, literal(a, 'i32'), literal(b, 'i32')))
    const u32 = (op: BinaryOp, a: number, b: number): Promise<number> => evaluate(binary(op, literal(a, 'u32'), literal(b, 'u32')))
    expect(await i32('add', 2 ** 31 - 1, 1)).toBe(-(2 ** 31))
    expect(await i32('mul', 65537, 65537)).toBe(131073)
    expect(await u32('sub', 1, 2)).toBe(2 ** 32 - 1)
    expect(await u32('mul', 0xffffffff, 0xffffffff)).toBe(1)
    expect([await i32('div', -7, 2), await i32('mod', -7, 2), await i32('div', 5, 0), await i32('mod', 5, 0)]).toEqual([-3, -1, 5, 0])
    expect([
      await i32('pow', 3, 4),
      await i32('pow', 2, -1),
      await i32('pow', -1, -3),
      await i32('pow', 7, 0),
      await i32('pow', 3, 21),
    ]).toEqual([81, 0, -1, 1, 1870418611])
    expect([await i32('shr', -8, 1), await u32('shr', 0x80000000, 31), await u32('shl', 3, 31)]).toEqual([-4, 1, 0x80000000])
    expect([await u32('xor', 0xf0f0f0f0, 0xffffffff), await i32('and', 12, 10), await i32('or', 12, 10)]).toEqual([0x0f0f0f0f, 8, 14])
    expect([await evaluate(unary('neg', literal(-(2 ** 31), 'i32'))), await evaluate(unary('not', literal(0, 'u32')))]).toEqual([
      -(2 ** 31),
      2 ** 32 - 1,
    ])
  })

  it('keep NaN in max and min, and compare as IEEE says', async () => {
    const nan = literal(Number.NaN)
    expect([await evaluate(binary('max', nan, literal(1))), await evaluate(binary('min', literal(1), nan))]).toEqual([
      Number.NaN,
      Number.NaN,
    ])
    const answers = await Promise.all((['lt', 'le', 'eq', 'ne'] as const).map((op) => evaluate(binary(op, nan, nan))))
    expect(answers).toEqual([0, 0, 0, 1])
    expect(await evaluate(unary('sign', nan))).toBe(0)
  })

  it('raise to a power as C does', async () => {
    const pow = (a: number, b: number): Promise<number> => evaluate(binary('pow', literal(a), literal(b)))
    const inf = Number.POSITIVE_INFINITY
    expect([await pow(1, Number.NaN), await pow(-1, inf), await pow(-1, -inf), await pow(Number.NaN, 0)]).toEqual([1, 1, 1, 1])
    expect([await pow(-8, 3), await pow(-8, 1 / 3), await pow(0, -1), await pow(0.5, inf)]).toEqual([-512, Number.NaN, inf, 0])
  })

  it('round half to even', () => {
    expect([0.5, 1.5, 2.5, 0.49999999999999994, 2 ** 52 + 1, -1.5, -2.5, 1e300].map(roundEven)).toEqual([
      0,
      2,
      2,
      0,
      2 ** 52 + 1,
      -2,
      -2,
      1e300,
    ])
    expect(roundEven(-0.5)).toBe(-0)
    expect(roundEven(Number.NaN)).toBeNaN()
  })

  it('have an error function within 1e-15 of its value', () => {
    // Values to 17 digits from Python's math.erf (the C library's).
    const table = [[1e-10, 1.1283791670955126e-10], [0.1, 0.1124629160182849], [0.5, 0.5204998778130465], [1, 0.8427007929497149], [1.5, 0.9661051464753108],
      [2, 0.9953222650189527], [2.4999, 0.9995928300996672], [2.5, 0.999593047982555], [3, 0.9999779095030014], [4, 0.9999999845827421], [-0.7, -0.6778011938374184]] as const // biome-ignore format: a table
    for (const [x, y] of table) expect(Math.abs(erf(x) / y - 1), `erf(${x})`).toBeLessThan(1e-15)
    expect([erf(0), erf(7), erf(Number.NEGATIVE_INFINITY), erf(Number.NaN)]).toEqual([0, 1, -1, Number.NaN])
  })

  it('are drawn by Philox4x32-10: the known answers of Random123', async () => {
    const all = 0xffffffff
    const known = [
      { key: [0, 0], counter: [0, 0, 0, 0], words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
      { key: [all, all], counter: [all, all, all, all], words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd] },
      {
        key: [0xa4093822, 0x299f31d0],
        counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
      },
    ] as const
    for (const { key, counter, words } of known) {
      expect(philox(key, counter)).toEqual(words)
      const u32 = (v: number): Expr => literal(v, 'u32')
      const [k0, k1, c0, c1, c2, c3] = [...key, ...counter].map(u32) as [Expr, Expr, Expr, Expr, Expr, Expr]
      for (const word of [0, 1, 2, 3] as const) {
        expect(await evaluate({ kind: 'philox', word, key: [k0, k1], counter: [c0, c1, c2, c3], type: 'u32' })).toBe(words[word])
      }
    }
  })
})

describe('errors on the cpu device', () => {
  const p = axis(0, 2)
  /** out[p] = source[checked(index[p])], where the source has 3 elements. */
  const gather = (): Kernel => {
    const value: Expr = { kind: 'checked', value: load(1, at(0, [1, p]), 'i32'), size: 3, site: 0, type: 'i32' }
    const chosen = load(0, { offset: 0, terms: [{ coef: 1, atom: { kind: 'value', value } }] })
    return kernelOf([p], [store(2, at(0, [1, p]), chosen)], ['float32', 'int32'], 'float32', ['embedding'])
  }

  it('an index outside its axis rejects the next promise, once, with the name of the op', async () => {
    const { device } = openCpu()
    expect(await start(device, gather(), [f32(5, 6, 7), Int32Array.of(2, 0)], 2)).toEqual(f32(7, 5))
    const wrong = start(device, gather(), [f32(5, 6, 7), Int32Array.of(1, 3)], 2)
    await expect(wrong).rejects.toThrow(IndexError)
    await expect(device.synchronize()).resolves.toBeUndefined()
    const negative = start(device, gather(), [f32(5, 6, 7), Int32Array.of(-1, 0)], 2)
    await expect(negative).rejects.toThrow('embedding: index -1 is out of range for an axis of size 3')
  })

  it('an index error nobody waited for is told by synchronize, once, and by its own results always', async () => {
    const { device } = openCpu()
    const other = device.upload('float32', f32(1))
    const output = device.allocate('float32', 2)
    device.run(device.compile(programOf(gather(), [f32(5, 6, 7), Int32Array.of(9, 9)], 2)), {
      inputs: [f32(5, 6, 7), Int32Array.of(9, 9)],
      outputs: [output],
      scalars: [],
      evacuate: [],
    })
    expect(await device.read(other)).toEqual(f32(1))
    await device.throttle()
    await expect(device.synchronize()).rejects.toThrow('embedding: index 9 is out of range')
    await device.synchronize()
    for (let i = 0; i < 2; i++) await expect(device.read(output)).rejects.toThrow(IndexError)
    // so does what is computed from it, and the device has been told of
    const next = device.allocate('float32', 2)
    const executable = device.compile(programOf(gather(), [f32(5, 6), Int32Array.of(0, 0)], 2))
    device.run(executable, { inputs: [output, Int32Array.of(0, 0)], outputs: [next], scalars: [], evacuate: [] })
    await device.synchronize()
    await expect(device.read(next)).rejects.toThrow(IndexError)
  })

  it('of results kept, only those of the run with the wrong index reject, every time', async () => {
    const { device } = openCpu()
    const losses = [0, 7, 1, 2].map((i) => {
      const output = device.allocate('float32', 2)
      const indices = Int32Array.of(0, i)
      const executable = device.compile(programOf(gather(), [f32(5, 6, 7), indices], 2))
      return device.run(executable, { inputs: [f32(5, 6, 7), indices], outputs: [output], scalars: [], evacuate: [output] })[0] as HostCopy
    })
    for (const again of [0, 1]) {
      for (const [i, loss] of losses.entries()) {
        if (i === 1) await expect(loss.get(), `round ${again}`).rejects.toThrow('embedding: index 7 is out of range for an axis of size 3')
        else expect(await loss.get()).toEqual(f32(5, 5 + ([0, 0, 1, 2][i] as number)))
        await device.throttle()
      }
    }
    await device.synchronize()
  })

  it('a kernel that reads outside a buffer poisons what it would have written, where it is interpreted', async () => {
    const { device } = openCpu('interpreter')
    const kernel = kernelOf([p], [store(1, at(0, [1, p]), load(0, at(1, [1, p])))], ['float32'], 'float32')
    const output = device.allocate('float32', 2)
    device.run(device.compile(programOf(kernel, [f32(1, 2)], 2)), { inputs: [f32(1, 2)], outputs: [output], scalars: [], evacuate: [] })
    await expect(device.throttle()).rejects.toThrow('cpu: kernel test reads element 2 of buffer 0, which has 2')
    await expect(device.throttle()).resolves.toBeUndefined()
    await expect(device.read(output)).rejects.toThrow('reads element 2')
    // what is computed from it fails for the same reason
    const next = device.allocate('float32', 2)
    const same = kernelOf([p], [store(1, at(0, [1, p]), load(0, at(0, [1, p])))], ['float32'], 'float32')
    const [copy] = device.run(device.compile(programOf(same, [f32(1, 2)], 2)), {
      inputs: [output],
      outputs: [next],
      scalars: [],
      evacuate: [next],
    })
    expect(copy?.peek()).toBeUndefined()
    await expect(copy?.get()).rejects.toThrow('reads element 2')
    expect(device.memory()).toMatchObject({ liveBytes: 0, buffers: 0 })
  })

  it('a store of another type than its buffer holds is refused when compiled', () => {
    const kernel = kernelOf([i], [store(0, at(0), literal(1, 'i32'))], [], 'float32')
    expect(() => openCpu().device.compile(programOf(kernel, [], 1))).toThrow('stores i32 in a float32 buffer')
  })
})

describe('memory of the cpu device', () => {
  const p = axis(0, 4)
  const copyKernel = kernelOf([p], [store(1, at(0, [1, p]), load(0, at(0, [1, p])))], ['float32'], 'float32')

  /** Bytes of host data while it is lent to a run: WebAssembly needs it in its own memory. */
  const lentBytes = process.env.TAPEGRAD_CPU === 'interpreter' ? 0 : 16

  it('counts a buffer from the first program that writes it until it is released', async () => {
    const { device } = openCpu()
    const source = device.upload('float32', f32(1, 2, 3, 4))
    const output = device.allocate('float32', 4)
    expect(device.memory()).toMatchObject({ liveBytes: 16, peakBytes: 16, buffers: 1 })
    const executable = device.compile(programOf(copyKernel, [f32(0, 0, 0, 0)], 4))
    device.run(executable, { inputs: [source], outputs: [output], scalars: [], evacuate: [] })
    expect(device.memory()).toMatchObject({ liveBytes: 32, buffers: 2 })
    device.release(source)
    device.release(output)
    expect(device.memory()).toMatchObject({ liveBytes: 0, peakBytes: 32, buffers: 0 })
    device.resetPeakMemory()
    expect(device.memory().peakBytes).toBe(0)
  })

  it('counts scratch, and host data that is lent in a copy, while a program runs', async () => {
    const { device } = openCpu()
    const slots: Slot[] = [
      { kind: 'input', dtype: 'float32', length: 4 },
      { kind: 'scratch', dtype: 'float32', length: 4 },
      { kind: 'output', dtype: 'float32', length: 4 },
    ]
    const steps = [[0, 1], [1, 2]].map((slots) => ({ kind: 'kernel', kernel: copyKernel, slots, scalars: [] }) as const) // biome-ignore format: one line
    const output = device.allocate('float32', 4)
    device.run(device.compile({ steps, slots, scalars: [] }), { inputs: [f32(1, 2, 3, 4)], outputs: [output], scalars: [], evacuate: [] })
    expect(await device.read(output)).toEqual(f32(1, 2, 3, 4))
    expect(device.memory()).toMatchObject({ liveBytes: 16, peakBytes: 16 + 256 + lentBytes, buffers: 1 }) // a place of scratch has at least 256
    expect(device.counters()).toMatchObject({ dispatches: 2, submits: 1, pipelines: 1 })
  })

  it('keeps nothing of what is released, where arrays are their own', () => {
    const { device } = openCpu('interpreter')
    device.release(device.upload('float32', f32(1, 2)))
    expect(device.memory()).toEqual({ liveBytes: 0, peakBytes: 8, pooledBytes: 0, buffers: 0 })
  })

  it('moves small results to the host, from where they come back', async () => {
    const { device } = openCpu()
    const output = device.allocate('float32', 4)
    const executable = device.compile(programOf(copyKernel, [f32(0, 0, 0, 0)], 4))
    const [copy] = device.run(executable, { inputs: [f32(1, 2, 3, 4)], outputs: [output], scalars: [], evacuate: [output] })
    expect(device.memory()).toMatchObject({ liveBytes: 0, buffers: 0 })
    expect(copy?.peek()).toEqual(f32(1, 2, 3, 4))
    const back = device.restore(copy as NonNullable<typeof copy>)
    expect(await device.read(back)).toEqual(f32(1, 2, 3, 4))
    expect(device.memory()).toMatchObject({ liveBytes: 16, buffers: 1 })
  })

  it('writes over a donor, but never over lent host data', async () => {
    const { device } = openCpu()
    const doubled = binary('add', load(0, at(0, [1, p])), load(0, at(0, [1, p])))
    const kernel: Kernel = { label: 'double', grid: [p], stages: [store(0, at(0, [1, p]), doubled)], buffers: [{ dtype: 'float32', access: 'readwrite' }], sites: [] } // biome-ignore format: one line
    const slots: Slot[] = [
      { kind: 'input', dtype: 'float32', length: 4 },
      { kind: 'output', dtype: 'float32', length: 4, donor: 0 },
    ]
    const executable = device.compile({ steps: [{ kind: 'kernel', kernel, slots: [1], scalars: [] }], slots, scalars: [] })
    const lent = f32(1, 2, 3, 4)
    const first = device.allocate('float32', 4)
    device.run(executable, { inputs: [lent], outputs: [first], scalars: [], evacuate: [] })
    expect([lent, await device.read(first)]).toEqual([f32(1, 2, 3, 4), f32(2, 4, 6, 8)])
    const second = device.allocate('float32', 4)
    device.run(executable, { inputs: [first], outputs: [second], scalars: [], evacuate: [] })
    expect(await device.read(second)).toEqual(f32(4, 8, 12, 16))
    expect(device.memory()).toMatchObject({ liveBytes: 16, buffers: 1 })
  })

  for (const engine of ['wasm', 'interpreter'] as const)
    it(`has its operands back where a function of the program's own throws after they were overwritten (${engine})`, async () => {
      const { device } = openCpu(engine)
      const doubled = binary('add', load(0, at(0, [1, p])), load(0, at(0, [1, p])))
      const kernel: Kernel = { label: 'double', grid: [p], stages: [store(0, at(0, [1, p]), doubled)], buffers: [{ dtype: 'float32', access: 'readwrite' }], sites: [] } // biome-ignore format: one line
      let fails = true
      const type = { shape: [4], dtype: 'float32' } as const
      const own = {
        ...{ id: -1, name: 'own', inputs: ['x'], outputs: ['y'], typesOf: () => [type], pointsOf: () => 4, wgsl: undefined },
        cpu: ({ x }: CustomArrays, { y }: CustomArrays): void => {
          if (fails) throw 'no error'
          y?.set(x as Float32Array)
        },
      }
      const call: RoutineCall = { routine: { kind: 'custom', definition: own, params: {} }, label: 'own', inputs: [type], outputs: [type], sites: [] } // biome-ignore format: one line
      const executable = device.compile({
        steps: [
          { kind: 'kernel', kernel, slots: [1], scalars: [] },
          { kind: 'kernel', kernel, slots: [1], scalars: [] },
          { kind: 'routine', call, slots: [1, 2], pieces: [undefined, undefined] },
        ],
        slots: [
          { kind: 'input', dtype: 'float32', length: 4 },
          { kind: 'output', dtype: 'float32', length: 4, donor: 0 },
          { kind: 'output', dtype: 'float32', length: 4 },
        ],
        scalars: [],
      })
      const x = device.upload('float32', f32(1, 2, 3, 4))
      const before = device.memory()
      const run = (): DeviceBuffer[] => {
        const outputs = [device.allocate('float32', 4), device.allocate('float32', 4)]
        device.run(executable, { inputs: [x], outputs, scalars: [], evacuate: [] })
        return outputs
      }
      expect(run).toThrow(new CustomOpError('own', 'its cpu function threw: no error', 'no error'))
      expect(await device.read(x)).toEqual(f32(1, 2, 3, 4))
      expect(device.memory()).toMatchObject({ liveBytes: before.liveBytes, buffers: before.buffers })
      fails = false
      for (const result of run()) expect(await device.read(result)).toEqual(f32(4, 8, 12, 16))
    })

  it('gives copies: neither uploads nor reads share memory with the caller', async () => {
    const { device } = openCpu()
    const data = f32(1)
    const buffer = device.upload('float32', data)
    data[0] = 2
    const read = await device.read(buffer)
    read[0] = 3
    expect(await device.read(buffer)).toEqual(f32(1))
  })
})

describe('kernels as WebAssembly agree with the interpreter, four at a time and one by one', () => {
  const compare = async (kernel: Kernel, inputs: readonly TypedArray[], length: number): Promise<TypedArray> => {
    const [a, b] = await Promise.all((['wasm', 'interpreter'] as const).map((name) => start(openCpu(name).device, kernel, inputs, length)))
    expect(a).toEqual(b)
    return a as TypedArray
  }
  const p = axis(0, 23)
  const here = at(0, [1, p])
  const inf = Number.POSITIVE_INFINITY
  // biome-ignore format: a table
  const floats = f32(0, -0, 1, -1, 65504, 65519.996, 65520, -65520, inf, -inf, Number.NaN, 2 ** -14, 2 ** -15 * 1.001, 2 ** -24, 2 ** -25, 2 ** -25 * 1.0001, 3 * 2 ** -25, 2049, 2051, 0.1, 1e-30, -7.3, 3e38)

  it('halves: rounded to even, subnormal, infinite, NaN', async () => {
    const halves = await compare(kernelOf([p], [store(1, here, load(0, here))], ['float32'], 'float16'), [floats], 23)
    expect([...halves]).toEqual([...floats].map(toHalf))
    await compare(kernelOf([p], [store(1, here, load(0, here))], ['float16'], 'float32'), [halves], 23)
  })

  it('whole numbers: division by zero and overflow do not trap', async () => {
    const low = -(2 ** 31)
    const a = Int32Array.from({ length: 23 }, (_, n) => (n % 3 === 0 ? low : n * 7 - 60))
    const b = Int32Array.from({ length: 23 }, (_, n) => (n % 5) - 2)
    for (const op of ['div', 'mod', 'pow', 'shl', 'shr'] as const)
      await compare(
        kernelOf([p], [store(2, here, binary(op, load(0, here, 'i32'), load(1, here, 'i32')))], ['int32', 'int32'], 'int32'),
        [a, b],
        23,
      )
  })

  it('the remainder of floats, and their truncation', async () => {
    const by = Float32Array.from(floats).reverse()
    await compare(
      kernelOf([p], [store(2, here, binary('mod', load(0, here), load(1, here)))], ['float32', 'float32'], 'float32'),
      [floats, by],
      23,
    )
    for (const to of ['int32', 'uint32', 'int8', 'uint8'] as const)
      await compare(kernelOf([p], [store(1, here, cast(load(0, here), 'float32', to))], ['float32'], to), [floats], 23)
  })
})
