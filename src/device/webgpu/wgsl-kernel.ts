/** @file A kernel as WGSL: the text, which is the key of its compiled pipeline, and the numbers that go with it. */
import type { DType } from '../../base/index.ts'
import { type Axis, type BufferUse, type Kernel, positionOf, type ReduceStage, type Stage, unreachable } from '../../kernel/index.ts'
import { storedText, WORDS, wgslType } from './arithmetic.ts'
import { FLAG_BYTES } from './error-propagation.ts'
import { helpersFor } from './library.ts'
import type { LoopStrategy, PointStrategy } from './strategy.ts'
import { Params } from './uniforms.ts'
import { WgslExpressions } from './wgsl-expressions.ts'
import { accumulate, better, combine, complete, declareAccumulators, type Loop, nameResults, reduceLoop } from './wgsl-reductions.ts'

export interface PrintedKernel {
  readonly label: string
  readonly code: string
  readonly params: readonly number[]
  /** Positions in `params` of error codes, to which the device adds a base. */
  readonly sites: readonly number[]
  /** Positions in `params` of the places of numbers, for which the device puts their places in its table. */
  readonly scalars: readonly number[]
  /** In binding order: the kernel's buffers, then what else is bound. Parameters come last. */
  readonly bindings: readonly Binding[]
  readonly workgroups: readonly [number, number, number]
  /** The part that a program has written, and the line of `code` in which it begins. */
  readonly own?: { readonly text: string; readonly line: number }
}
/** What is bound, and the least number of bytes that its declaration takes. */
export type Binding = { readonly bytes: number } & (
  | { readonly kind: 'buffer'; readonly buffer: number; readonly writable: boolean }
  | { readonly kind: 'scalars' | 'errors' | 'params' }
)

/** Workgroups in x before the rest folds into y: the limit that every device has. */
export const FOLD = 65535

/** Workgroups of a dispatch, the rest in y. */
export const fold = (groups: number): [number, number, number] => (groups <= FOLD ? [groups, 1, 1] : [FOLD, Math.ceil(groups / FOLD), 1])
const product = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.size, 1)

export function printKernel(kernel: Kernel, strategy: LoopStrategy, words = WORDS): PrintedKernel {
  const emitter = new WgslExpressions(kernel, new Params(), words)
  const points = product(kernel.grid)
  switch (strategy.kind) {
    case 'group':
      return assemble(emitter, new GroupPrinter(emitter, strategy.workgroup, points).print(), fold(points))
    case 'point': {
      const words = Math.ceil(points / strategy.elements)
      return assemble(
        emitter,
        printPoints(emitter, strategy, points),
        fold(Math.ceil(words / (strategy.workgroup * (strategy.sweep ?? 1)))),
      )
    }
  }
}

/** Bytes of an element of a storage array; of a runtime-sized one at least one element is bound. */
const WORD = 4

/** Puts bindings and helpers in front of the entry point. */
export function assemble(emitter: WgslExpressions, main: string, workgroups: readonly [number, number, number]): PrintedKernel {
  const { kernel, params, words, usesScalars, usesErrors } = emitter
  const buffers = kernel.buffers.map(({ dtype, access }) => ({ type: words[dtype].type, writable: access !== 'read' }))
  return assembleText({ label: kernel.label, buffers, usesScalars, usesErrors, params, main, workgroups })
}

/** A kernel's parts. */
interface KernelText {
  readonly label: string
  /** Arrays of what the buffers are, called b0, b1, … */
  readonly buffers: readonly { readonly type: string; readonly writable: boolean; readonly name?: string }[]
  readonly usesScalars?: boolean
  readonly usesErrors?: boolean
  readonly params: Params
  readonly main: string
  readonly workgroups: readonly [number, number, number]
}

export function assembleText({ label, buffers, usesScalars, usesErrors, params, main, workgroups }: KernelText): PrintedKernel {
  const bindings: Binding[] = []
  const lines: string[] = []
  const bind = (binding: Binding, text: string): void => {
    lines.push(`@group(0) @binding(${bindings.length}) var<storage, ${text};`)
    bindings.push(binding)
  }
  buffers.forEach(({ type, writable, name: own }, buffer) => {
    const name = own ?? `b${buffer}`
    bind({ kind: 'buffer', buffer, writable, bytes: WORD }, `${writable ? 'read_write' : 'read'}> ${name}: array<${type}>`)
  })
  if (usesScalars) bind({ kind: 'scalars', bytes: WORD }, 'read> scalars: array<u32>')
  if (usesErrors) bind({ kind: 'errors', bytes: FLAG_BYTES }, 'read_write> errors: IndexFlag')
  lines.push(params.declare(bindings.length))
  bindings.push({ kind: 'params', bytes: params.bytes })
  const checked = usesErrors ? CHECKED_INDEX : ''
  const helpers = helpersFor(main)
  const extensions = [
    ...(buffers.some(({ type }) => type === 'f16') ? ['f16'] : []),
    ...(main.includes('subgroupBroadcast(') ? ['subgroups'] : []),
  ]
  const enable = extensions.map((name) => `enable ${name};`).join('\n')
  const code = [enable, lines.join('\n'), helpers, checked, main].filter((part) => part !== '').join('\n\n')
  return { label, code, params: params.words, sites: params.sites, scalars: params.scalars, bindings, workgroups }
}

/** Whoever takes the flag first says what is wrong; every word of it belongs to one invocation. */
const CHECKED_INDEX = `struct IndexFlag { taken: atomic<u32>, code: u32, index: i32, size: u32 }

fn checked_index(index: i32, size: u32, code: u32, counts: bool) -> i32 {
  if (u32(index) < size) { return index; }
  if (counts && atomicExchange(&errors.taken, 1u) == 0u) {
    errors.code = code;
    errors.index = index;
    errors.size = size;
  }
  return 0;
}`

/** Opens nested loops over the axes, runs `body` inside, closes them. */
function loops(emitter: WgslExpressions, axes: readonly Axis[], body: () => void): void {
  const heads = axes.map((axis) => {
    const name = emitter.axisName(axis)
    const head = `for (var ${name} = 0u; ${name} < ${emitter.axisSize(axis)}; ${name}++) {`
    emitter.open([[axis, name]])
    return head
  })
  body()
  for (const head of heads.reverse()) emitter.close(head)
}

/** Row-major position over the stage's axes. */
function positionOver(emitter: WgslExpressions, axes: readonly Axis[]): string {
  let text = ''
  for (const axis of axes) {
    const name = emitter.axis(axis)
    text = text === '' ? name : `(${text}) * ${emitter.axisSize(axis)} + ${name}`
  }
  return text === '' ? '0i' : `i32(${text})`
}

/** Writes the stores of one point. All values come first, so that an operand overwritten in place is read before. */
function stores(emitter: WgslExpressions, stage: Extract<Stage, { kind: 'store' }>): void {
  const { kernel } = emitter
  const ready = stage.stores.map((s) => {
    const { dtype } = kernel.buffers[s.buffer] as BufferUse
    const value = stage.stores.length > 1 ? emitter.named(s.value) : emitter.value(s.value)
    return { s, at: emitter.place(s.buffer, s.index), text: storedText(value, s.value.type, dtype, emitter.words) }
  })
  for (const { s, at, text } of ready) emitter.line(`b${s.buffer}[${at}] = ${text};`)
}

/** One invocation per point of the grid, or per word where elements are narrower than words; or, sweeping, per several of them. */
function printPoints(emitter: WgslExpressions, { workgroup, elements, sweep }: PointStrategy, points: number): string {
  const count = emitter.params.use('points', points)
  const [name, limit] = elements > 1 ? ['word', Math.ceil(points / elements)] : ['point', points]
  const end = elements > 1 ? emitter.params.use('words', limit) : count
  emitter.open()
  if (sweep === undefined) {
    // the y part is 0 unless there are more than 65,535 workgroups
    emitter.line(`let ${name} = id.x + id.y * ${FOLD * workgroup}u;`)
    emitter.line(`if (${name} >= ${end}) { return; }`)
    printPoint(emitter, elements, count)
    const body = emitter.close()
    return `@compute @workgroup_size(${workgroup})\nfn main(@builtin(global_invocation_id) id: vec3<u32>) {\n${body}\n}`
  }
  const steps = emitter.params.use('sweep', sweep)
  emitter.line(`let first = (group.x + group.y * ${FOLD}u) * ${steps} * ${workgroup}u + lane;`)
  emitter.open()
  emitter.line(`let ${name} = first + step * ${workgroup}u;`)
  emitter.line(`if (${name} >= ${end}) { break; }`)
  printPoint(emitter, elements, count)
  emitter.close(`for (var step = 0u; step < ${steps}; step++) {`)
  const body = emitter.close()
  const inputs = '@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32'
  return `@compute @workgroup_size(${workgroup})\nfn main(${inputs}) {\n${body}\n}`
}

function printPoint(emitter: WgslExpressions, elements: number, count: string): void {
  const used = emitter.usedAxes()
  if (elements > 1) {
    printWords(emitter, elements, count, used)
    return
  }
  emitter.bindGrid(used)
  for (const [index, stage] of emitter.kernel.stages.entries()) {
    switch (stage.kind) {
      case 'reduce':
        reduceAtPoint(emitter, stage, index)
        break
      case 'store':
        loops(emitter, stage.axes, () => stores(emitter, stage))
        break
      default:
        unreachable(stage)
    }
  }
}

function reduceAtPoint(emitter: WgslExpressions, stage: ReduceStage, index: number): void {
  const names = declareAccumulators(emitter, stage, index)
  const inner = stage.axes.at(-1)
  if (inner)
    loops(emitter, stage.axes.slice(0, -1), () => {
      const name = emitter.axisName(inner)
      const over = { name, first: '0u', step: 1, limit: emitter.axisSize(inner), axes: [[inner, name]] } as const
      reduceLoop(emitter, stage, names, over, () => positionOver(emitter, stage.axes), 1)
    })
  else accumulate(emitter, stage, names, () => positionOver(emitter, stage.axes))
  complete(emitter, stage, names)
  nameResults(emitter, stage, index, names)
}

/** The elements of `elements` adjacent points; those narrower than a word are gathered and written whole words at a time. */
function printWords(emitter: WgslExpressions, elements: number, count: string, used: ReadonlySet<Axis>): void {
  const { kernel } = emitter
  const stage = kernel.stages[0]
  if (kernel.stages.length !== 1 || stage?.kind !== 'store' || stage.axes.length > 0) {
    throw new Error(`kernel ${kernel.label}: elements narrower than a word can be stored by an elementwise kernel only`)
  }
  const dtypeOf = (buffer: number): DType => (kernel.buffers[buffer] as BufferUse).dtype
  const perWord = (buffer: number): number => emitter.words[dtypeOf(buffer)].elements
  for (const [i, s] of stage.stores.entries()) if (perWord(s.buffer) > 1) emitter.line(`var packed${i} = 0u;`)
  emitter.open()
  emitter.line(`let point = word * ${elements}u + part;`)
  emitter.line(`if (point >= ${count}) { break; }`)
  emitter.bindGrid(used)
  const ready = stage.stores.map((s) => {
    const value = emitter.named(s.value)
    return {
      s,
      at: perWord(s.buffer) > 1 ? '' : emitter.place(s.buffer, s.index),
      text: storedText(value, s.value.type, dtypeOf(s.buffer), emitter.words),
    }
  })
  const whole: string[] = []
  for (const [i, { s, at: element, text }] of ready.entries()) {
    const n = perWord(s.buffer)
    if (n === 1) {
      emitter.line(`b${s.buffer}[${element}] = ${text};`)
      continue
    }
    const [shift, mask, bits] = n === 2 ? ([1, 1, 4] as const) : ([2, 3, 3] as const)
    // A piece of a pack begins at a multiple of 64 elements: at a whole word.
    const { offset } = s.index
    const at = ` + ${emitter.params.use(`word:${i}`, offset >> shift)}`
    emitter.line(`packed${i} |= (${text}) << ((part & ${mask}u) << ${bits}u);`)
    // Behind the loop where the word is then full: drivers unroll the loop, and compile each store in it as often.
    if (n === elements) whole.push(`b${s.buffer}[word${at}] = packed${i};`)
    else {
      const last = `(part & ${mask}u) == ${mask}u || point + 1u == ${count}`
      emitter.line(`if (${last}) { b${s.buffer}[(point >> ${shift}u)${at}] = packed${i}; packed${i} = 0u; }`)
    }
  }
  emitter.close(`for (var part = 0u; part < ${elements}u; part++) {`)
  for (const line of whole) emitter.line(line)
}

/** One workgroup per point of the grid: invocations take the iterations of a loop in turn and combine what they found through shared memory. */
class GroupPrinter {
  readonly #emitter: WgslExpressions
  readonly #size: number
  readonly #points: number
  readonly #shared: string[] = []

  constructor(emitter: WgslExpressions, size: number, points: number) {
    this.#emitter = emitter
    this.#size = size
    this.#points = points
  }

  print(): string {
    const emitter = this.#emitter
    const { kernel } = emitter
    emitter.open()
    emitter.line(`let point = group.x + group.y * ${FOLD}u;`)
    // The condition is the same in the whole workgroup, so no invocation leaves another alone at a barrier
    emitter.line(`if (point >= ${emitter.params.use('points', this.#points)}) { return; }`)
    emitter.bindGrid(emitter.usedAxes())
    kernel.stages.forEach((stage, index) => {
      switch (stage.kind) {
        case 'reduce':
          this.#reduce(stage, index)
          break
        case 'store':
          this.#store(stage)
          break
        default:
          unreachable(stage)
      }
    })
    const body = emitter.close()
    const head = `@compute @workgroup_size(${this.#size})\nfn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {`
    return `${this.#shared.join('\n')}\n\n${head}\n${body}\n}`.trimStart()
  }

  /** A loop over all positions of the axes, which the invocations take in turn. */
  #strided(axes: readonly Axis[]): Loop {
    const emitter = this.#emitter
    const names = axes.map((a) => emitter.axisName(a))
    const at = axes.length === 1 ? (names[0] as string) : emitter.fresh('t')
    let total = emitter.axisSize(axes[0] as Axis)
    for (const axis of axes.slice(1)) total += ` * ${emitter.axisSize(axis)}`
    const before = (): void => {
      let rest = at
      for (let i = axes.length - 1; i >= 0; i--) {
        const size = emitter.axisSize(axes[i] as Axis)
        emitter.line(`let ${names[i]} = ${i === 0 ? rest : `${rest} % ${size}`};`)
        if (i > 0) {
          emitter.line(`let ${at}_${i} = ${rest} / ${size};`)
          rest = `${at}_${i}`
        }
      }
    }
    const known = axes.map((a, i) => [a, names[i] as string] as const)
    return { name: at, first: 'lane', step: this.#size, limit: total, axes: known, ...(axes.length > 1 && { before }) }
  }

  #reduce(stage: ReduceStage, index: number): void {
    const emitter = this.#emitter
    const names = declareAccumulators(emitter, stage, index, this.#size)
    if (stage.axes.length > 0) {
      const over = this.#strided(stage.axes)
      reduceLoop(emitter, stage, names, over, () => `i32(${over.name})`, this.#size)
      complete(emitter, stage, names, this.#size)
      this.#tree(stage, names)
    } else accumulate(emitter, stage, names, () => '0i')
    nameResults(emitter, stage, index, names)
  }

  #tree(stage: ReduceStage, names: readonly string[]): void {
    const emitter = this.#emitter
    const share = (name: string, type: string): void => {
      this.#shared.push(`var<workgroup> shared_${name}: array<${type}, ${this.#size}>;`)
      emitter.line(`shared_${name}[lane] = ${name};`)
    }
    stage.reductions.forEach((r, slot) => {
      share(names[slot] as string, wgslType[r.value.type])
      if (positionOf(r.op)) share(`${names[slot]}_at`, 'i32')
    })
    emitter.line('workgroupBarrier();')
    emitter.open()
    emitter.open()
    for (const [slot, r] of stage.reductions.entries()) {
      const name = names[slot] as string
      const mine = `shared_${name}[lane]`
      const other = `shared_${name}[lane + half]`
      const extreme = positionOf(r.op)
      if (!extreme) {
        emitter.line(`${mine} = ${combine(r, mine, other)};`)
        continue
      }
      const [a, b, i, j] = [`mine${slot}`, `theirs${slot}`, `mine${slot}_at`, `theirs${slot}_at`]
      emitter.line(`let ${a} = ${mine};`)
      emitter.line(`let ${b} = ${other};`)
      emitter.line(`let ${i} = shared_${name}_at[lane];`)
      emitter.line(`let ${j} = shared_${name}_at[lane + half];`)
      const tie = `${j} < ${i} && !(${better(extreme, r.value.type, b, a)})`
      const wins = `${j} >= 0 && (${i} < 0 || (${better(extreme, r.value.type, a, b)}) || (${tie}))`
      emitter.line(`if (${wins}) { ${mine} = ${b}; shared_${name}_at[lane] = ${j}; }`)
    }
    emitter.close('if (lane < half) {')
    emitter.line('workgroupBarrier();')
    emitter.close(`for (var half = ${this.#size >> 1}u; half > 0u; half >>= 1u) {`)
    stage.reductions.forEach((r, slot) => {
      const name = names[slot] as string
      const result = positionOf(r.op) ? `${name}_at` : name
      emitter.line(`${result} = shared_${result}[0];`)
    })
  }

  #store(stage: Extract<Stage, { kind: 'store' }>): void {
    const emitter = this.#emitter
    if (stage.axes.length > 0) {
      const { name, first, step, limit, axes, before } = this.#strided(stage.axes)
      emitter.open(axes)
      before?.()
      stores(emitter, stage)
      emitter.close(`for (var ${name} = ${first}; ${name} < ${limit}; ${name} += ${step}u) {`)
    } else {
      emitter.open()
      stores(emitter, stage)
      emitter.close('if (lane == 0u) {')
    }
  }
}
