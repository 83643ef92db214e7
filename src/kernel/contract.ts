/** @file What a device looks at in a contraction: sizes, strides, and whether templates can compute it at all. */
import type { Axis, Expr, Index, Kernel } from './ir.ts'

type Load = Extract<Expr, { kind: 'load' }>

/** A contraction as the templates walk it: which axes make up a batch, a row, a column and the sum. */
export interface ContractAxes {
  readonly batch: readonly Axis[]
  readonly rows: readonly Axis[]
  readonly columns: readonly Axis[]
  readonly sum: readonly Axis[]
  /** Walks batch, rows and sum. */
  readonly a: Load
  /** Walks batch, columns and sum. */
  readonly b: Load
}

/** A contraction in numbers. */
export interface ContractShape {
  readonly batches: number
  readonly m: number
  readonly n: number
  readonly k: number
  /** Strides of the innermost axes, in elements. */
  readonly a_m: number
  readonly a_k: number
  readonly b_k: number
  readonly b_n: number
}

/** The stride with which an index walks along an axis. */
export const coefOf = (index: Index, axis: Axis | undefined): number =>
  index.terms.find((t) => t.atom.kind === 'axis' && t.atom.axis === axis)?.coef ?? 0

/** Whether templates can compute the kernel: one float sum, then stores at each point. */
export function fitsTemplate(kernel: Kernel): boolean {
  const { contract, stages } = kernel
  const [first, ...others] = stages
  if (!contract || first?.kind !== 'reduce' || first.reductions.length !== 1 || first.reductions[0]?.type !== 'float') return false
  return others.every((s) => s.kind === 'store' && s.axes.length === 0)
}

/**
 * The axes of a kernel's contraction. A batch axis along which one operand stays the same is no batch: it lengthens the side of the other operand (one
 * weight matrix for all images, one mask for all heads), so that tiles fill up.
 */
export function axesOf(kernel: Kernel): ContractAxes {
  const { batch, m, n, k, a, b } = kernel.contract as NonNullable<Kernel['contract']>
  const toColumns = batch.filter((axis) => coefOf(a.index, axis) === 0)
  const toRows = batch.filter((axis) => !toColumns.includes(axis) && coefOf(b.index, axis) === 0)
  return {
    batch: batch.filter((axis) => !toColumns.includes(axis) && !toRows.includes(axis)),
    rows: [...toRows, ...m],
    columns: [...toColumns, ...n],
    sum: k,
    a,
    b,
  }
}

const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, axis) => n * axis.size, 1)

export function shapeOf(kernel: Kernel): ContractShape {
  const { batch, rows, columns, sum, a, b } = axesOf(kernel)
  return {
    batches: sizeOf(batch),
    m: sizeOf(rows),
    n: sizeOf(columns),
    k: sizeOf(sum),
    a_m: coefOf(a.index, rows.at(-1)),
    a_k: coefOf(a.index, sum.at(-1)),
    b_k: coefOf(b.index, sum.at(-1)),
    b_n: coefOf(b.index, columns.at(-1)),
  }
}

/** The same product transposed: b's columns become the rows. */
export const exchanged = (s: ContractShape): ContractShape => ({ ...s, m: s.n, n: s.m, a_m: s.b_n, a_k: s.b_k, b_k: s.a_k, b_n: s.a_m })

/** The axes of the same product transposed. */
export const exchangedAxes = (x: ContractAxes): ContractAxes => ({ ...x, rows: x.columns, columns: x.rows, a: x.b, b: x.a })
