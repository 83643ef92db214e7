/**
 * @file Routines: computations that are no expression of single elements, nor a reduction of expressions. Nothing is fused into them: their inputs and outputs
 * are whole buffers, in row-major order, of elements that are no narrower than 32 bits. What is true of a routine on every device is its row here; how a device
 * computes it is a row of that device's own table.
 */
import type { DType, Shape } from '../base/index.ts'
import type { BufferUse, ReduceOp } from './ir.ts'
import type { Extreme } from './operators.ts'

/** The reductions that give a value. */
export type Joined = Exclude<ReduceOp, 'argmax' | 'argmin'>

/** What a routine computes; all fields are part of the structure of a graph. */
export type Routine =
  /** Outputs: the extreme along `dim`, which leaves the shape, and its int32 position there. NaN is the extreme where there is one, and of equals the first counts. */
  | { readonly kind: 'reduceWithIndex'; readonly op: Extreme; readonly dim: number }
  /**
   * Outputs: each row (the last axis) in order, and the int32 positions in the row where its elements were. Equal ones keep their order; −0 equals 0, and NaN
   * counts as the largest. `bits` says that all are whole numbers from 0 to 2^bits − 1.
   */
  | { readonly kind: 'sort'; readonly descending: boolean; readonly bits?: number | undefined }
  /**
   * Output: what the elements along `dim` come to, from the first on (with `reverse`, the last) up to each and including it; of an extreme also its int32
   * position. NaN is the extreme from where there is one; of equals, and of several NaN, the one that was come to last counts.
   */
  | { readonly kind: 'scan'; readonly op: ScanOp; readonly dim: number; readonly reverse: boolean }
  /**
   * Inputs: an int32 row for each of [n], and what it is sent, [n, features]. Outputs: for each of so many rows what it received, joined, or the identity where that
   * is nothing, [rows, features]; and the int32 number of what it received, [rows]. Rows outside are left out.
   */
  | { readonly kind: 'scatter'; readonly op: Joined; readonly rows: number }
  /**
   * Inputs: rows in ascending order, [rows, n], and values of their dtype, [rows, m]. Output: the int32 number of elements of its row that are less than each value,
   * or, with `right`, not larger, [rows, m]. NaN counts as the largest among elements; a value that is NaN stands behind all of them.
   */
  | { readonly kind: 'search'; readonly right: boolean }
  /** What a program has defined itself: inputs and outputs are those of the definition, in their order. */
  | { readonly kind: 'custom'; readonly definition: CustomDefinition; readonly params: CustomParams }

/** Numbers that a custom op is called with. */
export type CustomParams = Readonly<Record<string, number>>

/** Arrays of a custom op, by name: row-major. */
export type CustomArrays = Readonly<Record<string, Float32Array | Float64Array | Int32Array | Uint32Array>>

/** An op of a program's own, as devices compute it: its elements are float32, int32 or uint32, on the CPU also float64. */
export interface CustomDefinition {
  /** Another for each definition. */
  readonly id: number
  readonly name: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Of each output. */
  readonly typesOf: (inputs: readonly TensorType[], params: CustomParams) => readonly TensorType[]
  /** How many times `compute(i)` is called. */
  readonly pointsOf: (inputs: readonly TensorType[], outputs: readonly TensorType[], params: CustomParams) => number
  /** WGSL that declares `fn compute(i: u32)`. */
  readonly wgsl: string | undefined
  readonly cpu: ((inputs: CustomArrays, outputs: CustomArrays, about: CustomAbout) => void) | undefined
}

/** What a custom op is told besides its arrays. */
export interface CustomAbout {
  /** Of inputs and outputs, by name. */
  readonly shapes: Readonly<Record<string, Shape>>
  readonly params: CustomParams
}

/**
 * What a scan does with elements: it joins them (`logaddexp` is ln(eᵃ + eᵇ)), or takes those of two inputs of one shape as a linear recurrence, h ← a · h + b,
 * which begins with h = 0. That is associative too: two steps are one, with a₂ · a₁ and a₂ · b₁ + b₂.
 */
export type ScanOp = 'sum' | 'prod' | Extreme | 'logaddexp' | 'recurrence'

/** The extreme of which a scan gives the position, if it is of one. */
export const extremeOf = (op: ScanOp): Extreme | undefined => (op === 'max' || op === 'min' ? op : undefined)

/** The names of the routines. */
export type RoutineKind = Routine['kind']
/** The routine of a name. */
export type RoutineOf<K extends RoutineKind> = Extract<Routine, { readonly kind: K }>

/** Takes down the fields of a primitive, or of a routine, that are part of a structure. */
export interface KeyWriter {
  /** A whole number of 32 bits. */
  word(value: number): void
  words(list: readonly number[]): void
  name(text: string): void
  /** Any number, bit for bit: −0 is another than 0. */
  float(value: number): void
}

/** What an input or an output of a routine is. */
export interface TensorType {
  readonly dtype: DType
  readonly shape: Shape
}

interface Row<R extends Routine> {
  /** What comes of inputs like these. */
  outputs(r: R, inputs: readonly TensorType[]): readonly TensorType[]
  /** The fields that make a structure another: all of them. */
  key(r: R, put: KeyWriter): void
  /** What its kernels are called. */
  label(r: R): string
  /** Names of the ops that errors of single values blame, by their number; none where no value is checked. */
  sites(r: R): readonly string[]
}

/** The rows. */
export const ROUTINES: { readonly [K in RoutineKind]: Row<RoutineOf<K>> } = {
  reduceWithIndex: {
    outputs: ({ dim }, [x]) => {
      const { dtype, shape } = x as TensorType
      const left = shape.filter((_, d) => d !== dim)
      return [
        { dtype, shape: left },
        { dtype: 'int32', shape: left },
      ]
    },
    key: ({ op, dim }, put) => {
      put.name(op)
      put.word(dim)
    },
    label: ({ op }) => `${op}WithIndex`,
    sites: () => [],
  },
  sort: {
    outputs: (_, [x]) => {
      const { dtype, shape } = x as TensorType
      return [
        { dtype, shape },
        { dtype: 'int32', shape },
      ]
    },
    key: ({ descending, bits }, put) => {
      put.word(Number(descending))
      put.word(bits ?? 0)
    },
    label: () => 'sort',
    sites: () => [],
  },
  scan: {
    outputs: ({ op }, [x]) => {
      const { dtype, shape } = x as TensorType
      const values = { dtype, shape }
      return extremeOf(op) ? [values, { dtype: 'int32', shape }] : [values]
    },
    key: ({ op, dim, reverse }, put) => {
      put.name(op)
      put.word(dim)
      put.word(Number(reverse))
    },
    label: ({ op }) => `${op}Scan`,
    sites: () => [],
  },
  scatter: {
    outputs: ({ rows }, [, x]) => {
      const { dtype, shape } = x as TensorType
      return [
        { dtype, shape: [rows, shape[1] as number] },
        { dtype: 'int32', shape: [rows] },
      ]
    },
    key: ({ op, rows }, put) => {
      put.name(op)
      put.word(rows)
    },
    label: ({ op }) => `scatter ${op}`,
    sites: () => [],
  },
  search: {
    outputs: (_, [, values]) => [{ dtype: 'int32', shape: (values as TensorType).shape }],
    key: ({ right }, put) => put.word(Number(right)),
    label: () => 'search',
    sites: () => [],
  },
  custom: {
    outputs: ({ definition, params }, inputs) => definition.typesOf(inputs, params),
    key: ({ definition, params }, put) => {
      put.word(definition.id)
      for (const value of Object.values(params)) put.float(value)
    },
    label: ({ definition }) => definition.name,
    sites: () => [],
  },
}

/** The row of a routine. */
export const routineRow = (routine: Routine): Row<Routine> => ROUTINES[routine.kind] as Row<Routine>

/** A routine, and what it is called with. */
export interface RoutineCall<R extends Routine = Routine> {
  readonly routine: R
  readonly label: string
  readonly inputs: readonly TensorType[]
  /** Undefined where nothing reads an output: it has no buffer, and need not be computed. */
  readonly outputs: readonly (TensorType | undefined)[]
  readonly sites: readonly string[]
}

/** What a routine does to its buffers: inputs, then outputs that are wanted. */
export const routineBuffers = ({ inputs, outputs }: RoutineCall): readonly BufferUse[] => [
  ...inputs.map(({ dtype }): BufferUse => ({ dtype, access: 'read' })),
  ...outputs.flatMap((output): BufferUse[] => (output ? [{ dtype: output.dtype, access: 'write' }] : [])),
]

/** What computes routines of each kind, given what they are called with. */
export type RoutineTable<Form> = { readonly [K in RoutineKind]: (call: RoutineCall<RoutineOf<K>>) => Form }

/** How a device computes a routine. */
export const routineForm = <Form>(table: RoutineTable<Form>, call: RoutineCall): Form =>
  (table[call.routine.kind] as (call: RoutineCall) => Form)(call)

/** The sizes around an axis: row-major, an element is (outer · size + along) · inner + within. */
export function aroundDim(shape: Shape, dim: number): { readonly outer: number; readonly size: number; readonly inner: number } {
  const product = (list: Shape): number => list.reduce((n, s) => n * s, 1)
  return { outer: product(shape.slice(0, dim)), size: shape[dim] as number, inner: product(shape.slice(dim + 1)) }
}
