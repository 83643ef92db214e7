/** @file Kernels written by hand, and a device to run them on. */
import type { DType, TypedArray } from '../../src/base/index.ts'
import { type DeviceBuffer, type Program, type Slot, webgpuProvider } from '../../src/device/index.ts'
import type { GpuComputeDevice } from '../../src/device/webgpu/device.ts'
import type { Strategy } from '../../src/device/webgpu/strategy.ts'
import type { Axis, BinaryOp, Expr, Index, Kernel, Stage, UnaryOp, ValueType } from '../../src/kernel/index.ts'
import { valueTypeOf } from '../../src/kernel/index.ts'

let opened: Promise<GpuComputeDevice> | undefined

/** The device under test; one for a test file. */
export function openDevice(): Promise<GpuComputeDevice> {
  opened ??= webgpuProvider.open().then((found) => {
    if ('unavailable' in found) throw new Error(found.unavailable)
    return found.device as GpuComputeDevice
  })
  return opened
}

let axes = 0
export const axis = (size: number): Axis => ({ id: axes++, size })
export const at = (offset: number, ...terms: readonly (readonly [number, Axis | Index['terms'][number]['atom']])[]): Index => ({
  offset,
  terms: terms.map(([coef, a]) => ({ coef, atom: 'kind' in a ? a : { kind: 'axis', axis: a } })),
})
export const load = (buffer: number, index: Index, type: ValueType = 'float'): Extract<Expr, { kind: 'load' }> => ({
  kind: 'load',
  buffer,
  index,
  type,
})
export const literal = (value: number, type: ValueType = 'float'): Expr => ({ kind: 'const', value, type })
export const unary = (op: UnaryOp, x: Expr): Expr => ({ kind: 'unary', op, x, type: x.type })
const COMPARE: readonly string[] = ['lt', 'le', 'eq', 'ne']
export const binary = (op: BinaryOp, a: Expr, b: Expr): Expr => ({ kind: 'binary', op, a, b, type: COMPARE.includes(op) ? 'bool' : a.type })
export const where = (test: Expr, a: Expr, b: Expr): Expr => ({ kind: 'where', test, a, b, type: a.type })
export const cast = (x: Expr, from: DType, to: DType): Expr => ({ kind: 'cast', x, from, to, type: valueTypeOf(to) })
export const acc = (stage: number, slot: number, type: ValueType = 'float'): Expr => ({ kind: 'acc', stage, slot, type })

/** Row-major strides. */
export function strides(sizes: readonly number[]): number[] {
  return sizes.map((_, i) => sizes.slice(i + 1).reduce((n, s) => n * s, 1))
}
/** Row-major over the axes; as in all indices that the graph makes, an axis of one position is not mentioned. */
export const flat = (list: readonly Axis[]): Index => {
  const long = list.filter((a) => a.size > 1)
  const step = strides(long.map((a) => a.size))
  return at(0, ...long.map((a, i) => [step[i] as number, a] as const))
}

/** A kernel whose buffers are the given inputs (read) followed by outputs (written). */
export function kernel(
  grid: readonly Axis[],
  inputs: readonly DType[],
  outputs: readonly DType[],
  stages: readonly Stage[],
  more: Partial<Kernel> = {},
): Kernel {
  const buffers = [
    ...inputs.map((dtype) => ({ dtype, access: 'read' as const })),
    ...outputs.map((dtype) => ({ dtype, access: 'write' as const })),
  ]
  return { label: 'test', grid, stages, buffers, sites: [], ...more }
}

/** An elementwise kernel of one output over the grid. */
export function mapKernel(grid: readonly Axis[], inputs: readonly DType[], output: DType, value: Expr, more: Partial<Kernel> = {}): Kernel {
  return kernel(grid, inputs, [output], [{ kind: 'store', axes: [], stores: [{ buffer: inputs.length, index: flat(grid), value }] }], more)
}

export function programOf(k: Kernel, lengths: readonly number[], scalars: Program['scalars'] = []): Program {
  const slots = k.buffers.map(
    (b, i): Slot => ({ kind: b.access === 'read' ? 'input' : 'output', dtype: b.dtype, length: lengths[i] as number }),
  )
  return { steps: [{ kind: 'kernel', kernel: k, slots: slots.map((_, i) => i), scalars: scalars.map((_, i) => i) }], slots, scalars }
}

/** Runs a kernel once and reads its outputs. */
export async function runKernel(
  k: Kernel,
  data: readonly TypedArray[],
  outputLengths: readonly number[],
  scalars: readonly number[] = [],
  types: Program['scalars'] = [],
  strategy?: Strategy,
): Promise<TypedArray[]> {
  const device = await openDevice()
  const program = programOf(k, [...data.map((d) => d.length), ...outputLengths], types)
  const outputs = program.slots.filter((s) => s.kind === 'output').map((s): DeviceBuffer => device.allocate(s.dtype, s.length))
  const { choose } = device
  if (strategy) device.choose = () => strategy
  const executable = device.compile(program)
  device.choose = choose
  device.run(executable, { inputs: data, outputs, scalars, evacuate: [] })
  const values = await Promise.all(outputs.map((o) => device.read(o)))
  for (const o of outputs) device.release(o)
  return values
}

/** Floats in [−1, 1), the same in every run. */
export function noise(length: number, seed = 1): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 31 - 1
  })
}

/** The largest |a − b| / (1 + |b|), where equal infinities and NaNs differ by nothing. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < b.length; i++) {
    const x = a[i] as number
    const y = b[i] as number
    if (Object.is(x, y) || x === y) continue
    const d = Math.abs(x - y) / (1 + Math.abs(y))
    if (!(d <= worst)) worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d
  }
  return worst
}
