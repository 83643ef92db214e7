/** @file What the parts of the kernel writer share. */
import type { Expr } from '../../../../kernel/index.ts'
import type { Code, Local, ValType } from '../assembler/assembler.ts'
import type { Helpers } from './helpers.ts'
import type { Library } from './library.ts'

/** Numbers in a vector. */
export const LANES = 4

/** Whether one point is computed, or four neighbours along an axis. */
export type Mode = 'scalar' | 'vector'

/** Where operators are written. */
export interface Writer {
  readonly code: Code
  readonly library: Library
  readonly helpers: Helpers
  /** Whether floats are doubles. */
  readonly wide: boolean
  /** Pushes a value. */
  emit(e: Expr, mode: Mode): void
  constant(e: Extract<Expr, { kind: 'const' }>, mode: Mode): void
  fresh(type: ValType): Local
}
