/**
 * @file Scans: one kernel, or for few long rows three and more: the parts of rows by themselves, what those come to (a scan again), and the parts from what stands
 * in front of each.
 */
import { aroundDim, type TensorType } from '../../../kernel/index.ts'
import type { RoutinePlan } from '../../routine-plan.ts'
import { WORDS } from '../arithmetic.ts'
import { shaders } from '../shaders.generated.ts'
import type { ChooseLoops, LoopStrategy, RoutineChoices } from '../strategy.ts'
import { Params } from '../uniforms.ts'
import { decide } from '../unroll.ts'
import { assembleText, fold, type PrintedKernel } from '../wgsl-kernel.ts'
import { type ScanCall, type ScanState, scanState } from './scan-state.ts'

/** Neighbours that an invocation joins where a workgroup shares a part. */
const ITEMS = 4
/** Where the elements of a row lie at least this far apart, invocations that scan rows side by side read the same lines of memory, and share no part. */
const APART = 8
/** Workgroups that are enough for any device. */
const ENOUGH = { point: 256, group: 1024 } as const
/** The least elements of a part, and those of rows from which on there are parts. */
const SHORTEST = { point: 64, group: 4096 } as const
const LONG = { point: 2048, group: 8192 } as const

/** An array [outer, size, inner] that is scanned along `size`. */
interface Rows {
  readonly outer: number
  readonly size: number
  readonly inner: number
  readonly reverse: boolean
}

/** Positions of buffers. */
type Buffers = readonly number[]

/** One kernel. */
interface Pass {
  readonly rows: Rows
  readonly parts: number
  readonly part: number
  /** What is scanned: elements, or states. */
  readonly from: Buffers
  readonly ofStates: boolean
  /** The states in front of parts. */
  readonly before: Buffers
  /** Where results go: to the outputs, up to each element; or states, up to each element or of each part. */
  readonly to: Buffers
  readonly stores: 'outputs' | 'states' | 'parts'
  readonly strategy: LoopStrategy
}

export function scan(call: ScanCall, { chooseLoops: choose }: RoutineChoices): RoutinePlan<PrintedKernel> {
  const { dim, reverse } = call.routine
  const inputs = call.inputs.map((_, i) => i)
  const outputs = call.outputs.filter((output) => output).map((_, n) => inputs.length + n)
  const planner = new Planner(call, choose, inputs.length + outputs.length)
  planner.scan({ ...aroundDim((call.inputs[0] as TensorType).shape, dim), reverse }, inputs, outputs, 'outputs')
  return planner
}

class Planner implements RoutinePlan<PrintedKernel> {
  readonly scratch: { dtype: 'float32' | 'int32' | 'uint32'; length: number }[] = []
  readonly dispatches: { kernel: PrintedKernel; buffers: Buffers }[] = []
  readonly #call: ScanCall
  readonly #choose: ChooseLoops
  readonly #first: number

  /** @param first the position of the first scratch memory */
  constructor(call: ScanCall, choose: ChooseLoops, first: number) {
    this.#call = call
    this.#choose = choose
    this.#first = first
  }

  scan(rows: Rows, from: Buffers, to: Buffers, stores: 'outputs' | 'states'): void {
    const { outer, size, inner } = rows
    const count = outer * inner
    const form = inner < APART ? this.#choose(count, size) : this.#choose(count, 1)
    const wanted = Math.ceil((ENOUGH[form.kind] * (form.kind === 'point' ? form.workgroup : 1)) / count)
    const most = size < LONG[form.kind] ? 1 : Math.min(wanted, Math.floor(size / SHORTEST[form.kind]))
    const part = Math.ceil(size / most)
    const parts = Math.ceil(size / part)
    const strategy = form.kind === 'group' ? form : this.#choose(count * parts, 1)
    const pass = { rows, parts, part, from, ofStates: stores === 'states', before: [], to, stores, strategy }
    if (parts === 1) {
      this.#dispatch(pass)
      return
    }
    const [own, before] = [this.#states(count * parts), this.#states(count * parts)]
    this.#dispatch({ ...pass, to: own, stores: 'parts' })
    this.scan({ outer: 1, size: parts, inner: count, reverse: false }, own, before, 'states')
    this.#dispatch({ ...pass, before })
  }

  /** Room for so many states. */
  #states(length: number): Buffers {
    return scanState(this.#call, new Params()).fields.map(([, type]) => {
      const dtype = type === 'f32' ? 'float32' : type === 'i32' ? 'int32' : 'uint32'
      return this.#first + this.scratch.push({ dtype, length }) - 1
    })
  }

  #dispatch(pass: Pass): void {
    this.dispatches.push({ kernel: kernel(this.#call, pass), buffers: [...pass.from, ...pass.before, ...pass.to] })
  }
}

function kernel(call: ScanCall, pass: Pass): PrintedKernel {
  const { rows, parts, part, strategy, stores, before } = pass
  const { outer, size, inner, reverse } = rows
  const count = outer * inner
  const points = count * parts
  const params = new Params()
  const shared = strategy.kind === 'group'
  const sweep = shared ? 1 : (strategy.sweep ?? 1)
  const [first, step] = reverse ? [size - 1, -1] : [0, 1]
  const sizes = { points, rows: count, parts, part, size, inner, first, step, sweep }
  const list = Object.entries(sizes).map(([name, value]) => params.use(name, value))
  const state = scanState(call, params)
  const prelude = [
    `const WORKGROUP = ${strategy.workgroup}u;\nconst ITEMS = ${ITEMS}u;`,
    `struct State { ${state.fields.map(([name, type]) => `${name}: ${type}`).join(', ')} }`,
    `fn scan() -> Scan {\n  return Scan(${list.join(', ')});\n}`,
    `fn none() -> State {\n  return State(${state.none.join(', ')});\n}`,
    `fn join(a: State, b: State) -> State {\n  ${state.join}\n}`,
    ...buffersText(call, pass, state),
  ]
  const flags = { SHARED: shared, REDUCES: stores === 'parts', CONTINUES: before.length > 0 }
  const main = `${prelude.join('\n\n')}\n\n${decide(shaders.scan as string, flags)}`
  const groups = shared ? points : Math.ceil(points / (strategy.workgroup * sweep))
  return assembleText({ label: call.label, buffers: bindings(call, pass, state), params, main, workgroups: fold(groups) })
}

type Binding = { readonly type: string; readonly writable: boolean }

function bindings(call: ScanCall, { ofStates, before, stores }: Pass, { fields }: ScanState): Binding[] {
  const states = (writable: boolean): Binding[] => fields.map(([, type]) => ({ type, writable }))
  const tensors = (list: readonly (TensorType | undefined)[], writable: boolean): Binding[] =>
    list.flatMap((x) => (x ? [{ type: WORDS[x.dtype].type, writable }] : []))
  return [
    ...(ofStates ? states(false) : tensors(call.inputs, false)),
    ...(before.length > 0 ? states(false) : []),
    ...(stores === 'outputs' ? tensors(call.outputs, true) : states(true)),
  ]
}

/** The functions that load and store. */
function buffersText(call: ScanCall, { from, ofStates, before, stores }: Pass, state: ScanState): string[] {
  const { fields } = state
  const read = (first: number): string => `return State(${fields.map((_, f) => `b${first + f}[i]`).join(', ')});`
  const write = (first: number): string => fields.map(([name], f) => `b${first + f}[i] = state.${name};`).join('\n  ')
  const to = from.length + before.length
  const element = `let x = b0[i];\n  ${from.length > 1 ? 'let y = b1[i];\n  ' : ''}return State(${state.element.join(', ')});`
  let next = to
  const outputs = call.outputs.flatMap((output, i) => (output ? [`b${next++}[i] = ${state.outputs[i]};`] : []))
  const texts = [`fn load(i: u32, along: u32) -> State {\n  ${ofStates ? read(0) : element}\n}`]
  if (before.length > 0) texts.push(`fn before(i: u32) -> State {\n  ${read(from.length)}\n}`)
  if (stores === 'parts') texts.push(`fn keep(i: u32, state: State) {\n  ${write(to)}\n}`)
  else texts.push(`fn store(i: u32, state: State) {\n  ${stores === 'outputs' ? outputs.join('\n  ') : write(to)}\n}`)
  return texts
}
