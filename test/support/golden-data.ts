/**
 * @file The golden files that test/golden/generate.py got from PyTorch, and what their cases are of: tensors, arguments, functions.
 *
 * A case is a call of tapegrad: `args` are the arguments as written in JSON, in which a string that begins with `$` stands for something
 * that JSON cannot hold: `$0` the first input, `$float` the float type under test, `$device` the device, `$nan`, `$inf`, `$-inf`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import * as tg from '../../src/index.ts'

/** JSON has no NaN and no infinity: these are strings. */
type Stored = readonly (number | 'NaN' | 'Infinity' | '-Infinity')[]

/** An array as a golden file keeps it. `float` is the float type under test. */
export interface Span {
  readonly dtype: 'float' | 'float32' | 'float16' | 'bfloat16' | 'int32' | 'bool'
  readonly shape: readonly number[]
  readonly values: Stored
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

export interface GoldenCase {
  readonly name: string
  /** The op's name in the registry. */
  readonly op: string
  readonly args: readonly Json[]
  /** The free function; `null` where there is none, absent where it is called as the op is. */
  readonly free?: string | null
  /** The method's name, where PyTorch has the method; its arguments where they are not the function's, `$n` first being `this`. */
  readonly method?: string
  readonly methodArgs?: readonly Json[]
  readonly inputs: readonly (Span & { readonly requiresGrad?: boolean })[]
  readonly outputs: readonly Span[]
  /** What the call leaves in the inputs that it changes in place; `null` for the others. */
  readonly changed?: readonly (Span | null)[]
  /** Given to `backward` of the first output. */
  readonly gradOutput?: Span
  /** One per input; `null` where PyTorch gives none. */
  readonly grads?: readonly (Span | null)[]
}

export interface OptimizerPath {
  readonly name: string
  readonly optimizer: 'SGD' | 'Adam' | 'AdamW'
  readonly options: Readonly<Record<string, number | boolean | readonly number[]>>
  /** Parameter groups, by position in `start`; absent: all in one. */
  readonly groups?: readonly { readonly params: readonly number[]; readonly [option: string]: unknown }[]
  /** From step `step` on, every group has the learning rate `lr`. */
  readonly later?: { readonly step: number; readonly lr: number }
  /** The loss of every step. */
  readonly losses: Span
  /** The parameters after every step. */
  readonly after: readonly (readonly Span[])[]
}

export interface PrintedText {
  readonly name: string
  readonly dtype: tg.DType
  readonly shape: readonly number[]
  readonly values: Stored
  readonly requiresGrad?: boolean
  /** What PyTorch prints; its int64 is int32 here. */
  readonly text: string
}

/** A layer with a given state, run on some inputs. */
export interface ModuleCase {
  readonly name: string
  readonly module: string
  readonly args: readonly Json[]
  /** What PyTorch prints, with the options' names and constants as they are written here. */
  readonly text: string
  readonly state: Readonly<Record<string, Span>>
  readonly runs: readonly {
    readonly mode: 'train' | 'eval'
    readonly input: Span
    readonly output: Span
    readonly gradOutput: Span
    readonly gradInput: Span
    /** Gradients of the parameters, by name. */
    readonly grads: Readonly<Record<string, Span>>
  }[]
  /** The state after all runs. */
  readonly after: Readonly<Record<string, Span>>
}

/** `nn.utils.clipGradNorm_` of some gradients. */
export interface Clip {
  readonly grads: readonly Stored[]
  readonly normType: Stored[number]
  readonly maxNorm: number
  readonly norm: Stored[number]
  readonly clipped: readonly Stored[]
}

/** The dtype of an op's result under autocast, whose own is `lower`. */
export interface AutocastResult {
  readonly op: string
  /** The case of the op that was run. */
  readonly case: string
  /** What its float inputs are: all of one, or the first lower than the others. */
  readonly given: 'float32' | 'lower' | 'mixed'
  /** What PyTorch gave on cpu. */
  readonly torch: 'float32' | 'lower' | 'other' | null
  /** What PyTorch's lists say, or else what it gave; null where it refused. */
  readonly result: 'float32' | 'lower' | 'other' | null
}

/** `amp.GradScaler` over steps of which some overflow, counted from 0. */
export interface ScalePath {
  readonly name: string
  readonly options: Readonly<Record<string, number>>
  readonly overflows: readonly number[]
  /** The scale and its count after every step. */
  readonly after: readonly (readonly [number, number])[]
}

/** A parameter whose gradient in each step is given, trained with a scaler. */
export interface ScaledTraining {
  readonly optimizer: 'SGD' | 'Adam' | 'AdamW'
  readonly options: Readonly<Record<string, number | boolean>>
  readonly overflows: readonly number[]
  readonly start: readonly number[]
  readonly slopes: readonly (readonly number[])[]
  readonly after: readonly (readonly number[])[]
}

/** What a function in place does through a view: {@link file://../golden/views.py}. */
export interface ViewCase {
  readonly name: string
  /** Methods and their arguments, from the base to the view. */
  readonly chain: readonly (readonly [name: string, ...args: number[]])[]
  readonly function: string
  readonly operand: 'y' | number | null
  readonly x: Span
  readonly y: Span
  readonly g: Span
  readonly base: Span
  readonly view: Span
  readonly gradX: Span
  readonly gradY: Span | null
}

/** A distribution of torch.distributions: its parameters, those of another, and what was computed of them with the gradients in both. */
export interface DistributionCase {
  readonly name: string
  readonly logits: boolean
  readonly params: readonly Span[]
  readonly others: readonly Span[]
  readonly sample: Span
  /** What `icdf` is asked for. */
  readonly probability?: Span
  readonly results: readonly { readonly name: string; readonly value: Span; readonly grads: readonly (Span | null)[] }[]
}

/** What the files hold; the families of ops are in one folder, called as their files in src/ops. */
interface Files {
  readonly distributions: { readonly families: readonly DistributionCase[] }
  readonly autocast: { readonly gpu: readonly string[]; readonly results: readonly AutocastResult[] }
  readonly clips: { readonly clips: readonly Clip[] }
  readonly layers: { readonly layers: readonly ModuleCase[] }
  readonly scaler: { readonly scales: readonly ScalePath[]; readonly trainings: readonly ScaledTraining[] }
  readonly optimizers: { readonly x: Span; readonly y: Span; readonly start: readonly Span[]; readonly paths: readonly OptimizerPath[] }
  readonly texts: { readonly texts: readonly PrintedText[] }
  readonly views: { readonly views: readonly ViewCase[] }
  readonly [family: `ops/${string}`]: { readonly cases: readonly GoldenCase[] }
}

const folder = new URL('../golden/', import.meta.url)

export const golden = <Name extends keyof Files>(name: Name): Files[Name] =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'))

/** The families of ops that have cases. */
export const families: readonly string[] = readdirSync(new URL('ops/', folder))
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))
  .sort()

/** The values of a span. */
export function stored({ dtype, values }: { readonly dtype: string; readonly values: Stored }): Float64Array | Float32Array | Int32Array {
  if (dtype === 'float' || dtype === 'float64') return Float64Array.from(values, Number)
  if (dtype === 'float32' || dtype === 'float16' || dtype === 'bfloat16') return Float32Array.from(values, Number)
  return Int32Array.from(values, Number)
}

export function casesByOp(): ReadonlyMap<string, readonly GoldenCase[]> {
  const groups = new Map<string, GoldenCase[]>()
  for (const c of families.flatMap((family) => golden(`ops/${family}`).cases)) {
    const group = groups.get(c.op)
    if (group) group.push(c)
    else groups.set(c.op, [c])
  }
  return groups
}

export interface Setting {
  readonly device: 'cpu' | 'webgpu'
  readonly float: 'float64' | 'float32'
}

/** |actual − expected| ≤ atol + rtol · |expected|. */
export interface Tolerance {
  readonly rtol: number
  readonly atol: number
}

/** A tensor with a span's values on the device and in the float type under test. */
export function tensorOf(span: Span & { readonly requiresGrad?: boolean }, { device, float }: Setting): tg.Tensor {
  const dtype = span.dtype === 'float' ? float : span.dtype
  const values = stored(span)
  const data = dtype === 'float32' ? Float32Array.from(values) : dtype === 'bool' ? Uint8Array.from(values) : values
  return tg.tensor(data, { shape: [...span.shape], dtype, device, requiresGrad: span.requiresGrad ?? false })
}

const SPECIAL: Readonly<Record<string, number>> = { $nan: Number.NaN, $inf: Number.POSITIVE_INFINITY, '$-inf': Number.NEGATIVE_INFINITY }

export function revive(arg: Json, inputs: readonly tg.Tensor[], setting: Setting): unknown {
  if (Array.isArray(arg)) return arg.map((a) => revive(a, inputs, setting))
  if (arg !== null && typeof arg === 'object')
    return Object.fromEntries(Object.entries(arg).map(([key, value]) => [key, revive(value, inputs, setting)]))
  if (typeof arg !== 'string' || !arg.startsWith('$')) return arg
  if (arg in SPECIAL) return SPECIAL[arg]
  if (arg === '$float') return setting.float
  if (arg === '$device') return setting.device
  return inputs[Number(arg.slice(1))]
}

export type Callable = (...args: unknown[]) => unknown

/** The free function of that name: of the root, or of `nn.functional`, `linalg` or `special` where PyTorch keeps it. */
export function freeFunction(name: string): Callable | undefined {
  for (const home of [tg, tg.nn.functional, tg.linalg, tg.special])
    if (name in home) return (home as unknown as Record<string, Callable>)[name]
  return undefined
}

/** The name of the case's free function, if it has one. */
export const freeName = (c: GoldenCase): string | null => (c.free === undefined ? c.op : c.free)

/** What a call gave: one tensor, or several. */
export const tensorsOf = (result: unknown): tg.Tensor[] =>
  result instanceof tg.Tensor ? [result] : [...(result as Iterable<unknown>)].flatMap(tensorsOf)
