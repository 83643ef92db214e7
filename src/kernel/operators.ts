/**
 * @file What is true of each operator on every device: one row each. What it computes, each device says in a table over the operators and over the types that
 * have them (`UnaryTable`, `BinaryTable`), in which nothing can be left out.
 */
import type { BinaryOp, ReduceOp, Reduction, UnaryOp, ValueType } from './ir.ts'

/** The types that have an operator. */
const TYPES = {
  all: { float: true, i32: true, u32: true, bool: true },
  numbers: { float: true, i32: true, u32: true, bool: false },
  floats: { float: true, i32: false, u32: false, bool: false },
  ints: { float: false, i32: true, u32: true, bool: false },
  bits: { float: false, i32: true, u32: true, bool: true },
} as const satisfies Readonly<Record<string, Readonly<Record<ValueType, boolean>>>>

type Types = keyof typeof TYPES
type TypesOf<Of extends Types> = { [T in ValueType]: (typeof TYPES)[Of][T] extends true ? T : never }[ValueType]

/** `work`: how much an element takes; an addition is 1. */
export const unaryOps = {
  neg: { of: 'numbers', work: 1 },
  abs: { of: 'all', work: 1 },
  sign: { of: 'all', work: 1 },
  floor: { of: 'all', work: 1 },
  ceil: { of: 'all', work: 1 },
  round: { of: 'all', work: 1 },
  trunc: { of: 'all', work: 1 },
  exp: { of: 'floats', work: 8 },
  expm1: { of: 'floats', work: 8 },
  log: { of: 'floats', work: 8 },
  log1p: { of: 'floats', work: 8 },
  sqrt: { of: 'floats', work: 3 },
  rsqrt: { of: 'floats', work: 3 },
  recip: { of: 'floats', work: 1 },
  sin: { of: 'floats', work: 10 },
  cos: { of: 'floats', work: 10 },
  tanh: { of: 'floats', work: 12 },
  erf: { of: 'floats', work: 16 },
  erfc: { of: 'floats', work: 20 },
  exp2: { of: 'floats', work: 8 },
  log2: { of: 'floats', work: 8 },
  log10: { of: 'floats', work: 12 },
  atan: { of: 'floats', work: 12 },
  lgamma: { of: 'floats', work: 60 },
  digamma: { of: 'floats', work: 60 },
  i0e: { of: 'floats', work: 60 },
  i1e: { of: 'floats', work: 60 },
  not: { of: 'bits', work: 1 },
} as const satisfies Readonly<Record<UnaryOp, { readonly of: Types; readonly work: number }>>

/** `compares`: the result is a bool; `work`: as above. */
export const binaryOps = {
  add: { of: 'all', compares: false, work: 1 },
  sub: { of: 'all', compares: false, work: 1 },
  mul: { of: 'all', compares: false, work: 1 },
  div: { of: 'all', compares: false, work: 2 },
  mod: { of: 'all', compares: false, work: 2 },
  pow: { of: 'all', compares: false, work: 16 },
  max: { of: 'all', compares: false, work: 1 },
  min: { of: 'all', compares: false, work: 1 },
  lt: { of: 'all', compares: true, work: 1 },
  le: { of: 'all', compares: true, work: 1 },
  eq: { of: 'all', compares: true, work: 1 },
  ne: { of: 'all', compares: true, work: 1 },
  and: { of: 'bits', compares: false, work: 1 },
  or: { of: 'bits', compares: false, work: 1 },
  xor: { of: 'bits', compares: false, work: 1 },
  shl: { of: 'bits', compares: false, work: 1 },
  shr: { of: 'bits', compares: false, work: 1 },
  gcd: { of: 'ints', compares: false, work: 40 },
  atan2: { of: 'floats', compares: false, work: 16 },
  zeta: { of: 'floats', compares: false, work: 200 },
  igamma: { of: 'floats', compares: false, work: 300 },
  igammac: { of: 'floats', compares: false, work: 300 },
  gammapdf: { of: 'floats', compares: false, work: 100 },
} as const satisfies Readonly<Record<BinaryOp, { readonly of: Types; readonly compares: boolean; readonly work: number }>>

/** Operators by which partial results are joined; each has an identity for every dtype. */
export type Join = 'add' | 'mul' | 'max' | 'min'
export type Extreme = 'max' | 'min'

type ReduceFacts =
  | { readonly joins: Join; readonly gives: 'value' }
  /** Where the first extreme stands, by the operator that finds it. */
  | { readonly joins: Extreme; readonly gives: 'position' }

export const reduceOps: Readonly<Record<ReduceOp, ReduceFacts>> = {
  sum: { joins: 'add', gives: 'value' },
  prod: { joins: 'mul', gives: 'value' },
  max: { joins: 'max', gives: 'value' },
  min: { joins: 'min', gives: 'value' },
  argmax: { joins: 'max', gives: 'position' },
  argmin: { joins: 'min', gives: 'position' },
}

/** Of which extreme a reduction gives the position; undefined where it gives a value. */
export function positionOf(op: ReduceOp): Extreme | undefined {
  const facts = reduceOps[op]
  return facts.gives === 'position' ? facts.joins : undefined
}

/** Whether rounding loses something whenever a value is added. */
export const addsFloats = ({ op, value }: Reduction): boolean => reduceOps[op].joins === 'add' && value.type === 'float'

/** What a device does for each function of one argument, of each type that has it. */
export type UnaryTable<Form> = { readonly [Op in UnaryOp]: { readonly [T in TypesOf<(typeof unaryOps)[Op]['of']>]: Form } }
/** What a device does for each operator, of each type of operands that has it. */
export type BinaryTable<Form> = { readonly [Op in BinaryOp]: { readonly [T in TypesOf<(typeof binaryOps)[Op]['of']>]: Form } }

function found<Form>(forms: object, of: Types, op: string, type: ValueType): Form {
  if (!TYPES[of][type]) throw new Error(`kernel: there is no ${op} of ${type}`)
  return (forms as Readonly<Record<ValueType, Form>>)[type]
}
/** @throws Error where the type has no such function */
export const unaryForm = <Form>(table: UnaryTable<Form>, op: UnaryOp, type: ValueType): Form =>
  found<Form>(table[op], unaryOps[op].of, op, type)
/** @throws Error where the type has no such operator */
export const binaryForm = <Form>(table: BinaryTable<Form>, op: BinaryOp, type: ValueType): Form =>
  found<Form>(table[op], binaryOps[op].of, op, type)

/** The end of a `switch` over a union: a member that has no case is a compile error. */
export function unreachable(value: never): never {
  throw new Error(`kernel: there is no case for ${JSON.stringify(value)}`)
}
