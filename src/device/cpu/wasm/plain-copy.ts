/** @file Kernels that move short runs of elements from one buffer to another, as pieces of an arena: these need no module. */
import { dtypeInfo } from '../../../base/index.ts'
import { type BufferUse, coefOf, type Index, isAffine, type Kernel, movesOf, storesOf } from '../../../kernel/index.ts'
import type { CompiledKernel } from '../interpreter.ts'

/** Elements of a copy that threads would share. */
const LONG = 2 ** 16

interface Copy {
  readonly from: number
  readonly to: number
  readonly begin: Index
  readonly at: Index
}

/** A kernel that copies neighbouring elements to neighbouring places, and no more than a few; undefined for any other. */
export function plainCopy({ grid, stages, buffers }: Kernel): CompiledKernel | undefined {
  const [axis] = grid
  const [stage] = stages
  if (grid.length > 1 || stages.length !== 1 || stage?.kind !== 'store' || stage.axes.length > 0) return undefined
  const length = axis?.size ?? 1
  if (length > LONG) return undefined
  const runs = (index: Index): boolean => isAffine(index) && (!axis || coefOf(index, axis) === 1)
  const dtypeOf = (buffer: number) => (buffers[buffer] as BufferUse).dtype
  const copies: Copy[] = []
  for (const { buffer, index, value } of storesOf(stage)) {
    if (value.kind !== 'load' || !runs(index) || !runs(value.index)) return undefined
    if (dtypeOf(buffer) !== dtypeOf(value.buffer) || dtypeInfo[dtypeOf(buffer)].bytes < 4) return undefined
    copies.push({ from: value.buffer, to: buffer, begin: value.index, at: index })
  }
  // Values are those from before any of them is written
  if (copies.some(({ from }) => copies.some(({ to }) => to === from))) return undefined
  return ({ data, scalars }) => {
    const first = (index: Index): number =>
      movesOf(index).reduce((n, { coef, by }) => n + coef * (scalars[by.slot] as number), index.offset)
    for (const { from, to, begin, at } of copies) {
      const source = data[from]?.values.subarray(first(begin), first(begin) + length) ?? []
      data[to]?.values.set(source, first(at))
    }
  }
}
