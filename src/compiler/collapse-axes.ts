/** @file Joining loops: neighbouring dims that every index steps through as through one become one axis. */
import { type Index, indexOf, reductionsOf, type Stage, storesOf, visitExprs, visitLevels } from '../kernel/index.ts'
import type { AxisGroups, FusionGroup } from './fusion-groups.ts'

/** Which neighbouring dims can share one loop: those that every index steps through as through one. */
export function collapseAxes(group: FusionGroup, stages: readonly Stage[]): AxisGroups {
  const levels: ((axisId: number) => number)[] = []
  const note = (index: Index): void => visitLevels(index, (coefOf) => levels.push(coefOf))
  visitExprs(stages, (e) => {
    const index = indexOf(e)
    if (index) note(index)
  })
  for (const stage of stages) for (const { index } of storesOf(stage)) note(index)

  // In a draft every dim is an axis of its own, numbered as the writer makes them: the grid's dims first, then those of each stage.
  let id = 0
  const collapse = (sizes: readonly number[], borders: readonly number[]): number[][] => {
    const ids = sizes.map(() => id++)
    const groups: number[][] = []
    sizes.forEach((size, d) => {
      const open = groups[groups.length - 1]
      const before = open?.[open.length - 1]
      const joins =
        before !== undefined &&
        !borders.includes(d) &&
        levels.every((coefOf) => coefOf(ids[before] as number) === coefOf(ids[d] as number) * size || (sizes[before] === 1 && size === 1))
      if (joins && size !== 1 && sizes[before as number] !== 1) open?.push(d)
      else groups.push([d])
    })
    return groups
  }
  const grid = collapse(group.grid, group.borders)
  const inner = group.inner.filter((n) => n !== 1)
  const perStage = stages.map((stage) => (reductionsOf(stage).length > 0 || stage.axes.length > 0 ? collapse(inner, []) : []))
  return { grid, stages: perStage }
}
