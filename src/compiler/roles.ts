/** @file What a role means to scheduling. */
import type { Role } from '../graph/index.ts'

/** What one kernel computes: one point per element, per row of a reduction, or per element of a contraction; or a routine, by itself. */
export type FusionKind = 'map' | 'row' | 'contract' | 'routine'

interface RoleFacts {
  /** Nodes always have a place of their own, in memory or in a kernel's registers. */
  readonly materialized: boolean
  /** The kind of kernel that a node begins. */
  readonly begins: FusionKind
  /** A node may join a kernel that another began. */
  readonly joins: boolean
  /** Others may join the kernel that a node is in. */
  readonly joined: boolean
  /** Inputs are read whole: each is stored as it is. */
  readonly readsStored: boolean
  /** The value is in an accumulator of its kernel. */
  readonly accumulated: boolean
}

const element: RoleFacts = { materialized: false, begins: 'map', joins: true, joined: true, readsStored: false, accumulated: false }

export const ROLES: Readonly<Record<Role, RoleFacts>> = {
  source: element,
  view: element,
  pointwise: element,
  transfer: element,
  reduce: { ...element, materialized: true, begins: 'row', accumulated: true },
  contract: { ...element, materialized: true, begins: 'contract', joins: false, accumulated: true },
  routine: { materialized: true, begins: 'routine', joins: false, joined: false, readsStored: true, accumulated: false },
  pack: { materialized: true, begins: 'map', joins: false, joined: false, readsStored: true, accumulated: false },
}
