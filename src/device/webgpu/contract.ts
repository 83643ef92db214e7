/** @file Contractions (matrix products) in the hand-written templates of shaders/, with the kernel's loads and stores spliced in. */
import type { Axis, Index, Kernel, Stage } from '../../kernel/index.ts'
import { storedText } from './arithmetic.ts'
import { type ContractShape, coefOf, exchanged, shapeOf } from './contract-shape.ts'
import { Emitter } from './emitter.ts'
import { Params } from './params.ts'
import { assemble, fold, type PrintedKernel } from './printer.ts'
import { shaders } from './shaders.generated.ts'
import type { ContractStrategy } from './strategy.ts'
import { unroll } from './unroll.ts'

/** Σ coef · axis of one operand, by axis; the template's `b` may be the kernel's `a`. */
interface Operand {
  readonly index: Index
  readonly buffer: number
  coef(axis: Axis): number
}

export function printContract(kernel: Kernel, strategy: ContractStrategy): PrintedKernel {
  const emitter = new Emitter(kernel, new Params())
  const c = kernel.contract as NonNullable<Kernel['contract']>
  const straight = shapeOf(kernel)
  const shape = strategy.exchange ? exchanged(straight) : straight
  const operand = ({ index, buffer }: typeof c.a): Operand => ({ index, buffer, coef: (axis) => coefOf(index, axis) })
  const [a, b] = strategy.exchange ? [operand(c.b), operand(c.a)] : [operand(c.a), operand(c.b)]
  const [rows, columns] = strategy.exchange ? [c.n, c.m] : [c.m, c.n]

  const parts = [
    constants(strategy, shape),
    'struct Contract { batches: u32, m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32 }',
    contractFunction(emitter, shape),
    loadFunction(emitter, 'a', a.buffer),
    loadFunction(emitter, 'b', b.buffer),
    batchFunction(emitter, 'a', a, c.batch),
    batchFunction(emitter, 'b', b, c.batch),
    storeFunction(emitter, rows, columns),
    strategy.kind === 'tiled'
      ? (shaders.matmul_tiled as string)
      : unroll(shaders.matmul_register as string, { ROWS: strategy.rows, COLS: strategy.columns }),
  ]
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

/** Sizes and strides; a stride of 1 is part of the text, because adjacent loads are then known to be adjacent. */
function contractFunction({ params }: Emitter, shape: ContractShape): string {
  const stride = (name: keyof ContractShape): string => (shape[name] === 1 ? '1u' : params.use(name, shape[name]))
  const sizes = (['batches', 'm', 'n', 'k'] as const).map((name) => params.use(name, shape[name]))
  return `fn contract() -> Contract {\n  return Contract(${[...sizes, ...(['a_m', 'a_k', 'b_k', 'b_n'] as const).map(stride)].join(', ')});\n}`
}

const loadFunction = (emitter: Emitter, name: string, buffer: number): string =>
  `fn load_${name}(i: u32) -> f32 {\n  return ${emitter.loadOf(buffer, 'i', 'float')};\n}`

/** Where the operand begins for a batch: the batch's axes are recovered one by one unless they lie in one row. */
function batchFunction({ params }: Emitter, name: string, { index, coef }: Operand, batch: readonly Axis[]): string {
  const lines: string[] = []
  let sum = index.offset === 0 ? '' : ` + ${params.use(`start_${name}`, index.offset)}`
  const long = batch.filter((axis) => axis.size > 1)
  let inner = 1
  const strides = long.map(() => 1)
  for (let i = long.length - 1; i >= 0; i--) {
    strides[i] = inner
    inner *= (long[i] as Axis).size
  }
  const last = long.at(-1)
  const step = last ? coef(last) : 0
  if (long.every((axis, i) => coef(axis) === step * (strides[i] as number))) {
    if (step !== 0) sum += ` + batch * ${params.use(`batch_${name}`, step)}`
  } else {
    long.forEach((axis, i) => {
      if (coef(axis) === 0) return
      const outer = i === 0 ? 'batch' : `batch % ${params.use(`${name}_from${i}`, (strides[i] as number) * axis.size)}`
      const here = strides[i] === 1 ? outer : `(${outer}) / ${params.use(`${name}_over${i}`, strides[i] as number)}`
      sum += ` + (${here}) * ${params.use(`${name}_batch${i}`, coef(axis))}`
    })
  }
  lines.push(`fn batch_${name}(batch: u32) -> u32 {`, `  return ${sum === '' ? '0u' : sum.slice(3)};`, '}')
  return lines.join('\n')
}

/** The kernel's store stages for one output, whose sum is `sum`. */
function storeFunction(emitter: Emitter, rows: Axis, columns: Axis): string {
  const { kernel } = emitter
  const c = kernel.contract as NonNullable<Kernel['contract']>
  emitter.setAccumulator(0, 0, 'sum')
  emitter.open()
  const size = (axis: Axis): string => emitter.axisSize(axis)
  emitter.scope.axes.set(rows, 'm').set(columns, 'n')
  const [m, n] = [emitter.axis(c.m), emitter.axis(c.n)]
  // unused positions cost nothing once compiled
  emitter.line(`let point = (batch * ${size(c.m)} + ${m}) * ${size(c.n)} + ${n};`)
  let rest = 'batch'
  for (const [i, axis] of [...c.batch.entries()].reverse()) {
    const name = emitter.axisName(axis)
    emitter.scope.axes.set(axis, name)
    emitter.line(`let ${name} = ${i === 0 ? rest : `${rest} % ${size(axis)}`};`)
    if (i > 0) emitter.line(`let over_${name} = ${rest} / ${size(axis)};`)
    rest = `over_${name}`
  }
  for (const stage of kernel.stages.slice(1) as Extract<Stage, { kind: 'store' }>[]) {
    const ready = stage.stores.map((s) => {
      const value = stage.stores.length > 1 ? emitter.named(s.value) : emitter.value(s.value)
      return `b${s.buffer}[${emitter.index(s.index)}] = ${storedText(value, s.value.type, kernel.buffers[s.buffer]?.dtype ?? 'float32')};`
    })
    for (const line of ready) emitter.line(line)
  }
  return `fn store(batch: u32, m: u32, n: u32, sum: f32) {\n${emitter.close()}\n}`
}
