/** @file Windows of signal processing, and logarithmic steps: worked out on the host in double precision, and rounded once. */
import {
  ArgumentError,
  BOOLEAN,
  COUNT,
  options as describe,
  dtypes,
  FINITE,
  isFloat,
  type Kind,
  named,
  type Options,
  oneOf,
  optional,
  signature,
} from '../base/index.ts'
import { optionsIn, type Tensor } from '../tensor/index.ts'
import { CREATE, type CreateOptions, fromFunction } from './create.ts'

/** Options of windows. */
export interface WindowOptions extends CreateOptions {
  /** Whether the window is one period of a longer one (true, the default), or symmetric. */
  readonly periodic?: boolean
}
/** Options of {@link hammingWindow}. */
export interface HammingWindowOptions extends WindowOptions {
  /** 0.54 by default. */
  readonly alpha?: number
  /** 0.46 by default. */
  readonly beta?: number
}
/** Options of {@link kaiserWindow}. */
export interface KaiserWindowOptions extends WindowOptions {
  /** How narrow it is: 12 by default. */
  readonly beta?: number
}

const FLOAT = { ...CREATE, dtype: named('a float dtype', dtypes.filter(isFloat)), periodic: BOOLEAN } as const
const WINDOW: Options<WindowOptions> = describe<WindowOptions>(FLOAT)
const HAMMING: Options<HammingWindowOptions> = describe<HammingWindowOptions>({ ...FLOAT, alpha: FINITE, beta: FINITE })
const KAISER: Options<KaiserWindowOptions> = describe<KaiserWindowOptions>({ ...FLOAT, beta: FINITE })

const kinds = (options: Kind): Readonly<Record<string, Kind>> => ({
  windowLength: COUNT,
  periodic: optional(oneOf(BOOLEAN, options)),
  options: optional(options),
})

/** A window by its value at each part of the way from one end, 0, to the other, 1. */
function windowOf<O extends WindowOptions>(
  name: string,
  length: number,
  periodic: boolean | O | undefined,
  last: O | undefined,
  value: (part: number, options: O | undefined) => number,
): Tensor {
  const options = optionsIn(name, periodic, last)
  if (typeof periodic === 'boolean' && options?.periodic !== undefined)
    throw new ArgumentError(name, `periodic is given twice: ${periodic} and ${options.periodic}`)
  const repeats = (typeof periodic === 'boolean' ? periodic : options?.periodic) ?? true
  const end = repeats ? length : length - 1
  return fromFunction(name, length, options?.dtype ?? 'float32', options, (i) => (length === 1 ? 1 : value(i / end, options)))
}

/** A function that makes a window of `windowLength` values; `periodic` is true by default. */
export type WindowFunction<O> = (windowLength: number, periodic?: boolean | O, options?: O) => Tensor

const cosine = (part: number, times = 1): number => Math.cos(2 * Math.PI * times * part)

const BARTLETT_WINDOW = signature('bartlettWindow', kinds(WINDOW))
/** Bartlett's window, a triangle: 1 − |2n/N − 1|. @see https://pytorch.org/docs/stable/generated/torch.bartlett_window.html */
export const bartlettWindow: WindowFunction<WindowOptions> = (windowLength, periodic, options) => {
  BARTLETT_WINDOW.check(windowLength, periodic, options)
  return windowOf('bartlettWindow', windowLength, periodic, options, (part) => 1 - Math.abs(2 * part - 1))
}

const HANN_WINDOW = signature('hannWindow', kinds(WINDOW))
/** Hann's window: ½ − ½ cos(2πn/N), N the length, or one less where it is not periodic. @see https://pytorch.org/docs/stable/generated/torch.hann_window.html */
export const hannWindow: WindowFunction<WindowOptions> = (windowLength, periodic, options) => {
  HANN_WINDOW.check(windowLength, periodic, options)
  return windowOf('hannWindow', windowLength, periodic, options, (part) => Math.sin(Math.PI * part) ** 2)
}

const HAMMING_WINDOW = signature('hammingWindow', kinds(HAMMING))
/** Hamming's window: alpha − beta cos(2πn/N). @see https://pytorch.org/docs/stable/generated/torch.hamming_window.html */
export const hammingWindow: WindowFunction<HammingWindowOptions> = (windowLength, periodic, options) => {
  HAMMING_WINDOW.check(windowLength, periodic, options)
  return windowOf(
    'hammingWindow',
    windowLength,
    periodic,
    options,
    (part, given) => (given?.alpha ?? 0.54) - (given?.beta ?? 0.46) * cosine(part),
  )
}

const BLACKMAN_WINDOW = signature('blackmanWindow', kinds(WINDOW))
/** Blackman's window: 0.42 − ½ cos(2πn/N) + 0.08 cos(4πn/N). @see https://pytorch.org/docs/stable/generated/torch.blackman_window.html */
export const blackmanWindow: WindowFunction<WindowOptions> = (windowLength, periodic, options) => {
  BLACKMAN_WINDOW.check(windowLength, periodic, options)
  return windowOf('blackmanWindow', windowLength, periodic, options, (part) => 0.42 - 0.5 * cosine(part) + 0.08 * cosine(part, 2))
}

/**
 * e⁻ˣ I₀(x), x ≥ 0, as the mean of e^(x (cos θ − 1)) over the circle: equal steps converge exponentially (DLMF 10.32.1 and 3.5(i)). From 500 on five terms of its
 * asymptotic series have all digits of a double (DLMF 10.40.1).
 */
function besselScaled(x: number): number {
  if (x > 500) {
    const r = 1 / x
    return Math.sqrt(r / (2 * Math.PI)) * (1 + r * (1 / 8 + r * (9 / 128 + r * (225 / 3072 + (r * 11025) / 98304))))
  }
  const steps = 64 + Math.ceil(16 * Math.sqrt(x))
  let sum = 0
  for (let i = 0; i < steps; i++) sum += Math.exp(-2 * x * Math.sin((Math.PI * i) / steps) ** 2)
  return sum / steps
}

const KAISER_WINDOW = signature('kaiserWindow', kinds(KAISER))
/** Kaiser's window: I₀(beta √(1 − (2n/N − 1)²)) / I₀(beta). @see https://pytorch.org/docs/stable/generated/torch.kaiser_window.html */
export const kaiserWindow: WindowFunction<KaiserWindowOptions> = (windowLength, periodic, options) => {
  KAISER_WINDOW.check(windowLength, periodic, options)
  return windowOf('kaiserWindow', windowLength, periodic, options, (part, given) => {
    const beta = Math.abs(given?.beta ?? 12)
    const x = beta * (2 * Math.sqrt(Math.max(0, part * (1 - part))))
    return (Math.exp(x - beta) * besselScaled(x)) / besselScaled(beta)
  })
}

/** Options of {@link logspace}. */
export interface LogspaceOptions extends CreateOptions {
  /** What is raised to the powers: 10 by default. */
  readonly base?: number
}
const LOGSPACE_OPTIONS: Options<LogspaceOptions> = describe<LogspaceOptions>({ ...CREATE, base: FINITE })
const LOGSPACE = signature('logspace', {
  start: FINITE,
  end: FINITE,
  steps: COUNT,
  base: optional(oneOf(FINITE, LOGSPACE_OPTIONS)),
  options: optional(LOGSPACE_OPTIONS),
})

/**
 * `steps` values from base^start to base^end, whose logarithms are evenly spaced. Of an integer dtype fractions are cut off.
 * @throws ArgumentError for a value that the dtype cannot hold.
 * @see https://pytorch.org/docs/stable/generated/torch.logspace.html
 */
export function logspace(start: number, end: number, steps: number, base?: number | LogspaceOptions, options?: LogspaceOptions): Tensor {
  LOGSPACE.check(start, end, steps, base, options)
  const given = optionsIn('logspace', base, options)
  if (typeof base === 'number' && given?.base !== undefined)
    throw new ArgumentError('logspace', `base is given twice: ${base} and ${given.base}`)
  const of = typeof base === 'number' ? base : (given?.base ?? 10)
  const dtype = given?.dtype ?? 'float32'
  const step = steps > 1 ? (end - start) / (steps - 1) : 0
  return fromFunction('logspace', steps, dtype, given, (i) => {
    const v = of ** (i < steps / 2 ? start + i * step : end - (steps - 1 - i) * step)
    return isFloat(dtype) ? v : Math.trunc(v)
  })
}
