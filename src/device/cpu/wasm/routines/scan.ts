/**
 * @file Scans: each row in order, or where few rows are long, in three kernels. The first joins chunks of rows by themselves, the second what the chunks of a row
 * come to, and the third scans each chunk from what stands in front of it. Chunks have a fixed size, so results do not depend on the number of threads.
 */
import { dtypeInfo } from '../../../../base/index.ts'
import { aroundDim, type TensorType } from '../../../../kernel/index.ts'
import type { RoutinePlan } from '../../../routine-plan.ts'
import type { Code, Local, ModuleBuilder } from '../assembler/assembler.ts'
import type { Library } from '../codegen/library.ts'
import type { KernelCode } from '../kernel-code.ts'
import { formOf, type NumberType, type ScanCall, type ScanForm, type ScanSteps, stepsOf } from './scan-state.ts'

/** Rows are scanned whole where there are as many as this. */
const MANY = 16
/** Elements of a chunk. Rows that are not much longer are scanned whole. */
export const CHUNK = 2 ** 14
/** Neighbouring rows that are scanned together where elements of a row do not lie side by side: two cache lines of them. */
const COLUMNS = 16

const DTYPE = { f32: 'float32', f64: 'float64', i32: 'int32' } as const
const bytesOf = (type: NumberType): number => dtypeInfo[DTYPE[type]].bytes

/** What one kernel works on. */
interface Rows {
  readonly call: ScanCall
  readonly form: ScanForm
  readonly outer: number
  readonly size: number
  readonly inner: number
  readonly chunks: number
}

/** A kernel's buffers: what it scans, the states of chunks, and what it stores. */
interface Buffers {
  readonly inputs: number
  readonly states: number
  readonly outputs: readonly TensorType[]
}

const head = (label: string, buffers: number): Omit<KernelCode, 'work' | 'write'> => ({ label, buffers, scalars: new Map() })

function chunkKernel(rows: Rows, stores: boolean): KernelCode {
  const { call, form, outer, size, inner, chunks } = rows
  const buffers: Buffers = {
    inputs: call.inputs.length,
    states: chunks > 1 ? form.carried.length : 0,
    outputs: stores ? call.outputs.filter((output) => output !== undefined) : [],
  }
  return {
    ...head(call.label, buffers.inputs + buffers.states + buffers.outputs.length),
    work: outer * size * inner * form.time,
    write: (module, library) => new ChunkWriter(rows, buffers, stores, module, library).write(),
  }
}

/** Writes a function that scans, or (where it does not store) joins chunks of rows. */
class ChunkWriter {
  readonly #rows: Rows
  readonly #buffers: Buffers
  readonly #stores: boolean
  readonly #code: Code
  readonly #steps: ScanSteps
  /** Where buffers are. */
  readonly #bases: readonly Local[]
  /** Positions in the scanned order, from the first of the chunk to the last. */
  readonly #k: Local
  readonly #end: Local
  /** The position along the row. */
  readonly #position: Local
  /** Where elements, outputs and states are, each in its buffer. */
  readonly #pointers: readonly Local[]

  constructor(rows: Rows, buffers: Buffers, stores: boolean, module: ModuleBuilder, library: Library) {
    this.#rows = rows
    this.#buffers = buffers
    this.#stores = stores
    this.#code = module.function(['i32', 'i32', 'i32'], [], 'run')
    this.#steps = stepsOf(rows.call, this.#code, library, !stores)
    const local = (): Local => this.#code.local('i32')
    const count = buffers.inputs + buffers.states + buffers.outputs.length
    this.#bases = Array.from({ length: count }, local)
    this.#pointers = Array.from({ length: count }, local)
    this.#k = local()
    this.#end = local()
    this.#position = local()
  }

  /** Writes the function; returns how many units of work there are: chunks of some columns. */
  write(): number {
    const { outer, inner, chunks } = this.#rows
    const code = this.#code
    const [args, begin, end] = code.params as [Local, Local, Local]
    this.#bases.forEach((base, i) => {
      code
        .get(args)
        .memory('i32.load', 4 * i)
        .set(base)
    })
    const wide = Math.floor(inner / COLUMNS)
    const groups = wide + (inner % COLUMNS)
    const [unit, group, rest] = [code.local('i32'), code.local('i32'), code.local('i32')]
    code.get(begin).set(unit)
    code.for(unit, end, 1, () => {
      code.get(unit).i32(groups).op('i32.rem_u').set(group)
      code.get(unit).i32(groups).op('i32.div_u').set(rest)
      if (wide === 0) this.#chunk(rest, group, 1)
      else {
        const several = (): void => {
          code.get(group).i32(COLUMNS).op('i32.mul').set(group)
          this.#chunk(rest, group, COLUMNS)
        }
        const single = (): void => {
          code
            .get(group)
            .i32(wide * (COLUMNS - 1))
            .op('i32.add')
            .set(group)
          this.#chunk(rest, group, 1)
        }
        if (groups === wide) several()
        else code.get(group).i32(wide).op('i32.lt_u').if(several, single)
      }
    })
    return outer * chunks * groups
  }

  /** A chunk of `columns` neighbouring rows. @param number among the chunks of all rows of a column @param column the first of them */
  #chunk(number: Local, column: Local, columns: number): void {
    const { form, chunks } = this.#rows
    const { inputs, states } = this.#buffers
    const code = this.#code
    this.#place(number, column)
    const lanes = Array.from({ length: columns }, () => form.carried.map((type) => code.local(type)))
    const eachState = (visit: (local: Local, type: NumberType, at: Local, offset: number) => void): void =>
      lanes.forEach((state, lane) => {
        state.forEach((local, i) => {
          const type = form.carried[i] as NumberType
          visit(local, type, this.#pointers[inputs + i] as Local, lane * bytesOf(type))
        })
      })
    if (this.#stores && chunks > 1) eachState((local, type, at, offset) => code.get(at).memory(`${type}.load`, offset).set(local))
    else for (const state of lanes) this.#steps.start(state)
    code.for(this.#k, this.#end, 1, () => {
      for (const [lane, state] of lanes.entries()) this.#element(state, lane)
      this.#advance()
    })
    if (!this.#stores && states > 0) eachState((local, type, at, offset) => code.get(at).get(local).memory(`${type}.store`, offset))
  }

  /** Sets where the elements and the states of a chunk are, and which those are. */
  #place(number: Local, column: Local): void {
    const { call, form, size, inner, chunks } = this.#rows
    const { inputs, states } = this.#buffers
    const code = this.#code
    const first = code.local('i32')
    // The row's number among all that have its column, times its size
    code.get(number)
    if (chunks > 1) code.i32(chunks).op('i32.div_u')
    code.i32(size).op('i32.mul').set(first)
    if (chunks > 1) code.get(number).i32(chunks).op('i32.rem_u').i32(CHUNK).op('i32.mul').set(this.#k)
    else code.i32(0).set(this.#k)
    code.get(this.#k).i32(CHUNK).op('i32.add').set(this.#end)
    code.get(this.#end).i32(size).get(this.#end).i32(size).op('i32.lt_u').op('select').set(this.#end)
    if (chunks === 1) code.i32(size).set(this.#end)
    if (call.routine.reverse)
      code
        .i32(size - 1)
        .get(this.#k)
        .op('i32.sub')
        .set(this.#position)
    else code.get(this.#k).set(this.#position)
    code.get(first).get(this.#position).op('i32.add').i32(inner).op('i32.mul').get(column).op('i32.add').set(first)
    const state = code.local('i32')
    code.get(number).i32(inner).op('i32.mul').get(column).op('i32.add').set(state)
    this.#pointers.forEach((pointer, i) => {
      const isState = i >= inputs && i < inputs + states
      const bytes = isState ? bytesOf(form.carried[i - inputs] as NumberType) : this.#bytesOfBuffer(i)
      code
        .get(isState ? state : first)
        .i32(bytes)
        .op('i32.mul')
        .get(this.#bases[i] as Local)
        .op('i32.add')
        .set(pointer)
    })
  }

  /** Bytes of an element of an input or an output, by the number of its buffer. */
  #bytesOfBuffer(i: number): number {
    const { inputs, states, outputs } = this.#buffers
    const { dtype } = (i < inputs ? this.#rows.call.inputs[i] : outputs[i - inputs - states]) as TensorType
    return dtypeInfo[dtype].bytes
  }

  /** Joins an element of one of the rows, and stores what comes of it. */
  #element(state: readonly Local[], lane: number): void {
    const { call, form } = this.#rows
    const { inputs, states } = this.#buffers
    const { element } = form
    const code = this.#code
    const elements = call.inputs.map((_, i) => {
      const x = code.local(element)
      code
        .get(this.#pointers[i] as Local)
        .memory(`${element}.load`, lane * bytesOf(element))
        .set(x)
      return x
    })
    this.#steps.take(state, elements, this.#position)
    if (!this.#stores) return
    let buffer = inputs + states
    call.outputs.forEach((output, i) => {
      if (!output) return
      const type = i === 0 ? element : 'i32'
      code.get(this.#pointers[buffer++] as Local)
      this.#steps.output(state, i)
      code.memory(`${type}.store`, lane * bytesOf(type))
    })
  }

  /** Moves to the next position along the row. */
  #advance(): void {
    const { call, inner } = this.#rows
    const { inputs, states } = this.#buffers
    const code = this.#code
    const step = call.routine.reverse ? -1 : 1
    code.get(this.#position).i32(step).op('i32.add').set(this.#position)
    this.#pointers.forEach((pointer, i) => {
      if (i >= inputs && i < inputs + states) return
      code
        .get(pointer)
        .i32(step * inner * this.#bytesOfBuffer(i))
        .op('i32.add')
        .set(pointer)
    })
  }
}

/** From what the chunks of each row come to by themselves to what stands in front of each. */
function frontKernel(rows: Rows): KernelCode {
  const { call, form, outer, inner, chunks } = rows
  return {
    ...head(call.label, form.carried.length),
    work: outer * inner * chunks * form.time,
    write: (module, library) => {
      const code = module.function(['i32', 'i32', 'i32'], [], 'run')
      writeFronts(code, rows, stepsOf(call, code, library, true))
      return outer * inner
    },
  }
}

function writeFronts(code: Code, { form, inner, chunks }: Rows, steps: ScanSteps): void {
  const [args, begin, end] = code.params as [Local, Local, Local]
  const local = (type: NumberType): Local => code.local(type)
  const [row, first, chunk, last] = [local('i32'), local('i32'), local('i32'), local('i32')]
  const pointers = form.carried.map(() => local('i32'))
  const [front, own] = [form.carried.map(local), form.carried.map(local)]
  code.get(begin).set(row).i32(chunks).set(last)
  code.for(row, end, 1, () => {
    code.get(row).i32(inner).op('i32.div_u').i32(chunks * inner).op('i32.mul') // biome-ignore format: one line
    code.get(row).i32(inner).op('i32.rem_u').op('i32.add').set(first)
    form.carried.forEach((type, i) => {
      code
        .get(args)
        .memory('i32.load', 4 * i)
        .get(first)
        .i32(bytesOf(type))
        .op('i32.mul')
        .op('i32.add')
        .set(pointers[i] as Local)
    })
    steps.start(front)
    code.i32(0).set(chunk)
    code.for(chunk, last, 1, () => {
      form.carried.forEach((type, i) => {
        const pointer = pointers[i] as Local
        code
          .get(pointer)
          .memory(`${type}.load`)
          .set(own[i] as Local)
        code
          .get(pointer)
          .get(front[i] as Local)
          .memory(`${type}.store`)
        code
          .get(pointer)
          .i32(inner * bytesOf(type))
          .op('i32.add')
          .set(pointer)
      })
      steps.join(front, own)
    })
  })
}

export function scan(call: ScanCall): RoutinePlan<KernelCode> {
  const { outer, size, inner } = aroundDim((call.inputs[0] as TensorType).shape, call.routine.dim)
  if (outer * size * inner === 0) return { scratch: [], dispatches: [] }
  const form = formOf(call)
  const isChunked = outer * inner < MANY && size >= 2 * CHUNK
  const rows: Rows = { call, form, outer, size, inner, chunks: isChunked ? Math.ceil(size / CHUNK) : 1 }
  const inputs = call.inputs.map((_, i) => i)
  const outputs = call.outputs.filter((output) => output).map((_, i) => inputs.length + i)
  const whole = chunkKernel(rows, true)
  if (!isChunked) return { scratch: [], dispatches: [{ kernel: whole, buffers: [...inputs, ...outputs] }] }
  const states = form.carried.map((_, i) => inputs.length + outputs.length + i)
  return {
    scratch: form.carried.map((type) => ({ dtype: DTYPE[type], length: outer * rows.chunks * inner })),
    dispatches: [
      { kernel: chunkKernel(rows, false), buffers: [...inputs, ...states] },
      { kernel: frontKernel(rows), buffers: states },
      { kernel: whole, buffers: [...inputs, ...states, ...outputs] },
    ],
  }
}
