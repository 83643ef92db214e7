/** @file Contractions to test devices with, from plain matrix products to those of a convolution, with what they should give in plain loops. */
import { expect } from 'vitest'
import { type HalfDType, halfFormats, type TypedArray } from '../../src/base/index.ts'
import { type Axis, type Index, type Kernel, orderOfContraction, type Store } from '../../src/kernel/index.ts'
import { acc, at, axis, binary, distance, flat, kernel, literal, load, noise, unary } from '../webgpu/kernels.ts'

/** An axis: its size, and how far its neighbours are apart in a and in b (0 where it does not move there). */
export interface Dim {
  readonly size: number
  readonly a: number
  readonly b: number
}

/** Σ over k of a[batch, m, k] · b[batch, k, n], each of the four of any number of axes. */
export interface Spec {
  readonly batch?: readonly Dim[]
  readonly m: readonly Dim[]
  readonly n: readonly Dim[]
  readonly k: readonly Dim[]
  /** Where the first element of a and of b lies. */
  readonly from?: readonly [a: number, b: number]
  readonly half?: HalfDType
  /** Adds a number of each column, one of each position of the first row axis, and one of each output; tanh(relu). Stores the plain sum too, columns first. */
  readonly epilogue?: boolean
}

export interface Matrices {
  readonly m: number
  readonly n: number
  readonly k: number
  /** a is stored [k, m] or b [n, k]. */
  readonly ta?: boolean
  readonly tb?: boolean
  readonly batch?: number
  /** One matrix serves the whole batch. */
  readonly shareA?: boolean
  readonly shareB?: boolean
  readonly half?: HalfDType
  readonly epilogue?: boolean
}

export function matrices({ m, n, k, ta, tb, batch = 1, shareA, shareB, ...more }: Matrices): Spec {
  return {
    batch: batch > 1 ? [{ size: batch, a: shareA ? 0 : m * k, b: shareB ? 0 : k * n }] : [],
    m: [{ size: m, a: ta ? 1 : k, b: 0 }],
    n: [{ size: n, a: 0, b: tb ? k : 1 }],
    k: [{ size: k, a: ta ? m : 1, b: tb ? 1 : n }],
    ...more,
  }
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i)
const sizeOf = (dims: readonly { readonly size: number }[]): number => dims.reduce((n, { size }) => n * size, 1)

/** How far from the first element each position along `dims` lies, row-major. */
const walk = (dims: readonly Dim[], of: 'a' | 'b'): number[] =>
  dims.reduce<number[]>((list, dim) => list.flatMap((base) => Array.from({ length: dim.size }, (_, i) => base + i * dim[of])), [0])

const axesOf = ({ batch = [], m, n, k }: Spec): Record<'batch' | 'm' | 'n' | 'k', Axis[]> => {
  const make = (dims: readonly Dim[]): Axis[] => dims.map(({ size }) => axis(size))
  return { batch: make(batch), m: make(m), n: make(n), k: make(k) }
}

/** The buffer position of an output in the order columns, batch, rows. */
const columnsFirst = (grid: readonly Axis[], n: readonly Axis[]): Index => flat([...n, ...grid.filter((x) => !n.includes(x))])

function contractKernel(spec: Spec): Kernel {
  const { batch: dims = [], from = [0, 0], half, epilogue } = spec
  const { batch, m, n, k } = axesOf(spec)
  const index = (of: 'a' | 'b', side: readonly Axis[], sideDims: readonly Dim[]): Index => {
    const all = [...batch, ...side, ...k]
    const terms = [...dims, ...sideDims, ...spec.k].map((dim, i) => [dim[of], all[i] as Axis] as const)
    return at(from[of === 'a' ? 0 : 1], ...terms.filter(([coef, { size }]) => coef !== 0 && size > 1))
  }
  const a = load(0, index('a', m, spec.m))
  const b = load(1, index('b', n, spec.n))
  const grid = [...batch, ...m, ...n]
  const sum = acc(0, 0)
  const stores: Store[] = []
  if (!epilogue) stores.push({ buffer: 2, index: flat(grid), value: sum })
  else {
    const first = flat(m.slice(0, 1))
    const more = [load(2, flat(n)), load(3, first), load(4, flat(grid))].reduce((x, y) => binary('add', x, y), sum)
    stores.push({ buffer: 5, index: flat(grid), value: unary('tanh', binary('max', more, literal(0))) })
    stores.push({ buffer: 6, index: columnsFirst(grid, n), value: sum })
  }
  const type = half ?? 'float32'
  const order = orderOfContraction(
    sizeOf(spec.m),
    sizeOf(spec.n),
    spec.k.map(({ size }) => size),
  )
  return kernel(
    grid,
    epilogue ? [type, type, 'float32', 'float32', 'float32'] : [type, type],
    epilogue ? ['float32', 'float32'] : ['float32'],
    [
      { kind: 'reduce', axes: k, reductions: [{ op: 'sum', value: binary('mul', a, b), type: 'float' }], order },
      { kind: 'store', axes: [], stores },
    ],
    { contract: { batch, m, n, k, a, b } },
  )
}

/** All sums in plain loops, row-major over batch, rows and columns. */
function sums({ batch = [], m, n, k, from = [0, 0] }: Spec, a: Float32Array, b: Float32Array): Float64Array {
  const [batchA, batchB, rows, columns, stepsA, stepsB] = [
    walk(batch, 'a'),
    walk(batch, 'b'),
    walk(m, 'a'),
    walk(n, 'b'),
    walk(k, 'a'),
    walk(k, 'b'),
  ]
  const out: number[] = []
  for (const [z, zA] of batchA.entries())
    for (const row of rows)
      for (const column of columns) {
        const [startA, startB] = [from[0] + zA + row, from[1] + (batchB[z] as number) + column]
        let s = 0
        for (const [l, step] of stepsA.entries()) s += (a[startA + step] as number) * (b[startB + (stepsB[l] as number)] as number)
        out.push(s)
      }
  return Float64Array.from(out)
}

/** Runs a kernel once, and answers what it wrote. */
type RunKernel = (kernel: Kernel, inputs: readonly TypedArray[], lengths: readonly number[]) => Promise<readonly TypedArray[]>

/** Computes a contraction, and compares it with plain loops. @param how part of the message where they differ */
export async function checkContraction(spec: Spec, run: RunKernel, how: unknown = undefined): Promise<void> {
  const { batch = [], m, n, k, from = [0, 0], half, epilogue } = spec
  const quarter = (v: number): number => Math.round(v * 64) / 64 // exact in both halves
  const length = (of: 'a' | 'b'): number =>
    from[of === 'a' ? 0 : 1] +
    1 +
    [...batch, ...(of === 'a' ? m : n), ...k].reduce((far, dim) => far + Math.max(0, dim[of]) * (dim.size - 1), 0)
  const a = noise(length('a'), 1).map(quarter)
  const b = noise(length('b'), 2).map(quarter)
  const [zs, rows, columns] = [sizeOf(batch), sizeOf(m), sizeOf(n)]
  const size = zs * rows * columns
  const bias = noise(columns, 3)
  const scale = noise(m[0]?.size ?? 1, 4)
  const residual = noise(size, 5)
  const stored = (x: Float32Array): Float32Array | Uint16Array => (half ? Uint16Array.from(x, halfFormats[half].toBits) : x)
  const inputs = epilogue ? [stored(a), stored(b), bias, scale, residual] : [stored(a), stored(b)]
  const got = await run(contractKernel(spec), inputs, epilogue ? [size, size] : [size])
  const right = sums(spec, a, b)
  const what = JSON.stringify({ spec, how })
  if (!epilogue) {
    expect(distance(got[0] as Float32Array, right), what).toBeLessThan(1e-5)
    return
  }
  const inner = rows / (m[0]?.size ?? 1)
  const want = right.map((s, p) => {
    const row = Math.floor(p / columns) % rows
    const more = (bias[p % columns] as number) + (scale[Math.floor(row / inner)] as number) + (residual[p] as number)
    return Math.tanh(Math.max(0, s + more))
  })
  expect(distance(got[0] as Float32Array, want), what).toBeLessThan(1e-5)
  const turned = right.map((_, p) => right[(p % (zs * rows)) * columns + Math.floor(p / (zs * rows))] as number)
  expect(distance(got[1] as Float32Array, turned), what).toBeLessThan(1e-5)
}

export interface Images {
  readonly batch: number
  readonly groups?: number
  /** To a group. */
  readonly channels: number
  readonly outputs: number
  /** Of the padded input, square. */
  readonly size: number
  readonly kernel: readonly [number, number]
  readonly stride?: number
  readonly dilation?: number
  readonly epilogue?: boolean
}

const outOf = ({ size, kernel: [kh, kw], stride = 1, dilation = 1 }: Images): [number, number] => [
  Math.floor((size - (kh - 1) * dilation - 1) / stride) + 1,
  Math.floor((size - (kw - 1) * dilation - 1) / stride) + 1,
]

/** The axes over windows of images [batch, groups · channels, size, size], and over taps of weights [groups · outputs, channels, kh, kw]. */
function axesOfImages(x: Images) {
  const { batch, groups = 1, channels, outputs, size, kernel: [kh, kw], stride = 1, dilation = 1 } = x // biome-ignore format: one line
  const [oh, ow] = outOf(x)
  const [plane, taps, out] = [size * size, kh * kw, oh * ow]
  const images = (of: 'a' | 'b', apart: number): Dim => dim(batch, of, apart)
  return {
    images,
    channel: dim(channels, 'b', plane),
    taps: [dim(kh, 'b', dilation * size), dim(kw, 'b', dilation)],
    outs: [dim(oh, 'b', stride * size), dim(ow, 'b', stride)],
    sizes: { batch, groups, channels, outputs, size, kh, kw, oh, ow, plane, taps, out },
  }
}

const dim = (size: number, of: 'a' | 'b', apart: number): Dim => ({ size, a: 0, b: 0, [of]: apart })
const both = (x: Dim, a: number): Dim => ({ ...x, a })

/** a: weight, b: windows. The images lengthen the columns. */
export function forward(x: Images): Spec {
  const { images, channel, taps, outs, sizes } = axesOfImages(x)
  const { groups, channels, outputs, plane, kw } = sizes
  const weight = channels * sizes.taps
  return {
    batch: [images('b', groups * channels * plane), both(dim(groups, 'b', channels * plane), outputs * weight)],
    m: [dim(outputs, 'a', weight)],
    n: outs,
    k: [both(channel, sizes.taps), both(taps[0] as Dim, kw), both(taps[1] as Dim, 1)],
    epilogue: x.epilogue ?? false,
  }
}

/** a: the outputs, b: windows. Summed over images and places, which are not adjacent. */
export function ofWeight(x: Images): Spec {
  const { images, channel, taps, outs, sizes } = axesOfImages(x)
  const { groups, channels, outputs, plane, out, ow } = sizes
  return {
    batch: [both(dim(groups, 'b', channels * plane), outputs * out)],
    m: [dim(outputs, 'a', out)],
    n: [channel, ...taps],
    k: [both(images('b', groups * channels * plane), groups * outputs * out), both(outs[0] as Dim, ow), both(outs[1] as Dim, 1)],
  }
}

/** a: weight by channels, b: the padded outputs, which the taps walk backwards. */
export function ofInput({ batch, channels, outputs, size, kernel: [kh, kw], epilogue }: Images): Spec {
  const wide = size + kw - 1
  const plane = (size + kh - 1) * wide
  return {
    batch: [dim(batch, 'b', outputs * plane)],
    m: [dim(channels, 'a', kh * kw)],
    n: [dim(size, 'b', wide), dim(size, 'b', 1)],
    k: [
      { size: outputs, a: channels * kh * kw, b: plane },
      { size: kh, a: kw, b: -wide },
      { size: kw, a: 1, b: -1 },
    ],
    from: [0, (kh - 1) * wide + kw - 1],
    epilogue: epilogue ?? false,
  }
}

/** The product with its operands in each other's place: what lengthened columns lengthens rows. */
export const mirrored = ({ batch = [], m, n, k, from = [0, 0], ...more }: Spec): Spec => {
  const turn = (dims: readonly Dim[]): Dim[] => dims.map(({ size, a, b }) => ({ size, a: b, b: a }))
  return { ...more, batch: turn(batch), m: turn(n), n: turn(m), k: turn(k), from: [from[1], from[0]] }
}

/** Any axes at all: up to three to a side, sizes from 1, strides in either direction, some that overlap, batches that one operand does not know. */
export function randomSpec(seed: number): Spec {
  const numbers = noise(200, seed).map((v) => (v + 1) / 2)
  let next = 0
  const below = (n: number): number => Math.floor((numbers[next++] as number) * n)
  const counts = { batch: below(3), m: below(4), n: below(4), k: 1 + below(3) }
  const sizes = (count: number, of: readonly number[]): number[] => range(count).map(() => of[below(of.length)] as number)
  const any = [1, 2, 3, 4, 7]
  // Compilers write sums over small axes out
  const lists = { batch: sizes(counts.batch, any), m: sizes(counts.m, any), n: sizes(counts.n, any), k: sizes(counts.k, [1, 2, 3]) }
  const knows = lists.batch.map(() => [[1, 1] as const, [1, 0] as const, [0, 1] as const][below(3)] as readonly [number, number])
  const from = [0, 0]
  const strides = (of: 0 | 1, list: readonly number[], known: (i: number) => boolean): number[] => {
    // Each axis in turn, in an order of its own, steps over all that went before, or overlaps it
    const order = list.map((_, i) => i).sort(() => below(2) - 0.5)
    let reach = 1
    const result = list.map(() => 0)
    for (const i of order) {
      if (!known(i)) continue
      const step = below(4) === 0 ? 1 + below(reach) : reach
      const size = list[i] as number
      reach = Math.max(reach, step * size)
      const backwards = below(4) === 0
      result[i] = backwards ? -step : step
      if (backwards) from[of] = (from[of] as number) + step * (size - 1)
    }
    return result
  }
  const { batch, m, n, k } = lists
  const a = strides(0, [...batch, ...m, ...k], (i) => i >= batch.length || knows[i]?.[0] === 1)
  const b = strides(1, [...batch, ...n, ...k], (i) => i >= batch.length || knows[i]?.[1] === 1)
  const [inA, inB] = [batch.length + m.length, batch.length + n.length]
  return {
    batch: batch.map((size, i) => ({ size, a: a[i] as number, b: b[i] as number })),
    m: m.map((size, i) => dim(size, 'a', a[batch.length + i] as number)),
    n: n.map((size, i) => dim(size, 'b', b[batch.length + i] as number)),
    k: k.map((size, i) => ({ size, a: a[inA + i] as number, b: b[inB + i] as number })),
    from: from as [number, number],
    epilogue: below(2) === 1,
  }
}

export const PRODUCTS: Record<string, Spec[]> = {
  'in all four layouts, with ragged edges': [false, true].flatMap((ta) =>
    [false, true].map((tb) => matrices({ m: 37, n: 75, k: 29, ta, tb })),
  ),
  'of vectors and single elements': [
    matrices({ m: 1, n: 1, k: 1 }),
    matrices({ m: 1, n: 70, k: 33 }),
    matrices({ m: 70, n: 1, k: 33 }),
    matrices({ m: 9, n: 10, k: 1 }),
    matrices({ m: 1, n: 1, k: 300 }),
  ],
  'of batches, also with one matrix for all': [
    matrices({ m: 10, n: 12, k: 17, batch: 5 }),
    matrices({ m: 10, n: 12, k: 17, batch: 5, shareA: true, ta: true }),
    matrices({ m: 10, n: 12, k: 17, batch: 5, shareB: true, ta: true, tb: true }),
  ],
  'through an epilogue of several inputs and outputs': [
    matrices({ m: 33, n: 40, k: 21, epilogue: true }),
    matrices({ m: 7, n: 9, k: 21, batch: 3, epilogue: true, tb: true, shareA: true }),
  ],
  'of halves': [
    matrices({ m: 20, n: 30, k: 40, half: 'float16', tb: true }),
    matrices({ m: 20, n: 30, k: 40, half: 'bfloat16', tb: true }),
    matrices({ m: 21, n: 31, k: 43, half: 'bfloat16' }),
    matrices({ m: 7, n: 13, k: 18, half: 'bfloat16', ta: true, batch: 2, epilogue: true }),
    matrices({ m: 21, n: 31, k: 43, half: 'float16' }),
    matrices({ m: 7, n: 13, k: 18, half: 'float16', ta: true, batch: 2, epilogue: true }),
  ],
}

export const CONVOLUTIONS: Record<string, Spec[]> = {
  'forward: windows that overlap, images beside one another': [
    forward({ batch: 3, channels: 5, outputs: 9, size: 8, kernel: [3, 2], epilogue: true }),
    forward({ batch: 2, groups: 3, channels: 2, outputs: 3, size: 9, kernel: [2, 3], stride: 2, dilation: 2 }),
    forward({ batch: 3, groups: 2, channels: 1, outputs: 1, size: 6, kernel: [2, 2], epilogue: true }), // depthwise
    mirrored(forward({ batch: 3, channels: 5, outputs: 9, size: 8, kernel: [1, 2], epilogue: true })),
  ],
  'for the weight: a sum over three axes that are not adjacent': [
    ofWeight({ batch: 2, groups: 3, channels: 2, outputs: 3, size: 7, kernel: [2, 2], stride: 2, dilation: 2 }),
    mirrored(ofWeight({ batch: 3, channels: 4, outputs: 9, size: 3, kernel: [3, 2] })),
  ],
  'for the input: taps backwards': [ofInput({ batch: 3, channels: 5, outputs: 4, size: 7, kernel: [3, 2], epilogue: true })],
  'with sizes of 1 everywhere': [
    forward({ batch: 1, channels: 1, outputs: 1, size: 1, kernel: [1, 1] }),
    forward({ batch: 1, channels: 3, outputs: 2, size: 4, kernel: [1, 1], epilogue: true }),
    ofWeight({ batch: 1, channels: 1, outputs: 2, size: 3, kernel: [3, 1] }),
    ofInput({ batch: 1, channels: 1, outputs: 1, size: 2, kernel: [1, 3] }),
  ],
}
