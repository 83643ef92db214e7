/** @file Expressions of the kernel IR, folded where an operand is a literal. */
import type { DType } from '../base/index.ts'
import { literal } from './affine.ts'
import { type BinaryOp, type Expr, type UnaryOp, type ValueType, valueTypeOf } from './ir.ts'
import { visitExprs } from './walk.ts'

export const constantExpr = (value: number, type: ValueType): Expr => ({ kind: 'const', value, type })

/** `x` in another dtype, where that is computed otherwise. */
export const castExpr = (x: Expr, from: DType, to: DType): Expr =>
  valueTypeOf(from) === valueTypeOf(to) ? x : { kind: 'cast', x, from, to, type: valueTypeOf(to) }

export function unaryExpr(op: UnaryOp, x: Expr, type: ValueType): Expr {
  if (op === 'neg' && x.kind === 'const' && type === 'float') return constantExpr(-x.value, type)
  return { kind: 'unary', op, x, type }
}

export function binaryExpr(op: BinaryOp, a: Expr, b: Expr, type: ValueType): Expr {
  if (a.kind === 'const' && b.kind === 'const' && type === 'float') {
    if (op === 'add') return constantExpr(a.value + b.value, type)
    if (op === 'sub') return constantExpr(a.value - b.value, type)
    if (op === 'mul') return constantExpr(a.value * b.value, type)
  }
  if (op === 'mul' && a.kind === 'const' && a.value === 1) return b
  if ((op === 'mul' || op === 'div') && b.kind === 'const' && b.value === 1) return a
  return { kind: 'binary', op, a, b, type }
}

/** Whether `part` is somewhere in an expression. */
export function readsExpr(value: Expr, part: Expr): boolean {
  let found = false
  visitExprs([{ kind: 'store', axes: [], stores: [{ buffer: 0, index: literal(0), value }] }], (e) => {
    if (e === part) found = true
  })
  return found
}
