/** @file What a scan carries from element to element, in WGSL: a structure of one or two numbers, and the functions on it. */
import {
  type Extreme,
  extremeOf,
  type RoutineCall,
  type RoutineOf,
  type TensorType,
  type ValueType,
  valueTypeOf,
} from '../../../kernel/index.ts'
import { wgslType } from '../arithmetic.ts'
import type { Params } from '../uniforms.ts'

export type ScanCall = RoutineCall<RoutineOf<'scan'>>

/** Texts of a scan. */
export interface ScanState {
  readonly fields: readonly (readonly [name: string, type: string])[]
  /** The fields of no elements. */
  readonly none: readonly string[]
  /** The fields of an element `x` (and `y`, of the second input) that stands at `along`. */
  readonly element: readonly string[]
  /** The body of a function that joins the states `a` and `b`. */
  readonly join: string
  /** The outputs, of `state`. */
  readonly outputs: readonly string[]
}

type NumberType = Exclude<ValueType, 'bool'>

export function scanState({ routine: { op }, inputs }: ScanCall, params: Params): ScanState {
  const type = valueTypeOf((inputs[0] as TensorType).dtype) as NumberType
  const side = extremeOf(op)
  if (side) return extremeState(side, type)
  switch (op as Exclude<typeof op, Extreme>) {
    case 'sum':
      return type === 'float' ? exactSum(params) : accumulation('+', '0', type)
    case 'prod':
      return accumulation('*', '1', type)
    case 'logaddexp':
      return LOGARITHMS
    case 'recurrence':
      return RECURRENCE
  }
}

const accumulation = (operator: '+' | '*', identity: '0' | '1', type: NumberType): ScanState => ({
  fields: [['total', wgslType[type]]],
  none: [`${wgslType[type]}(${identity})`],
  element: ['x'],
  join: `return State(a.total ${operator} b.total);`,
  outputs: ['state.total'],
})

/** A sum and what its additions lost (D. Knuth, The Art of Computer Programming 2, 4.2.2). */
function exactSum(params: Params): ScanState {
  const all = params.use('all bits', 0xffffffff)
  return {
    fields: [
      ['sum', 'f32'],
      ['rest', 'f32'],
    ],
    none: ['0.0f', '0.0f'],
    element: ['x', '0.0f'],
    join: `let sum = held(a.sum + b.sum, ${all});
  let added = held(sum - a.sum, ${all});
  return State(sum, (a.rest + b.rest) + ((a.sum - held(sum - added, ${all})) + (b.sum - added)));`,
    outputs: ['with_rest(state.sum, state.rest)'],
  }
}

function extremeState(op: Extreme, type: NumberType): ScanState {
  const reaches = `b.value ${op === 'max' ? '>=' : '<='} a.value`
  const replaces = type === 'float' ? `is_nan(b.value) || (!is_nan(a.value) && ${reaches})` : reaches
  return {
    fields: [
      ['value', wgslType[type]],
      ['position', 'i32'],
    ],
    // The position is negative where there are no elements
    none: [`${wgslType[type]}()`, '-1'],
    element: ['x', 'i32(along)'],
    join: `if (b.position >= 0 && (a.position < 0 || ${replaces})) { return b; }\n  return a;`,
    outputs: ['state.value', 'state.position'],
  }
}

const LEAST = '-3.4028234663852886e38f'
const IS_NOTHING = 'bitcast<u32>(x) == 0xff800000u'

/** The largest x, and Σ e^(x − largest) without the largest itself: where that is nearly all, the logarithm is exact. −∞ is as no element. */
const LOGARITHMS: ScanState = {
  fields: [
    ['largest', 'f32'],
    ['others', 'f32'],
  ],
  none: [LEAST, '-1.0f'],
  element: [`select(x, ${LEAST}, is_nan(x) || ${IS_NOTHING})`, `select(select(0.0f, -1.0f, ${IS_NOTHING}), x, is_nan(x))`],
  join: `let closeness = select(f_exp(-abs(a.largest - b.largest)), 1.0f, a.largest == b.largest);
  if (b.largest > a.largest) { return State(b.largest, b.others + (1.0f + a.others) * closeness); }
  return State(a.largest, a.others + (1.0f + b.others) * closeness);`,
  outputs: ['state.largest + f_log1p(state.others)'],
}

/** h, and the product of all factors a. */
const RECURRENCE: ScanState = {
  fields: [
    ['h', 'f32'],
    ['product', 'f32'],
  ],
  none: ['0.0f', '1.0f'],
  element: ['y', 'x'],
  join: 'return State(b.product * a.h + b.h, a.product * b.product);',
  outputs: ['state.h'],
}
