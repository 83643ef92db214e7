/**
 * @file The text of a tensor: what PyTorch 1.13's `str(tensor)` gives, to the character, with this library's dtypes and devices in the suffixes
 * (`dtype=float16`, `device='webgpu'`). The default dtypes, which go without saying, are float32, bool
 * and int32, which stands where PyTorch has int64. The device is named where it is not the host's own.
 */
import {
  BOOLEAN,
  COUNT,
  choice,
  type DType,
  options as describe,
  dtypeInfo,
  type Kind,
  type Options,
  type Shape,
  signature,
  sizeOf,
  whole,
} from '../base/index.ts'

/** As `torch.set_printoptions`, for one text; what is left out is as {@link setPrintoptions} set it. */
export interface FormatOptions {
  /** Digits behind the point; 4. */
  readonly precision?: number
  /** From more elements than this on, the middle is left out; 1000. */
  readonly threshold?: number
  /** How many elements are shown at each end of an axis whose middle is left out; 3. */
  readonly edgeitems?: number
  /** Characters in a line; 80. */
  readonly linewidth?: number
  /** Scientific notation always (true) or never (false); by the values when absent. */
  readonly sciMode?: boolean
}

/** A number of elements, ∞ included: nothing is left out. */
const THRESHOLD: Kind = { fits: 'a whole number ≥ 0, or Infinity', accepts: (x) => COUNT.accepts(x) || x === Number.POSITIVE_INFINITY }

/** The kinds of {@link FormatOptions}. */
export const FORMAT: Options<FormatOptions> = describe<FormatOptions>({
  precision: whole(0, 100),
  threshold: THRESHOLD,
  edgeitems: COUNT,
  linewidth: COUNT,
  sciMode: BOOLEAN,
})

/** What {@link setPrintoptions} takes. */
export interface PrintOptions extends FormatOptions {
  /** Where to start from: `default`, `short` (2 digits, 2 elements at each end) or `full` (nothing is left out). */
  readonly profile?: 'default' | 'short' | 'full'
}

const DEFAULTS: Settings = { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: undefined }
const PROFILES: Readonly<Record<NonNullable<PrintOptions['profile']>, Settings>> = {
  default: DEFAULTS,
  short: { ...DEFAULTS, precision: 2, edgeitems: 2 },
  full: { ...DEFAULTS, threshold: Number.POSITIVE_INFINITY },
}
let current = DEFAULTS

const SET_PRINTOPTIONS = signature('setPrintoptions', {
  options: describe<PrintOptions>({
    precision: whole(0, 100),
    threshold: THRESHOLD,
    edgeitems: COUNT,
    linewidth: COUNT,
    sciMode: BOOLEAN,
    profile: choice(['default', 'short', 'full']),
  }),
})

/**
 * How tensors are printed from now on, where `print` and `toText` are not given options of their own. What is left out stays as it is, but for `sciMode`,
 * which goes back to being chosen by the values.
 * @see https://pytorch.org/docs/stable/generated/torch.set_printoptions.html
 * @example setPrintoptions({ precision: 2, sciMode: false })
 */
export function setPrintoptions(options: PrintOptions): void {
  SET_PRINTOPTIONS.check(options)
  const { profile, ...given } = options
  current = settingsOf(given, { ...(profile === undefined ? current : PROFILES[profile]), sciMode: undefined })
}

function settingsOf(options: FormatOptions, otherwise: Settings): Settings {
  const { precision, threshold, edgeitems, linewidth, sciMode } = options
  return {
    precision: precision ?? otherwise.precision,
    threshold: threshold ?? otherwise.threshold,
    edgeitems: edgeitems ?? otherwise.edgeitems,
    linewidth: linewidth ?? otherwise.linewidth,
    sciMode: sciMode ?? otherwise.sciMode,
  }
}

/** What the text says beside the values. */
export interface TensorFacts {
  readonly shape: Shape
  readonly dtype: DType
  readonly device?: string
  readonly requiresGrad?: boolean
  /** The op that made the tensor: `Mul`. */
  readonly gradFn?: string
}

interface Settings extends Required<Omit<FormatOptions, 'sciMode'>> {
  readonly sciMode: boolean | undefined
}

interface Formatter {
  readonly width: number
  readonly format: (value: number) => string
}

/**
 * @param values row-major logical numbers (halves as numbers, bool as 0/1)
 * @see https://pytorch.org/docs/stable/generated/torch.set_printoptions.html
 * @example formatTensor(Float32Array.of(1, 2.5), { shape: [2], dtype: 'float32' }) // 'tensor([1.0000, 2.5000])'
 */
export function formatTensor(values: ArrayLike<number>, facts: TensorFacts, options: FormatOptions = {}): string {
  const settings = settingsOf(options, current)
  const prefix = 'tensor('
  const { shape, dtype, device, requiresGrad, gradFn } = facts
  const suffixes: string[] = []
  if (device?.startsWith('webgpu')) suffixes.push(`device='${device}'`)
  let body = '[]'
  if (sizeOf(shape) === 0) {
    if (shape.length !== 1) suffixes.push(`size=(${shape.join(', ')})`)
    if (dtype !== 'float32') suffixes.push(`dtype=${dtype}`) // there is no element to tell it by
  } else {
    if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') suffixes.push(`dtype=${dtype}`)
    body = valuesText(values, shape, dtype, prefix.length, settings)
  }
  if (gradFn !== undefined) suffixes.push(`grad_fn=<${gradFn}Backward0>`)
  else if (requiresGrad) suffixes.push('requires_grad=True')
  return withSuffixes(prefix + body, suffixes, prefix.length, settings.linewidth)
}

/** The values alone, as `formatTensor` writes them: what `console.log` shows below the tensor's line. */
export function formatValues(values: ArrayLike<number>, shape: Shape, dtype: DType): string {
  if (sizeOf(shape) === 0) return '[]'
  return valuesText(values, shape, dtype, 0, current)
}

function valuesText(values: ArrayLike<number>, shape: Shape, dtype: DType, indent: number, settings: Settings): string {
  const edge = sizeOf(shape) > settings.threshold ? settings.edgeitems : Number.POSITIVE_INFINITY
  const formatter = formatterFor(shownValues(values, shape, edge), dtype, settings)
  return nested(values, shape, 0, indent, edge, formatter, settings)
}

/** Positions shown along an axis; −1 stands for those left out. */
function positions(size: number, edge: number): number[] {
  const count = (n: number, from: number): number[] => Array.from({ length: n }, (_, i) => from + i)
  return size > 2 * edge ? [...count(edge, 0), -1, ...count(edge, size - edge)] : count(size, 0)
}

/** The values that will be seen: they alone settle width and notation. */
function shownValues(values: ArrayLike<number>, shape: Shape, edge: number): number[] {
  const shown: number[] = []
  const walk = (dim: number, offset: number): void => {
    if (dim === shape.length) shown.push(values[offset] as number)
    else for (const i of positions(shape[dim] as number, edge)) if (i >= 0) walk(dim + 1, offset * (shape[dim] as number) + i)
  }
  walk(0, 0)
  return shown
}

function formatterFor(shown: readonly number[], dtype: DType, { precision, sciMode }: Settings): Formatter {
  const { kind } = dtypeInfo[dtype]
  if (kind !== 'float') {
    const text = kind === 'bool' ? (v: number): string => (v ? 'True' : 'False') : (v: number): string => `${v}`
    return aligned(widest(shown, text), text)
  }
  // Zero, NaN and infinities have no say.
  const telling = shown.filter((v) => Number.isFinite(v) && v !== 0)
  const sizes = telling.map(Math.abs)
  const least = sizes.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  const most = sizes.reduce((a, b) => Math.max(a, b), 0)
  const whole = telling.every(Number.isInteger)
  const wide = telling.length > 0 && (most / least > 1000 || most > 1e8 || (!whole && least < 1e-4))
  const scientificText = (v: number): string => special(v) ?? scientific(v, precision)
  const wholeText = (v: number): string => special(v) ?? `${fixed(v, 0)}.`
  const fixedText = (v: number): string => special(v) ?? fixed(v, precision)
  const notation = telling.length > 0 && (sciMode ?? wide)
  // PyTorch measures the width before an explicit `sciMode` has its say.
  const width = widest(telling, wide ? scientificText : whole ? wholeText : fixedText)
  return aligned(width, notation ? scientificText : whole ? wholeText : fixedText)
}

const widest = (list: readonly number[], text: (v: number) => string): number => list.reduce((w, v) => Math.max(w, text(v).length), 1)
const aligned = (width: number, text: (v: number) => string): Formatter => ({ width, format: (v) => text(v).padStart(width) })

function special(v: number): string | undefined {
  if (Number.isNaN(v)) return 'nan'
  return Number.isFinite(v) ? undefined : v > 0 ? 'inf' : '-inf'
}

/** An odd last digit made even: ties, which JavaScript rounds away from zero, go to the even neighbour as in C. */
function evenLast(digits: string): string {
  const last = Number(digits.at(-1))
  return last % 2 === 1 ? digits.slice(0, -1) + (last - 1) : digits
}

/** C's `%.{digits}f`. */
function fixed(v: number, digits: number): string {
  const size = Math.abs(v)
  let text = size < 1e21 ? size.toFixed(digits) : BigInt(size).toString() + (digits > 0 ? `.${'0'.repeat(digits)}` : '')
  // Halfway between two texts lie the odd multiples of 2^−(digits+1) and nothing else.
  if (Math.abs((size * 2 ** (digits + 1)) % 2) === 1) text = evenLast(text)
  return v < 0 || Object.is(v, -0) ? `-${text}` : text
}

/** C's `%.{digits}e`: at least two digits of exponent. */
function scientific(v: number, digits: number): string {
  const size = Math.abs(v)
  let [significand, exponent] = size.toExponential(digits).split('e') as [string, string]
  // A tie shows as a 5 and then nothing: 60 digits tell, for no double lies nearer to a tie without being one.
  const rest = size.toExponential(Math.min(100, digits + 60)).slice(digits + 2)
  if (/^50*e/.test(rest)) significand = evenLast(significand)
  const power = Number(exponent)
  exponent = `${power < 0 ? '-' : '+'}${`${Math.abs(power)}`.padStart(2, '0')}`
  return `${v < 0 || Object.is(v, -0) ? '-' : ''}${significand}e${exponent}`
}

/** Brackets within brackets; `offset` counts the slices of `shape` in front of this one. */
function nested(
  values: ArrayLike<number>,
  shape: Shape,
  offset: number,
  indent: number,
  edge: number,
  formatter: Formatter,
  settings: Settings,
): string {
  if (shape.length === 0) return formatter.format(values[offset] as number)
  const [size, ...inner] = shape as readonly [number, ...number[]]
  const first = offset * size
  const shown = positions(size, edge)
  if (inner.length === 0) {
    const items = shown.map((i) => (i < 0 ? ' ...' : formatter.format(values[first + i] as number)))
    const perLine = Math.max(1, Math.floor((settings.linewidth - indent) / (formatter.width + 2)))
    const lines: string[] = []
    for (let i = 0; i < items.length; i += perLine) lines.push(items.slice(i, i + perLine).join(', '))
    return `[${lines.join(`,\n${' '.repeat(indent + 1)}`)}]`
  }
  const slices = shown.map((i) => (i < 0 ? '...' : nested(values, inner, first + i, indent + 1, edge, formatter, settings)))
  return `[${slices.join(`,${'\n'.repeat(inner.length)}${' '.repeat(indent + 1)}`)}]`
}

/** Adds the suffixes, each on the last line where it fits. */
function withSuffixes(text: string, suffixes: readonly string[], indent: number, linewidth: number): string {
  let all = text
  let length = text.length - text.lastIndexOf('\n') + 1
  for (const suffix of suffixes) {
    if (length + suffix.length + 2 > linewidth) {
      all += `,\n${' '.repeat(indent)}${suffix}`
      length = indent + suffix.length
    } else {
      all += `, ${suffix}`
      length += suffix.length + 2
    }
  }
  return `${all})`
}
