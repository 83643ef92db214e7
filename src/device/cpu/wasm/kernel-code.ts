/** @file A kernel to be written as a WebAssembly function: what the engine has to know of one, whoever writes it. */
import { type Kernel, visitExprs } from '../../../kernel/index.ts'
import type { ModuleBuilder } from './assembler/assembler.ts'
import { KernelWriter } from './codegen/kernel.ts'
import type { Library } from './codegen/library.ts'
import { timeOf } from './cost.ts'

type NumberType = 'float' | 'i32' | 'u32'

/** What a kernel is called with. */
export interface KernelHead {
  readonly label: string
  /** How many buffers it is given the addresses of. */
  readonly buffers: number
  /** The type of each number that it reads, by its slot. */
  readonly scalars: ReadonlyMap<number, NumberType>
}

export interface KernelCode extends KernelHead {
  /** Nanoseconds that one thread needs for all of it, about. */
  readonly work: number
  /** Writes the function `run(args, begin, end)`; answers how many rows there are, which threads may share and compute in any order. */
  write(module: ModuleBuilder, library: Library): number
}

export function headOf(kernel: Kernel): KernelHead {
  const scalars = new Map<number, NumberType>()
  visitExprs(kernel.stages, (e) => {
    if (e.kind === 'scalar') scalars.set(e.slot, e.type)
  })
  return { label: kernel.label, buffers: kernel.buffers.length, scalars }
}

/** A kernel of the IR, point by point. @param lengths elements of each of its buffers @param fuses see `KernelWriter` */
export const codeOf = (kernel: Kernel, lengths: readonly number[], fuses: boolean, head = headOf(kernel)): KernelCode => ({
  ...head,
  work: timeOf(kernel),
  write: (module, library) => new KernelWriter(kernel, lengths, module, library, fuses).write(),
})
