/** @file What stages need, and along which axes an index walks. */
import type { Axis, Expr, Index, Stage } from '../../../kernel/index.ts'

/** Whether an index changes along an axis; what is computed is taken to. */
export const dependsOn = (index: Index, axis: Axis): boolean =>
  index.terms.some(({ atom }) => (atom.kind === 'axis' ? atom.axis === axis : atom.kind === 'value' ? true : dependsOn(atom.of, axis)))

/** Something that a stage needs: a value, or a place. */
export type Root = { readonly kind: 'expr'; readonly expr: Expr } | { readonly kind: 'index'; readonly index: Index }

/** What the stages need. */
export function rootsOf(stages: readonly Stage[]): Root[] {
  return stages.flatMap((stage): Root[] =>
    stage.kind === 'reduce'
      ? stage.reductions.map((r) => ({ kind: 'expr', expr: r.value }))
      : stage.stores.flatMap((s): Root[] => [
          { kind: 'index', index: s.index },
          { kind: 'expr', expr: s.value },
        ]),
  )
}
