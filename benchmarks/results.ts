/** @file What a run found, as a file in results/ keeps it. */
import type { Loop } from './dynamic-tasks.ts'
import type { First } from './first-tasks.ts'
import type { Pass } from './ops-tasks.ts'

export interface Row {
  readonly task: string
  readonly library: string
  /** Milliseconds: the median of the rounds' medians, the lowest and the highest of them. Absent where the numbers were wrong or nothing ran. */
  readonly ms?: { readonly median: number; readonly lowest: number; readonly highest: number }
  /** Floating-point operations of one turn, where that is worth a figure. */
  readonly flop?: number
  /** Bytes read and written in one turn, where that is. */
  readonly bytes?: number
  readonly firstStepMs?: number
  readonly dispatches?: number
  /** Why there is no time. */
  readonly remark?: string
}

export interface Circumstances {
  readonly date: string
  readonly adapter: string
  readonly machine: string
  /** The machine's load average (one minute) when the run began: what other work there was. */
  readonly load?: number
  readonly rounds: number
}

export interface Comparison extends Circumstances {
  readonly kind: 'comparison'
  readonly device?: 'webgpu' | 'cpu'
  /** What the losses were compared with, and how closely they agree. */
  readonly torch: string
  readonly steps: number
  readonly tolerance: number
  readonly rows: readonly Row[]
}

export interface Overhead extends Circumstances {
  readonly kind: 'overhead'
  readonly device?: 'webgpu' | 'cpu'
  /** Primitive ops recorded in a step. */
  readonly ops: number
  /** Host time per op in µs, by how often the loss is read. */
  readonly readings: readonly { readonly every: number; readonly median: number; readonly lowest: number; readonly highest: number }[]
}

/** A program that is seen for the first time, at several lengths. */
export interface GrowthRow {
  readonly program: string
  readonly sizes: readonly number[]
  /** Milliseconds of the process, over all of its threads: the least of the rounds. */
  readonly ms: readonly number[]
}

export interface Growth extends Circumstances {
  readonly kind: 'growth'
  readonly device: 'webgpu' | 'cpu'
  readonly rows: readonly GrowthRow[]
}

/** A training loop whose graph changes, or its counterpart with a fixed structure. */
export interface DynamicRow {
  readonly loop: Loop
  readonly what: string
  /** What a time is per. */
  readonly unit: string
  readonly library: string
  readonly ms?: { readonly median: number; readonly lowest: number; readonly highest: number }
  /** The first iteration of all. */
  readonly firstMs?: number
  readonly remark?: string
}

/** The very first training step of a network, in a process of its own. */
export interface FirstStepRow {
  readonly task: First
  readonly what: string
  readonly device: 'webgpu' | 'cpu'
  readonly library: string
  readonly firstMs?: { readonly median: number; readonly lowest: number; readonly highest: number }
  /** A later step of the same process. */
  readonly steadyMs?: number
  readonly remark?: string
}

export interface Dynamic extends Circumstances {
  readonly kind: 'dynamic'
  readonly device: 'webgpu' | 'cpu'
  readonly torch: string
  readonly rows: readonly DynamicRow[]
  readonly first?: readonly FirstStepRow[]
}

/** Rows, or numbers, looked up by position, with the gradient. */
export interface LookupRow {
  readonly task: string
  readonly ms: Spread
  readonly torchMs?: Spread
  /** rows · features + indices · features, where sizes double from row to row. */
  readonly work?: number
}

export interface Spread {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

export interface Lookups extends Circumstances {
  readonly kind: 'lookups'
  readonly device: 'webgpu' | 'cpu'
  readonly torch?: string
  readonly rows: readonly LookupRow[]
}

/** Graphs of one program and size whose structure was not seen before. */
export interface MissRow {
  readonly program: string
  /** Nodes of one, about. */
  readonly size: number
  /** Nodes of all, and kernels that were made for them. */
  readonly nodes: number
  readonly kernels: number
  /** Microseconds of the host a node, the least of the rounds: to record, to compute for the first time, and again. */
  readonly recording: number
  readonly unseen: number
  readonly again: number
}

export interface Misses extends Circumstances {
  readonly kind: 'misses'
  readonly device: 'webgpu' | 'cpu'
  readonly rows: readonly MissRow[]
  /** Milliseconds of a node of the tree in PyTorch. */
  readonly tree?: number
}

/** The last of a few training steps of a model, with and without checkpointing. */
export interface CheckpointRow {
  /** Blocks. */
  readonly depth: number
  /** Bytes of all parameters; the slots of AdamW take twice as much. */
  readonly parameters: number
  readonly without: PeakOfStep
  readonly within: PeakOfStep
}

interface PeakOfStep {
  /** The most bytes that were held. */
  readonly peak: number
  readonly ms: number
}

export interface Checkpoints extends Circumstances {
  readonly kind: 'checkpoint'
  readonly device: 'webgpu' | 'cpu'
  /** Whether the forward was autocast. */
  readonly amp: boolean
  readonly rows: readonly CheckpointRow[]
}

/** Milliseconds of an op of one's own and of the same composed of the library's functions. */
export interface CustomRow {
  readonly what: string
  readonly own: Spread
  readonly composed: Spread
}

export interface CustomOps extends Circumstances {
  readonly kind: 'custom'
  readonly device: 'webgpu' | 'cpu'
  readonly rows: readonly CustomRow[]
}

export interface OpCell {
  readonly library: string
  /** Milliseconds. Neither time nor remark: the library has no such op. */
  readonly ms?: Spread
  /** Why there is no time. */
  readonly remark?: string
}

/** An op, or an op with its gradients, by all libraries. */
export interface OpRow {
  readonly op: string
  readonly pass: Pass
  readonly cells: readonly OpCell[]
}

export interface Ops extends Circumstances {
  readonly kind: 'ops'
  readonly device: 'webgpu' | 'cpu'
  readonly torch: string
  readonly rows: readonly OpRow[]
}

export type Report = Comparison | Overhead | Growth | Dynamic | Lookups | Misses | Checkpoints | CustomOps | Ops
