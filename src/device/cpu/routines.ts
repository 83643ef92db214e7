/** @file What routines mean, in plain loops over numbers: what other engines and devices are compared with. */
import { DeviceError, dtypeInfo, sizeOf } from '../../base/index.ts'
import {
  aroundDim,
  type CustomArrays,
  identityOf,
  type RoutineCall,
  type RoutineOf,
  type RoutineTable,
  routineBuffers,
  routineForm,
  type ScanOp,
  type TensorType,
  type ValueType,
  valueTypeOf,
} from '../../kernel/index.ts'
import type { RoutinePlan } from '../routine-plan.ts'
import { loaded, reduction, stored } from './arithmetic.ts'
import type { Block } from './block.ts'
import type { CompiledKernel } from './interpreter.ts'

const same = (x: number): number => x

/** The elements of an input, as values. */
function reader(operand: TensorType, block: Block | undefined): (i: number) => number {
  const { values } = block as Block
  const convert = loaded[operand.dtype] ?? same
  return (i) => convert(values[i] as number)
}

/** Writes elements of an output; nothing, where it is not wanted. */
function writer(operand: TensorType | undefined, block: Block | undefined): (i: number, value: number) => void {
  if (!operand) return () => {}
  const { values } = block as Block
  const convert = stored[operand.dtype] ?? same
  return (i, value) => {
    values[i] = convert(value)
  }
}

/** Inputs to read and outputs to write. */
function bound({ inputs, outputs }: RoutineCall, data: readonly Block[]) {
  let next = inputs.length
  return {
    read: inputs.map((input, i) => reader(input, data[i])),
    write: outputs.map((output) => writer(output, output && data[next++])),
  }
}

function reduceWithIndex(call: RoutineCall<RoutineOf<'reduceWithIndex'>>): CompiledKernel {
  const { op, dim } = call.routine
  const [x] = call.inputs as readonly [TensorType]
  const { outer, size, inner } = aroundDim(x.shape, dim)
  const { join } = reduction(op, valueTypeOf(x.dtype))
  return ({ data }) => {
    const { read, write } = bound(call, data)
    const [element] = read as [(i: number) => number]
    const [value, index] = write as [(i: number, value: number) => void, (i: number, value: number) => void]
    for (let row = 0; row < outer * inner; row++) {
      const first = Math.floor(row / inner) * size * inner + (row % inner)
      let extreme = element(first)
      let at = 0
      // After a NaN the search is over
      for (let k = 1; k < size && !Number.isNaN(extreme); k++) {
        const v = element(first + k * inner)
        if (join(extreme, v) === extreme) continue
        extreme = v
        at = k
      }
      value(row, extreme)
      index(row, at)
    }
  }
}

function sort(call: RoutineCall<RoutineOf<'sort'>>): CompiledKernel {
  const { descending } = call.routine
  const [{ shape }] = call.inputs as readonly [TensorType]
  const size = shape.at(-1) as number
  // NaN is larger than all, and equals itself
  const order = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b)))
  return ({ data }) => {
    const { read, write } = bound(call, data)
    const [element] = read as [(i: number) => number]
    const [value, position] = write as [(i: number, value: number) => void, (i: number, value: number) => void]
    for (let start = 0; start < sizeOf(shape); start += size) {
      const row = Array.from({ length: size }, (_, k) => element(start + k))
      const positions = Array.from(row.keys()).sort((i, j) => (descending ? -1 : 1) * order(row[i] as number, row[j] as number))
      positions.forEach((at, k) => {
        value(start + k, row[at] as number)
        position(start + k, at)
      })
    }
  }
}

function search(call: RoutineCall<RoutineOf<'search'>>): CompiledKernel {
  const { right } = call.routine
  const [sorted, values] = call.inputs as readonly [TensorType, TensorType]
  const [n, m] = [sorted.shape[1] as number, values.shape[1] as number]
  return ({ data }) => {
    const { read, write } = bound(call, data)
    const [element, value] = read as [(i: number) => number, (i: number) => number]
    const [place] = write as [(i: number, value: number) => void]
    for (let i = 0; i < sizeOf(values.shape); i++) {
      const start = Math.floor(i / m) * n
      const v = value(i)
      let count = 0
      const isBefore = (e: number): boolean => Number.isNaN(v) || (right ? e <= v : e < v)
      while (count < n && isBefore(element(start + count))) count++
      place(i, count)
    }
  }
}

/** Takes the elements of a row in order, the k-th being `x` (and `y`, of a second input); answers what they come to, and where that stands. */
type Running = (x: number, y: number, k: number) => readonly [value: number, position: number]

/** From the start of a row on. */
const RUNNING: { readonly [Op in ScanOp]: (type: ValueType) => Running } = {
  sum: (type) => joining('sum', type),
  prod: (type) => joining('prod', type),
  max: () => runningExtreme((a, b) => a >= b),
  min: () => runningExtreme((a, b) => a <= b),
  logaddexp: () => {
    let largest = Number.NEGATIVE_INFINITY
    /** Σ e^(x − largest), without the largest itself: its logarithm is exact where that is nearly all. */
    let others = -1
    return (x) => {
      const closeness = x === largest ? 1 : Math.exp(-Math.abs(x - largest))
      others = x > largest ? (1 + others) * closeness : others + closeness
      largest = x > largest ? x : largest
      return [largest + Math.log1p(others), 0]
    }
  },
  recurrence: () => {
    let h = 0
    return (a, b) => {
      h = a * h + b
      return [h, 0]
    }
  },
}

function joining(op: 'sum' | 'prod', type: ValueType): Running {
  const { start, join } = reduction(op, type)
  let value = start
  return (x) => {
    value = join(value, x)
    return [value, 0]
  }
}

function runningExtreme(reaches: (a: number, b: number) => boolean): Running {
  let [extreme, at] = [0, -1]
  return (x, _, k) => {
    if (at < 0 || Number.isNaN(x) || reaches(x, extreme)) [extreme, at] = [x, k]
    return [extreme, at]
  }
}

function scan(call: RoutineCall<RoutineOf<'scan'>>): CompiledKernel {
  const { op, dim, reverse } = call.routine
  const [x] = call.inputs as readonly [TensorType]
  const { outer, size, inner } = aroundDim(x.shape, dim)
  const type = valueTypeOf(x.dtype)
  return ({ data }) => {
    const { read, write } = bound(call, data)
    const [first, second] = read as [(i: number) => number, ((i: number) => number)?]
    for (let row = 0; row < outer * inner; row++) {
      const start = Math.floor(row / inner) * size * inner + (row % inner)
      const take = RUNNING[op](type)
      for (let n = 0; n < size; n++) {
        const k = reverse ? size - 1 - n : n
        const i = start + k * inner
        const [value, position] = take(first(i), second?.(i) ?? 0, k)
        write[0]?.(i, value)
        write[1]?.(i, position)
      }
    }
  }
}

function scatter(call: RoutineCall<RoutineOf<'scatter'>>): CompiledKernel {
  const { op, rows } = call.routine
  const [, { dtype, shape }] = call.inputs as readonly [TensorType, TensorType]
  const [senders, features] = shape as readonly [number, number]
  const { join } = reduction(op, valueTypeOf(dtype))
  return ({ data }) => {
    const { read, write } = bound(call, data)
    const [target, element] = read as [(i: number) => number, (i: number) => number]
    const [value, count] = write as [(i: number, value: number) => void, (i: number, value: number) => void]
    const joined = new Float64Array(rows * features).fill(identityOf(op, dtype))
    const counts = new Float64Array(rows)
    for (let sender = 0; sender < senders; sender++) {
      const row = target(sender)
      if (row < 0 || row >= rows) continue
      counts[row] = (counts[row] as number) + 1
      for (let f = 0; f < features; f++) {
        const at = row * features + f
        joined[at] = join(joined[at] as number, element(sender * features + f))
      }
    }
    joined.forEach((v, i) => {
      value(i, v)
    })
    counts.forEach((n, row) => {
      count(row, n)
    })
  }
}

function custom(call: RoutineCall<RoutineOf<'custom'>>): CompiledKernel {
  const { definition, params } = call.routine
  const { name, inputs, outputs, cpu } = definition
  if (!cpu) throw new DeviceError(name, `it has no cpu function, and its inputs are on device cpu. Move them to 'webgpu', or define cpu`)
  const types = definition.typesOf(call.inputs, params)
  const about = {
    params,
    shapes: Object.fromEntries([
      ...inputs.map((role, i) => [role, (call.inputs[i] as TensorType).shape]),
      ...outputs.map((role, i) => [role, (types[i] as TensorType).shape]),
    ]),
  }
  return ({ data }) => {
    let next = inputs.length
    const read = Object.fromEntries(inputs.map((role, i) => [role, (data[i] as Block).values]))
    const write = Object.fromEntries(
      outputs.map((role, i) => {
        // (what nobody reads has no memory of its own)
        const { dtype, shape } = types[i] as TensorType
        return [role, call.outputs[i] ? (data[next++] as Block).values : dtypeInfo[dtype].create(sizeOf(shape))]
      }),
    )
    for (const values of Object.values(write)) values.fill(0)
    cpu(read as CustomArrays, write as CustomArrays, about)
  }
}

const ROUTINES: RoutineTable<CompiledKernel> = { custom, reduceWithIndex, scan, scatter, search, sort }

/** A routine as JavaScript. */
export const interpretRoutine = (call: RoutineCall): RoutinePlan<CompiledKernel> => {
  const kernel = routineForm(ROUTINES, call)
  const isEmpty = call.outputs.every((output) => !output || sizeOf(output.shape) === 0)
  return { scratch: [], dispatches: [{ kernel: isEmpty ? () => {} : kernel, buffers: routineBuffers(call).map((_, i) => i) }] }
}
