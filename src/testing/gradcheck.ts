/** @file `gradcheck`: the gradients that backward gives, against differences of the function itself. In float64 on the cpu device. */
import { grad } from '../autograd/index.ts'
import {
  ArgumentError,
  atLeast,
  BOOLEAN,
  options as describe,
  FUNCTION,
  isFloat,
  mismatch,
  type Options,
  oneOf,
  optional,
  type Signature,
  sameShape,
  showShape,
  signature,
  underName,
  WHOLE,
} from '../base/index.ts'
import { Generator, philox, tensor } from '../ops/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { AssertionError, position } from './close.ts'

/** How gradients are checked. */
export interface GradcheckOptions {
  /** Half the distance between the two points of a difference: 1e-6 by default. */
  readonly eps?: number
  /** How far a gradient may be from the difference in any case: 1e-5 by default. */
  readonly atol?: number
  /** … in proportion to the difference: 1e-3 by default. */
  readonly rtol?: number
  /** Whether a failure is thrown (default), or false returned. */
  readonly raiseException?: boolean
  /** Compare along one random direction instead of element by element: two calls of the function instead of two for each input element. False by default. */
  readonly fastMode?: boolean
  /** Seeds the random directions (and of the gradients that `gradgradcheck` makes up). Failures name it. */
  readonly seed?: number
}

/** What is checked: a function of the inputs (tensors, and whatever else it takes) with one or more tensors as its result. */
export type Checked = (...inputs: never[]) => Tensor | readonly Tensor[]

const INPUTS = oneOf(TENSOR, { fits: 'an array of what the function takes', accepts: Array.isArray })
const OPTIONS: Options<GradcheckOptions> = describe<GradcheckOptions>({
  eps: { fits: 'a number > 0', accepts: (x) => Number.isFinite(x) && (x as number) > 0 },
  atol: atLeast(0),
  rtol: atLeast(0),
  raiseException: BOOLEAN,
  fastMode: BOOLEAN,
  seed: WHOLE,
})
const described = (name: string): Signature => signature(name, { fn: FUNCTION, inputs: INPUTS, options: optional(OPTIONS) })
const GRADCHECK = described('gradcheck')
const GRADGRADCHECK = described('gradgradcheck')

interface Settled extends Required<GradcheckOptions> {
  readonly name: string
}

const settle = (name: string, options: GradcheckOptions): Settled => ({
  name,
  eps: options.eps ?? 1e-6,
  atol: options.atol ?? 1e-5,
  rtol: options.rtol ?? 1e-3,
  raiseException: options.raiseException ?? true,
  fastMode: options.fastMode ?? false,
  seed: options.seed ?? Math.floor(Math.random() * 2 ** 31),
})

/** The results that have a gradient at all. */
function outputsOf(fn: Checked, inputs: readonly unknown[]): Tensor[] {
  const result: unknown = (fn as (...inputs: readonly unknown[]) => unknown)(...inputs)
  const list: readonly unknown[] = Array.isArray(result) ? result : [result]
  return list.filter((y, i): y is Tensor => {
    if (!(y instanceof Tensor)) throw new ArgumentError('gradcheck', mismatch(TENSOR, `result ${i} of fn`, y))
    return isFloat(y.dtype)
  })
}

const isChecked = (x: unknown): x is Tensor => x instanceof Tensor && x.requiresGrad

function checkInputs(name: string, inputs: readonly unknown[]): Tensor[] {
  const checked = inputs.filter(isChecked)
  if (checked.length === 0) throw new ArgumentError(name, 'no input requires grad. Make them with { requiresGrad: true }')
  for (const x of checked) {
    if (x.dtype !== 'float64') {
      throw new ArgumentError(
        name,
        `an input ${showShape(x.shape)} is ${x.dtype}: differences need float64. Make it with { dtype: 'float64' } or .double()`,
      )
    }
  }
  return checked
}

/** The inputs with other values for those that are checked: leaves of their own. */
function withValues(inputs: readonly unknown[], values: readonly Float64Array[]): unknown[] {
  let next = 0
  return inputs.map((x) =>
    isChecked(x) ? tensor(values[next++] as Float64Array, { shape: x.shape, dtype: 'float64', device: 'cpu', requiresGrad: true }) : x,
  )
}

const hostOf = async (list: readonly Tensor[]): Promise<Float64Array[]> =>
  Promise.all(list.map(async (x) => Float64Array.from(await x.data())))

/**
 * Checks the gradients of `fn` with respect to every input that requires grad, element by element: analytic ∂yⱼ/∂xᵢ against
 * (y(x + eps) − y(x − eps)) / 2 eps, up to `atol + rtol · |numeric|`.
 * @param inputs float64 tensors on cpu that require grad, and anything else that `fn` takes
 * @returns true; false with `raiseException: false`
 * @throws AssertionError that shows analytic and numeric side by side, and the seed.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
 * @example await gradcheck((x: Tensor) => x.sin(), [randn([3], { dtype: 'float64', requiresGrad: true })])
 */
export async function gradcheck(fn: Checked, inputs: Tensor | readonly unknown[], options: GradcheckOptions = {}): Promise<boolean> {
  GRADCHECK.check(fn, inputs, options)
  return check(fn, inputs instanceof Tensor ? [inputs] : inputs, settle('gradcheck', options))
}

/**
 * Checks the gradients of the gradients of `fn`, as {@link gradcheck} does those of `fn`.
 * @see https://pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradgradcheck.html
 */
export async function gradgradcheck(fn: Checked, inputs: Tensor | readonly unknown[], options: GradcheckOptions = {}): Promise<boolean> {
  GRADGRADCHECK.check(fn, inputs, options)
  const list = inputs instanceof Tensor ? [inputs] : inputs
  const settled = settle('gradgradcheck', options)
  checkInputs(settled.name, list)
  const differentiable = underName('gradgradcheck', () => outputsOf(fn, list)).filter((y) => y.requiresGrad)
  const random = randomDirections(settled.seed)
  const weights = random(differentiable).map((w, i) =>
    tensor(w, { shape: (differentiable[i] as Tensor).shape, dtype: 'float64', device: 'cpu', requiresGrad: true }),
  )
  const count = list.length
  const firstOrder = (...all: unknown[]): Tensor[] => {
    const own = all.slice(0, count)
    const outputs = outputsOf(fn, own).filter((y) => y.requiresGrad)
    const grads = grad(outputs, own.filter(isChecked), { gradOutputs: all.slice(count) as Tensor[], createGraph: true, allowUnused: true })
    // A gradient that does not depend on anything (of a linear function) has no second one to check.
    return grads.filter((g): g is Tensor => g?.requiresGrad ?? false)
  }
  return check(firstOrder as Checked, [...list, ...weights], settled)
}

async function check(fn: Checked, inputs: readonly unknown[], settled: Settled): Promise<boolean> {
  const checked = checkInputs(settled.name, inputs)
  const outputs = outputsOf(fn, inputs)
  const differentiable = outputs.map((y, i) => ({ y, i })).filter(({ y }) => y.requiresGrad)
  if (differentiable.length === 0 && settled.name === 'gradcheck') {
    throw new ArgumentError(settled.name, 'no result requires grad: does the function detach its inputs, or return other tensors?')
  }
  const failure = settled.fastMode
    ? await alongOneDirection(fn, inputs, checked, differentiable, settled)
    : await elementByElement(fn, inputs, checked, differentiable, settled)
  if (failure === undefined) return true
  if (settled.raiseException) throw new AssertionError(settled.name, `${failure}\n(seed ${settled.seed})`)
  return false
}

interface Output {
  readonly y: Tensor
  /** Its place among the results. */
  readonly i: number
}

async function elementByElement(
  fn: Checked,
  inputs: readonly unknown[],
  checked: readonly Tensor[],
  outputs: readonly Output[],
  settled: Settled,
): Promise<string | undefined> {
  const numeric = await numericJacobians(fn, inputs, checked, outputs, settled.eps)
  for (const [o, { y, i: place }] of outputs.entries()) {
    const rows = await analyticRows(y, checked)
    for (const [k, x] of checked.entries()) {
      const analytic = rows.map((row) => row[k] as Float64Array)
      const failure = compareJacobians(analytic, (numeric[k] as Float64Array[][])[o] as Float64Array[], x, y, settled)
      if (failure)
        return `the gradient of result ${place} ${showShape(y.shape)} by input ${inputs.indexOf(x)} ${showShape(x.shape)} is not the slope of the function\n${failure}`
    }
  }
  return undefined
}

/** ∂yⱼ/∂x for each element j of y: one array for each checked input. */
async function analyticRows(y: Tensor, checked: readonly Tensor[]): Promise<Float64Array[][]> {
  const rows: Float64Array[][] = []
  for (let j = 0; j < y.numel(); j++) {
    const one = new Float64Array(y.numel())
    one[j] = 1
    const grads = grad(y, checked, {
      gradOutputs: tensor(one, { shape: y.shape, dtype: 'float64', device: 'cpu' }),
      retainGraph: true,
      allowUnused: true,
    })
    rows.push(
      await Promise.all(
        grads.map(async (g, k) => {
          const x = checked[k] as Tensor
          if (g === null) return new Float64Array(x.numel())
          if (!sameShape(g.shape, x.shape))
            throw new AssertionError('gradcheck', `a gradient has shape ${showShape(g.shape)}, its input ${showShape(x.shape)}`)
          return Float64Array.from(await g.data())
        }),
      ),
    )
  }
  return rows
}

/** For each checked input and each output, the slopes: one array over the output's elements for each element of the input. */
async function numericJacobians(
  fn: Checked,
  inputs: readonly unknown[],
  checked: readonly Tensor[],
  outputs: readonly Output[],
  eps: number,
): Promise<Float64Array[][][]> {
  const values = await hostOf(checked)
  const at = async (k: number, i: number, value: number): Promise<Float64Array[]> => {
    const moved = values.map((v, n) => (n === k ? v.slice() : v))
    ;(moved[k] as Float64Array)[i] = value
    const all = outputsOf(fn, withValues(inputs, moved))
    return hostOf(outputs.map((o) => all[o.i] as Tensor))
  }
  const jacobians: Float64Array[][][] = []
  for (const [k, own] of values.entries()) {
    const columns: Float64Array[][] = outputs.map(() => [])
    for (let i = 0; i < own.length; i++) {
      const x = own[i] as number
      const [above, below] = [await at(k, i, x + eps), await at(k, i, x - eps)]
      for (const o of outputs.keys()) {
        const low = below[o] as Float64Array
        ;(columns[o] as Float64Array[]).push((above[o] as Float64Array).map((y, j) => (y - (low[j] as number)) / (2 * eps)))
      }
    }
    jacobians.push(columns)
  }
  return jacobians
}

const SHOWN = 8

/** `analytic[j][i]` against `numeric[i][j]`. */
function compareJacobians(
  analytic: readonly Float64Array[],
  numeric: readonly Float64Array[],
  x: Tensor,
  y: Tensor,
  { rtol, atol }: Settled,
): string | undefined {
  const wrong: { i: number; j: number; a: number; n: number; over: number }[] = []
  analytic.forEach((row, j) => {
    row.forEach((a, i) => {
      const n = (numeric[i] as Float64Array)[j] as number
      const over = Math.abs(a - n) - (atol + rtol * Math.abs(n))
      if (!(over <= 0) && !Object.is(a, n)) wrong.push({ i, j, a, n, over: Number.isNaN(over) ? Number.POSITIVE_INFINITY : over })
    })
  })
  if (wrong.length === 0) return undefined
  wrong.sort((p, q) => q.over - p.over)
  const lines = wrong.slice(0, SHOWN).map(({ i, j, a, n }) => {
    const where = `d y${showShape(position(j, y.shape))} / d x${showShape(position(i, x.shape))}`
    return `  ${where}: analytic ${a}, numeric ${n}`
  })
  const more = wrong.length > SHOWN ? [`  … and ${wrong.length - SHOWN} more`] : []
  return [
    `${wrong.length} of ${x.numel() * y.numel()} slopes are off (rtol ${rtol}, atol ${atol}); the worst first:`,
    ...lines,
    ...more,
  ].join('\n')
}

/** ⟨v, J u⟩ by a difference along u against ⟨Jᵀ v, u⟩ by backward, with u and v random of length 1. */
async function alongOneDirection(
  fn: Checked,
  inputs: readonly unknown[],
  checked: readonly Tensor[],
  outputs: readonly Output[],
  settled: Settled,
): Promise<string | undefined> {
  const { eps, seed, rtol, atol } = settled
  const random = randomDirections(seed)
  const [u, v] = [unit(random(checked)), unit(random(outputs.map(({ y }) => y)))]
  const values = await hostOf(checked)
  const along = (step: number): Tensor[] => {
    const moved = values.map((x, k) => x.map((value, i) => value + step * ((u[k] as Float64Array)[i] as number)))
    const all = outputsOf(fn, withValues(inputs, moved))
    return outputs.map(({ i }) => all[i] as Tensor)
  }
  const gradOutputs = outputs.map(({ y }, i) => tensor(v[i] as Float64Array, { shape: y.shape, dtype: 'float64', device: 'cpu' }))
  const grads = grad(
    outputs.map(({ y }) => y),
    checked,
    { gradOutputs, retainGraph: true, allowUnused: true },
  )
  // All is recorded before anything of it is read: it is planned and computed once.
  const [above, below, rows] = await Promise.all([
    hostOf(along(eps)),
    hostOf(along(-eps)),
    Promise.all(grads.map(async (g, k) => (g ? Float64Array.from(await g.data()) : new Float64Array((checked[k] as Tensor).numel())))),
  ])
  const numeric = (dot(above, v) - dot(below, v)) / (2 * eps)
  const analytic = dot(rows, u)
  if (Math.abs(analytic - numeric) <= atol + rtol * Math.abs(numeric)) return undefined
  return `along a random direction the slope is not that of the function (rtol ${rtol}, atol ${atol}): analytic ${analytic}, numeric ${numeric}`
}

/** Random values for the elements of some tensors, from a stream of their own: made on the host, which needs no kernels for them. */
function randomDirections(seed: number): (list: readonly Tensor[]) => Float64Array[] {
  const generator = new Generator(seed)
  return (list) =>
    list.map((x) => {
      const call = generator.call()
      return Float64Array.from({ length: x.numel() }, (_, i) => philox([i, 0, ...call], generator.key())[0] / 2 ** 31 - 1)
    })
}

function unit(parts: readonly Float64Array[]): Float64Array[] {
  const length = Math.sqrt(dot(parts, parts)) || 1
  return parts.map((part) => part.map((x) => x / length))
}

const dot = (a: readonly Float64Array[], b: readonly Float64Array[]): number =>
  a.reduce((sum, part, k) => sum + part.reduce((s, x, i) => s + x * ((b[k] as Float64Array)[i] as number), 0), 0)
