/**
 * @file What a scan carries from element to element, as locals and the instructions on them. Floats are summed, multiplied and carried along in doubles, so that
 * the length of a row does not show in the last digits of float32.
 */
import {
  dtypeOfValue,
  type Extreme,
  extremeOf,
  identityOf,
  type RoutineCall,
  type RoutineOf,
  type TensorType,
  type ValueType,
  valueTypeOf,
} from '../../../../kernel/index.ts'
import type { Code, Local, Opcode } from '../assembler/assembler.ts'
import type { Library } from '../codegen/library.ts'

export type ScanCall = RoutineCall<RoutineOf<'scan'>>

/** Numbers as they are in memory. */
export type NumberType = 'f32' | 'f64' | 'i32'

/** What a scan carries. */
export interface ScanForm {
  /** The type of elements. */
  readonly element: NumberType
  readonly carried: readonly NumberType[]
  /** Nanoseconds that an element takes, about. */
  readonly time: number
}

/** The instructions of a scan in one function. A state is a local for each number that is carried. */
export interface ScanSteps {
  /** Sets a state to that of no elements. */
  start(state: readonly Local[]): void
  /** Joins an element (one of each input) at a position along the row. */
  take(state: readonly Local[], elements: readonly Local[], position: Local): void
  /** Joins the state of what follows to that of what stands in front of it. */
  join(state: readonly Local[], following: readonly Local[]): void
  /** Pushes an output. */
  output(state: readonly Local[], output: number): void
}

const typeOf = ({ inputs }: ScanCall): ValueType => valueTypeOf((inputs[0] as TensorType).dtype)

function elementOf({ inputs }: ScanCall): NumberType {
  const { dtype } = inputs[0] as TensorType
  return dtype === 'float32' ? 'f32' : dtype === 'float64' ? 'f64' : 'i32'
}

export function formOf(call: ScanCall): ScanForm {
  const element = elementOf(call)
  const wide = element === 'i32' ? 'i32' : 'f64'
  switch (call.routine.op) {
    case 'sum':
    case 'prod':
      return { element, carried: [wide], time: 1 }
    case 'max':
    case 'min':
      return { element, carried: call.outputs[1] ? [element, 'i32'] : [element], time: 1.5 }
    case 'logaddexp':
      return { element, carried: [element, 'f64'], time: 20 }
    case 'recurrence':
      return { element, carried: ['f64', 'f64'], time: 1.5 }
  }
}

/** @param joins whether states are joined, to each other or to what follows them; else outputs are all that is wanted of them */
export function stepsOf(call: ScanCall, code: Code, library: Library, joins: boolean): ScanSteps {
  const { op } = call.routine
  const element = elementOf(call)
  const side = extremeOf(op)
  if (side) return extremes(code, side, typeOf(call), element)
  switch (op as Exclude<typeof op, Extreme>) {
    case 'sum':
      return accumulation(code, 'add', element)
    case 'prod':
      return accumulation(code, 'mul', element)
    case 'logaddexp':
      return logarithms(code, element as 'f32' | 'f64', library)
    case 'recurrence':
      return recurrence(code, element, joins)
  }
}

type Pair = readonly [Local, Local]
const one = (list: readonly Local[]): Local => list[0] as Local
const pair = (list: readonly Local[]): Pair => list as unknown as Pair

/** Pushes an element, floats as doubles. */
const widely = (code: Code, x: Local): Code => (x.type === 'f32' ? code.get(x).op('f64.promote_f32') : code.get(x))
/** The double on the stack as an element. */
const narrowly = (code: Code, element: NumberType): Code => (element === 'f32' ? code.op('f32.demote_f64') : code)

function accumulation(code: Code, operator: 'add' | 'mul', element: NumberType): ScanSteps {
  const type = element === 'i32' ? 'i32' : 'f64'
  const op: Opcode = `${type}.${operator}`
  return {
    start: (state) => code[type](operator === 'add' ? 0 : 1).set(one(state)),
    take: (state, elements) =>
      widely(code.get(one(state)), one(elements))
        .op(op)
        .set(one(state)),
    join: (state, following) => code.get(one(state)).get(one(following)).op(op).set(one(state)),
    output: (state) => narrowly(code.get(one(state)), element),
  }
}

function extremes(code: Code, op: Extreme, type: ValueType, element: NumberType): ScanSteps {
  const reach = op === 'max' ? 'ge' : 'le'
  const reaches: Opcode = element === 'i32' ? `i32.${reach}_${type === 'u32' ? 'u' : 's'}` : `${element}.${reach}`
  const replaces = code.local('i32')
  const replace = ([value, at]: readonly Local[], by: Local, position: Local | undefined): void => {
    code
      .get(by)
      .get(value as Local)
      .op(reaches)
    if (element !== 'i32') code.get(by).get(by).op(`${element}.ne`).op('i32.or')
    code.set(replaces)
    code
      .get(by)
      .get(value as Local)
      .get(replaces)
      .op('select')
      .set(value as Local)
    if (at && position) code.get(position).get(at).get(replaces).op('select').set(at)
  }
  return {
    // Whatever comes first replaces it
    start: (state) => code[element](identityOf(op, dtypeOfValue[type])).set(one(state)),
    take: (state, elements, position) => replace(state, one(elements), position),
    join: (state, following) => replace(state, one(following), following[1]),
    output: (state, output) => code.get(state[output] as Local),
  }
}

/** ln Σ eˣ as the largest x, and Σ e^(x − largest) without the largest itself: where that is nearly all, the logarithm is exact. */
function logarithms(code: Code, float: 'f32' | 'f64', library: Library): ScanSteps {
  const suffix = float === 'f64' ? '64' : ''
  const exceeds = code.local('i32')
  const closeness = code.local('f64')
  /** Pushes a sum with its largest term. */
  const whole = (others: Local | undefined): Code => (others ? code.f64(1).get(others).op('f64.add') : code.f64(1))
  const joinTo = (state: readonly Local[], x: Local, others: Local | undefined): void => {
    const [largest, sum] = pair(state)
    code.get(x).get(largest).op(`${float}.gt`).set(exceeds)
    // e^−|x − largest|, or 1 where both are the same infinity
    code[float](1)
    code
      .get(x)
      .get(largest)
      .op(`${float}.sub`)
      .op(`${float}.abs`)
      .op(`${float}.neg`)
      .call(library.call(`exp${suffix}`))
    code.get(x).get(largest).op(`${float}.eq`).op('select')
    if (float === 'f32') code.op('f64.promote_f32')
    code.set(closeness)
    whole(sum).get(closeness).op('f64.mul')
    if (others) code.get(others).op('f64.add')
    whole(others).get(closeness).op('f64.mul').get(sum).op('f64.add')
    code.get(exceeds).op('select').set(sum)
    code.get(x).get(largest).get(exceeds).op('select').set(largest)
  }
  return {
    start: (state) => {
      const [largest, sum] = pair(state)
      code[float](Number.NEGATIVE_INFINITY).set(largest).f64(-1).set(sum)
    },
    take: (state, elements) => joinTo(state, one(elements), undefined),
    join: (state, following) => joinTo(state, one(following), following[1]),
    output: (state) => {
      const [largest, sum] = pair(state)
      narrowly(code.get(largest).get(sum), float)
        .call(library.call(`log1p${suffix}`))
        .op(`${float}.add`)
    },
  }
}

/** Carries h, and the product of all factors a, which says what becomes of an h in front. */
function recurrence(code: Code, element: NumberType, joins: boolean): ScanSteps {
  return {
    start: (state) => {
      const [h, product] = pair(state)
      code.f64(0).set(h).f64(1).set(product)
    },
    take: (state, elements) => {
      const [h, product] = pair(state)
      const [a, b] = pair(elements)
      widely(code.get(h), a).op('f64.mul')
      widely(code, b).op('f64.add').set(h)
      if (joins) widely(code.get(product), a).op('f64.mul').set(product)
    },
    join: (state, following) => {
      const [h, product] = pair(state)
      const [b, a] = pair(following)
      code.get(h).get(a).op('f64.mul').get(b).op('f64.add').set(h)
      code.get(product).get(a).op('f64.mul').set(product)
    },
    output: (state) => narrowly(code.get(one(state)), element),
  }
}
