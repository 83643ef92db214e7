/**
 * @file The cost model: what each kind of expression takes, without what is under it. An operator's work stands in its row (`operators.ts`), that of other
 * expressions here, in additions; by it the compiler decides what is stored rather than computed again, on every device alike. A device that counts its own
 * instructions has another table of `Costs`, in which nothing can be left out either.
 */
import type { BinaryOp, Expr, UnaryOp } from './ir.ts'
import { binaryOps, unaryOps } from './operators.ts'

export interface Costs extends Readonly<Record<Exclude<Expr['kind'], 'unary' | 'binary'>, number>> {
  readonly unary: (op: UnaryOp) => number
  readonly binary: (op: BinaryOp) => number
}

/** Work on any device. What is the same at many points, or read where it is used, is nothing. */
export const WORK: Costs = {
  unary: (op) => unaryOps[op].work,
  binary: (op) => binaryOps[op].work,
  const: 0,
  scalar: 0,
  acc: 0,
  position: 0,
  load: 1,
  inside: 1,
  where: 1,
  cast: 1,
  checked: 2,
  // Ten rounds of two wide products, without vectors on some devices
  philox: 200,
}

export function costOf(e: Expr, costs: Costs): number {
  if (e.kind === 'unary') return costs.unary(e.op)
  if (e.kind === 'binary') return costs.binary(e.op)
  return costs[e.kind]
}
