/**
 * @file Collapsing loops: neighbouring axes that every index steps through as through one need one loop, not several. The compiler collapses what all indices
 * of a kernel allow; a device goes further where fewer indices count: one operand of a contraction, its stores alone.
 */
import { coefOf } from './contract.ts'
import type { Axis, Index, StoreStage } from './ir.ts'
import { Renamer } from './rename.ts'
import { indicesOf } from './walk.ts'

/** Neighbouring axes, outermost first, that one loop of `size` positions runs over. */
export interface CollapsedAxis {
  readonly axes: readonly Axis[]
  readonly size: number
}

/** The axes with as few loops as the indices allow. @param borders axes that are not joined to what is in front of them */
export function collapsedAxes(axes: readonly Axis[], indices: readonly Index[], borders: readonly Axis[] = []): readonly CollapsedAxis[] {
  const collapsed: { axes: Axis[]; size: number }[] = []
  for (const axis of axes) {
    const last = collapsed.at(-1)
    const before = last?.axes.at(-1)
    if (last && !borders.includes(axis) && indices.every((index) => coefOf(index, before) === coefOf(index, axis) * axis.size)) {
      last.axes.push(axis)
      last.size *= axis.size
    } else collapsed.push({ axes: [axis], size: axis.size })
  }
  return collapsed
}

/** Store stages without axes of their own over as few axes in place of `axes` as their indices allow. @param fresh the first id that is free */
export function collapseStores(
  axes: readonly Axis[],
  stages: readonly StoreStage[],
  fresh: number,
): { readonly axes: readonly Axis[]; readonly stages: readonly StoreStage[] } {
  const collapsed = collapsedAxes(axes, indicesOf(stages))
  if (collapsed.length === axes.length) return { axes, stages }
  const instead = new Map<Axis, Axis | undefined>()
  const loops = collapsed.map(({ axes: own, size }, i): Axis => {
    if (own.length === 1) return own[0] as Axis
    const axis = { id: fresh + i, size }
    for (const old of own) instead.set(old, old === own.at(-1) ? axis : undefined)
    return axis
  })
  const renamer = new Renamer({ axes: instead })
  return { axes: loops, stages: stages.map((stage) => renamer.stage(stage)) }
}
