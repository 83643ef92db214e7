/** @file Elementary functions of the WebAssembly device against JavaScript's in double precision, over all of float32. */
import { describe, expect, it } from 'vitest'
import { floatFunctions } from '../../src/device/cpu/arithmetic.ts'
import { type Local, ModuleBuilder } from '../../src/device/cpu/wasm/assembler/assembler.ts'
import { wasm } from '../../src/device/cpu/wasm/assembler/webassembly.ts'
import { Library } from '../../src/device/cpu/wasm/codegen/library.ts'
import { LARGE_ANGLE } from '../../src/device/cpu/wasm/codegen/math.ts'

const engine = wasm as NonNullable<typeof wasm>
type Name = keyof typeof floatFunctions
const isBinary = (name: Name): boolean => floatFunctions[name].length === 2

const ROOM = 2 ** 16
const PAGES = 16
const memory = new engine.Memory({ initial: PAGES, maximum: PAGES, shared: true })
const [first, second, out] = [0, 1, 2].map((i) => new Float32Array(memory.buffer, 4 * ROOM * i, ROOM)) as [
  Float32Array,
  Float32Array,
  Float32Array,
]

/** The function on all numbers of `x` (and `y`), in vectors or one by one. */
function run(name: Name, form: 'vector' | 'scalar', x: Float32Array, y = x): Float32Array {
  const module = new ModuleBuilder({ shared: true, maximum: PAGES })
  const code = module.function(['i32'], [], 'run')
  const library = new Library(module)
  const [end] = code.params as [Local]
  const i = code.local('i32')
  const vector = form === 'vector'
  code.for(i, end, vector ? 16 : 4, () => {
    code.get(i)
    code.get(i).memory(vector ? 'v128.load' : 'f32.load', first.byteOffset)
    if (isBinary(name)) code.get(i).memory(vector ? 'v128.load' : 'f32.load', second.byteOffset)
    code.call(library.call(vector ? `${name}4` : name))
    code.memory(vector ? 'v128.store' : 'f32.store', out.byteOffset)
  })
  const instance = new engine.Instance(new engine.Module(module.build()), { env: { memory, ...library.imports } })
  const results = new Float32Array(x.length)
  for (let at = 0; at < x.length; at += ROOM) {
    const part = x.subarray(at, at + ROOM)
    first.set(part)
    second.set(y.subarray(at, at + ROOM))
    ;(instance.exports.run as (end: number) => void)(4 * part.length)
    results.set(out.subarray(0, part.length), at)
  }
  return results
}

const scratch = new DataView(new ArrayBuffer(4))
/** The distance of float32 numbers at x. */
const unit = (x: number): number => 2 ** (Math.min(Math.max(Math.floor(Math.log2(Math.abs(x))), -126), 127) - 23)

/** How far a float32 is from the true value, in units in the last place; infinitely far where one is NaN, or zeros differ in sign. */
function error(got: number, wanted: number): number {
  const rounded = Math.fround(wanted)
  if (Number.isNaN(got) || Number.isNaN(rounded)) return Object.is(got, rounded) ? 0 : Number.POSITIVE_INFINITY
  if (got === 0 && rounded === 0) return Object.is(got, rounded) ? Math.abs(wanted) / unit(wanted) || 0 : Number.POSITIVE_INFINITY
  if (got === rounded && Math.abs(got) === Number.POSITIVE_INFINITY) return 0
  // The largest numbers and infinity are neighbours
  const limited = (x: number): number => Math.min(Math.max(x, -(2 ** 128)), 2 ** 128)
  return Math.abs(limited(got) - limited(wanted)) / unit(limited(wanted))
}

const EDGES = [
  0,
  1e-45,
  1.1754942e-38,
  1.17549435e-38,
  1e-20,
  0.25,
  0.5,
  0.625,
  Math.SQRT1_2,
  1,
  Math.SQRT2,
  1.5,
  2,
  3,
  Math.PI,
  Math.PI / 2,
  16,
  17,
  18,
  87.33655,
  88.02969,
  88.72283,
  88.72284,
  103.27893,
  103.97208,
  104.5,
  2 ** 24,
  2 ** 24 + 2,
  LARGE_ANGLE,
  3.4028235e38,
  Number.POSITIVE_INFINITY,
  Number.NaN,
].flatMap((x) => [x, -x])

/** Float32 numbers of every exponent and sign, and edges. */
function spread(step: number): Float32Array {
  const x: number[] = [...EDGES]
  for (let bits = 0; bits < 2 ** 32; bits += step) {
    scratch.setUint32(0, bits)
    x.push(scratch.getFloat32(0))
  }
  while (x.length % 4 !== 0) x.push(1)
  return Float32Array.from(x)
}

interface Worst {
  readonly ulps: number
  readonly at: readonly number[]
}

function worst(name: Name, x: Float32Array, y = x): Worst {
  const got = run(name, 'vector', x, y)
  const f = floatFunctions[name] as (x: number, y: number) => number
  let found: Worst = { ulps: 0, at: [] }
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i] as number, y[i] as number]
    const ulps = error(got[i] as number, f(a, b))
    if (ulps > found.ulps) found = { ulps, at: isBinary(name) ? [a, b] : [a] }
  }
  return found
}

/** The largest errors, in units in the last place; those found are a little less. */
const LARGEST = {
  exp: 1,
  expm1: 1.3,
  log: 0.9,
  log1p: 1,
  tanh: 1.3,
  erf: 1.4,
  erfc: 6.5,
  sin: 1.6,
  cos: 1.6,
  sign: 0,
  pow: 0.51,
  exp2: 1,
  log2: 1.9,
  log10: 0.51,
  atan: 1.5,
  atan2: 0.51,
  lgamma: 0.51,
  digamma: 0.51,
  i0e: 0.51,
  i1e: 0.51,
  zeta: 0.51,
  igamma: 0.51,
  igammac: 0.51,
  gammapdf: 0.51,
} as const

/** All pairs of some numbers. */
function pairs(list: readonly number[]): [Float32Array, Float32Array] {
  return [Float32Array.from(list.flatMap((x) => list.map(() => x))), Float32Array.from(list.flatMap(() => list))]
}

describe('elementary functions in vectors', () => {
  const all = spread(2039)
  const [bases, exponents] = pairs([...EDGES, 5, -5, 7, -7, 1 / 3, -1 / 3, 0.999999, 1.000001, 127, 128, 149, 150, -149, -150])
  for (const name of [
    'exp',
    'expm1',
    'log',
    'log1p',
    'tanh',
    'erf',
    'erfc',
    'sin',
    'cos',
    'sign',
    'exp2',
    'log2',
    'log10',
    'atan',
  ] as const) {
    it(`${name} is right to ${LARGEST[name]} units in the last place over all of float32`, () => {
      const { ulps, at } = worst(name, all)
      expect(ulps, `${ulps} at ${at}`).toBeLessThanOrEqual(LARGEST[name])
    })
  }

  it(`pow is right to ${LARGEST.pow} units in the last place, and follows C at zeros, infinities and NaN`, () => {
    const edges = worst('pow', bases, exponents)
    expect(edges.ulps, `${edges.ulps} at ${edges.at}`).toBeLessThanOrEqual(LARGEST.pow)
    // Any base, and exponents of which the result is often a number
    const x = all.filter((_, i) => i % 2 === 0).slice(0, 2 ** 20)
    const y = x.map((a, i) => {
      const most = 160 / Math.max(Math.abs(Math.log2(Math.abs(a))), 1e-3)
      const exponent = ((i * 0.618033988749895) % 2) - 1
      return i % 3 === 0 ? Math.round(exponent * 40) : exponent * most
    })
    const found = worst('pow', x, y)
    expect(found.ulps, `${found.ulps} at ${found.at}`).toBeLessThanOrEqual(LARGEST.pow)
  })

  it('gives the same bits for one number as for four', () => {
    const some = spread(2 ** 14 + 1)
    for (const name of Object.keys(LARGEST) as Name[]) {
      const [x, y] = isBinary(name) ? [bases, exponents] : [some, some]
      const bits = (form: 'vector' | 'scalar'): Int32Array => new Int32Array(run(name, form, x, y).buffer)
      const [vector, scalar] = [bits('vector'), bits('scalar')]
      const other = scalar.findIndex((word, i) => word !== vector[i])
      expect(other, `${name} of ${x[other]}`).toBe(-1)
    }
  })

  it('reduces angles next to multiples of π/2, small and large', () => {
    const near = new Float32Array(2 ** 16).map((_, i) => (i * 10 * Math.PI) / 2 + (i % 3) * 1e-7)
    for (const name of ['sin', 'cos'] as const) {
      const { ulps, at } = worst(name, near)
      expect(ulps, `${name}: ${ulps} at ${at}`).toBeLessThanOrEqual(LARGEST[name])
    }
  })

  it('leaves what is not called out of a module', () => {
    const library = (names: readonly string[]): { size: number; imports: string[] } => {
      const module = new ModuleBuilder({ shared: true, maximum: PAGES })
      const { call, imports } = ((l: Library) => ({ call: (n: string) => l.call(n), imports: l.imports }))(new Library(module))
      names.forEach(call)
      return { size: module.build().length, imports: Object.keys(imports) }
    }
    expect(library([]).imports).toEqual([])
    expect(library(['exp', 'tanh4']).imports).toEqual([])
    expect(library(['sin4', 'log64']).imports).toEqual(['sinOfOne', 'log64'])
    expect(library([]).size).toBeLessThan(60)
    expect(library(['exp4', 'tanh4', 'exp4']).size).toBeLessThan(library(['exp4']).size + library(['tanh4']).size)
    expect(() => library(['gamma4'])).toThrow('library: there is no gamma4')
  })
})
