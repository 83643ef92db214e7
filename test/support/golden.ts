/**
 * @file Reads the golden files that test/golden/generate.py got from PyTorch, and runs one case as a function call or as a method call.
 *
 * A case is a call of tapegrad: `args` are the arguments as written in JSON, in which a string that begins with `$` stands for something
 * that JSON cannot hold: `$0` the first input, `$float` the float type under test, `$device` the device, `$nan`, `$inf`, `$-inf`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
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

/** What the files hold; the families of ops are in one folder, called as their files in src/ops. */
interface Files {
  readonly autocast: { readonly results: readonly AutocastResult[] }
  readonly clips: { readonly clips: readonly Clip[] }
  readonly layers: { readonly layers: readonly ModuleCase[] }
  readonly scaler: { readonly scales: readonly ScalePath[]; readonly trainings: readonly ScaledTraining[] }
  readonly optimizers: { readonly x: Span; readonly y: Span; readonly start: readonly Span[]; readonly paths: readonly OptimizerPath[] }
  readonly texts: { readonly texts: readonly PrintedText[] }
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

const EXACT: Tolerance = { rtol: 0, atol: 0 }

/** Compares shape, dtype and values. The message names the worst element. */
export async function expectSpan(what: string, actual: tg.Tensor, expected: Span, { float }: Setting, tolerance: Tolerance): Promise<void> {
  expect([...actual.shape], `${what}: shape`).toEqual(expected.shape)
  const dtype = expected.dtype === 'float' ? float : expected.dtype
  expect(actual.dtype, `${what}: dtype`).toBe(dtype)
  const { rtol, atol } = expected.dtype === 'float' ? tolerance : EXACT
  const got = await actual.data()
  const want = stored(expected)
  expect(got.length, `${what}: length of data()`).toBe(want.length)
  let worst = -1
  let worstExcess = 0
  for (let i = 0; i < want.length; i++) {
    const g = Number(got[i])
    const w = dtype === 'float32' ? Math.fround(want[i] as number) : (want[i] as number)
    if (Object.is(g, w) || g === w || (Number.isNaN(g) && Number.isNaN(w))) continue
    const excess = Number.isFinite(w) ? Math.abs(g - w) - (atol + rtol * Math.abs(w)) : Number.POSITIVE_INFINITY
    if (!(excess <= worstExcess)) {
      worst = i
      worstExcess = Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess
    }
  }
  if (worst >= 0) {
    const near = (values: ArrayLike<number | bigint>): string =>
      Array.from(values)
        .slice(Math.max(0, worst - 1), worst + 3)
        .join(', ')
    expect.fail(
      `${what}: element ${worst} of [${expected.shape}] is ${got[worst]}, PyTorch has ${want[worst]} (rtol ${rtol}, atol ${atol}); near it [${near(got)}], PyTorch [${near(want)}]`,
    )
  }
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

type Callable = (...args: unknown[]) => unknown

/** The free function of that name: of the root, or of `nn.functional` or `linalg` where PyTorch keeps it. */
export function freeFunction(name: string): Callable | undefined {
  for (const home of [tg, tg.nn.functional, tg.linalg]) if (name in home) return (home as unknown as Record<string, Callable>)[name]
  return undefined
}

/** The name of the case's free function, if it has one. */
export const freeName = (c: GoldenCase): string | null => (c.free === undefined ? c.op : c.free)

/** Runs a case, and its gradient where PyTorch has one, and compares everything that comes out. */
export async function runCase(c: GoldenCase, form: 'function' | 'method', setting: Setting, tolerance: Tolerance): Promise<void> {
  const inputs = c.inputs.map((span) => tensorOf(span, setting))
  let result: unknown
  if (form === 'function') {
    const name = freeName(c) as string
    const call = freeFunction(name)
    if (call === undefined) expect.fail(`there is no function ${name}`)
    result = await call(...c.args.map((a) => revive(a, inputs, setting)))
  } else {
    const [self, ...rest] = (c.methodArgs ?? c.args).map((a) => revive(a, inputs, setting))
    const method = (self as Record<string, Callable>)[c.method as string]
    if (method === undefined) expect.fail(`there is no method ${c.method}`)
    result = await method.apply(self, rest)
  }
  const outputs = (c.outputs.length === 1 ? [result] : [...(result as Iterable<tg.Tensor>)]) as tg.Tensor[]
  expect(outputs.length, 'number of results').toBe(c.outputs.length)
  if (c.gradOutput && c.grads) {
    ;(outputs[0] as tg.Tensor).backward(tensorOf(c.gradOutput, setting))
  }
  for (const [i, span] of c.outputs.entries()) await expectSpan(`output ${i}`, outputs[i] as tg.Tensor, span, setting, tolerance)
  for (const [i, span] of (c.changed ?? []).entries())
    if (span) await expectSpan(`input ${i} afterwards`, inputs[i] as tg.Tensor, span, setting, tolerance)
  for (const [i, span] of (c.grads ?? []).entries()) {
    const grad = (inputs[i] as tg.Tensor).grad
    if (span === null) continue
    if (!grad) expect.fail(`input ${i} has no gradient`)
    await expectSpan(`gradient of input ${i}`, grad, span, setting, tolerance)
  }
}

/** Runs a layer as PyTorch did, and compares everything that comes out, the state afterwards and the printed text. */
export async function runModule(c: ModuleCase, setting: Setting, tolerance: Tolerance): Promise<void> {
  const { device, float } = setting
  const kinds = tg.nn as unknown as Record<string, new (...args: unknown[]) => tg.nn.Module & { forward(x: tg.Tensor): tg.Tensor }>
  const last = c.args.at(-1)
  const given = typeof last === 'object' && last !== null && !Array.isArray(last) ? last : undefined
  const place = Object.keys(c.state).length > 0 ? { device, dtype: float } : {}
  const Layer = kinds[c.module]
  if (Layer === undefined) expect.fail(`there is no nn.${c.module}`)
  const layer = new Layer(...(given ? c.args.slice(0, -1) : c.args), { ...given, ...place })
  expect(String(layer)).toBe(c.text)
  layer.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([key, span]) => [key, tensorOf(span, setting)])))
  for (const [i, run] of c.runs.entries()) {
    layer.train(run.mode === 'train')
    layer.zeroGrad()
    const x = tensorOf({ ...run.input, requiresGrad: true }, setting)
    const y = layer.forward(x)
    y.backward(tensorOf(run.gradOutput, setting))
    await expectSpan(`run ${i}: output`, y, run.output, setting, tolerance)
    await expectSpan(`run ${i}: gradient of the input`, x.grad as tg.Tensor, run.gradInput, setting, tolerance)
    const parameters = Object.fromEntries(layer.namedParameters())
    expect(Object.keys(parameters)).toEqual(Object.keys(run.grads))
    for (const [key, span] of Object.entries(run.grads))
      await expectSpan(`run ${i}: gradient of ${key}`, parameters[key]?.grad as tg.Tensor, span, setting, tolerance)
  }
  const after = layer.stateDict()
  expect(Object.keys(after)).toEqual(Object.keys(c.after))
  for (const [key, span] of Object.entries(c.after))
    await expectSpan(`${key} afterwards`, after[key] as tg.Tensor, span, setting, tolerance)
}
