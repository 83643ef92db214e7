/** @file Which dims of a group share one loop. */
import { type Axis, collapsedAxes, type Index, indicesOf, type Stage } from '../kernel/index.ts'
import type { AxisGroups, FusionGroup } from './fusion-groups.ts'

/** @param stages of a draft, in which every dim is an axis of its own: the grid's are numbered as its dims, and dims of one position have no term */
export function collapseAxes(group: FusionGroup, stages: readonly Stage[]): AxisGroups {
  const indices = indicesOf(stages)
  const axes = axesIn(indices)
  const grid = group.grid.map((size, d) => axes.get(d) ?? { id: d, size })
  const borders = group.borders.flatMap((d) => grid[d] ?? [])
  const dims = (of: readonly Axis[], apart: readonly Axis[] = []): number[][] =>
    collapsedAxes(of, indices, apart).map((one) => one.axes.map((axis) => of.indexOf(axis)))
  return { grid: dims(grid, borders), stages: stages.map((stage) => dims(stage.axes)) }
}

/** The axes that occur in indices, by number. */
function axesIn(indices: readonly Index[]): ReadonlyMap<number, Axis> {
  const axes = new Map<number, Axis>()
  for (const { terms } of indices) for (const { atom } of terms) if (atom.kind === 'axis') axes.set(atom.axis.id, atom.axis)
  return axes
}
