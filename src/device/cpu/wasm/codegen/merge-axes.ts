/** @file Axes that all stores of a kernel walk as one become one, so that vectors run on past the end of a row of an image. */

import { type Axis, type Index, indicesOf, type Parts, partsOf, type Stage } from '../../../../kernel/index.ts'

type StoreStage = Extract<Stage, { kind: 'store' }>

/** The same object with `change` made to all indices in it; parts that were shared stay shared. */
function mapIndices<T>(value: T, change: (index: Index) => Index): T {
  const done = new Map<object, unknown>()
  const visit = (of: unknown): unknown => {
    if (typeof of !== 'object' || of === null) return of
    let result = done.get(of)
    if (result === undefined) {
      if (Array.isArray(of)) result = of.map(visit)
      else {
        const given = 'terms' in of && 'offset' in of ? change(of as Index) : of
        // Axes are compared by identity
        result = Object.fromEntries(Object.entries(given).map(([key, part]) => [key, key === 'axis' ? part : visit(part)]))
      }
      done.set(of, result)
    }
    return result
  }
  return visit(value) as T
}

export interface Joined {
  /** The axes in place of those that were given. */
  readonly axes: readonly Axis[]
  readonly stages: readonly StoreStage[]
}

/** Store stages without axes of their own, with as few axes in place of `axes` as their indices allow. @param fresh the first id that is free */
export function joinAxes(axes: readonly Axis[], stages: readonly StoreStage[], fresh: number): Joined {
  const parts: Parts = partsOf(axes, indicesOf(stages))
  if (parts.length === axes.length) return { axes, stages }
  const instead = new Map<Axis, Axis | undefined>()
  const joined = parts.map(({ axes: own, size }, i): Axis => {
    if (own.length === 1) return own[0] as Axis
    const axis = { id: fresh + i, size }
    for (const old of own) instead.set(old, old === own.at(-1) ? axis : undefined)
    return axis
  })
  const change = ({ offset, terms }: Index): Index => ({
    offset,
    terms: terms.flatMap((term) => {
      if (term.atom.kind !== 'axis' || !instead.has(term.atom.axis)) return [term]
      const axis = instead.get(term.atom.axis)
      return axis ? [{ coef: term.coef, atom: { kind: 'axis' as const, axis } }] : []
    }),
  })
  return { axes: joined, stages: mapIndices(stages, change) }
}
