/**
 * @file Ops of a program's own: a kernel in WGSL, a function over arrays for device cpu, and a gradient in tensor functions. Such an op is a routine like the library's
 * (`src/kernel/routine.ts`): its inputs are stored in front of it, row-major, and nothing is fused into it.
 */
import {
  ArgumentError,
  AutogradError,
  DeviceError,
  type DType,
  DTypeError,
  dtypeInfo,
  isDType,
  isFloat,
  isPlainObject,
  mismatch,
  type Shape,
  ShapeError,
  showArgument,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import type { CustomAbout, CustomArrays, CustomDefinition, CustomParams, TensorType } from '../kernel/index.ts'
import * as runtime from '../runtime/index.ts'
import { type Backward, Op, record, TENSOR, Tensor } from '../tensor/index.ts'
import { zeros } from './create.ts'
import { castTo, checkDevices } from './define.ts'

/**
 * What a kernel takes an input as. `float32`: f32, in device cpu's function a Float32Array; float16 and bfloat16 are converted. `int32`: i32, an Int32Array; bool, int8 and uint8 are
 * converted (true is 1). `uint32`: u32, a Uint32Array. `float`: as `float32`, and on device cpu also float64, in a Float64Array, so that gradients can be checked.
 */
export type CustomInput = 'float' | 'float32' | 'int32' | 'uint32'

/** Of an input as it was given, or of an output. */
export interface CustomType {
  /** Its sizes. */
  readonly shape: Shape
  /** The dtype of its elements. */
  readonly dtype: DType
}

/** By the names of tensors, what each is. */
export type CustomTypes<I extends string> = Readonly<Record<I, CustomType>>

/** What {@link customOp} is given. `I` and `O` are the names of inputs and outputs, `P` those of numbers. */
export interface CustomOpSpec<I extends string, O extends string, P extends string> {
  /** Of the op: errors, anomaly reports and kernels show it. */
  readonly name: string
  /** The tensors that it takes, in the order of its arguments. */
  readonly inputs: Readonly<Record<I, CustomInput>>
  /** Shape and dtype of each output, from those of the inputs as they were given, and from the numbers. */
  readonly outputs: Readonly<Record<O, (inputs: CustomTypes<I>, params: Readonly<Record<P, number>>) => CustomType>>
  /** Names of numbers that a call gives behind the tensors. Each value is a program of its own, as each shape is. */
  readonly params?: readonly P[]
  /** How often `compute` is called: as often as the first output has elements, by default. */
  readonly points?: (inputs: CustomTypes<I>, outputs: CustomTypes<O>, params: Readonly<Record<P, number>>) => number
  /**
   * WGSL that declares `fn compute(i: u32)`, called for each i below the number of points, in any order. Each tensor is an array of its name, of f32, i32 or u32, in row-major order; `x_size(d)` is
   * the size of its dim d; a number `alpha` is `alpha()`, an f32.
   */
  readonly wgsl?: string
  /** The same over typed arrays, row-major: fills the outputs, which are zeros. It must not change its inputs. */
  readonly cpu?: (
    inputs: Readonly<Record<I, Float32Array | Float64Array | Int32Array | Uint32Array>>,
    outputs: Readonly<Record<O, Float32Array | Float64Array | Int32Array | Uint32Array>>,
    about: { readonly shapes: Readonly<Record<I | O, Shape>>; readonly params: Readonly<Record<P, number>> },
  ) => void
  /**
   * The gradient of each input, from those of the outputs (zeros where nothing flowed), in tensor functions; null, or left out, where there is none. `saved` has inputs and
   * outputs, floats in the dtype in which they were computed. Without it the op has no gradient.
   */
  readonly backward?: (
    grads: Readonly<Record<O, Tensor>>,
    saved: Readonly<Record<I | O, Tensor>>,
    params: Readonly<Record<P, number>>,
  ) => { readonly [K in I]?: Tensor | null }
}

/** An op of a program's own: its tensors in their order, then its numbers by name. */
export type CustomOp = (...args: readonly (Tensor | Readonly<Record<string, number>>)[]) => Tensor
/** As {@link CustomOp}, with several outputs. */
export type CustomMultiOp<O extends string> = (
  ...args: readonly (Tensor | Readonly<Record<string, number>>)[]
) => Readonly<Record<O, Tensor>>

const INPUTS: Readonly<Record<CustomInput, { readonly fits: string; as(dtype: DType): DType | undefined }>> = {
  float: { fits: 'a float tensor', as: (dtype) => (dtype === 'float64' ? dtype : isFloat(dtype) ? 'float32' : undefined) },
  float32: { fits: 'a float32 tensor (or one of 16 bits)', as: (dtype) => (isFloat(dtype) && dtype !== 'float64' ? 'float32' : undefined) },
  int32: {
    fits: 'an int32 tensor (or int8, uint8, bool)',
    as: (dtype) => ((!isFloat(dtype) && dtypeInfo[dtype].bytes < 4) || dtype === 'int32' ? 'int32' : undefined),
  },
  uint32: { fits: 'a uint32 tensor', as: (dtype) => (dtype === 'uint32' ? dtype : undefined) },
}

/** What an element of a dtype is computed as. */
const computedAs = (dtype: DType): DType => (dtypeInfo[dtype].bytes >= 4 ? dtype : isFloat(dtype) ? 'float32' : 'int32')

/** Names that the text around a program's WGSL has itself. */
const TAKEN = new Set(['params', 'scalars', 'errors', 'each', 'Each', 'main', 'compute', 'WORKGROUP'])

let definitions = 0

/** A definition, checked: what all calls share. */
interface Own {
  readonly spec: CustomOpSpec<string, string, string>
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  readonly params: readonly string[]
  readonly op: Op
  /** By the dtypes of inputs as they were given, what devices are told. */
  readonly definitions: Map<string, CustomDefinition>
}

/**
 * An op of one's own. On WebGPU it is a kernel in WGSL, on device cpu a function over typed arrays; its gradient is written in tensor functions (and other such ops). It works under autocast,
 * in checkpointing and in gradcheck as any op does. Inputs are row-major when a kernel reads them, whatever view they were.
 * @returns the op: `op(x, y, { alpha: 2 })`, a tensor, or of several outputs an object of tensors
 * @throws ArgumentError for a definition that is none. The op throws ArgumentError, DTypeError, ShapeError and DeviceError at the call; where its values are
 * computed, CompilationError with line and column of `wgsl`, and CustomOpError with what `cpu` threw. A step that cannot be computed did not happen.
 * @see https://pytorch.org/docs/stable/library.html#torch.library.custom_op
 * @example
 * const cube = customOp({
 *   name: 'cube',
 *   inputs: { x: 'float' },
 *   outputs: { y: ({ x }) => x },
 *   wgsl: 'fn compute(i: u32) { y[i] = x[i] * x[i] * x[i]; }',
 *   cpu: ({ x }, { y }) => x.forEach((v, i) => { y[i] = v ** 3 }),
 *   backward: ({ y: g }, { x }) => ({ x: g.mul(x.square()).mul(3) }),
 * })
 * cube(tensor([1, 2])) // [1, 8]
 */
export function customOp<const I extends string, const O extends string, const P extends string = never>(
  spec: CustomOpSpec<I, O, P>,
): IsUnion<O> extends true ? CustomMultiOp<O> : CustomOp {
  const own = checked(spec as unknown as CustomOpSpec<string, string, string>)
  const call = (...args: readonly unknown[]): unknown => underName(own.spec.name, () => apply(own, args))
  return call as ReturnType<typeof customOp<I, O, P>>
}

type IsUnion<T, U = T> = T extends unknown ? ([U] extends [T] ? false : true) : never

function checked(spec: CustomOpSpec<string, string, string>): Own {
  const wrong = (text: string): never => {
    throw new ArgumentError('customOp', text)
  }
  if (!isPlainObject(spec)) wrong(`an object of name, inputs, outputs, wgsl, cpu and backward is wanted, got ${showArgument(spec)}`)
  const { name, inputs, outputs, params = [], wgsl, cpu, backward, points } = spec
  const known = ['name', 'inputs', 'outputs', 'params', 'points', 'wgsl', 'cpu', 'backward']
  for (const key of Object.keys(spec)) if (!known.includes(key)) wrong(`there is no option '${key}'. The options are ${known.join(', ')}`)
  if (typeof name !== 'string' || name === '') wrong(`name must be a text, got ${showArgument(name)}`)
  for (const [role, list] of Object.entries({ inputs, outputs }))
    if (!isPlainObject(list) || Object.keys(list).length === 0)
      wrong(`${role} must be an object with a name for each, got ${showArgument(list)}`)
  if (!Array.isArray(params) || params.some((p) => typeof p !== 'string'))
    wrong(`params must be a list of names, got ${showArgument(params)}`)
  const names = [...Object.keys(inputs), ...Object.keys(outputs), ...params]
  for (const [i, each] of names.entries()) {
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(each) || each.includes('__'))
      wrong(`'${each}' is no name in WGSL: letters, digits and single underscores`)
    if (TAKEN.has(each)) wrong(`'${each}' is a name of the text around wgsl. Take another`)
    if (names.indexOf(each) !== i) wrong(`there are two tensors or numbers called '${each}'`)
  }
  for (const [role, as] of Object.entries(inputs))
    if (!Object.hasOwn(INPUTS, as)) wrong(`inputs.${role} must be one of ${Object.keys(INPUTS).join(', ')}, got ${showArgument(as)}`)
  const functions = { ...Object.fromEntries(Object.entries(outputs).map(([role, f]) => [`outputs.${role}`, f])), cpu, backward, points }
  for (const [role, f] of Object.entries(functions))
    if (typeof f !== 'function' && (f !== undefined || role.startsWith('outputs')))
      wrong(`${role} must be a function, got ${showArgument(f)}`)
  if (wgsl !== undefined && typeof wgsl !== 'string') wrong(`wgsl must be a text, got ${showArgument(wgsl)}`)
  if (wgsl === undefined && cpu === undefined) wrong('wgsl or cpu must be there: without both no device computes it')
  if (wgsl !== undefined && !/\bfn\s+compute\s*\(/.test(wgsl)) wrong('wgsl must declare fn compute(i: u32), which is called for each point')
  const own = { spec, inputs: Object.keys(inputs), outputs: Object.keys(outputs), params, definitions: new Map<string, CustomDefinition>() }
  const all = 2 ** (own.inputs.length + own.outputs.length) - 1
  return { ...own, op: new Op(name, backwardOf(own), { reads: own.inputs.map(() => all) }) }
}

/** What a call records besides its tensors. */
interface Recorded {
  readonly params: CustomParams
  readonly placement: graph.NodePlace
}

const named = <T>(names: readonly string[], values: readonly T[]): Record<string, T> =>
  Object.fromEntries(names.map((name, i) => [name, values[i] as T]))

function backwardOf({ spec, inputs, outputs }: Omit<Own, 'op'>): Backward<Tensor> {
  return (entry, grads, needed) => {
    const { params, placement } = entry.params as Recorded
    const { name, backward } = spec
    if (!backward) throw new AutogradError(name, 'it has no backward, and its inputs require grad. Define backward, or detach() them')
    const full = entry.outputs.map(({ shape, dtype }, i) => {
      const place = grads.find((g) => g)?._node.placement ?? placement
      return grads[i] ?? zeros(shape, { dtype, ...(place !== 'auto' && { device: place.name }) })
    })
    // Only what backward reads is taken from the tape
    const saved = {}
    ;[...inputs, ...outputs].forEach((role, i) => {
      const what = `${i < inputs.length ? 'input' : 'output'} ${role} of ${name}`
      Object.defineProperty(saved, role, { enumerable: true, get: () => entry.unpack(i, what) })
    })
    const found: unknown = underName(name, () => backward(named(outputs, full), saved, params))
    if (!isPlainObject(found))
      throw new AutogradError(name, `backward must return an object of gradients by input, got ${showArgument(found)}`)
    for (const key of Object.keys(found))
      if (!inputs.includes(key)) throw new AutogradError(name, `backward returned a gradient for '${key}', which is no input`)
    return inputs.map((role, i) => {
      const g = (found as Record<string, unknown>)[role] ?? undefined
      if (g !== undefined && !(g instanceof Tensor)) throw new AutogradError(name, `backward: ${mismatch(TENSOR, `gradient ${role}`, g)}`)
      return needed(entry.inputs[i]) ? g : undefined
    })
  }
}

/** The tensors and the numbers of a call. */
function argumentsOf({ spec, inputs, params }: Own, args: readonly unknown[]): { given: Tensor[]; numbers: CustomParams } {
  const { name } = spec
  const most = inputs.length + (params.length > 0 ? 1 : 0)
  if (args.length > most || args.length < inputs.length)
    throw new ArgumentError(
      name,
      `${inputs.length} tensors (${inputs.join(', ')})${params.length > 0 ? ` and { ${params.join(', ')} }` : ''} are wanted, got ${args.length} arguments`,
    )
  const given = inputs.map((role, i) => {
    const x = args[i]
    if (!(x instanceof Tensor)) throw new ArgumentError(name, mismatch(TENSOR, role, x))
    return x
  })
  const values = args[inputs.length] ?? {}
  if (!isPlainObject(values))
    throw new ArgumentError(name, `{ ${params.join(', ')} } is wanted behind the tensors, got ${showArgument(values)}`)
  for (const key of Object.keys(values))
    if (!params.includes(key)) throw new ArgumentError(name, `there is no number '${key}'. The numbers are ${params.join(', ')}`)
  const numbers = params.map((key) => {
    const value = (values as Record<string, unknown>)[key]
    if (typeof value !== 'number') throw new ArgumentError(name, `${key} must be a number, got ${showArgument(value)}`)
    return value
  })
  return { given, numbers: named(params, numbers) }
}

function apply(own: Own, args: readonly unknown[]): unknown {
  const { spec, inputs, outputs, op } = own
  const { name } = spec
  const { given, numbers } = argumentsOf(own, args)
  checkDevices(name, inputs, given)
  const wide = given.map((x, i) => {
    const role = inputs[i] as string
    const { fits, as } = INPUTS[spec.inputs[role] as CustomInput]
    const dtype = as(x.dtype)
    if (dtype === undefined) throw new DTypeError(name, `${role} must be ${fits}, got ${x.dtype}. Convert it with .to(dtype)`)
    return x.dtype === dtype ? x : castTo(x, dtype)
  })
  const placement = given.find((x) => x._node.placement !== 'auto')?._node.placement ?? 'auto'
  checkPlace(own, given[0] as Tensor)
  const wanted = typesOf(own, given, numbers)
  const definition = definitionOf(own, given)
  const made = graph.routine(
    { kind: 'custom', definition, params: numbers },
    wide.map((x) => x._node),
  )
  const results = made.map((node) => new Tensor(node))
  record(op, wide.slice(), results, { params: numbers, placement } satisfies Recorded)
  const rounded = results.map((x, i) => {
    const { dtype } = wanted[i] as CustomType
    return x.dtype === dtype ? x : castTo(x, dtype)
  })
  return outputs.length === 1 ? rounded[0] : named(outputs, rounded)
}

/** Throws where the device of the call has no way to compute the op. Where it is not settled yet, that is said when it is computed. */
function checkPlace({ spec: { name, wgsl, cpu } }: Own, x: Tensor): void {
  const place = runtime.placementOf(x._node)
  if (place === 'cpu' && !cpu)
    throw new DeviceError(name, `it has no cpu function, and its inputs are on device cpu. Move them to 'webgpu', or define cpu`)
  if (place.startsWith('webgpu') && wgsl === undefined)
    throw new DeviceError(name, `it has no wgsl, and its inputs are on device ${place}. Move them to 'cpu', or define wgsl`)
}

/** Shapes and dtypes of the outputs, as the definition gives them. */
function typesOf({ spec, inputs, outputs }: Own, given: readonly CustomType[], params: CustomParams): CustomType[] {
  const types = named(
    inputs,
    given.map(({ shape, dtype }): CustomType => ({ shape, dtype })),
  )
  return outputs.map((role) => {
    const { shape, dtype } = (spec.outputs[role] as (inputs: CustomTypes<string>, params: CustomParams) => CustomType)(types, params) ?? {}
    if (!Array.isArray(shape) || shape.some((n) => !Number.isSafeInteger(n) || n < 0))
      throw new ShapeError(spec.name, `outputs.${role} must give a shape, a list of whole numbers, got ${showArgument(shape)}`)
    if (!isDType(dtype)) throw new DTypeError(spec.name, `outputs.${role} must give a dtype, got ${showArgument(dtype)}`)
    return { shape, dtype }
  })
}

/** What devices are told of the op, for inputs of such dtypes. */
function definitionOf(own: Own, given: readonly Tensor[]): CustomDefinition {
  const { spec, inputs, outputs, definitions: known } = own
  const dtypes = given.map((x) => x.dtype)
  const key = dtypes.join()
  const before = known.get(key)
  if (before) return before
  const asGiven = (list: readonly TensorType[]): CustomType[] => list.map(({ shape }, i) => ({ shape, dtype: dtypes[i] as DType }))
  const made: CustomDefinition = {
    id: ++definitions,
    name: spec.name,
    inputs,
    outputs,
    typesOf: (list, params) => typesOf(own, asGiven(list), params).map(({ shape, dtype }) => ({ shape, dtype: computedAs(dtype) })),
    pointsOf: (list, results, params) =>
      spec.points
        ? spec.points(named(inputs, asGiven(list)), named(outputs, results), params)
        : (results[0] as TensorType).shape.reduce((n, s) => n * s, 1),
    wgsl: spec.wgsl,
    cpu: spec.cpu && ((read: CustomArrays, write: CustomArrays, about: CustomAbout) => spec.cpu?.(read, write, about)),
  }
  known.set(key, made)
  return made
}
