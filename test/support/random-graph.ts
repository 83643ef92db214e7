/**
 * @file Random graphs of primitives, from a seed. Two kinds:
 *
 * - `exact`: every value is a whole number (or NaN or infinite) small enough that no order of operations rounds, so that all devices and all
 *   ways of fusing must give the same bits. All primitives, jumps included.
 * - `smooth`: real functions without jumps, kept in a range where errors stay errors of rounding. How much rounding a result can show is measured:
 *   by evaluating it once in double precision and once rounded at every node.
 */
import { broadcastShapes, type DType, dtypeInfo, halfFormats, isHalf, type Shape, sizeOf, type TypedArray } from '../../src/base/index.ts'
import { placeOf } from '../../src/device/index.ts'
import type { Node } from '../../src/graph/index.ts'
import * as graph from '../../src/graph/index.ts'
import { type BinaryOp, extremeOf, type ReduceOp, type Routine, type ScanOp, type UnaryOp } from '../../src/kernel/index.ts'
import * as runtime from '../../src/runtime/index.ts'
import { numberOf, ulpOf } from './halves.ts'
import { type Evaluated, Naive, type Values } from './naive.ts'

export type GraphKind = 'exact' | 'smooth'

export interface RandomGraphOptions {
  readonly device: 'cpu' | 'webgpu'
  readonly kind: GraphKind
  /** Which float dtypes occur. */
  readonly floats: readonly DType[]
  /** How many primitives, roughly. */
  readonly size?: number
  /** Whether each node is computed and stored before the next is recorded, so that nothing is fused. */
  readonly stored?: boolean
}

/** One node that was read, with what it should have been. */
export interface Checked {
  readonly what: string
  readonly dtype: DType
  readonly shape: Shape
  readonly values: Values
  readonly expected: Values
  /** How far each value may be from the expected one. */
  readonly tolerance: number
}

/** What plain loops give for a graph: with each result rounded to its dtype, and with floats in double precision. */
export interface PlainValues {
  readonly rounded: Evaluated
  readonly doubles: Evaluated
}

/** To be filled by the first run of a graph, for those that run it again, on any device. */
export const unevaluated = (): PlainValues => ({ rounded: [], doubles: [] })

/** mulberry32: a small generator of uniform numbers, good enough to choose with. */
export function chooser(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Largest whole numbers whose sums and products stay exact long enough. */
const EXACT_LIMIT: Readonly<Record<string, number>> = { float64: 2 ** 20, float32: 4096, float16: 2048, bfloat16: 256 }
const SMOOTH_LIMIT = 8
const MAX_ELEMENTS = 6000
const INTS: readonly DType[] = ['int32', 'uint32', 'int8', 'uint8']

export class RandomGraph {
  readonly #random: () => number
  /** What has been read: it is stored, however the graph was planned. */
  readonly #read = new Set<Node>()
  readonly #options: RandomGraphOptions
  readonly #rounded: Naive
  readonly #doubles: Naive
  /** What later nodes may be made of. */
  readonly #pool: Node[] = []
  readonly #dtypes: readonly DType[]

  constructor(seed: number, options: RandomGraphOptions, { rounded, doubles } = unevaluated()) {
    this.#rounded = new Naive(false, rounded)
    this.#doubles = new Naive(true, doubles)
    this.#random = chooser(seed)
    this.#options = options
    this.#dtypes = options.kind === 'exact' ? [...options.floats, ...INTS, 'bool'] : options.floats
  }

  // --- choices ---

  #int(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1))
  }
  #chance(p: number): boolean {
    return this.#random() < p
  }
  #pick<T>(list: readonly T[]): T {
    return list[this.#int(0, list.length - 1)] as T
  }
  #shape(): Shape {
    if (this.#chance(0.06)) return this.#pick([[2, 700], [3000], [700, 3], [1, 1500], [5, 1, 300]])
    return Array.from({ length: this.#int(0, 4) }, () => (this.#chance(0.2) ? 1 : this.#int(2, 5)))
  }
  #subset(n: number, p: number): number[] {
    return Array.from({ length: n }, (_, i) => i).filter(() => this.#chance(p))
  }
  #any(fits: (node: Node) => boolean = () => true): Node {
    const list = this.#pool.filter(fits)
    // mostly recent ones, so that chains become long
    return list.length > 0 ? (list[Math.max(0, list.length - 1 - Math.floor(this.#random() ** 2 * list.length))] as Node) : this.#leaf()
  }
  get #exact(): boolean {
    return this.#options.kind === 'exact'
  }

  // --- sources ---

  #number(dtype: DType): number {
    const { kind } = dtypeInfo[dtype]
    if (kind === 'bool') return this.#int(0, 1)
    if (kind === 'int') return this.#chance(0.1) ? this.#int(-(2 ** 31), 2 ** 32 - 1) : this.#int(-9, 9)
    if (!this.#exact) return (this.#random() - 0.5) * 4
    return this.#int(-5, 5)
  }

  #leaf(dtype: DType = this.#pick(this.#dtypes), shape: Shape = this.#shape()): Node {
    const special = this.#exact && this.#chance(0.1)
    const data: TypedArray = dtypeInfo[dtype].create(sizeOf(shape))
    for (let i = 0; i < data.length; i++) {
      let v = this.#number(dtype)
      if (special && this.#chance(0.05)) v = this.#pick([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      data[i] = isHalf(dtype) ? halfFormats[dtype].toBits(v) : v
    }
    return this.#keep(graph.leaf(data, shape, dtype, placeOf(this.#options.device))) as Node
  }

  #source(): Node | undefined {
    const place = placeOf(this.#options.device)
    const dtype = this.#pick(this.#dtypes)
    switch (this.#int(0, 5)) {
      case 0:
        return this.#keep(
          graph.scalar(this.#int(-3, 3) & (dtype === 'uint32' || dtype === 'uint8' || dtype === 'bool' ? 1 : -1), dtype, place),
        )
      case 1:
        return this.#exact ? this.#keep(graph.iota(this.#int(1, 20), place)) : undefined
      case 2: {
        const words = [0, 1, 2, 3].map(() => this.#int(0, 2 ** 32 - 1)) as [number, number, number, number]
        const bits = graph.randomBits(this.#shape(), [words[0], words[1]], [words[2], words[3]], this.#int(0, 3), place)
        if (this.#exact) return this.#keep(bits)
        const float = this.#pick(this.#options.floats)
        return this.#keep(graph.binary('mul', graph.cast(graph.binary('shr', bits, 8), float), 2 ** -24))
      }
      default:
        return this.#leaf(dtype)
    }
  }

  // --- what is kept ---

  /** Takes the node into the pool, unless its values grew past what can be compared. */
  #keep(node: Node): Node | undefined {
    const values = this.#rounded.of(node)
    this.#doubles.of(node)
    const limit =
      dtypeInfo[node.dtype].kind !== 'float' ? Number.POSITIVE_INFINITY : this.#exact ? (EXACT_LIMIT[node.dtype] as number) : SMOOTH_LIMIT
    const fits = values.every((v) => (Number.isFinite(v) ? Math.abs(v) <= limit : this.#exact))
    if (!fits) {
      graph.forget(node)
      return undefined
    }
    this.#pool.push(node)
    return node
  }

  /** Largest finite magnitude. */
  #most(node: Node): number {
    return this.#rounded.of(node).reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0)
  }

  // --- primitives ---

  #unary(): Node {
    const x = this.#any()
    const { kind } = dtypeInfo[x.dtype]
    if (kind === 'bool') return graph.unary('not', x)
    if (kind === 'int')
      return graph.unary(
        this.#pick<UnaryOp>(x.dtype.startsWith('u') ? ['abs', 'sign', 'floor', 'neg'] : ['neg', 'abs', 'sign', 'floor']),
        x,
      )
    if (this.#exact) {
      const op = this.#pick<UnaryOp>(['neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'trunc'])
      return graph.unary(op, ['neg', 'abs', 'sign'].includes(op) ? x : graph.binary('mul', x, 0.5))
    }
    const away = (): Node => graph.binary('add', graph.unary('abs', x), 0.5)
    switch (this.#int(0, 8)) {
      case 0:
        return graph.unary(this.#pick<UnaryOp>(['log', 'sqrt', 'rsqrt', 'recip']), away())
      case 1:
        return graph.unary('log1p', graph.unary('abs', x))
      case 2:
        return graph.binary('pow', away(), this.#pick([2, 0.5, -1, 1.5, 3]))
      case 3:
        return graph.unary(this.#pick<UnaryOp>(['exp', 'expm1']), graph.binary('min', x, 2))
      case 4:
        return graph.unary(this.#pick<UnaryOp>(['log2', 'log10', 'lgamma', 'digamma']), away())
      case 5:
        return graph.unary('exp2', graph.binary('min', x, 3))
      default:
        return graph.unary(this.#pick<UnaryOp>(['neg', 'abs', 'sin', 'cos', 'tanh', 'erf', 'erfc', 'atan', 'i0e', 'i1e']), x)
    }
  }

  /** An operand that broadcasts with something of the given shape. */
  #partner({ shape: other }: { readonly shape: Shape }, dtype: DType): Node {
    const found = this.#pool.filter((n) => n.dtype === dtype && broadcastable(n.shape, other))
    if (found.length > 0 && this.#chance(0.7)) return this.#pick(found)
    const shape = other.slice(this.#chance(0.3) ? this.#int(0, other.length) : 0).map((n) => (this.#chance(0.25) ? 1 : n))
    return this.#leaf(dtype, shape)
  }

  #binary(): Node {
    const x = this.#any()
    const { dtype } = x
    const { kind } = dtypeInfo[dtype]
    if (kind === 'int' && this.#chance(0.35)) {
      const unsigned = dtype.startsWith('u')
      switch (this.#int(0, 5)) {
        case 5:
          return graph.binary('gcd', x, this.#partner(x, dtype))
        case 4:
          return graph.binary(this.#pick<BinaryOp>(['div', 'mod']), x, graph.divisor(graph.binary('or', this.#partner(x, dtype), 1), 'div'))
        case 0:
          return graph.binary(this.#pick<BinaryOp>(['div', 'mod']), x, this.#pick(unsigned ? [1, 2, 3, 7] : [1, 2, 3, -5]))
        case 1:
          return graph.binary(this.#pick<BinaryOp>(['shl', 'shr']), x, this.#int(0, 5))
        case 2:
          return graph.binary('pow', x, this.#int(0, 3))
        default:
          return graph.binary(this.#pick<BinaryOp>(['and', 'or', 'xor']), x, this.#partner(x, dtype))
      }
    }
    if (kind === 'float' && this.#chance(0.15)) {
      if (this.#exact) return graph.binary('mod', x, this.#pick([3, 5, -7]))
      if (this.#chance(0.2)) return graph.binary('atan2', this.#partner(x, dtype), graph.binary('add', graph.unary('abs', x), 0.5))
      if (this.#chance(0.2)) return graph.binary('zeta', this.#pick([2, 3, 5]), graph.binary('add', graph.unary('abs', x), 0.5))
      if (this.#chance(0.2)) {
        const above = graph.binary('add', graph.binary('min', graph.unary('abs', x), 4), 0.5)
        return graph.binary(this.#pick<BinaryOp>(['igamma', 'igammac', 'gammapdf']), this.#pick([0.4, 1, 2.5, 30]), above)
      }
      return graph.binary('div', x, graph.binary('add', graph.unary('abs', this.#partner(x, dtype)), 0.5))
    }
    const ops: readonly BinaryOp[] =
      kind === 'bool'
        ? ['and', 'or', 'xor', 'eq', 'ne', 'max', 'min']
        : this.#exact
          ? ['add', 'sub', 'mul', 'max', 'min', 'add', 'mul', 'lt', 'le', 'eq', 'ne']
          : ['add', 'sub', 'mul', 'max', 'min']
    const op = this.#pick(ops)
    if (kind !== 'bool' && this.#chance(0.2)) return this.#chance(0.5) ? graph.binary(op, x, 2) : graph.binary(op, 3, x)
    return graph.binary(op, x, this.#partner(x, dtype))
  }

  #where(): Node {
    const x = this.#any()
    const test = this.#partner(x, 'bool')
    return this.#chance(0.3)
      ? graph.where(test, x, 0)
      : graph.where(test, x, this.#partner({ shape: broadcastShapes('where', test.shape, x.shape) }, x.dtype))
  }

  #cast(): Node {
    const x = this.#any()
    return graph.cast(x, this.#pick(this.#dtypes))
  }

  #view(): Node {
    const x = this.#any((n) => n.shape.length > 0)
    const { shape } = x
    switch (this.#int(0, 4)) {
      case 0:
        return graph.reshape(x, this.#refactor(sizeOf(shape)))
      case 1: {
        const order = shape.map((_, d) => d)
        for (let i = order.length - 1; i > 0; i--) {
          const j = this.#int(0, i)
          ;[order[i], order[j]] = [order[j] as number, order[i] as number]
        }
        return graph.permute(x, order)
      }
      case 2: {
        const parts = shape.map((n) => {
          const length = this.#int(1, n)
          const step = length > 1 ? this.#int(1, Math.floor((n - 1) / (length - 1))) : 1
          const start = this.#int(0, n - 1 - (length - 1) * step)
          return this.#chance(0.3) ? { length, step: -step, start: start + (length - 1) * step } : { length, step, start }
        })
        return graph.slice(x, parts.map((p) => p.start), parts.map((p) => p.length), parts.map((p) => p.step)) // biome-ignore format: one line
      }
      case 3: {
        const before = shape.map(() => this.#int(0, 2))
        return graph.pad(x, before, shape.map((n, d) => n + (before[d] as number) + this.#int(0, 1))) // biome-ignore format: one line
      }
      case 4:
        return this.#window(x)
      default: {
        const inner = shape.map((n) => (n === 1 ? this.#int(1, 4) : n))
        return graph.expand(x, this.#chance(0.3) ? [this.#int(1, 3), ...inner] : inner)
      }
    }
  }

  /** Some axes seen through windows that may overlap, run backwards or skip: a pair of axes (tap, position) for one. */
  #window(x: Node): Node {
    const shape: number[] = []
    const map = x.shape.map((n) => {
      if (n === 1 || this.#chance(0.4) || sizeOf(x.shape) > 500) return { offset: 0, terms: [[shape.push(n) - 1, 1] as const] }
      const dilation = this.#int(1, 2)
      const taps = this.#int(1, Math.min(3, Math.floor((n - 1) / dilation) + 1))
      const span = (taps - 1) * dilation
      const stride = this.#int(1, 2)
      const positions = Math.floor((n - 1 - span) / stride) + 1
      const flipped = this.#chance(0.3)
      const terms = [[shape.push(taps) - 1, flipped ? -dilation : dilation] as const, [shape.push(positions) - 1, stride] as const]
      return { offset: flipped ? span : 0, terms }
    })
    return graph.window(x, map, shape)
  }

  /** A random shape of `n` elements. */
  #refactor(n: number): Shape {
    const shape: number[] = []
    let rest = n
    for (let f = 2; rest > 1; f++) {
      for (; rest % f === 0; rest /= f) {
        if (shape.length === 0 || (shape.length < 5 && this.#chance(0.5))) shape.push(f)
        else shape.push((shape.pop() as number) * f)
      }
    }
    if (this.#chance(0.2)) shape.splice(this.#int(0, shape.length), 0, 1)
    return shape
  }

  #reduce(): Node | undefined {
    const x = this.#any((n) => n.shape.length > 0)
    const { kind } = dtypeInfo[x.dtype]
    const dims = this.#chance(0.25) ? x.shape.map((_, d) => d) : this.#subset(x.shape.length, 0.5)
    const count = dims.reduce((n, d) => n * (x.shape[d] as number), 1)
    if (kind === 'bool') return graph.reduce(this.#pick<ReduceOp>(['max', 'min']), x, dims)
    const ops: readonly ReduceOp[] = this.#exact ? ['sum', 'sum', 'max', 'min', 'argmax', 'argmin', 'prod'] : ['sum', 'max', 'min']
    const op = this.#pick(ops)
    if (op.startsWith('arg') && dims.length === 0) return undefined
    if (op === 'prod' && kind === 'float' && (count > 8 || this.#most(x) > 4)) return undefined
    if (op === 'sum' && kind === 'float' && isHalf(x.dtype) && !this.#exact) return undefined
    const sum = graph.reduce(op, x, dims)
    return op === 'sum' && !this.#exact && kind === 'float' ? graph.binary('mul', sum, 1 / Math.sqrt(count)) : sum
  }

  /** The outputs of a routine: one is answered, others join the pool, or are left alone. */
  #routine(): Node | undefined {
    if (this.#chance(0.35)) return this.#scan()
    if (this.#chance(0.4)) return this.#scatter()
    // What is stored is what routines are for; others are fused, as a rule
    const stored = this.#chance(0.7)
    const x = this.#any((n) => n.shape.length > 0 && (!stored || n.primitive.kind === 'leaf' || this.#read.has(n)))
    if (x.shape.length === 0) return undefined
    const dim = this.#int(0, x.shape.length - 1)
    const routine: Routine = this.#chance(0.5)
      ? { kind: 'reduceWithIndex', op: this.#pick(['max', 'min']), dim }
      : { kind: 'sort', descending: this.#chance(0.5) }
    const [values, indices] = graph.routine(routine, [x]) as [Node, Node]
    if (routine.kind === 'sort' && !routine.descending && this.#exact && this.#chance(0.5)) {
      graph.forget(indices)
      return this.#search(values)
    }
    // Rounding may exchange what is nearly equal, so positions are compared in exact graphs alone
    if (this.#exact && this.#chance(0.7)) this.#keep(indices)
    else graph.forget(indices)
    return values
  }

  /** Where some of the elements stand in rows that are in order, and others. */
  #search(sorted: Node): Node {
    const n = sorted.shape.at(-1) as number
    const rows = graph.reshape(sorted, [sizeOf(sorted.shape) / n, n])
    const others = this.#leaf(sorted.dtype, [rows.shape[0] as number, this.#int(1, 9)])
    const wanted = this.#chance(0.3) ? rows : others
    return (graph.routine({ kind: 'search', right: this.#chance(0.5) }, [rows, wanted]) as [Node])[0]
  }

  #scan(): Node | undefined {
    const x = this.#any((n) => n.shape.length > 0)
    if (x.shape.length === 0) return undefined
    const { kind } = dtypeInfo[x.dtype]
    const dim = this.#int(0, x.shape.length - 1)
    const count = x.shape[dim] as number
    const sums: readonly ScanOp[] = this.#exact ? ['sum', 'prod'] : ['sum', 'logaddexp', 'recurrence']
    const op = kind === 'bool' || this.#chance(0.4) ? this.#pick(['max', 'min'] as const) : this.#pick(sums)
    if (op === 'prod' && kind === 'float' && (count > 8 || this.#most(x) > 4)) return undefined
    if (!this.#exact && (kind !== 'float' || isHalf(x.dtype)) && !extremeOf(op)) return undefined
    // Factors of at most 1, that nothing grows
    const inputs = op === 'recurrence' ? [graph.unary('sin', x), this.#leaf(x.dtype, x.shape)] : [x]
    const [values, indices] = graph.routine({ kind: 'scan', op, dim, reverse: this.#chance(0.4) }, inputs) as [Node, Node?]
    if (indices && this.#exact && this.#chance(0.7)) this.#keep(indices)
    else if (indices) graph.forget(indices)
    return op === 'sum' && !this.#exact ? graph.binary('mul', values, 1 / Math.sqrt(count)) : values
  }

  /** Elements sent to rows, in some order. */
  #scatter(): Node | undefined {
    // Narrower ones have other identities
    const x = this.#any((n) => dtypeInfo[n.dtype].bytes >= 4 && n.shape.length > 0)
    if (dtypeInfo[x.dtype].bytes < 4 || x.shape.length === 0) return undefined
    const features = this.#chance(0.5) ? 1 : (x.shape.at(-1) as number)
    const n = sizeOf(x.shape) / features
    const rows = this.#chance(0.1) ? 3000 : this.#int(1, 9)
    const targets = graph.leaf(Int32Array.from({ length: n }, () => this.#int(0, rows - 1)), [n], 'int32', placeOf(this.#options.device)) // biome-ignore format: a call
    const op = this.#pick(this.#exact || dtypeInfo[x.dtype].kind === 'float' ? (['sum', 'max', 'min'] as const) : (['sum'] as const))
    const [joined, counts] = graph.routine({ kind: 'scatter', op, rows }, [targets, graph.reshape(x, [n, features])]) as [Node, Node]
    if (this.#chance(0.5)) this.#keep(counts)
    else graph.forget(counts)
    return graph.where(graph.binary('lt', 0, graph.reshape(counts, [rows, 1])), joined, 0)
  }

  #contract(): Node | undefined {
    const a = this.#any((n) => n.shape.length >= 2 && (dtypeInfo[n.dtype].kind === 'float' || n.dtype === 'int32'))
    if (a.shape.length < 2 || (dtypeInfo[a.dtype].kind !== 'float' && a.dtype !== 'int32') || this.#most(a) > 64) return undefined
    if (this.#chance(0.4)) return this.#wideContract(a)
    const k = a.shape.at(-1) as number
    const batch = a.shape.slice(0, -2).map((n) => (this.#chance(0.3) ? 1 : n))
    const n = this.#int(1, 6)
    const transposed = this.#chance(0.4)
    const b = this.#leaf(a.dtype, [...batch.slice(this.#int(0, batch.length)), ...(transposed ? [n, k] : [k, n])])
    const last = b.shape.length - 1
    const right = transposed ? graph.permute(b, [...b.shape.keys()].map((d) => (d === last ? last - 1 : d === last - 1 ? last : d))) : b // biome-ignore format: one line
    const product = graph.contract(a, right)
    return this.#exact || a.dtype === 'int32' ? product : graph.binary('mul', product, 1 / Math.sqrt(k))
  }

  /** A sum over several axes at once, of windows as likely as not. */
  #wideContract(source: Node): Node {
    const a = this.#chance(0.5) ? this.#window(source) : source
    const dims = a.shape.length
    const k = this.#int(1, dims - 1)
    const m = this.#int(1, dims - k)
    const inner = a.shape.slice(dims - k)
    const batch = a.shape.slice(0, dims - k - m).map((n) => (this.#chance(0.3) ? 1 : n))
    const columns = Array.from({ length: this.#int(1, 2) }, () => this.#int(1, 4))
    const b = this.#leaf(a.dtype, [...batch.slice(this.#int(0, batch.length)), ...inner, ...columns])
    const product = graph.contract(a, b, { m, n: columns.length, k })
    return this.#exact || a.dtype === 'int32' ? product : graph.binary('mul', product, 1 / Math.sqrt(sizeOf(inner)))
  }

  #gather(): Node | undefined {
    const source = this.#any((n) => n.shape.length > 0)
    const { shape } = source
    if (shape.length === 0) return undefined
    const dim = this.#int(0, shape.length - 1)
    const size = shape[dim] as number
    const wanted = shape.map((n, d) => (d === dim ? this.#int(1, 6) : this.#int(1, n)))
    const candidates = this.#pool.filter(
      (n) => n.dtype === 'int32' && n.shape.length === shape.length && n.shape.every((s, d) => d === dim || s <= (shape[d] as number)),
    )
    const raw = this.#exact && candidates.length > 0 && this.#chance(0.6) ? this.#pick(candidates) : this.#leaf('int32', wanted)
    // 0 ≤ index < size, whatever the number was
    const index = graph.binary('min', graph.binary('and', raw, 15), size - 1)
    return graph.gather(source, dim, index, 'gather')
  }

  #pack(): Node | undefined {
    const first = this.#any(() => true)
    const list = [first, ...this.#pool.filter((n) => n.dtype === first.dtype && n !== first && this.#chance(0.3)).slice(0, 4)]
    const { offsets } = graph.packLayout(list.map((n) => sizeOf(n.shape)))
    const packed = graph.pack(list)
    graph.forget(packed) // what lies between the pieces is unspecified, so it is not compared
    const i = this.#int(0, list.length - 1)
    return graph.unpack(packed, offsets[i] as number, (list[i] as Node).shape)
  }

  #make(): Node | undefined {
    const r = this.#random()
    if (r < 0.08) return void this.#source()
    if (r < 0.24) return this.#unary()
    if (r < 0.46) return this.#binary()
    if (r < 0.52) return this.#where()
    if (r < 0.58) return this.#cast()
    if (r < 0.78) return this.#view()
    if (r < 0.85) return this.#reduce()
    if (r < 0.88) return this.#routine()
    if (r < 0.92) return this.#contract()
    if (r < 0.96) return this.#gather()
    if (r < 0.98) return this.#pack()
    return graph.alias(this.#any())
  }

  /** Adds nodes. */
  async grow(count: number): Promise<void> {
    while (this.#pool.length < 2) this.#leaf()
    for (let i = 0; i < count; i++) {
      const known = this.#pool.length
      const node = this.#make()
      if (node) {
        if (sizeOf(node.shape) > MAX_ELEMENTS) graph.forget(node)
        else this.#keep(node)
      }
      if (this.#options.stored) for (const made of this.#pool.slice(known)) await runtime.readNode(made)
    }
  }

  /** Reads some nodes and says what each should have been. */
  async check(count: number): Promise<Checked[]> {
    const chosen = [...new Set([...this.#pool.slice(-2), ...Array.from({ length: count }, () => this.#any())])]
    const results: Checked[] = []
    for (const node of chosen) {
      const what = `node ${node.id}, ${node.primitive.kind} ${'op' in node.primitive ? node.primitive.op : ''} ${node.dtype} [${node.shape}]`
      const raw: TypedArray = await runtime.readNode(node)
      const { dtype } = node
      this.#read.add(node)
      const values = Float64Array.from(raw, (v) => (isHalf(dtype) ? numberOf(v, dtype) : v))
      results.push({ what, dtype: node.dtype, shape: node.shape, values, expected: this.#expected(node), tolerance: this.#tolerance(node) })
    }
    return results
  }

  #expected(node: Node): Values {
    return (this.#exact ? this.#rounded : this.#doubles).of(node)
  }

  #tolerance(node: Node): number {
    if (this.#exact || dtypeInfo[node.dtype].kind !== 'float') return 0
    const exact = this.#doubles.of(node)
    const rounded = this.#rounded.of(node)
    const scale = exact.reduce((m, v) => Math.max(m, Math.abs(v)), 0)
    if (node.dtype === 'float64') return 1e-10 * Math.max(1, scale)
    const seen = exact.reduce((m, v, i) => Math.max(m, Math.abs(v - (rounded[i] as number))), 0)
    return 16 * seen + (isHalf(node.dtype) ? ulpOf(2, node.dtype) : 4e-6) * Math.max(scale, 0.1)
  }
}

const broadcastable = (a: Shape, b: Shape): boolean => {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const [x, y] = [a.at(-i), b.at(-i)]
    if (x !== y && x !== 1 && y !== 1) return false
  }
  return true
}

/** The first place where a result is not what it should be, in words; undefined where all is well. */
export function difference({ what, values, expected, tolerance }: Checked): string | undefined {
  if (values.length !== expected.length) return `${what}: ${values.length} values, expected ${expected.length}`
  for (let i = 0; i < expected.length; i++) {
    const [v, e] = [values[i] as number, expected[i] as number]
    if (v === e || (Number.isNaN(v) && Number.isNaN(e)) || Math.abs(v - e) <= tolerance) continue
    return `${what}: element ${i} is ${v}, expected ${e} (tolerance ${tolerance})`
  }
  return undefined
}

/** Builds, reads and builds on, closing a step now and then; gives everything that was read. */
export async function runRandomGraph(seed: number, options: RandomGraphOptions, plain = unevaluated()): Promise<Checked[]> {
  const random = chooser(seed ^ 0x5eed)
  const made = new RandomGraph(seed, options, plain)
  const results: Checked[] = []
  const rounds = 1 + Math.floor(random() * 3)
  for (let round = 0; round < rounds; round++) {
    await made.grow(options.size ?? 12 + Math.floor(random() * 30))
    results.push(...(await made.check(4)))
    if (random() < 0.3) runtime.closeStep()
  }
  return results
}
