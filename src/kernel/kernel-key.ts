/** @file What makes two kernels, or two calls of routines, one: their keys are equal. */
import type { Axis, Contract, Kernel, Stage } from './ir.ts'
import { orderKey } from './reduction-order.ts'
import { type KeyWriter, type RoutineCall, routineRow, type TensorType } from './routine.ts'
import { ValueNumbering } from './value-numbering.ts'

/** Kernels of one key compute the same of the same buffers; names (of the kernel, and of the ops that errors blame) are no part of it. */
export function kernelKey(kernel: Kernel): string {
  const names = new Map<Axis, string>()
  const nameOf = (axis: Axis): string => {
    let name = names.get(axis)
    if (name === undefined) {
      name = `a${names.size}`
      names.set(axis, name)
    }
    return name
  }
  const sized = (axes: readonly Axis[]): string => axes.map((axis) => `${nameOf(axis)}:${axis.size}`).join()
  const { grid, stages, buffers, contract } = kernel
  const head = [sized(grid), ...stages.map(({ kind, axes }) => `${kind} ${sized(axes)}`)]
  const values = new ValueNumbering(kernel, nameOf)
  const uses = buffers.map(({ dtype, access }) => `${dtype} ${access}`)
  const roots = stages.map((stage) => stageKey(stage, values))
  return [...head, ...uses, ...roots, contract ? contractKey(contract, nameOf, values) : '', values.key()].join('|')
}

function stageKey(stage: Stage, values: ValueNumbering): string {
  switch (stage.kind) {
    case 'reduce':
      return `${orderKey(stage.order)} ${stage.reductions.map(({ op, value, type }) => `${op} ${values.info(value).id} ${type}`).join()}`
    case 'store':
      return stage.stores.map(({ buffer, index, value }) => `${buffer} ${values.indexInfo(index).id} ${values.info(value).id}`).join()
  }
}

function contractKey({ batch, m, n, k, a, b }: Contract, nameOf: (axis: Axis) => string, values: ValueNumbering): string {
  const axes = [batch, m, n, k].map((list) => list.map(nameOf).join())
  return [...axes, values.info(a).id, values.info(b).id].join(';')
}

const typeKey = (type: TensorType | undefined): string => (type ? `${type.dtype}[${type.shape.join()}]` : '-')

/** Takes fields down in `parts`, as text: equal fields are equal texts. */
export const textWriter = (parts: string[]): KeyWriter => ({
  word: (value) => void parts.push(`${value}`),
  words: (list) => void parts.push(list.join()),
  name: (text) => void parts.push(text),
  float: (value) => void parts.push(Object.is(value, -0) ? '-0' : `${value}`),
})

/** Calls of one key compute the same. */
export function callKey({ routine, inputs, outputs }: RoutineCall): string {
  const parts: string[] = [routine.kind]
  routineRow(routine).key(routine, textWriter(parts))
  return [...parts, '', ...inputs.map(typeKey), '', ...outputs.map(typeKey)].join('|')
}
