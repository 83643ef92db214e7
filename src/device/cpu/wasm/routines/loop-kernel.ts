/** @file A kernel of a routine that is written with the assembler: a loop over rows that threads share. */
import type { Code, Local } from '../assembler/assembler.ts'
import type { KernelCode } from '../kernel-code.ts'

/** What the writer of a kernel has. */
export interface LoopWriter {
  readonly code: Code
  /** Where each buffer begins. */
  readonly buffers: readonly Local[]
  /** The row. */
  readonly row: Local
}

interface LoopKernel {
  readonly label: string
  readonly buffers: number
  readonly rows: number
  /** Nanoseconds that one thread needs for all rows, about. */
  readonly work: number
  /** Writes what is done for a row. */
  readonly body: (writer: LoopWriter) => void
}

export const loopKernel = ({ label, buffers, rows, work, body }: LoopKernel): KernelCode => ({
  label,
  buffers,
  scalars: new Map(),
  work,
  write: (module) => {
    const code = module.function(['i32', 'i32', 'i32'], [], 'run')
    const [args, row, end] = code.params as readonly [Local, Local, Local]
    const addresses = Array.from({ length: buffers }, (_, b) => {
      const address = code.local('i32')
      code
        .get(args)
        .memory('i32.load', 4 * b)
        .set(address)
      return address
    })
    code.for(row, end, 1, () => body({ code, buffers: addresses, row }))
    return rows
  },
})

/** Puts the address of an element on the stack. @param shift elements are of 2^shift bytes */
export const address = (code: Code, base: Local, index: Local, shift: number): Code =>
  code.get(base).get(index).i32(shift).op('i32.shl').op('i32.add')

/** Copies an element of 4 or 8 bytes, bit for bit: `to` and `from` put addresses on the stack. */
export function copy(code: Code, shift: number, to: () => void, from: () => void): void {
  to()
  from()
  if (shift === 3) code.memory('i64.load').memory('i64.store')
  else code.memory('i32.load').memory('i32.store')
}
