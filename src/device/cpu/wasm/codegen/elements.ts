/** @file How the elements of each dtype are loaded and stored: one by one, or four neighbours at once. */
import type { DType, HalfDType } from '../../../../base/index.ts'
import { type Code, four } from '../assembler/assembler.ts'
import type { LANE_MEMORY, MEMORY } from '../assembler/opcodes.ts'
import { HALF_HELPERS, halfBits } from './operators.ts'
import type { Writer } from './writer.ts'

interface Element {
  /** The value at the address on the stack. */
  readonly load: (w: Writer) => unknown
  /** Stores the value on the stack at the address below it. */
  readonly store: (w: Writer) => unknown
  /** Four elements, which pass through words; kernels with float64 have no vectors. */
  readonly vector: Vector | undefined
}

interface Vector {
  /** Loads an element, widened to a word. */
  readonly loadWord: keyof typeof MEMORY
  /** The four elements from the address on the stack plus `offset` on, each widened to a word. */
  readonly load: (code: Code, offset: number) => unknown
  /** Words as values. */
  readonly fromWords: (w: Writer) => unknown
  /** Values as words that have the elements in their low bits. */
  readonly toWords: (w: Writer) => unknown
  /** Stores the elements in the low bits of four words at the address below them plus `offset`. */
  readonly store: (code: Code, offset: number) => unknown
  /** Stores the element in one lane. */
  readonly storeLane: keyof typeof LANE_MEMORY
}

const nothing = (): void => {}

const WORDS: Vector = {
  loadWord: 'i32.load',
  load: (code, offset) => code.memory('v128.load', offset),
  fromWords: nothing,
  toWords: nothing,
  store: (code, offset) => code.memory('v128.store', offset),
  storeLane: 'v128.store32_lane',
}

const halfVector = (dtype: HalfDType): Vector => ({
  loadWord: 'i32.load16_u',
  load: (code, offset) => code.memory('v128.load64_zero', offset).op('i32x4.extend_low_i16x8_u'),
  fromWords: (w) => w.helpers.apply(w.code, HALF_HELPERS[dtype].from[1]),
  toWords: (w) => halfBits(w, dtype, true),
  store: (code, offset) => code.v128(four(0)).op('i16x8.narrow_i32x4_u').laneMemory('v128.store64_lane', 0, offset),
  storeLane: 'v128.store16_lane',
})

/** Words of 0 … 255 as bytes. */
const storeBytes = (code: Code, offset: number): unknown => {
  code.v128(four(0)).op('i16x8.narrow_i32x4_u').v128(four(0)).op('i8x16.narrow_i16x8_u')
  return code.laneMemory('v128.store32_lane', 0, offset)
}

const bytes = (sign: 's' | 'u'): Vector => ({
  loadWord: `i32.load8_${sign}`,
  load: (code, offset) => code.memory('v128.load32_zero', offset).op(`i16x8.extend_low_i8x16_${sign}`).op(`i32x4.extend_low_i16x8_${sign}`),
  fromWords: nothing,
  toWords: nothing,
  // Narrowing saturates
  store: (code, offset) => storeBytes(code.v128(four(255)).op('v128.and'), offset),
  storeLane: 'v128.store8_lane',
})

const promoted = ({ code, wide }: Writer): unknown => wide && code.op('f64.promote_f32')

const half = (dtype: HalfDType): Element => ({
  load: (w) => {
    w.code.memory('i32.load16_u').call(w.helpers.get(HALF_HELPERS[dtype].from[0]))
    promoted(w)
  },
  store: (w) => {
    halfBits(w, dtype, false)
    w.code.memory('i32.store16')
  },
  vector: halfVector(dtype),
})

const word: Element = {
  load: ({ code }) => code.memory('i32.load'),
  store: ({ code }) => code.memory('i32.store'),
  vector: WORDS,
}

export const ELEMENTS: Readonly<Record<DType, Element>> = {
  float32: {
    load: (w) => {
      w.code.memory('f32.load')
      promoted(w)
    },
    store: ({ code, wide }) => {
      if (wide) code.op('f32.demote_f64')
      code.memory('f32.store')
    },
    vector: WORDS,
  },
  float64: {
    load: ({ code }) => code.memory('f64.load'),
    store: ({ code }) => code.memory('f64.store'),
    vector: undefined,
  },
  float16: half('float16'),
  bfloat16: half('bfloat16'),
  int32: word,
  uint32: word,
  int8: {
    load: ({ code }) => code.memory('i32.load8_s'),
    store: ({ code }) => code.memory('i32.store8'),
    vector: bytes('s'),
  },
  uint8: {
    load: ({ code }) => code.memory('i32.load8_u'),
    store: ({ code }) => code.memory('i32.store8'),
    vector: bytes('u'),
  },
  bool: {
    load: ({ code }) => code.memory('i32.load8_u').i32(0).op('i32.ne'),
    store: ({ code }) => code.memory('i32.store8'),
    vector: {
      ...bytes('u'),
      fromWords: ({ code }) => code.v128(four(0)).op('i32x4.ne'),
      toWords: ({ code }) => code.v128(four(1)).op('v128.and'),
      store: storeBytes,
    },
  },
}

/** How four elements of a dtype are loaded and stored. */
export function vectorsOf(dtype: DType): Vector {
  const { vector } = ELEMENTS[dtype]
  if (!vector) throw new Error(`cpu: ${dtype} in vectors`)
  return vector
}
