/** @file Which dims of a group share one loop. */
import { type Axis, collapsedAxes, type Index, indicesOf } from '../kernel/index.ts'
import type { FusionGroup } from './fusion-groups.ts'
import type { AxisGroups, WrittenGroup } from './group-writer.ts'

/** @param stages of a draft, in which every dim of more than one position is an axis of its own where its loops do not depend on what is read; those of the grid are numbered as its dims */
export function collapseAxes(group: FusionGroup, stages: WrittenGroup['stages']): AxisGroups {
  const indices = indicesOf(stages.map(({ stage }) => stage))
  const axes = axesIn(indices)
  const grid = group.grid.flatMap((size, d): Axis[] => (size === 1 ? [] : [axes.get(d) ?? { id: d, size }]))
  // The part that begins at a border may have dims of one position in front, which are no axes
  const borders = group.borders.flatMap((d) => grid.find(({ id }) => id >= d) ?? [])
  return {
    grid: collapsedAxes(grid, indices, borders).map((one) => one.axes.map(({ id }) => id)),
    stages: stages.map(({ stage, dims, borders: own }) =>
      collapsedAxes(stage.axes, indices, own).map((one) => one.axes.flatMap((axis) => dims[stage.axes.indexOf(axis)] ?? [])),
    ),
  }
}

/** The axes that occur in indices, by number. */
function axesIn(indices: readonly Index[]): ReadonlyMap<number, Axis> {
  const axes = new Map<number, Axis>()
  for (const { terms } of indices) for (const { atom } of terms) if (atom.kind === 'axis') axes.set(atom.axis.id, atom.axis)
  return axes
}
