/** @file Neighbouring dims of a group that share one loop. */
import { type Axis, collapsedAxes, indicesOf } from '../kernel/index.ts'
import type { FusionGroup } from './fusion-groups.ts'
import type { WrittenGroup } from './group-writer.ts'

/**
 * Which axes of a group, of which every dim of more than one position has one, become one: the last of those that a loop runs over together is replaced by the
 * loop's, the others by none. Axes of the grid are numbered as its dims.
 */
export function collapseAxes(group: FusionGroup, { grid, stages }: WrittenGroup): ReadonlyMap<Axis, Axis | undefined> {
  const indices = indicesOf(stages.map(({ stage }) => stage))
  // The part that begins at a border may have dims of one position in front, which are no axes
  const borders = group.borders.flatMap((d) => grid.find(({ id }) => id >= d) ?? [])
  const instead = new Map<Axis, Axis | undefined>()
  const collapse = (axes: readonly Axis[], apart: readonly Axis[]): void => {
    for (const { axes: own, size } of collapsedAxes(axes, indices, apart)) {
      if (own.length === 1) continue
      for (const axis of own) instead.set(axis, undefined)
      const last = own.at(-1) as Axis
      instead.set(last, { id: last.id, size })
    }
  }
  collapse(grid, borders)
  for (const { stage, borders: own } of stages) collapse(stage.axes, own)
  return instead
}
