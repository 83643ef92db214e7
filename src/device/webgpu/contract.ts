/** @file Contractions (matrix products, convolutions) in the hand-written templates of shaders/, with the kernel's loads and stores spliced in. */
import type { Axis, Index, Kernel, Stage } from '../../kernel/index.ts'
import { storedText } from './arithmetic.ts'
import { axesOf, type ContractAxes, type ContractShape, coefOf, exchanged, exchangedAxes, shapeOf } from './contract-shape.ts'
import { Emitter } from './emitter.ts'
import { Params } from './params.ts'
import { assemble, fold, type PrintedKernel } from './printer.ts'
import { shaders } from './shaders.generated.ts'
import type { ContractStrategy } from './strategy.ts'
import { nest, unroll } from './unroll.ts'

export function printContract(kernel: Kernel, strategy: ContractStrategy): PrintedKernel {
  const emitter = new Emitter(kernel, new Params())
  const { exchange } = strategy
  const shape = exchange ? exchanged(shapeOf(kernel)) : shapeOf(kernel)
  const axes = exchange ? exchangedAxes(axesOf(kernel)) : axesOf(kernel)
  const parts = [
    constants(strategy, shape),
    'struct Contract { batches: u32, m: u32, n: u32, k: u32 }',
    contractFunction(emitter, shape),
    loadFunction(emitter, 'a', axes.a.buffer),
    loadFunction(emitter, 'b', axes.b.buffer),
    startFunction(emitter, 'a', axes.a.index, axes.batch, 'm', axes.rows),
    startFunction(emitter, 'b', axes.b.index, axes.batch, 'n', axes.columns),
    storeFunction(emitter, axes),
  ]
  if (strategy.kind === 'tiled') {
    parts.push(stepFunction(emitter, 'a', axes.a.index, axes.sum), stepFunction(emitter, 'b', axes.b.index, axes.sum))
    parts.push(shaders.matmul_tiled as string)
  } else {
    const sizes = axes.sum.map((axis, i) => smallSize(emitter, axis, i > 0))
    const step = (name: string, index: Index): string =>
      axes.sum.map((axis, i) => stepText(emitter, name, `k${i}`, coefOf(index, axis))).reduce((x, y) => `${x} + ${y}`, '0u')
    const looped = nest(shaders.matmul_register as string, 'k', sizes, { step_a: step('a', axes.a.index), step_b: step('b', axes.b.index) })
    parts.push(unroll(looped, { ROWS: strategy.rows, COLS: strategy.columns }))
  }
  const [tileM, tileN] = strategy.kind === 'tiled' ? [strategy.tileM, strategy.tileN] : [strategy.rows, strategy.columns * strategy.lanes]
  const tiles = Math.ceil(shape.m / tileM) * Math.ceil(shape.n / tileN) * shape.batches
  return assemble(emitter, parts.join('\n\n'), fold(tiles))
}

function constants(strategy: ContractStrategy, shape: ContractShape): string {
  const list: Record<string, number | boolean> =
    strategy.kind === 'register'
      ? { ROWS: strategy.rows, COLS: strategy.columns, LANES: strategy.lanes }
      : {
          TILE_M: strategy.tileM,
          TILE_N: strategy.tileN,
          TILE_K: strategy.tileK,
          MORE_M: strategy.moreM,
          THREADS: (strategy.tileM / 4 / strategy.moreM) * (strategy.tileN / 4),
          A_ALONG_K: shape.a_k === 1,
          B_ALONG_K: shape.b_k === 1,
        }
  return Object.entries(list)
    .map(([name, value]) => (typeof value === 'number' ? `const ${name} = ${value}u;` : `const ${name} = ${value};`))
    .join('\n')
}

function contractFunction({ params }: Emitter, shape: ContractShape): string {
  const sizes = (['batches', 'm', 'n', 'k'] as const).map((name) => params.use(name, shape[name]))
  return `fn contract() -> Contract {\n  return Contract(${sizes.join(', ')});\n}`
}

const loadFunction = (emitter: Emitter, name: string, buffer: number): string =>
  `fn load_${name}(i: u32) -> f32 {\n  return ${emitter.loadOf(buffer, 'i', 'float')};\n}`

/** position · stride; a stride of 1 is part of the text, because adjacent loads are then known to be adjacent. */
function stepText({ params }: Emitter, name: string, position: string, coef: number): string {
  if (coef === 0) return '0u'
  return coef === 1 ? position : `${position} * ${params.use(`stride_${name}_${position}`, coef)}`
}

/** A size as text. Few window shapes are in use and compilers divide and count faster by what they know, so small inner sizes are literals. */
const smallSize = (emitter: Emitter, axis: Axis, inner: boolean): string =>
  inner && axis.size <= 16 ? `${axis.size}u` : emitter.axisSize(axis)

/** Σ coef · axis over axes whose row-major position is `of`, as lines that end in `sum`. Axes that are walked as one stay one. */
function walk(emitter: Emitter, name: string, of: string, axes: readonly Axis[], index: Index, literals: boolean): string[] {
  const lines: string[] = []
  const groups: { size: number; axes: Axis[]; coef: number }[] = []
  for (const axis of axes) {
    const coef = coefOf(index, axis)
    const last = groups.at(-1)
    if (last && last.coef === coef * axis.size) {
      last.size *= axis.size
      last.axes.push(axis)
      last.coef = coef
    } else groups.push({ size: axis.size, axes: [axis], coef })
  }
  let rest = of
  for (let i = groups.length - 1; i >= 0; i--) {
    const { size, axes: own, coef } = groups[i] as (typeof groups)[0]
    let here = rest
    if (i > 0) {
      const text =
        own.length === 1 && literals ? smallSize(emitter, own[0] as Axis, true) : emitter.params.use(`size_${name}_${of}${i}`, size)
      lines.push(`  let over${i} = ${rest} / ${text};`)
      here = `(${rest} - over${i} * ${text})`
      rest = `over${i}`
    }
    if (coef !== 0) lines.push(`  sum += ${coef === 1 ? here : `${here} * ${emitter.params.use(`coef_${name}_${of}${i}`, coef)}`};`)
  }
  return lines
}

/** Where an operand begins for a batch and a row (or column). */
function startFunction(
  emitter: Emitter,
  name: string,
  index: Index,
  batch: readonly Axis[],
  side: 'm' | 'n',
  axes: readonly Axis[],
): string {
  const start = index.offset === 0 ? '0u' : emitter.params.use(`start_${name}`, index.offset)
  return [
    `fn start_${name}(batch: u32, ${side}: u32) -> u32 {`,
    `  var sum = ${start};`,
    '  {',
    ...walk(emitter, name, 'batch', batch, index, false),
    '  }',
    ...walk(emitter, name, side, axes, index, false),
    '  return sum;',
    '}',
  ].join('\n')
}

/** How far an operand is, at the k-th term of the sum, from where it begins. */
function stepFunction(emitter: Emitter, name: string, index: Index, sum: readonly Axis[]): string {
  return [`fn step_${name}(k: u32) -> u32 {`, '  var sum = 0u;', ...walk(emitter, name, 'k', sum, index, true), '  return sum;', '}'].join(
    '\n',
  )
}

/** The kernel's store stages for one output, whose sum is `sum`. */
function storeFunction(emitter: Emitter, axes: ContractAxes): string {
  const { kernel } = emitter
  emitter.setAccumulator(0, 0, 'sum')
  emitter.open()
  bind(emitter, 'batch', axes.batch)
  bind(emitter, 'm', axes.rows)
  bind(emitter, 'n', axes.columns)
  // unused positions cost nothing once compiled
  const point = kernel.grid.reduce(
    (text, axis) => (text ? `(${text}) * ${emitter.axisSize(axis)} + ${emitter.axis(axis)}` : emitter.axis(axis)),
    '',
  )
  emitter.line(`let point = ${point || '0u'};`)
  for (const stage of kernel.stages.slice(1) as Extract<Stage, { kind: 'store' }>[]) {
    const ready = stage.stores.map((s) => {
      const value = stage.stores.length > 1 ? emitter.named(s.value) : emitter.value(s.value)
      return `b${s.buffer}[${emitter.index(s.index)}] = ${storedText(value, s.value.type, kernel.buffers[s.buffer]?.dtype ?? 'float32')};`
    })
    for (const line of ready) emitter.line(line)
  }
  return `fn store(batch: u32, m: u32, n: u32, sum: f32) {\n${emitter.close()}\n}`
}

/** Names the axes whose row-major position is `of`. */
function bind(emitter: Emitter, of: string, axes: readonly Axis[]): void {
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
