/** @file Convolution and pooling in plain loops, from the definitions, with random geometry: independent of the library. */
import type { AvgPoolOptions, ConvOptions, MaxPoolOptions } from '../../src/ops/index.ts'

export type Values = Float64Array
type Two = readonly [number, number]

/** Numbers from a seed: whole ones below n, and values. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = (seed * 2654435761) >>> 0
    this.#next()
  }

  #next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0
    return this.#state / 2 ** 32
  }

  below(n: number): number {
    return Math.floor(this.#next() * n)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  two(list: readonly number[]): Two {
    return [this.pick(list), this.pick(list)]
  }

  /** In −1 … 1, in steps of 1/`steps` (few steps: values that tie), all exact in float32. */
  values(n: number, steps = 1 << 10): Values {
    return Float64Array.from({ length: n }, () => Math.round((this.#next() * 2 - 1) * steps) / steps)
  }
}

const product = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1)

/** How windows lie along both axes. */
interface Geometry {
  readonly size: Two
  readonly kernel: Two
  readonly stride: Two
  readonly dilation: Two
  /** What stands before the first element. */
  readonly before: Two
  readonly out: Two
}

/** Calls `visit` for every window (place in [oh, ow]) and tap (place in [kh, kw]) with the element that it stands on, −1 in the padding. */
function eachTap(
  { size, kernel, stride, dilation, before, out }: Geometry,
  visit: (window: number, tap: number, at: number) => void,
): void {
  for (let i = 0; i < out[0]; i++)
    for (let j = 0; j < out[1]; j++)
      for (let a = 0; a < kernel[0]; a++)
        for (let b = 0; b < kernel[1]; b++) {
          const h = i * stride[0] + a * dilation[0] - before[0]
          const w = j * stride[1] + b * dilation[1] - before[1]
          const inside = h >= 0 && h < size[0] && w >= 0 && w < size[1]
          visit(i * out[1] + j, a * kernel[1] + b, inside ? h * size[1] + w : -1)
        }
}

export interface ConvCase {
  readonly x: readonly [batch: number, channels: number, h: number, w: number]
  readonly weight: readonly [out: number, inner: number, kh: number, kw: number]
  readonly options: ConvOptions
  readonly y: readonly [batch: number, out: number, oh: number, ow: number]
  readonly groups: number
  readonly geometry: Geometry
}

/** A convolution of any kind that fits. */
export function randomConv(dice: Dice): ConvCase {
  for (;;) {
    const groups = dice.pick([1, 1, 2, 3])
    const [inner, outer] = dice.two([1, 2, 3])
    const size = dice.two([1, 2, 3, 5, 6, 8])
    const kernel = dice.two([1, 2, 3, 4])
    const dilation = dice.two([1, 1, 2, 3])
    const kind = dice.pick(['none', 'number', 'number', 'same', 'valid'] as const)
    const stride = kind === 'same' ? ([1, 1] as const) : dice.two([1, 1, 2, 3, 4])
    const padding = dice.two([0, 1, 2, 3])
    const reach = kernel.map((k, d) => (k - 1) * (dilation[d] as number)) as [number, number]
    // 'same' puts the odd one behind
    const before = (kind === 'same' ? reach.map((r) => Math.floor(r / 2)) : kind === 'number' ? padding : [0, 0]) as [number, number]
    const around = kind === 'same' ? reach : before.map((p) => 2 * p)
    const out = size.map((n, d) => Math.floor((n + (around[d] as number) - (reach[d] as number) - 1) / (stride[d] as number)) + 1) as [
      number,
      number,
    ]
    if (out.some((n) => n < 1)) continue
    const batch = dice.pick([1, 2, 3])
    return {
      x: [batch, groups * inner, ...size],
      weight: [groups * outer, inner, ...kernel],
      y: [batch, groups * outer, ...out],
      groups,
      options: { stride, dilation, groups, ...(kind === 'number' ? { padding } : kind === 'none' ? {} : { padding: kind }) },
      geometry: { size, kernel, stride, dilation, before, out },
    }
  }
}

/** The output, and what `g` there is for input, weight and bias. */
export function convolve(c: ConvCase, x: Values, weight: Values, bias: Values, g: Values) {
  const [batch, channels] = c.x
  const [outputs, inner] = c.weight
  const [plane, taps, places] = [product(c.geometry.size), product(c.geometry.kernel), product(c.geometry.out)]
  const y = new Float64Array(batch * outputs * places)
  const [dx, dw, db] = [new Float64Array(x.length), new Float64Array(weight.length), new Float64Array(outputs)]
  const perGroup = outputs / c.groups
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outputs; o++) {
      const to = (n * outputs + o) * places
      for (let p = 0; p < places; p++) {
        y[to + p] = bias[o] as number
        db[o] = (db[o] as number) + (g[to + p] as number)
      }
      for (let i = 0; i < inner; i++) {
        const from = (n * channels + Math.floor(o / perGroup) * inner + i) * plane
        const tapsAt = (o * inner + i) * taps
        eachTap(c.geometry, (window, tap, at) => {
          if (at < 0) return
          const [xv, wv, gv] = [x[from + at] as number, weight[tapsAt + tap] as number, g[to + window] as number]
          y[to + window] = (y[to + window] as number) + xv * wv
          dx[from + at] = (dx[from + at] as number) + gv * wv
          dw[tapsAt + tap] = (dw[tapsAt + tap] as number) + gv * xv
        })
      }
    }
  return { y, dx, dw, db }
}

export interface PoolCase {
  readonly x: readonly [batch: number, channels: number, h: number, w: number]
  readonly kernel: Two
  readonly y: readonly [batch: number, channels: number, oh: number, ow: number]
  readonly geometry: Geometry
  readonly padding: Two
  readonly max: Omit<MaxPoolOptions, 'returnIndices'>
  readonly avg: AvgPoolOptions
}

/** A pooling of any kind that fits; `dilated` is for the maximum, the mean has no dilation. */
export function randomPool(dice: Dice, dilated: boolean): PoolCase {
  for (;;) {
    const size = dice.two([1, 2, 3, 5, 6, 8])
    const kernel = dice.two([1, 2, 3, 4])
    const stride = dice.pick([undefined, dice.two([1, 2, 3]), dice.two([1, 2, 4])])
    const step = stride ?? kernel
    const dilation = dilated ? dice.two([1, 1, 2]) : ([1, 1] as const)
    const padding = kernel.map((k) => dice.below(Math.floor(k / 2) + 1)) as [number, number]
    const ceilMode = dice.below(2) === 1
    const out = size.map((n, d) => {
      const [s, p] = [step[d] as number, padding[d] as number]
      const room = n + 2 * p - ((kernel[d] as number) - 1) * (dilation[d] as number) - 1
      if (!ceilMode) return Math.floor(room / s) + 1
      const windows = Math.ceil(room / s) + 1
      // the last one must begin in the input or before it
      return (windows - 1) * s >= n + p ? windows - 1 : windows
    }) as [number, number]
    const fits = size.every((n, d) => n + 2 * (padding[d] as number) > ((kernel[d] as number) - 1) * (dilation[d] as number))
    if (!fits || out.some((n) => n < 1)) continue
    const geometry = { size, kernel, stride: step, dilation, before: padding, out }
    // The taps of a dilated window may miss a small input, of which PyTorch does not say what is largest
    const seen = new Set<number>()
    eachTap(geometry, (window, _tap, at) => at >= 0 && seen.add(window))
    if (seen.size < out[0] * out[1]) continue
    const lead = [dice.pick([1, 2]), dice.pick([1, 3])] as const
    const common = { padding, ceilMode, ...(stride ? { stride } : {}) }
    const avg = { countIncludePad: dice.below(2) === 1, divisorOverride: dice.pick([null, null, 5]) }
    return {
      x: [...lead, ...size],
      kernel,
      y: [...lead, ...out],
      padding,
      geometry,
      max: { ...common, dilation },
      avg: { ...common, ...avg },
    }
  }
}

/** The largest of each window, where it stands, and what `g` is there for the input: the first of equals takes all. */
export function poolMax({ x: [batch, channels], geometry }: PoolCase, x: Values, g: Values) {
  const [plane, places] = [product(geometry.size), product(geometry.out)]
  const y = new Float64Array(batch * channels * places).fill(Number.NEGATIVE_INFINITY)
  const indices = new Int32Array(y.length)
  const dx = new Float64Array(x.length)
  for (let c = 0; c < batch * channels; c++) {
    eachTap(geometry, (window, _tap, at) => {
      const to = c * places + window
      if (at < 0 || !((x[c * plane + at] as number) > (y[to] as number))) return
      y[to] = x[c * plane + at] as number
      indices[to] = at
    })
    for (let p = 0; p < places; p++) {
      const at = c * plane + (indices[c * places + p] as number)
      dx[at] = (dx[at] as number) + (g[c * places + p] as number)
    }
  }
  return { y, indices, dx }
}

/** The mean of each window, and what `g` is there for the input. */
export function poolAvg({ x: [batch, channels], geometry, padding, avg }: PoolCase, x: Values, g: Values) {
  const { size, kernel, stride, out } = geometry
  const [plane, places] = [product(size), product(out)]
  const y = new Float64Array(batch * channels * places)
  const dx = new Float64Array(x.length)
  /** Elements of a window that count: those of the padding too, but not what ceilMode adds behind it. */
  const counted = (window: number): number =>
    [Math.floor(window / out[1]), window % out[1]].reduce((n, o, d) => {
      const start = o * (stride[d] as number) - (padding[d] as number)
      const limits = avg.countIncludePad ? [start, (size[d] as number) + (padding[d] as number)] : [Math.max(0, start), size[d] as number]
      return n * (Math.min(start + (kernel[d] as number), limits[1] as number) - (limits[0] as number))
    }, 1)
  for (let c = 0; c < batch * channels; c++)
    eachTap(geometry, (window, _tap, at) => {
      if (at < 0) return
      const [to, from] = [c * places + window, c * plane + at]
      const by = avg.divisorOverride ?? counted(window)
      y[to] = (y[to] as number) + (x[from] as number) / by
      dx[from] = (dx[from] as number) + (g[to] as number) / by
    })
  return { y, dx }
}
