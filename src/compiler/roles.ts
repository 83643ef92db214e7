/** @file What a role means to scheduling. */
import type { Role } from '../graph/index.ts'

/** What one kernel computes: one point per element, per row of a reduction, or per element of a contraction. */
export type FusionKind = 'map' | 'row' | 'contract'

interface RoleFacts {
  /** Nodes always have a place of their own, in memory or in a kernel's registers. */
  readonly materialized: boolean
  /** The kind of kernel that a node begins. */
  readonly begins: FusionKind
  /** A node may join a kernel that another began. */
  readonly joins: boolean
  /** The value is in an accumulator of its kernel. */
  readonly accumulated: boolean
}

const element: RoleFacts = { materialized: false, begins: 'map', joins: true, accumulated: false }

export const ROLES: Readonly<Record<Role, RoleFacts>> = {
  source: element,
  view: element,
  pointwise: element,
  transfer: element,
  reduce: { materialized: true, begins: 'row', joins: true, accumulated: true },
  contract: { materialized: true, begins: 'contract', joins: false, accumulated: true },
  pack: { materialized: true, begins: 'map', joins: false, accumulated: false },
}
