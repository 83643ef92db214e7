/**
 * @file What graph primitives mean, in plain loops: each node by itself, all of it, no fusion, no index algebra, no kernel IR. Every result is
 * rounded to its dtype, as eager execution would.
 */
import { type DType, dtypeInfo, isHalf, type Shape, sizeOf } from '../../src/base/index.ts'
import type { Node } from '../../src/graph/index.ts'
import {
  type BinaryOp,
  identityOf,
  type ReduceOp,
  type Routine,
  type RoutineKind,
  type RoutineOf,
  type ScanOp,
  type UnaryOp,
} from '../../src/kernel/index.ts'
import { nearestHalf, numberOf } from './halves.ts'

export type Values = Float64Array

/** All coordinates of a shape, in row-major order. */
function* coordinates(shape: Shape): Generator<number[]> {
  const at = shape.map(() => 0)
  for (let n = sizeOf(shape); n > 0; n--) {
    yield at
    for (let d = shape.length - 1; d >= 0; d--) {
      if (++(at[d] as number) < (shape[d] as number)) break
      at[d] = 0
    }
  }
}

/** Row-major position; an axis of size 1 is read at 0, whatever the coordinate, and leading coordinates too many are dropped. */
function position(shape: Shape, at: readonly number[]): number {
  const skip = at.length - shape.length
  return shape.reduce((sum, n, d) => sum * n + (n === 1 ? 0 : (at[d + skip] as number)), 0)
}

const modulo32 = (x: number): number => ((x % 2 ** 32) + 2 ** 32) % 2 ** 32

/** A number as the dtype holds it: floats round (or stay, when `exact`), whole numbers wrap. */
function held(x: number, dtype: DType, exact: boolean): number {
  switch (dtype) {
    case 'float64':
      return x
    case 'float32':
      return exact ? x : Math.fround(x)
    case 'float16':
    case 'bfloat16':
      return exact ? x : nearestHalf(x, dtype)
    case 'bool':
      return x ? 1 : 0
    default: {
      const bits = dtypeInfo[dtype].bytes * 8
      const low = modulo32(x) % 2 ** bits
      return dtype.startsWith('u') || low < 2 ** (bits - 1) ? low : low - 2 ** bits
    }
  }
}

/** Product of whole numbers modulo 2³², past the 53 bits of a double. */
const times = (a: number, b: number): number => Number(BigInt.asIntN(32, BigInt(a) * BigInt(b)))

/** The alternating series up to 3, Simpson's rule over e^(−t²) for the rest: to 1e-11. */
export function erf(x: number): number {
  const size = Math.abs(x)
  const near = Math.min(size, 3)
  let term = near
  let sum = near
  for (let n = 1; n < 60; n++) {
    term *= -(near * near) / n
    sum += term / (2 * n + 1)
  }
  const rest = Math.min(size, 7) - near
  if (rest > 0) {
    const steps = 400
    const f = (i: number): number => Math.exp(-((near + (rest * i) / steps) ** 2)) * (i === 0 || i === steps ? 1 : i % 2 ? 4 : 2)
    for (let i = 0; i <= steps; i++) sum += (f(i) * rest) / (3 * steps)
  }
  return ((Math.sign(x) * 2) / Math.sqrt(Math.PI)) * sum
}

/** 1 − erf, by Simpson's rule over the integral of e^(−t²) up to 8 above x: to 1e-10 of the value. */
export function erfc(x: number): number {
  if (!(x > 0.5)) return 1 - erf(x)
  const steps = 2000
  const width = 8 / (x + 1)
  let sum = 0
  for (let i = 0; i <= steps; i++) {
    const t = (width * i) / steps
    sum += Math.exp(-t * (2 * x + t)) * (i === 0 || i === steps ? 1 : i % 2 ? 4 : 2)
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * ((sum * width) / (3 * steps))
}

/** Past 400, where log Γ(x) = (x − ½) log x − x + ½ log 2π + 1/(12 x): to 1e-12. */
function logGamma(x: number): number {
  let [y, product] = [x, 0]
  for (; y < 400; y++) product += Math.log(y)
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * y) - 1 / (360 * y ** 3) - product
}

/** Its derivative. */
function digamma(x: number): number {
  let [y, sum] = [x, 0]
  for (; y < 400; y++) sum += 1 / y
  return Math.log(y) - 1 / (2 * y) - 1 / (12 * y * y) - sum
}

/** Σ (q + k)⁻ˢ: 400 terms, and an integral for the rest. */
function zeta(s: number, q: number): number {
  let [y, sum] = [q, 0]
  for (; y < 400; y++) sum += y ** -s
  return sum + y ** (1 - s) / (s - 1) + 0.5 * y ** -s + (s / 12) * y ** (-s - 1)
}

/** P(a, x): the terms xⁿ / (a + 1) … (a + n), all of them positive, and no more than 1. */
function igamma(a: number, x: number): number {
  if (x > 500) return 1
  let [term, sum] = [1, 1]
  for (let n = 1; term > sum * 1e-18; n++) sum += term *= x / (a + n)
  return sum * gammapdf(a, x) * (x / a)
}

const gammapdf = (a: number, x: number): number => Math.exp((a - 1) * Math.log(x) - x - logGamma(a))

/** e^−|x| Iₙ(x), the mean of e^(x cos t − |x|) cos nt over a turn. */
function bessel(n: number, x: number): number {
  const steps = 400
  let sum = 0
  for (let i = 0; i < steps; i++) {
    const t = (2 * Math.PI * i) / steps
    sum += Math.exp(x * Math.cos(t) - Math.abs(x)) * Math.cos(n * t)
  }
  return sum / steps
}

function divisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : divisor(b, a % b)
}

function halfToEven(x: number): number {
  const near = Math.round(x)
  return Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : near
}

const UNARY: Readonly<Record<Exclude<UnaryOp, 'not'>, (x: number) => number>> = {
  neg: (x) => -x, abs: (x) => (x < 0 ? -x : x), sign: (x) => (x > 0 ? 1 : x < 0 ? -1 : 0), floor: Math.floor, ceil: Math.ceil, round: halfToEven, trunc: Math.trunc,
  exp: Math.exp, expm1: Math.expm1, log: Math.log, log1p: Math.log1p, sqrt: Math.sqrt, rsqrt: (x) => 1 / Math.sqrt(x), recip: (x) => 1 / x, sin: Math.sin,
  cos: Math.cos, tanh: Math.tanh, erf, erfc, exp2: (x) => Math.exp(x * Math.LN2), log2: (x) => Math.log(x) / Math.LN2, log10: (x) => Math.log(x) / Math.LN10,
  atan: Math.atan, lgamma: logGamma, digamma, i0e: (x) => bessel(0, x), i1e: (x) => bessel(1, x),
} // biome-ignore format: a table

function unary(op: UnaryOp, x: number, dtype: DType): number {
  return op === 'not' ? (dtype === 'bool' ? Number(!x) : -1 - x) : UNARY[op](x)
}

/** Bitwise functions through BigInt: two's complement of any width. */
const bitwise: Partial<Record<BinaryOp, (a: bigint, b: bigint) => bigint>> = {
  and: (a, b) => a & b, or: (a, b) => a | b, xor: (a, b) => a ^ b, shl: (a, b) => a << b, shr: (a, b) => a >> b,
} // biome-ignore format: a table

function binary(op: BinaryOp, a: number, b: number, dtype: DType): number {
  const whole = dtypeInfo[dtype].kind === 'int'
  switch (op) {
    case 'add':
      return a + b
    case 'sub':
      return a - b
    case 'mul':
      return whole ? times(a, b) : a * b
    case 'div':
      return whole ? Math.trunc(a / b) : a / b
    case 'mod':
      return a % b
    case 'pow':
      return whole ? Array.from({ length: b }, () => a).reduce(times, 1) : a ** b
    case 'gcd':
      return divisor(a, b)
    case 'atan2':
      return Math.atan2(a, b)
    case 'zeta':
      return zeta(a, b)
    case 'igamma':
      return igamma(a, b)
    case 'igammac':
      return 1 - igamma(a, b)
    case 'gammapdf':
      return gammapdf(a, b)
    case 'max':
      return Number.isNaN(a) || a > b ? a : b
    case 'min':
      return Number.isNaN(a) || a < b ? a : b
    case 'lt':
      return Number(a < b)
    case 'le':
      return Number(a <= b)
    case 'eq':
      return Number(a === b)
    case 'ne':
      return Number(a !== b)
    default:
      return Number((bitwise[op] as (a: bigint, b: bigint) => bigint)(BigInt(a), BigInt(b)))
  }
}

function reduce(op: ReduceOp, list: readonly number[], dtype: DType): number {
  const whole = dtypeInfo[dtype].kind === 'int'
  const nan = list.findIndex(Number.isNaN)
  const extreme = (): number => (op.endsWith('max') ? list.reduce((a, b) => Math.max(a, b)) : list.reduce((a, b) => Math.min(a, b)))
  switch (op) {
    case 'sum':
      return list.reduce((a, b) => a + b, 0)
    case 'prod':
      return list.reduce((a, b) => (whole ? times(a, b) : a * b), 1)
    case 'max':
    case 'min':
      return extreme()
    default:
      return nan >= 0 ? nan : list.indexOf(extreme())
  }
}

/** Conversion: what a float cannot become whole saturates at the 32-bit type's ends, and NaN is 0. */
function cast(x: number, from: DType, to: DType): number {
  if (to === 'bool' || dtypeInfo[to].kind === 'float' || dtypeInfo[from].kind !== 'float') return x !== 0 && to === 'bool' ? 1 : x
  if (Number.isNaN(x)) return 0
  const [low, high] = to === 'uint32' ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1]
  return Math.min(Math.max(Math.trunc(x), low), high)
}

/** Philox4x32-10 (Salmon et al., SC 2011) on BigInts. */
export function philoxWords(key: readonly number[], counter: readonly number[]): number[] {
  const mask = 0xffffffffn
  let [k0, k1] = key.map(BigInt) as [bigint, bigint]
  let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint]
  for (let round = 0; round < 10; round++) {
    const p = 0xd2511f53n * a
    const q = 0xcd9e8d57n * c
    ;[a, b, c, d] = [(q >> 32n) ^ b ^ k0, q & mask, (p >> 32n) ^ d ^ k1, p & mask]
    k0 = (k0 + 0x9e3779b9n) & mask
    k1 = (k1 + 0xbb67ae85n) & mask
  }
  return [a, b, c, d].map(Number)
}

interface Input {
  readonly shape: Shape
  readonly dtype: DType
  readonly values: Values
}

/** Whether a number is less than another, where NaN is the largest. */
const isBelow = (a: number, b: number): boolean => a < b || (!Number.isNaN(a) && Number.isNaN(b))

/** All outputs of a routine, as lists of their elements. */
const ROUTINES: { readonly [K in RoutineKind]: (routine: RoutineOf<K>, inputs: readonly Input[]) => number[][] } = {
  custom: () => {
    throw new Error('what a program defines has its own tests')
  },
  reduceWithIndex: ({ op, dim }, [x]) => {
    const { shape, values, dtype } = x as Input
    const lists = new Map<string, number[]>()
    for (const at of coordinates(shape)) {
      const rest = at.filter((_, d) => d !== dim).join()
      lists.set(rest, [...(lists.get(rest) ?? []), values[position(shape, at)] as number])
    }
    const rows = [...lists.values()]
    return [rows.map((list) => reduce(op, list, dtype)), rows.map((list) => reduce(`arg${op}`, list, dtype))]
  },
  sort: ({ descending }, [x]) => {
    const { shape, values } = x as Input
    const size = shape.at(-1) as number
    const sorted: number[] = []
    const positions: number[] = []
    for (let row = 0; row < values.length; row += size) {
      const entries = [...values.slice(row, row + size)].map((v, i) => ({ v, i }))
      const isBefore = (a: number, b: number): boolean => (descending ? isBelow(b, a) : isBelow(a, b))
      entries.sort((a, b) => (isBefore(a.v, b.v) ? -1 : isBefore(b.v, a.v) ? 1 : a.i - b.i))
      for (const { v, i } of entries) {
        sorted.push(v)
        positions.push(i)
      }
    }
    return [sorted, positions]
  },
  search: ({ right }, [sorted, wanted]) => {
    const [x, values] = [sorted, wanted] as [Input, Input]
    const [n, m] = [x.shape[1] as number, values.shape[1] as number]
    const stands = (e: number, v: number): boolean => Number.isNaN(v) || (right ? !isBelow(v, e) : isBelow(e, v))
    return [
      [...values.values].map(
        (v, i) => [...x.values].slice(Math.floor(i / m) * n, (Math.floor(i / m) + 1) * n).filter((e) => stands(e, v)).length,
      ),
    ]
  },
  scatter: ({ op, rows }, [targets, x]) => {
    const { shape, values, dtype } = x as Input
    const features = shape[1] as number
    const received = Array.from({ length: rows }, (): number[] => [])
    for (const [i, row] of (targets as Input).values.entries()) received[row]?.push(i)
    const none = identityOf(op, dtype)
    const joined = received.flatMap((senders) =>
      Array.from({ length: features }, (_, f) => {
        const list = senders.map((i) => values[i * features + f] as number)
        return list.length > 0 ? reduce(op, list, dtype) : none
      }),
    )
    return [joined, received.map((senders) => senders.length)]
  },
  scan: ({ op, dim, reverse }, [x, y]) => {
    const { shape, values, dtype } = x as Input
    const result = [new Array<number>(sizeOf(shape)), new Array<number>(sizeOf(shape))] as const
    for (const at of coordinates(shape)) {
      const here = at[dim] as number
      const count = reverse ? (shape[dim] as number) - here : here + 1
      // What the element at hand ends, from the first that is scanned on
      const places = Array.from({ length: count }, (_, n) => position(shape, at.with(dim, reverse ? here + count - 1 - n : n)))
      const [value, n] = scanned(op, dtype, places.map((i) => values[i] as number), places.map((i) => y?.values[i] as number)) // biome-ignore format: one line
      result[0][position(shape, at)] = value
      result[1][position(shape, at)] = reverse ? here + count - 1 - n : n
    }
    return [result[0], result[1]]
  },
}

/** What a list comes to, and where an extreme stands in it. `second` are the elements of the second input. */
function scanned(op: ScanOp, dtype: DType, list: readonly number[], second: readonly number[]): readonly [number, number] {
  switch (op) {
    case 'sum':
    case 'prod':
      return [reduce(op, list, dtype), 0]
    case 'max':
    case 'min': {
      const value = reduce(op, list, dtype)
      return [value, Number.isNaN(value) ? list.findLastIndex(Number.isNaN) : list.lastIndexOf(value)]
    }
    case 'logaddexp': {
      const largest = Math.max(...list)
      return [Number.isFinite(largest) ? largest + Math.log(list.reduce((sum, v) => sum + Math.exp(v - largest), 0)) : largest, 0]
    }
    case 'recurrence':
      return [list.reduce((h, a, n) => a * h + (second[n] as number), 0), 0]
  }
}

/** What the nodes of a graph come to, in the order in which they were asked for. */
export type Evaluated = { readonly node: string; readonly values: Values }[]

/** Evaluates nodes as they are made: a node that has run has given up its inputs. `exact` leaves floats in double precision. */
export class Naive {
  readonly #exact: boolean
  readonly #known = new Map<Node, Values>()
  readonly #evaluated: Evaluated
  #count = 0

  /** @param evaluated is filled; where it is already, by an evaluation of the same graph, its values are taken */
  constructor(exact = false, evaluated: Evaluated = []) {
    this.#exact = exact
    this.#evaluated = evaluated
  }

  /** The logical values of a node, row-major. */
  of(node: Node): Values {
    let values = this.#known.get(node)
    if (!values) {
      values = this.#evaluate(node)
      this.#known.set(node, values)
    }
    return values
  }

  #evaluate(node: Node): Values {
    const text = `${node.primitive.kind} ${node.dtype} [${node.shape}]`
    const inputs = node.inputs.map((input) => this.of(input))
    const earlier = this.#evaluated[this.#count++]
    if (earlier && earlier.node !== text) throw new Error(`another graph: ${text}, where ${earlier.node} was`)
    if (earlier) return earlier.values
    const values = this.#compute(node, inputs).map((v) => held(v, node.dtype, this.#exact))
    this.#evaluated.push({ node: text, values })
    return values
  }

  #compute(node: Node, valuesOf: readonly Values[]): Values {
    const { primitive, shape, dtype } = node
    const out = new Float64Array(sizeOf(shape))
    const each = (f: (at: number[], n: number) => number): Values => {
      let n = 0
      for (const at of coordinates(shape)) out[n] = f(at, n++)
      return out
    }
    const inputs = node.inputs.map((input, i) => ({ shape: input.shape, dtype: input.dtype, values: valuesOf[i] as Values }))
    const read = (i: number, at: readonly number[]): number => {
      const { shape, values } = inputs[i] as (typeof inputs)[0]
      return values[position(shape, at)] as number
    }
    const [x] = inputs as [(typeof inputs)[0]]
    switch (primitive.kind) {
      case 'leaf': {
        const host = node.storage?.host
        if (!host) throw new Error('a leaf without host values')
        return Float64Array.from(host, (v) => (isHalf(dtype) ? numberOf(v, dtype) : v))
      }
      case 'scalar':
      case 'constant':
        return each(() => primitive.value)
      case 'iota':
        return each((_, n) => n)
      case 'random': {
        const [s0, s1, c0, c1] = inputs.map((i) => i.values[0] as number) as [number, number, number, number]
        return each((_, n) => philoxWords([s0, s1], [n, 0, c0, c1])[primitive.word] as number)
      }
      case 'unary':
        return each((at) => unary(primitive.op, read(0, at), x.dtype))
      case 'binary':
        return each((at) => binary(primitive.op, read(0, at), read(1, at), x.dtype))
      case 'where':
        return each((at) => (read(0, at) ? read(1, at) : read(2, at)))
      case 'cast':
        return each((at) => cast(read(0, at), x.dtype, dtype))
      case 'divisor':
        if (x.values.includes(0)) throw new Error('naive divisor: 0')
        return Float64Array.from(x.values)
      case 'alias':
      case 'expand':
        return each((at) => read(0, at))
      case 'transfer':
      case 'reshape':
        return Float64Array.from(x.values)
      case 'permute':
        return each((at) =>
          read(
            0,
            x.shape.map((_, d) => at[primitive.order.indexOf(d)] as number),
          ),
        )
      case 'slice':
        return each(
          (at) =>
            x.values[
              at.reduce((sum, c, d) => sum * (x.shape[d] as number) + (primitive.start[d] as number) + c * (primitive.step[d] as number), 0)
            ] as number,
        )
      case 'window':
        return each((at) =>
          read(
            0,
            primitive.map.map(({ offset, terms }) => terms.reduce((sum, [axis, coef]) => sum + coef * (at[axis] as number), offset)),
          ),
        )
      case 'pad':
        return each((at) => {
          const inner = at.map((c, d) => c - (primitive.before[d] as number))
          return inner.every((c, d) => c >= 0 && c < (x.shape[d] as number)) ? read(0, inner) : 0
        })
      case 'reduce': {
        const lists = Array.from(out, (): number[] => [])
        for (const at of coordinates(x.shape))
          lists[
            position(
              shape,
              at.filter((_, d) => !primitive.dims.includes(d)),
            )
          ]?.push(read(0, at))
        return Float64Array.from(lists, (list) => reduce(primitive.op, list, x.dtype))
      }
      case 'routine': {
        const { routine, output } = primitive
        const all = (ROUTINES[routine.kind] as (routine: Routine, inputs: readonly Input[]) => number[][])(routine, inputs)
        return Float64Array.from(all[output] as number[])
      }
      case 'contract': {
        const inner = x.shape.slice(x.shape.length - primitive.k)
        const whole = dtypeInfo[dtype].kind === 'int'
        return each((at) => {
          const firstN = at.length - primitive.n
          const [batch, m, n] = [at.slice(0, firstN - primitive.m), at.slice(firstN - primitive.m, firstN), at.slice(firstN)]
          let sum = 0
          for (const k of coordinates(inner)) {
            const [a, b] = [read(0, [...batch, ...m, ...k]), read(1, [...batch, ...k, ...n])]
            sum += whole ? times(a, b) : a * b
          }
          return sum
        })
      }
      case 'gather':
        return each((at) => {
          const index = read(1, at)
          if (!(index >= 0 && index < (x.shape[primitive.dim] as number))) throw new Error(`naive gather: index ${index}`)
          return read(
            0,
            at.map((c, d) => (d === primitive.dim ? index : c)),
          )
        })
      case 'pack':
        for (const [i, { values }] of inputs.entries()) out.set(values, primitive.offsets[i])
        return out
    }
  }
}
