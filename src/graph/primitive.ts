/** @file What a node of the graph computes: the primitives. What follows from each of them is its row in `primitive-table.ts`. */
import type { BinaryOp, ReduceOp, Routine, UnaryOp } from '../kernel/index.ts'

/** What a node computes. Everything in it but the values of `leaf` and `scalar` is structure: part of the schedule's key. */
export type Primitive =
  /** Values given by the host, or kept from an earlier run: always has a storage. */
  | { readonly kind: 'leaf' }
  /** A 0-d number that may change from step to step: reaches the kernel as data. */
  | { readonly kind: 'scalar'; readonly value: number }
  /** A 0-d literal of an op's definition: compiled into the kernel. */
  | { readonly kind: 'constant'; readonly value: number }
  /** 0, 1, 2, … along the only axis (int32). */
  | { readonly kind: 'iota' }
  /** Random bits (uint32): Philox of (element index, stream) under a key; inputs are the four uint32 scalars seed (low, high) and call number (low, high). */
  | { readonly kind: 'random'; readonly word: number }
  | { readonly kind: 'unary'; readonly op: UnaryOp }
  | { readonly kind: 'binary'; readonly op: BinaryOp }
  | { readonly kind: 'where' }
  | { readonly kind: 'cast' }
  /** The input's values as a value of its own: `detach()` and `clone()`. */
  | { readonly kind: 'alias' }
  | { readonly kind: 'reshape' }
  | { readonly kind: 'expand' }
  /** Output axis i is input axis `order[i]`. */
  | { readonly kind: 'permute'; readonly order: readonly number[] }
  /** Output position i along an axis is input position start + i · step (step may be negative). */
  | { readonly kind: 'slice'; readonly start: readonly number[]; readonly step: readonly number[]; readonly varying?: Varying }
  /** Position p of the output is, along input axis i, position offset + Σ coef · p[axis] (windows that overlap, a flip, a diagonal). */
  | { readonly kind: 'window'; readonly map: readonly WindowAxis[] }
  /** `before[i]` zeros in front of axis i, and as many behind as the shape leaves. */
  | { readonly kind: 'pad'; readonly before: readonly number[]; readonly varying?: Varying }
  /** Reduced axes leave the shape. `permuted`: the order of the permutation that the input was recorded as, if it was one; the order of a sum follows what that permutes. */
  | { readonly kind: 'reduce'; readonly op: ReduceOp; readonly dims: readonly number[]; readonly permuted?: readonly number[] }
  /** [...batch, ...m, ...k] · [...batch, ...k, ...n] → [...batch, ...m, ...n]: here is how many dims each of m, n, k has; the batch dims broadcast. */
  | ({ readonly kind: 'contract' } & ContractDims)
  /** out[…, i, …] = source[…, index[…, i, …], …] along `dim`; inputs source and index (int32); `op` names whom an index error blames. */
  | { readonly kind: 'gather'; readonly dim: number; readonly op: string }
  /** Its input (integers), none of which may be 0; `op` names whom a ZeroDivisionError blames. */
  | { readonly kind: 'divisor'; readonly op: string }
  /** One output of a routine. Those of equal routines of the same inputs are computed together. */
  | { readonly kind: 'routine'; readonly routine: Routine; readonly output: number }
  /** Its inputs, flattened, one after the other in one buffer, each at an offset that is a multiple of 64 elements. */
  | { readonly kind: 'pack'; readonly offsets: readonly number[] }
  /** The input's values on another device. */
  | { readonly kind: 'transfer' }

/**
 * Which positions of a slice or a pad are data of the run, axis by axis: a number that no other position of the graph has, −1 for one that is part of the
 * structure. Only graphs that are planned have it: those that came again with other positions.
 */
export type Varying = readonly number[]

/** How many dims the parts of a contraction have. */
export interface ContractDims {
  readonly m: number
  readonly n: number
  readonly k: number
}

/** Where a window reads along one input axis. */
export interface WindowAxis {
  readonly offset: number
  /** [output axis, coefficient] */
  readonly terms: readonly (readonly [axis: number, coef: number])[]
}

/** The names of the primitives. */
export type PrimitiveKind = Primitive['kind']
/** The primitive of a name. */
export type PrimitiveOf<K extends PrimitiveKind> = Extract<Primitive, { readonly kind: K }>
