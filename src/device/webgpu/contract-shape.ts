/** @file What a strategy looks at in a contraction: sizes, strides, and whether the templates can compute it at all. */
import type { Axis, Index, Kernel } from '../../kernel/index.ts'

/** A contraction as the templates see it: which strides it walks with, and whether its two sides have been exchanged. */
export interface ContractShape {
  readonly batches: number
  readonly m: number
  readonly n: number
  readonly k: number
  /** Strides, in elements. */
  readonly a_m: number
  readonly a_k: number
  readonly b_k: number
  readonly b_n: number
}

/** The stride with which an index walks along an axis. */
export const coefOf = (index: Index, axis: Axis): number =>
  index.terms.find((t) => t.atom.kind === 'axis' && t.atom.axis === axis)?.coef ?? 0

/** Whether the templates can compute the kernel: one float sum, then stores of 32-bit elements at each point. */
export function fitsTemplate(kernel: Kernel): boolean {
  const { contract, stages } = kernel
  const [first, ...others] = stages
  if (!contract || first?.kind !== 'reduce' || first.reductions.length !== 1 || first.reductions[0]?.type !== 'float') return false
  const wide = (buffer: number): boolean => ['float32', 'int32', 'uint32'].includes(kernel.buffers[buffer]?.dtype ?? '')
  return others.every((s) => s.kind === 'store' && s.axes.length === 0 && s.stores.every((store) => wide(store.buffer)))
}

export function shapeOf(kernel: Kernel): ContractShape {
  const c = kernel.contract as NonNullable<Kernel['contract']>
  return {
    batches: c.batch.reduce((n, axis) => n * axis.size, 1),
    m: c.m.size,
    n: c.n.size,
    k: c.k.size,
    a_m: coefOf(c.a.index, c.m),
    a_k: coefOf(c.a.index, c.k),
    b_k: coefOf(c.b.index, c.k),
    b_n: coefOf(c.b.index, c.n),
  }
}

/** The same product transposed: b's columns become the rows. */
export const exchanged = (s: ContractShape): ContractShape => ({ ...s, m: s.n, n: s.m, a_m: s.b_n, a_k: s.b_k, b_k: s.a_k, b_n: s.a_m })
