/** @file Functions that kernels call and that are written in instructions: halves, whole numbers without traps, fmod, random bits. */
import { type Code, type Func, four, type Local, type ModuleBuilder, type Opcode, type ValType } from '../assembler/assembler.ts'
import { LONG, takeVectors } from './library.ts'

/** Philox4x32-10: multipliers of words 0 and 2, and what the key grows by in each round. */
const PHILOX = { multipliers: [0xd2511f53, 0xcd9e8d57], steps: [0x9e3779b9, 0xbb67ae85], rounds: 10 } as const

interface Helper {
  readonly params: readonly ValType[]
  readonly results: readonly ValType[]
  readonly write: (code: Code, args: readonly Local[]) => void
}

/** The helpers of one module: each is written when it is first called. */
export class Helpers {
  readonly #module: ModuleBuilder
  readonly #written = new Map<HelperName, Func>()

  constructor(module: ModuleBuilder) {
    this.#module = module
  }

  get(name: HelperName): Func {
    const known = this.#written.get(name)
    if (known) return known
    const { params, results, write } = HELPERS[name]
    const code = this.#module.function(params, results)
    this.#written.set(name, code)
    write(code, code.params)
    return code
  }

  /** Calls a helper; one of vectors stands where it is used (see Library). */
  apply(code: Code, name: HelperName): void {
    const { params, write } = HELPERS[name]
    if (params[0] !== 'v128' || code.bytes.length > LONG) code.call(this.get(name))
    else write(code, takeVectors(code, params.length))
  }
}

/** A double as the float32 that rounds to the same half or bfloat16: toward zero, with the last bit set where something was cut off. */
function oddFloat(code: Code): void {
  const [x] = code.params as [Local]
  const near = code.local('f32')
  const bits = code.local('i32')
  code.get(x).op('f32.demote_f64').tee(near).op('i32.reinterpret_f32').set(bits)
  code.get(near).op('f64.promote_f32').get(x).op('f64.ne')
  code.get(near).op('f32.abs').f32(Number.POSITIVE_INFINITY).op('f32.lt').op('i32.and')
  code.if(() => {
    code.get(bits).get(near).op('f64.promote_f32').op('f64.abs').get(x).op('f64.abs').op('f64.gt')
    code.op('i32.sub').i32(1).op('i32.or').set(bits)
  })
  code.get(bits).op('f32.reinterpret_i32')
}

/**
 * float32 to half: round to nearest even. Below 2⁻¹⁴, adding ½ puts the last bit kept at 2⁻²⁴, the unit of subnormal halves;
 * from 65520 on it is infinite, and all NaNs become one.
 */
function toHalf(code: Code): void {
  const [x] = code.params as [Local]
  const bits = code.local('i32')
  const abs = code.local('i32')
  code.get(x).op('i32.reinterpret_f32').tee(bits).i32(0x7fffffff).op('i32.and').set(abs)
  code.get(abs).i32(0x38000000).op('i32.sub').i32(0xfff).op('i32.add')
  code.get(abs).i32(13).op('i32.shr_u').i32(1).op('i32.and').op('i32.add').i32(13).op('i32.shr_u')
  code.get(x).op('f32.abs').f32(0.5).op('f32.add').op('i32.reinterpret_f32').i32(0x3f000000).op('i32.sub')
  code.get(abs).i32(0x38800000).op('i32.ge_u').op('select')
  code.i32(0x7c00).get(abs).i32(0x477ff000).op('i32.lt_u').op('select')
  code.i32(0x7e00).get(abs).i32(0x7f800000).op('i32.le_u').op('select')
  code.get(bits).i32(16).op('i32.shr_u').i32(0x8000).op('i32.and').op('i32.or')
}

function toHalf4(code: Code, args: readonly Local[]): void {
  const [x] = args as [Local]
  const abs = code.local('v128')
  code.get(x).v128(four(0x7fffffff)).op('v128.and').set(abs)
  code
    .get(abs)
    .v128(four(0xfff - 0x38000000))
    .op('i32x4.add')
  code.get(abs).i32(13).op('i32x4.shr_u').v128(four(1)).op('v128.and').op('i32x4.add').i32(13).op('i32x4.shr_u')
  code.get(abs).f32(0.5).op('f32x4.splat').op('f32x4.add').v128(four(0x3f000000)).op('i32x4.sub')
  code.get(abs).v128(four(0x38800000)).op('i32x4.ge_u').op('v128.bitselect')
  code.v128(four(0x7c00)).get(abs).v128(four(0x477ff000)).op('i32x4.lt_u').op('v128.bitselect')
  code.v128(four(0x7e00)).get(abs).v128(four(0x7f800000)).op('i32x4.le_u').op('v128.bitselect')
  code.get(x).i32(16).op('i32x4.shr_u').v128(four(0x8000)).op('v128.and').op('v128.or')
}

/** Bits of the least number that is infinite as a half, before it is rounded and after. */
const INFINITE_HALF = 0x47800000

/** float32 to the nearest half, as a float32: as `toHalf`, in place. */
function roundHalf(code: Code): void {
  const [x] = code.params as [Local]
  const [bits, abs] = [code.local('i32'), code.local('i32')]
  code.get(x).op('i32.reinterpret_f32').tee(bits).i32(0x7fffffff).op('i32.and').set(abs)
  code.get(abs).i32(0xfff).op('i32.add')
  code.get(abs).i32(13).op('i32.shr_u').i32(1).op('i32.and').op('i32.add').i32(-0x2000).op('i32.and')
  code.get(x).op('f32.abs').f32(0.5).op('f32.add').f32(0.5).op('f32.sub').op('i32.reinterpret_f32')
  code.get(abs).i32(0x38800000).op('i32.ge_u').op('select').set(abs)
  const nan = code.local('i32')
  code.get(bits).i32(0x7fffffff).op('i32.and').i32(0x7f800000).op('i32.gt_u').set(nan)
  code.i32(0x7fc00000)
  code.i32(0x7f800000).get(abs).get(abs).i32(INFINITE_HALF).op('i32.ge_u').op('select')
  code.get(nan).op('select')
  code
    .get(bits)
    .i32(-(2 ** 31))
    .op('i32.and')
    .op('i32.or')
    .op('f32.reinterpret_i32')
}

function roundHalf4(code: Code, args: readonly Local[]): void {
  const [x] = args as [Local]
  const [abs, near] = [code.local('v128'), code.local('v128')]
  code.get(x).op('f32x4.abs').set(abs)
  code.get(abs).v128(four(0xfff)).op('i32x4.add')
  code.get(abs).i32(13).op('i32x4.shr_u').v128(four(1)).op('v128.and').op('i32x4.add').v128(four(-0x2000)).op('v128.and')
  code.get(abs).f32(0.5).op('f32x4.splat').op('f32x4.add').f32(0.5).op('f32x4.splat').op('f32x4.sub')
  code.get(abs).v128(four(0x38800000)).op('i32x4.ge_u').op('v128.bitselect').set(near)
  code.v128(four(0x7f800000)).get(near)
  code.get(near).v128(four(INFINITE_HALF)).op('i32x4.ge_u').op('v128.bitselect').set(near)
  code.v128(four(0x7fc00000)).get(near)
  code.get(abs).v128(four(0x7f800000)).op('i32x4.gt_u').op('v128.bitselect')
  code
    .get(x)
    .v128(four(-(2 ** 31)))
    .op('v128.and')
    .op('v128.or')
}

/** Half to float32: the exponent is 112 too small, which a product with 2¹¹² mends, for subnormals too; ±Inf and NaN have the largest exponent. */
function fromHalf(code: Code): void {
  const [half] = code.params as [Local]
  const bits = code.local('i32')
  code.get(half).i32(0x7fff).op('i32.and').i32(13).op('i32.shl').set(bits)
  code
    .get(bits)
    .op('f32.reinterpret_i32')
    .f32(2 ** 112)
    .op('f32.mul')
    .op('i32.reinterpret_f32')
  code.get(bits).i32(0x7f800000).op('i32.or')
  code.get(bits).i32(0x0f800000).op('i32.lt_u').op('select')
  code.get(half).i32(0x8000).op('i32.and').i32(16).op('i32.shl').op('i32.or').op('f32.reinterpret_i32')
}

export function fromHalf4(code: Code, args: readonly Local[]): void {
  const [half] = args as [Local]
  const bits = code.local('v128')
  code.get(half).v128(four(0x7fff)).op('v128.and').i32(13).op('i32x4.shl').set(bits)
  code
    .get(bits)
    .f32(2 ** 112)
    .op('f32x4.splat')
    .op('f32x4.mul')
  code.get(bits).v128(four(0x7f800000)).op('v128.or')
  code.get(bits).v128(four(0x0f800000)).op('i32x4.lt_u').op('v128.bitselect')
  code.get(half).v128(four(0x8000)).op('v128.and').i32(16).op('i32x4.shl').op('v128.or')
}

/** float32 to bfloat16, its upper half: round to nearest even, and all NaNs become one. The bits stay in the upper half of the word. */
function roundBfloat(code: Code): void {
  const [x] = code.params as [Local]
  roundedBfloat(code, x)
  code.op('f32.reinterpret_i32')
}

function roundedBfloat(code: Code, x: Local): void {
  const bits = code.local('i32')
  code
    .get(x)
    .op('i32.reinterpret_f32')
    .tee(bits)
    .i32(-(2 ** 31))
    .op('i32.and')
    .i32(0x7fc00000)
    .op('i32.or')
  code.get(bits).i32(0x7fff).op('i32.add').get(bits).i32(16).op('i32.shr_u').i32(1).op('i32.and').op('i32.add').i32(-0x10000).op('i32.and')
  code.get(x).get(x).op('f32.ne').op('select')
}

function roundBfloat4(code: Code, args: readonly Local[]): void {
  const [x] = args as [Local]
  code
    .get(x)
    .v128(four(-(2 ** 31)))
    .op('v128.and')
    .v128(four(0x7fc00000))
    .op('v128.or')
  code.get(x).v128(four(0x7fff)).op('i32x4.add').get(x).i32(16).op('i32x4.shr_u').v128(four(1)).op('v128.and').op('i32x4.add')
  code.v128(four(-0x10000)).op('v128.and')
  code.get(x).get(x).op('f32x4.ne').op('v128.bitselect')
}

function toBfloat(code: Code): void {
  const [x] = code.params as [Local]
  roundedBfloat(code, x)
  code.i32(16).op('i32.shr_u')
}

function toBfloat4(code: Code, args: readonly Local[]): void {
  roundBfloat4(code, args)
  code.i32(16).op('i32x4.shr_u')
}

function fromBfloat(code: Code): void {
  const [bits] = code.params as [Local]
  code.get(bits).i32(16).op('i32.shl').op('f32.reinterpret_i32')
}

export function fromBfloat4(code: Code, args: readonly Local[]): void {
  const [bits] = args as [Local]
  code.get(bits).i32(16).op('i32x4.shl')
}

/** a / b truncated; a / 0 = a, and −2³¹ / −1 wraps. */
function divide(signed: boolean): (code: Code) => void {
  return (code) => {
    const [a, b] = code.params as [Local, Local]
    if (signed) {
      code
        .get(b)
        .i32(-1)
        .op('i32.eq')
        .if(() => {
          code.i32(0).get(a).op('i32.sub').op('return')
        })
    }
    code
      .get(b)
      .op('i32.eqz')
      .if(() => {
        code.get(a).op('return')
      })
    code
      .get(a)
      .get(b)
      .op(signed ? 'i32.div_s' : 'i32.div_u')
  }
}

/** One instruction, for each lane of what has no such instruction for vectors. */
function single(op: Opcode): (code: Code) => void {
  return (code) => {
    for (const param of code.params) code.get(param)
    code.op(op)
  }
}

/** a mod b with the sign of a; a mod 0 = 0. */
function remainder(op: Opcode): (code: Code) => void {
  return (code) => {
    const [a, b] = code.params as [Local, Local]
    code.get(b).if(
      () => {
        code.get(a).get(b).op(op)
      },
      () => {
        code.i32(0)
      },
      'i32',
    )
  }
}

/** The greatest common divisor of the sizes: Euclid's algorithm, of numbers without a sign (that of −2³¹ and 0 wraps). */
function commonDivisor(signed: boolean): (code: Code) => void {
  return (code) => {
    const [a, b] = code.params as [Local, Local]
    const rest = code.local('i32')
    if (signed)
      for (const x of [a, b]) {
        code.i32(0).get(x).op('i32.sub').get(x).get(x).i32(0).op('i32.lt_s').op('select').set(x)
      }
    code.loop((again) => {
      code.get(b).if(() => {
        code.get(a).get(b).op('i32.rem_u').set(rest).get(b).set(a).get(rest).set(b).br(again)
      })
    })
    code.get(a)
  }
}

/** x^y modulo 2³²; a negative exponent gives 0 unless x is ±1. */
function wholePower(signed: boolean): (code: Code) => void {
  return (code) => {
    const [x, y] = code.params as [Local, Local]
    const result = code.local('i32')
    if (signed) {
      code
        .get(y)
        .i32(0)
        .op('i32.lt_s')
        .if(() => {
          code
            .get(x)
            .i32(1)
            .op('i32.add')
            .i32(2)
            .op('i32.gt_u')
            .get(x)
            .op('i32.eqz')
            .op('i32.or')
            .if(() => {
              code.i32(0).op('return')
            })
          // (±1)^y: the exponent's last bit is all that counts
          code.get(y).i32(1).op('i32.and').set(y)
        })
    }
    code.i32(1).set(result)
    code.block((leave) => {
      code.loop((again) => {
        code.get(y).op('i32.eqz').brIf(leave)
        code.get(result).get(x).op('i32.mul').get(result).get(y).i32(1).op('i32.and').op('select').set(result)
        code.get(x).get(x).op('i32.mul').set(x)
        code.get(y).i32(1).op('i32.shr_u').set(y).br(again)
      })
    })
    code.get(result)
  }
}

/** C's fmod in doubles, exact: the largest multiples b · 2ᵏ are taken away, from the top. */
function fmod(code: Code): void {
  const [a, b] = code.params as [Local, Local]
  const [r, y, t] = [code.local('f64'), code.local('f64'), code.local('f64')]
  code.get(a).op('f64.abs').set(r)
  code.get(b).op('f64.abs').tee(y).set(t)
  // NaN, an infinite dividend or a divisor of 0 give NaN
  code.get(r).f64(Number.POSITIVE_INFINITY).op('f64.lt').get(y).f64(0).op('f64.gt').op('i32.and').op('i32.eqz')
  code.if(() => {
    code.f64(Number.NaN).op('return')
  })
  code.get(y).f64(Number.POSITIVE_INFINITY).op('f64.eq')
  code.if(() => {
    code.get(a).op('return')
  })
  code.block((leave) => {
    code.loop((again) => {
      code.get(t).get(r).f64(0.5).op('f64.mul').op('f64.le').op('i32.eqz').brIf(leave)
      code.get(t).get(t).op('f64.add').set(t).br(again)
    })
  })
  code.block((leave) => {
    code.loop((again) => {
      code.get(t).get(y).op('f64.ge').op('i32.eqz').brIf(leave)
      code
        .get(r)
        .get(t)
        .op('f64.ge')
        .if(() => {
          code.get(r).get(t).op('f64.sub').set(r)
        })
      code.get(t).f64(0.5).op('f64.mul').set(t).br(again)
    })
  })
  code.get(r).get(a).op('f64.copysign')
}

/** One round's product of a word: the high half into `high`, the low one into `low`. */
function product(code: Code, word: Local, multiplier: number, high: Local, low: Local, wide: Local): void {
  if (word.type === 'v128') {
    // Products of the first two words, and of the others; then their halves side by side
    code.get(word).v128(four(multiplier)).op('i64x2.extmul_low_i32x4_u').set(low)
    code.get(word).v128(four(multiplier)).op('i64x2.extmul_high_i32x4_u').set(high)
    const two = code.local('v128')
    code.get(low).get(high).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]).set(two)
    code.get(low).get(high).shuffle([4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31]).set(high)
    code.get(two).set(low)
    return
  }
  code.get(word).op('i64.extend_i32_u').i32(multiplier).op('i64.extend_i32_u').op('i64.mul').tee(wide).op('i32.wrap_i64').set(low)
  code.get(wide).i32(32).op('i64.extend_i32_u').op('i64.shr_u').op('i32.wrap_i64').set(high)
}

/** (k0, k1, c0, c1, c2, c3) → four words. */
function philox(code: Code, args: readonly Local[]): void {
  const [k0, k1, c0, c1, c2, c3] = args as [Local, Local, Local, Local, Local, Local]
  const vector = k0.type === 'v128'
  const fresh = (): Local => code.local(k0.type)
  const [h0, l0, h2, l2, wide] = [fresh(), fresh(), fresh(), fresh(), code.local('i64')]
  const xor: Opcode = vector ? 'v128.xor' : 'i32.xor'
  const [m0, m2] = PHILOX.multipliers
  for (let round = 0; round < PHILOX.rounds; round++) {
    product(code, c0, m0, h0, l0, wide)
    product(code, c2, m2, h2, l2, wide)
    code.get(h2).get(c1).op(xor).get(k0).op(xor).set(c0)
    code.get(h0).get(c3).op(xor).get(k1).op(xor).set(c2)
    code.get(l2).set(c1).get(l0).set(c3)
    for (const [i, k] of [k0, k1].entries()) {
      const step = PHILOX.steps[i as 0 | 1]
      code.get(k)
      if (vector) code.v128(four(step)).op('i32x4.add')
      else code.i32(step).op('i32.add')
      code.set(k)
    }
  }
  code.get(c0).get(c1).get(c2).get(c3)
}

const six = (type: ValType): ValType[] => [type, type, type, type, type, type]
const HELPERS = {
  oddFloat: { params: ['f64'], results: ['f32'], write: oddFloat },
  toHalf: { params: ['f32'], results: ['i32'], write: toHalf },
  toHalf4: { params: ['v128'], results: ['v128'], write: toHalf4 },
  fromHalf: { params: ['i32'], results: ['f32'], write: fromHalf },
  fromHalf4: { params: ['v128'], results: ['v128'], write: fromHalf4 },
  roundHalf: { params: ['f32'], results: ['f32'], write: roundHalf },
  roundHalf4: { params: ['v128'], results: ['v128'], write: roundHalf4 },
  toBfloat: { params: ['f32'], results: ['i32'], write: toBfloat },
  toBfloat4: { params: ['v128'], results: ['v128'], write: toBfloat4 },
  fromBfloat: { params: ['i32'], results: ['f32'], write: fromBfloat },
  fromBfloat4: { params: ['v128'], results: ['v128'], write: fromBfloat4 },
  roundBfloat: { params: ['f32'], results: ['f32'], write: roundBfloat },
  roundBfloat4: { params: ['v128'], results: ['v128'], write: roundBfloat4 },
  div_s: { params: ['i32', 'i32'], results: ['i32'], write: divide(true) },
  div_u: { params: ['i32', 'i32'], results: ['i32'], write: divide(false) },
  mod_s: { params: ['i32', 'i32'], results: ['i32'], write: remainder('i32.rem_s') },
  mod_u: { params: ['i32', 'i32'], results: ['i32'], write: remainder('i32.rem_u') },
  pow_s: { params: ['i32', 'i32'], results: ['i32'], write: wholePower(true) },
  pow_u: { params: ['i32', 'i32'], results: ['i32'], write: wholePower(false) },
  gcd_s: { params: ['i32', 'i32'], results: ['i32'], write: commonDivisor(true) },
  gcd_u: { params: ['i32', 'i32'], results: ['i32'], write: commonDivisor(false) },
  shl: { params: ['i32', 'i32'], results: ['i32'], write: single('i32.shl') },
  shr_s: { params: ['i32', 'i32'], results: ['i32'], write: single('i32.shr_s') },
  shr_u: { params: ['i32', 'i32'], results: ['i32'], write: single('i32.shr_u') },
  fmod: { params: ['f64', 'f64'], results: ['f64'], write: fmod },
  philox: { params: six('i32'), results: ['i32', 'i32', 'i32', 'i32'], write: philox },
  philox4: { params: six('v128'), results: ['v128', 'v128', 'v128', 'v128'], write: philox },
} satisfies Record<string, Helper>
export type HelperName = keyof typeof HELPERS
