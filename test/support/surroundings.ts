/**
 * @file Random reductions and contractions amid what is done to their inputs and their results: siblings of the same rows, elements of a row, gradients' transposes. The same
 * program can be computed as it is fused, or with every node stored before the next is recorded, so that each is computed by itself.
 */
import { type DType, dtypeInfo, halfFormats, isHalf, type Shape, sizeOf, type TypedArray } from '../../src/base/index.ts'
import { placeOf } from '../../src/device/index.ts'
import type { Node } from '../../src/graph/index.ts'
import * as graph from '../../src/graph/index.ts'
import type { BinaryOp, ReduceOp, UnaryOp } from '../../src/kernel/index.ts'
import * as runtime from '../../src/runtime/index.ts'
import { chooser } from './random-graph.ts'

export interface Surroundings {
  readonly device: 'cpu' | 'webgpu'
  readonly dtype: DType
  readonly of: 'reductions' | 'contractions'
  /** Whether each node is computed by itself. */
  readonly stored: boolean
}

/** Lengths of rows around all at which loops of one are written in another way. */
const LENGTHS = [2, 3, 4, 5, 7, 8, 10, 15, 16, 17, 28, 31, 33, 49, 63, 64, 65, 100, 127, 128, 129, 130, 257, 300]
const LONG = [512, 700, 2047, 2048, 2049, 2064, 2070, 4095, 4112, 5000]
const MOST = 24_000

class Program {
  readonly #random: () => number
  readonly #options: Surroundings
  readonly #outputs: Node[] = []

  constructor(seed: number, options: Surroundings) {
    this.#random = chooser(seed)
    this.#options = options
  }

  int(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1))
  }
  chance(p: number): boolean {
    return this.#random() < p
  }
  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T
  }

  /** A node of the program; it is stored at once where each is. */
  async made(node: Node): Promise<Node> {
    if (this.#options.stored) await runtime.readNode(node)
    return node
  }
  unary = (op: UnaryOp, x: Node): Promise<Node> => this.made(graph.unary(op, x))
  binary = (op: BinaryOp, a: Node, b: Node | number): Promise<Node> => this.made(graph.binary(op, a, b))
  reduce = (op: ReduceOp, x: Node, dims: readonly number[]): Promise<Node> => this.made(graph.reduce(op, x, dims))

  output(node: Node): void {
    this.#outputs.push(node)
  }

  leaf(shape: Shape, dtype = this.#options.dtype): Node {
    const data: TypedArray = dtypeInfo[dtype].create(sizeOf(shape))
    for (let i = 0; i < data.length; i++) {
      const v = (this.#random() - 0.5) * 4
      data[i] = isHalf(dtype) ? halfFormats[dtype].toBits(v) : v
    }
    return graph.leaf(data, shape, dtype, placeOf(this.#options.device))
  }

  /** A leaf of a shape, seen as it lies or in another way. */
  async seen(shape: Shape): Promise<Node> {
    const dims = shape.map((_, d) => d)
    switch (this.int(0, 6)) {
      case 0:
      case 1: {
        const order = [...dims].sort(() => this.#random() - 0.5)
        const back = dims.map((d) => order.indexOf(d))
        return this.made(graph.permute(this.leaf(order.map((d) => shape[d] as number)), back))
      }
      case 2: {
        const steps = shape.map((n) => (n < 40 ? this.pick([1, 1, 2]) : 1))
        const whole = this.leaf(shape.map((n, d) => n * (steps[d] as number) + 1))
        const start = shape.map(() => this.int(0, 1))
        return this.made(graph.slice(whole, start, shape, steps))
      }
      case 3: {
        const narrow = this.leaf(shape.map((n) => (this.chance(0.5) ? 1 : n)))
        return this.binary('add', this.leaf(shape), narrow)
      }
      default:
        return this.leaf(shape)
    }
  }

  /** Something is done to each element. */
  async elementwise(x: Node): Promise<Node> {
    if (dtypeInfo[x.dtype].kind !== 'float') return x
    switch (this.int(0, 6)) {
      case 0:
        return this.unary(this.pick<UnaryOp>(['tanh', 'erf', 'sin']), x)
      case 1:
        return this.unary('exp', await this.binary('min', x, 1.5))
      case 2:
        return this.binary('mul', x, 0.7)
      case 3:
        return this.binary('add', x, this.leaf(x.shape.map((n) => (this.chance(0.5) ? 1 : n))))
      case 4:
        return this.unary('log1p', await this.unary('abs', x))
      default:
        return x
    }
  }

  /** A value of each row beside the row's elements. */
  async along(row: Node, shape: Shape, dims: readonly number[]): Promise<Node> {
    return this.made(
      graph.reshape(
        row,
        shape.map((n, d) => (dims.includes(d) ? 1 : n)),
      ),
    )
  }

  // --- reductions ---

  #shape(): Shape {
    if (this.chance(0.25)) {
      const long = this.pick(LONG)
      return this.pick([[long], [this.int(1, 3), long], [long, this.int(1, 5)], [2, long, this.pick([1, 4, 6])]])
    }
    const shape: number[] = []
    for (let d = this.int(1, 4); d > 0; d--) {
      const n = this.chance(0.12) ? 1 : this.pick(shape.length > 1 ? LENGTHS.slice(0, 12) : LENGTHS)
      if (sizeOf(shape) * n <= MOST) shape.push(n)
    }
    return shape.length > 0 ? shape.sort(() => this.#random() - 0.5) : [64]
  }

  #dims(shape: Shape): number[] {
    const dims = shape.map((_, d) => d).filter(() => this.chance(0.55))
    return dims.length > 0 ? dims : [shape.length - 1]
  }

  async reductions(): Promise<void> {
    const shape = this.#shape()
    const dims = this.#dims(shape)
    let x = await this.seen(shape)
    for (let i = this.int(0, 2); i > 0; i--) x = await this.elementwise(x)
    if (this.chance(0.3)) this.output(x)
    for (let i = this.int(1, 4); i > 0; i--) {
      const result = await this.#rows(x, dims)
      this.output(this.chance(0.6) ? await this.elementwise(result) : result)
    }
  }

  async #rows(x: Node, dims: readonly number[]): Promise<Node> {
    const { shape } = x
    const count = dims.reduce((n, d) => n * (shape[d] as number), 1)
    const centred = async (of: Node): Promise<Node> => {
      const mean = await this.binary('mul', await this.reduce('sum', of, dims), 1 / count)
      return this.binary('sub', of, await this.along(mean, shape, dims))
    }
    switch (this.int(0, 8)) {
      case 0: {
        const d = await centred(x)
        return this.reduce('sum', await this.binary('mul', d, d), dims)
      }
      case 1: {
        const most = await this.along(await this.reduce('max', x, dims), shape, dims)
        const e = await this.unary('exp', await this.binary('sub', x, most))
        const sum = await this.reduce('sum', e, dims)
        if (this.chance(0.4)) this.output(await this.unary('log', sum))
        return this.binary('div', e, await this.along(sum, shape, dims))
      }
      case 2: {
        const d = await centred(x)
        const variance = await this.binary('mul', await this.reduce('sum', await this.binary('mul', d, d), dims), 1 / count)
        const scale = await this.unary('rsqrt', await this.binary('add', variance, 1e-3))
        return this.binary('mul', d, await this.along(scale, shape, dims))
      }
      case 3:
        return this.reduce('prod', await this.binary('add', await this.binary('mul', await this.unary('tanh', x), 0.01), 1), dims)
      case 4:
        return this.reduce('sum', await this.binary('mul', x, await this.seen(shape)), dims)
      case 5:
        return this.reduce(this.pick<ReduceOp>(['max', 'min', 'argmax', 'argmin']), x, dims)
      case 6:
        return this.reduce('sum', await this.elementwise(x), this.#dims(shape))
      default:
        return this.reduce('sum', x, dims)
    }
  }

  // --- contractions ---

  async contractions(): Promise<void> {
    const side = (): number => this.pick([1, 1, 2, 3, 4, 5, 6, 7, 8, 12, 17, 33])
    const batch = this.chance(0.3) ? [this.int(1, 3)] : []
    const [m, n] = [[side()], [side()]]
    const k = this.chance(0.4) ? [this.int(1, 6), this.pick([3, 5, 16]), this.pick([1, 3, 7, 16])] : [this.pick([...LENGTHS, 520, 1030])]
    if (this.chance(0.2)) m.push(this.int(2, 4))
    let a = await this.seen([...batch, ...m, ...k])
    let b = await this.seen([...(this.chance(0.3) ? batch.map(() => 1) : batch), ...k, ...n])
    if (this.chance(0.4)) a = await this.elementwise(a)
    if (this.chance(0.4)) b = await this.elementwise(b)
    let product = await this.made(graph.contract(a, b, { m: m.length, n: n.length, k: k.length }))
    const last = product.shape.length - 1
    if (last > 0 && this.chance(0.4)) {
      const order = product.shape.map((_, d) => (d === last ? last - 1 : d === last - 1 ? last : d))
      product = await this.made(graph.permute(product, order))
    }
    if (this.chance(0.3)) this.output(product)
    let result = product
    for (let i = this.int(0, 3); i > 0; i--) result = await this.elementwise(result)
    this.output(result)
    if (this.chance(0.3)) this.output(await this.reduce('sum', result, this.#dims(result.shape)))
    if (this.chance(0.3)) this.output(await this.binary('mul', result, product))
  }

  async results(): Promise<Float64Array[]> {
    const values: Float64Array[] = []
    for (const node of [...new Set(this.#outputs)].reverse()) values.push(Float64Array.from(await runtime.readNode(node)))
    return values
  }
}

/** What a random program comes to. */
export async function runSurrounded(seed: number, options: Surroundings): Promise<Float64Array[]> {
  const program = new Program(seed, options)
  await program[options.of]()
  const values = await program.results()
  runtime.closeStep()
  return values
}
