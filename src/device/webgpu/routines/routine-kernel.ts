/** @file A kernel of a routine: a shader of shaders/, the functions in front of it through which it reads and writes buffers, and how invocations share its points. */
import { shaders } from '../shaders.generated.ts'
import type { ChooseLoops, LoopStrategy } from '../strategy.ts'
import { Params } from '../uniforms.ts'
import { decide } from '../unroll.ts'
import { assembleText, fold, type PrintedKernel } from '../wgsl-kernel.ts'

/** A buffer of a kernel: what its elements are in WGSL. */
export interface Bound {
  readonly type: string
  readonly writable: boolean
  /** What it is called in the text; else b and its number. */
  readonly name?: string
}
export const bind = (type: string, writable = false, name?: string): Bound => ({ type, writable, ...(name !== undefined && { name }) })

interface RoutineKernel {
  readonly label: string
  /** The file in shaders/, without its ending. */
  readonly shader: string
  readonly strategy: LoopStrategy
  /** The function that gives the sizes, and the structure that they come in: `sweep` is added to them. */
  readonly sizes: readonly [name: string, type: string, values: Readonly<Record<string, number>> & { readonly points: number }]
  /** Arrays b0, b1, … */
  readonly buffers: readonly Bound[]
  readonly functions: readonly string[]
  /** One of the functions that a program has written: errors of it show its own lines. */
  readonly own?: string
  /** What branches are decided by, besides SHARED. */
  readonly constants?: Readonly<Record<string, boolean>>
}

export const isShared = (strategy: LoopStrategy): boolean => strategy.kind === 'group'

/** The same for points of which no other invocation can have a part. */
export const apart = (strategy: LoopStrategy): LoopStrategy => (isShared(strategy) ? { ...strategy, kind: 'point', elements: 1 } : strategy)

/** A kernel that does something for each of some points: the text of `compute(i)`. */
export function eachPoint(
  { label, size, points }: { readonly label: string; readonly size: number; readonly points: number },
  choose: ChooseLoops,
  buffers: readonly Bound[],
  text: string,
): PrintedKernel {
  const functions = [`fn compute(i: u32) {\n  ${text}\n}`]
  return routineKernel({
    label,
    shader: 'each',
    strategy: apart(choose(points, 0)),
    sizes: ['each', 'Each', { points, size }],
    buffers,
    functions,
  })
}

export function routineKernel(
  { label, shader, strategy, sizes, buffers, functions, own, constants }: RoutineKernel,
  params: Params = new Params(),
): PrintedKernel {
  const [name, type, values] = sizes
  const shared = isShared(strategy)
  const sweep = strategy.kind === 'point' ? (strategy.sweep ?? 1) : 1
  const list = Object.entries({ ...values, sweep }).map(([field, value]) => params.use(field, value))
  const prelude = [
    `const WORKGROUP = ${strategy.workgroup}u;`,
    `fn ${name}() -> ${type} {\n  return ${type}(${list.join(', ')});\n}`,
    ...functions,
    ...(own === undefined ? [] : [own]),
  ]
  const main = `${prelude.join('\n\n')}\n\n${decide(shaders[shader] as string, { SHARED: shared, ...constants })}`
  const groups = shared ? values.points : Math.ceil(values.points / (strategy.workgroup * sweep))
  const printed = assembleText({ label, buffers, params, main, workgroups: fold(groups) })
  return own === undefined
    ? printed
    : { ...printed, own: { text: own, line: printed.code.slice(0, printed.code.indexOf(own)).split('\n').length } }
}
