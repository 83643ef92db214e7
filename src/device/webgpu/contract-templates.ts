/** @file Contractions (matrix products, convolutions) in the hand-written templates of shaders/, with the kernel's loads and stores spliced in. */
import {
  type Axis,
  axesOf,
  type BufferUse,
  type CollapsedAxis,
  type ContractAxes,
  type ContractShape,
  coefOf,
  collapsedAxes,
  exchanged,
  exchangedAxes,
  type Index,
  indicesOf,
  type Kernel,
  movesOf,
  type Stage,
  shapeOf,
} from '../../kernel/index.ts'
import { storedText, type Words } from './arithmetic.ts'
import { shaders } from './shaders.generated.ts'
import type { ContractStrategy } from './strategy.ts'
import { Params } from './uniforms.ts'
import { type Cut, decide, nest, unroll } from './unroll.ts'
import { SMALL, WgslExpressions } from './wgsl-expressions.ts'
import { assemble, fold, type PrintedKernel } from './wgsl-kernel.ts'

export function printContract(kernel: Kernel, strategy: ContractStrategy, words: Words): PrintedKernel {
  const emitter = new WgslExpressions(kernel, new Params(), words)
  const { exchange } = strategy
  const template = templateOf(strategy)
  const shape = exchange ? exchanged(shapeOf(kernel)) : shapeOf(kernel)
  const axes = exchange ? exchangedAxes(axesOf(kernel)) : axesOf(kernel)
  const stored = indicesOf(storesOf(kernel))
  const rows = collapsedAxes(axes.rows, [axes.a.index, ...stored])
  const columns = collapsedAxes(axes.columns, [axes.b.index, ...stored])
  const batch = collapsedAxes(axes.batch, [axes.a.index, axes.b.index])
  const parts = [
    constantsText(template.constants(strategy, shape)),
    'struct Contract { batches: u32, m: u32, n: u32, k: u32, part: u32 }',
    contractFunction(emitter, shape),
    `fn all_bits() -> u32 {\n  return ${emitter.params.use('all bits', 0xffffffff)};\n}`,
    loadFunction(emitter, 'a', axes.a.buffer),
    loadFunction(emitter, 'b', axes.b.buffer),
    sideFunction(emitter, 'Row', rows),
    sideFunction(emitter, 'Column', columns),
    startFunction(emitter, 'a', axes.a.index, batch, 'Row', rows, template.ones),
    startFunction(emitter, 'b', axes.b.index, batch, 'Column', columns, template.ones),
    storeFunction(emitter, axes, rows, columns),
  ]
  parts.push(...template.body(strategy, { emitter, axes, shape }))
  const [tileM, tileN] = template.tile(strategy)
  const tiles = Math.ceil(shape.m / tileM) * Math.ceil(shape.n / tileN) * shape.batches
  return assemble(emitter, parts.join('\n\n'), fold(tiles))
}

interface Printed {
  readonly emitter: WgslExpressions
  readonly axes: ContractAxes
  readonly shape: ContractShape
}

/**
 * What a stride of 1 is: `text` lets hardware load what is adjacent at once; compilers in software gain nothing by it, and take a tenth of a second or more
 * for each text, so `data` there.
 */
type Ones = 'text' | 'data'

/** A file of shaders/ that computes contractions. */
interface Template<S extends ContractStrategy> {
  /** Rows and columns of the result that a workgroup computes. */
  readonly tile: (strategy: S) => readonly [rows: number, columns: number]
  readonly ones: Ones
  readonly constants: (strategy: S, shape: ContractShape) => Readonly<Record<string, number | boolean>>
  /** Its text, behind what it calls that other templates do not. */
  readonly body: (strategy: S, printed: Printed) => readonly string[]
}

const TEMPLATES: { readonly [K in ContractStrategy['kind']]: Template<Extract<ContractStrategy, { kind: K }>> } = {
  register: {
    tile: ({ rows, columns, lanes }) => [rows, columns * lanes],
    ones: 'data',
    constants: (strategy) => ({ ...tileConstants(strategy), LANES: strategy.lanes }),
    body: (strategy, { emitter, axes, shape }) => {
      // Not literals: compilers in software would unroll loops over a window, and take seconds over what they get
      const sizes = axes.sum.map((axis) => emitter.axisSize(axis))
      const step = (name: string, index: Index): string =>
        axes.sum.map((axis, i) => stepText(emitter, name, `k${i}`, coefOf(index, axis), 'data')).reduce((x, y) => `${x} + ${y}`, '0u')
      const steps = { step_a: step('a', axes.a.index), step_b: step('b', axes.b.index) }
      const looped = nest(shaders.matmul_register as string, sizes, steps, cutOf(emitter, axes.sum))
      return [alone(unroll(decide(looped, lengthConstants(shape)), tileConstants(strategy)), strategy.share)]
    },
  },
  tiled: {
    tile: ({ tileM, tileN }) => [tileM, tileN],
    ones: 'text',
    constants: ({ tileM, tileN, tileK, moreM }, shape) => ({
      TILE_M: tileM,
      TILE_N: tileN,
      TILE_K: tileK,
      MORE_M: moreM,
      THREADS: (tileM / 4 / moreM) * (tileN / 4),
      A_ALONG_K: shape.a_k === 1,
      B_ALONG_K: shape.b_k === 1,
      ...lengthConstants(shape),
    }),
    body: (_, { emitter, axes }) => [
      stepFunction(emitter, 'a', axes.a.index, axes.sum),
      stepFunction(emitter, 'b', axes.b.index, axes.sum),
      shaders.matmul_tiled as string,
    ],
  },
}

const templateOf = ({ kind }: ContractStrategy): Template<ContractStrategy> => TEMPLATES[kind] as Template<ContractStrategy>

const tileConstants = ({ rows, columns, share }: Extract<ContractStrategy, { kind: 'register' }>) => ({
  ROWS: rows,
  COLS: columns,
  SHARE: share,
  GROUPS: rows / share,
})

/**
 * Terms of a part, about. Where all products are equal, 256 are off by 3.8e-6 of their sum at most, 320 by 4.8e-6; a second register for each sum costs some
 * hundredths of the time on lavapipe, so few sums have one.
 */
const PART = 256
/** A sum of more terms is taken in parts. */
const LONG = 320
/** A sum of more terms has so many parts that what their additions lose counts. */
const VERY_LONG = 64 * PART

const lengthConstants = ({ k }: ContractShape) => ({ LONG: k > LONG, KEEPS_REST: k > VERY_LONG })

/** Where a long sum is cut: along the innermost axis such that what lies within is no longer than a part. */
function cutOf(emitter: WgslExpressions, sum: readonly Axis[]): Cut | undefined {
  if (sum.reduce((n, { size }) => n * size, 1) <= LONG) return undefined
  let axis = sum.length - 1
  let within = 1
  for (; axis > 0 && within * (sum[axis] as Axis).size <= PART; axis--) within *= (sum[axis] as Axis).size
  return { axis, part: emitter.params.use('part', Math.floor(PART / within)) }
}

/** The register template for invocations that share no loads: what is broadcast to one is its own. */
function alone(text: string, share: number): string {
  if (share > 1) return text
  return text
    .replace(', @builtin(subgroup_invocation_id) place: u32', '')
    .replace(/ \+ place\b/g, '')
    .replace(/subgroupBroadcast\((\w+), 0u\)/g, '$1')
}

const constantsText = (constants: Readonly<Record<string, number | boolean>>): string =>
  Object.entries(constants)
    .map(([name, value]) => (typeof value === 'number' ? `const ${name} = ${value}u;` : `const ${name} = ${value};`))
    .join('\n')

function contractFunction({ params }: WgslExpressions, shape: ContractShape): string {
  const sizes = (['batches', 'm', 'n', 'k'] as const).map((name) => params.use(name, shape[name]))
  sizes.push(`${PART}u`)
  return `fn contract() -> Contract {\n  return Contract(${sizes.join(', ')});\n}`
}

const loadFunction = (emitter: WgslExpressions, name: string, buffer: number): string =>
  `fn load_${name}(i: u32) -> f32 {\n  return ${emitter.loadOf(buffer, 'i', 'float')};\n}`

/** position · stride. */
function stepText({ params }: WgslExpressions, name: string, position: string, coef: number, ones: Ones): string {
  if (coef === 0) return '0u'
  return coef === 1 && ones === 'text' ? position : `${position} * ${params.use(`stride_${name}_${position}`, coef)}`
}

/** A size as text. Few window shapes are in use and compilers divide faster by constants, so small ones are literals. */
const smallSize = (emitter: WgslExpressions, axis: Axis): string => (axis.size <= SMALL ? `${axis.size}u` : emitter.axisSize(axis))

/** `of` = Σ position · (sizes behind it): lines that name the positions `x0`, `x1`, … */
function split(of: string, parts: readonly CollapsedAxis[], size: (part: CollapsedAxis, i: number) => string): string[] {
  const lines: string[] = []
  let rest = of
  for (let i = parts.length - 1; i > 0; i--) {
    const text = size(parts[i] as CollapsedAxis, i)
    lines.push(`  let over${i} = ${rest} / ${text};`, `  let x${i} = ${rest} - over${i} * ${text};`)
    rest = `over${i}`
  }
  if (parts.length > 0) lines.push(`  let x0 = ${rest};`)
  return lines
}

/** Σ coef · position, by the innermost axis of each part. */
function sumText(
  emitter: WgslExpressions,
  name: string,
  index: Index,
  parts: readonly CollapsedAxis[],
  position: (i: number) => string,
  ones: Ones,
): string {
  const terms = parts.map(({ axes }, i) => stepText(emitter, `${name}${i}`, position(i), coefOf(index, axes.at(-1)), ones))
  return terms.filter((t) => t !== '0u').join(' + ') || '0u'
}

/** A place along one side of the result, taken apart once for all that is read and stored there: `struct Row { x0, … }` and `row_of(m)`. */
function sideFunction(emitter: WgslExpressions, kind: 'Row' | 'Column', parts: readonly CollapsedAxis[]): string {
  const name = kind.toLowerCase()
  const of = kind === 'Row' ? 'm' : 'n'
  const fields = ['at', ...parts.map((_, i) => `x${i}`)]
  return [
    `struct ${kind} { ${fields.map((f) => `${f}: u32`).join(', ')} }`,
    `fn ${name}_of(${of}: u32) -> ${kind} {`,
    ...split(of, parts, ({ size }, i) => emitter.params.use(`${name}${i}`, size)),
    `  return ${kind}(${[of, ...parts.map((_, i) => `x${i}`)].join(', ')});`,
    '}',
  ].join('\n')
}

/** Where an operand begins for a batch and a row (or column). */
function startFunction(
  emitter: WgslExpressions,
  name: string,
  index: Index,
  batch: readonly CollapsedAxis[],
  kind: 'Row' | 'Column',
  parts: readonly CollapsedAxis[],
  ones: Ones,
): string {
  const side = kind.toLowerCase()
  const terms = [
    emitter.params.use(`start_${name}`, index.offset),
    ...movesOf(index).map(({ coef, by }, i) => `u32(${emitter.scalar(by)}) * ${emitter.params.use(`move_${name}${i}`, coef)}`),
    sumText(emitter, `batch_${name}`, index, batch, (i) => `x${i}`, ones),
    sumText(emitter, name, index, parts, (i) => `${side}.x${i}`, ones),
  ]
  return [
    `fn start_${name}(batch: u32, ${side}: ${kind}) -> u32 {`,
    ...split('batch', batch, ({ size }, i) => emitter.params.use(`batch${i}`, size)),
    `  return ${terms.filter((t) => t !== '0u').join(' + ') || '0u'};`,
    '}',
  ].join('\n')
}

/** How far an operand is, at the k-th term of the sum, from where it begins. */
function stepFunction(emitter: WgslExpressions, name: string, index: Index, axes: readonly Axis[]): string {
  const parts = collapsedAxes(axes, [index])
  return [
    `fn step_${name}(k: u32) -> u32 {`,
    ...split('k', parts, ({ axes: own, size }, i) =>
      own.length === 1 ? smallSize(emitter, own[0] as Axis) : emitter.params.use(`sum_${name}${i}`, size),
    ),
    `  return ${sumText(emitter, `step_${name}`, index, parts, (i) => `x${i}`, 'text')};`,
    '}',
  ].join('\n')
}

/** The kernel's store stages for one output, whose sum is `sum`. */
function storeFunction(
  emitter: WgslExpressions,
  axes: ContractAxes,
  rows: readonly CollapsedAxis[],
  columns: readonly CollapsedAxis[],
): string {
  const { kernel } = emitter
  emitter.setAccumulator(0, 0, 'sum')
  emitter.open()
  bind(emitter, 'batch', axes.batch)
  for (const [side, parts] of [
    ['row', rows],
    ['column', columns],
  ] as const)
    parts.forEach((part, i) => {
      bind(emitter, `${side}.x${i}`, part.axes)
    })
  // unused positions cost nothing once compiled
  const point = kernel.grid.reduce(
    (text, axis) => (text ? `(${text}) * ${emitter.axisSize(axis)} + ${emitter.axis(axis)}` : emitter.axis(axis)),
    '',
  )
  emitter.line(`let point = ${point || '0u'};`)
  for (const stage of storesOf(kernel)) {
    const ready = stage.stores.map((s) => {
      const value = stage.stores.length > 1 ? emitter.named(s.value) : emitter.value(s.value)
      return `b${s.buffer}[${emitter.place(s.buffer, s.index)}] = ${storedText(value, s.value.type, (kernel.buffers[s.buffer] as BufferUse).dtype, emitter.words)};`
    })
    for (const line of ready) emitter.line(line)
  }
  return `fn store(batch: u32, row: Row, column: Column, sum: f32) {\n${emitter.close()}\n}`
}

const storesOf = (kernel: Kernel): Extract<Stage, { kind: 'store' }>[] => kernel.stages.slice(1) as Extract<Stage, { kind: 'store' }>[]

/** Names the axes whose row-major position is `of`. */
function bind(emitter: WgslExpressions, of: string, axes: readonly Axis[]): void {
  let rest = of
  for (let i = axes.length - 1; i >= 0; i--) {
    const axis = axes[i] as Axis
    if (i === 0) {
      emitter.scope.axes.set(axis, rest)
      break
    }
    const name = emitter.axisName(axis)
    emitter.scope.axes.set(axis, name)
    emitter.line(`let over_${name} = ${rest} / ${emitter.axisSize(axis)};`)
    emitter.line(`let ${name} = ${rest} - over_${name} * ${emitter.axisSize(axis)};`)
    rest = `over_${name}`
  }
}
