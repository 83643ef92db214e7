/**
 * @file In-place forms of elementwise ops: `x.op_(…)` puts the result of `op(x, …)` behind the handle `x`, in its own dtype. What its dtype does not hold (a float
 * for an integer) is a DTypeError, another shape a ShapeError; bools that become numbers are 0 and 1.
 */
import { COUNT, optional, whole } from '../base/index.ts'
import { OPERAND, type Tensor } from '../tensor/index.ts'
import { bitwiseAnd, bitwiseLeftShift, bitwiseNot, bitwiseOr, bitwiseRightShift, bitwiseXor } from './bitwise.ts'
import { BOUND, type ClampOptions, clamp, clampMax, clampMin } from './clamp.ts'
import { eq, ge, gt, le, logicalAnd, logicalNot, logicalOr, logicalXor, lt, ne } from './compare.ts'
import {
  ALPHA,
  type AlphaOptions,
  abs,
  add,
  cos,
  DIV,
  type DivOptions,
  div,
  erf,
  erfc,
  exp,
  expm1,
  log,
  log1p,
  mul,
  neg,
  pow,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sqrt,
  square,
  sub,
  tanh,
} from './elementwise.ts'
import { erfinv } from './erf.ts'
import { digamma, i0, igamma, igammac, lgamma, mvlgamma, polygamma } from './gamma.ts'
import { type InPlace, type InPlaceWith, inPlace } from './inplace.ts'
import { exp2, floatPower, LOGIT_EPS, ldexp, log2, log10, logit, xlogy } from './logarithms.ts'
import type { Operand } from './promote.ts'
import { floorDivide, fmod, gcd, lcm, remainder } from './remainders.ts'
import { ceil, floor, frac, nextafter, ROUND, type RoundOptions, round, trunc } from './rounding.ts'
import { copysign, heaviside, NAN_TO_NUM, type NanToNumOptions, nanToNum } from './signs.ts'
import { ADDC, addcdiv, addcmul, LERP, lerp, type ValueOptions } from './ternary.ts'
import { acos, acosh, asin, asinh, atan, atan2, atanh, cosh, deg2rad, hypot, rad2deg, sinc, sinh, tan } from './trigonometry.ts'

const WITH = { other: OPERAND } as const

/** x ← |x|: see {@link abs}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.abs_.html */
export const abs_: InPlace = inPlace('abs_', {}, abs)
/** x ← acos x: see {@link acos}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.acos_.html */
export const acos_: InPlace = inPlace('acos_', {}, acos)
/** x ← acosh x: see {@link acosh}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.acosh_.html */
export const acosh_: InPlace = inPlace('acosh_', {}, acosh)
/** x ← x + alpha · other: see {@link add}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.add_.html */
export const add_: (x: Tensor, other: Operand, options?: AlphaOptions) => Tensor = inPlace(
  'add_',
  { other: OPERAND, options: optional(ALPHA) },
  add,
)
/** x ← x + value · tensor1 / tensor2: see {@link addcdiv}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.addcdiv_.html */
export const addcdiv_: (x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: ValueOptions) => Tensor = inPlace('addcdiv_', ADDC, addcdiv)
/** x ← x + value · tensor1 · tensor2: see {@link addcmul}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.addcmul_.html */
export const addcmul_: (x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: ValueOptions) => Tensor = inPlace('addcmul_', ADDC, addcmul)
/** x ← asin x: see {@link asin}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.asin_.html */
export const asin_: InPlace = inPlace('asin_', {}, asin)
/** x ← asinh x: see {@link asinh}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.asinh_.html */
export const asinh_: InPlace = inPlace('asinh_', {}, asinh)
/** x ← atan x: see {@link atan}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.atan_.html */
export const atan_: InPlace = inPlace('atan_', {}, atan)
/** x ← the angle of (other, x): see {@link atan2}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.atan2_.html */
export const atan2_: InPlaceWith = inPlace('atan2_', WITH, atan2)
/** x ← atanh x: see {@link atanh}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.atanh_.html */
export const atanh_: InPlace = inPlace('atanh_', {}, atanh)
/** x ← x & other: see {@link bitwiseAnd}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bitwise_and_.html */
export const bitwiseAnd_: InPlaceWith = inPlace('bitwiseAnd_', WITH, bitwiseAnd)
/** x ← x · 2^other: see {@link bitwiseLeftShift}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bitwise_left_shift_.html */
export const bitwiseLeftShift_: InPlaceWith = inPlace('bitwiseLeftShift_', WITH, bitwiseLeftShift)
/** x ← ~x: see {@link bitwiseNot}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bitwise_not_.html */
export const bitwiseNot_: InPlace = inPlace('bitwiseNot_', {}, bitwiseNot)
/** x ← x | other: see {@link bitwiseOr}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bitwise_or_.html */
export const bitwiseOr_: InPlaceWith = inPlace('bitwiseOr_', WITH, bitwiseOr)
/** x ← ⌊x / 2^other⌋: see {@link bitwiseRightShift}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bitwise_right_shift_.html */
export const bitwiseRightShift_: InPlaceWith = inPlace('bitwiseRightShift_', WITH, bitwiseRightShift)
/** x ← x ^ other: see {@link bitwiseXor}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.bitwise_xor_.html */
export const bitwiseXor_: InPlaceWith = inPlace('bitwiseXor_', WITH, bitwiseXor)
/** x ← ⌈x⌉: see {@link ceil}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.ceil_.html */
export const ceil_: InPlace = inPlace('ceil_', {}, ceil)
/** x ← x within [min, max]: see {@link clamp}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.clamp_.html */
export const clamp_: (x: Tensor, min?: Operand | null | ClampOptions, max?: Operand | null) => Tensor = inPlace('clamp_', BOUND, clamp)
/** x ← min(x, max): see {@link clampMax}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.clamp_max_.html */
export const clampMax_: (x: Tensor, max: Operand) => Tensor = inPlace('clampMax_', { max: OPERAND }, clampMax)
/** x ← max(x, min): see {@link clampMin}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.clamp_min_.html */
export const clampMin_: (x: Tensor, min: Operand) => Tensor = inPlace('clampMin_', { min: OPERAND }, clampMin)
/** x ← |x| with the sign of other: see {@link copysign}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.copysign_.html */
export const copysign_: InPlaceWith = inPlace('copysign_', WITH, copysign)
/** x ← cos x: see {@link cos}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.cos_.html */
export const cos_: InPlace = inPlace('cos_', {}, cos)
/** x ← cosh x: see {@link cosh}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.cosh_.html */
export const cosh_: InPlace = inPlace('cosh_', {}, cosh)
/** x ← x · π/180: see {@link deg2rad}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.deg2rad_.html */
export const deg2rad_: InPlace = inPlace('deg2rad_', {}, deg2rad)
/** x ← ψ(x): see {@link digamma}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.digamma_.html */
export const digamma_: InPlace = inPlace('digamma_', {}, digamma)
/** x ← x / other: see {@link div}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.div_.html */
export const div_: (x: Tensor, other: Operand, options?: DivOptions) => Tensor = inPlace(
  'div_',
  { other: OPERAND, options: optional(DIV) },
  div,
)
/** x ← 1 where x = other, else 0: see {@link eq}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.eq_.html */
export const eq_: InPlaceWith = inPlace('eq_', WITH, eq)
/** x ← erf x: see {@link erf}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.erf_.html */
export const erf_: InPlace = inPlace('erf_', {}, erf)
/** x ← 1 − erf x: see {@link erfc}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.erfc_.html */
export const erfc_: InPlace = inPlace('erfc_', {}, erfc)
/** x ← the y with erf y = x: see {@link erfinv}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.erfinv_.html */
export const erfinv_: InPlace = inPlace('erfinv_', {}, erfinv)
/** x ← eˣ: see {@link exp}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.exp_.html */
export const exp_: InPlace = inPlace('exp_', {}, exp)
/** x ← 2ˣ: see {@link exp2}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.exp2_.html */
export const exp2_: InPlace = inPlace('exp2_', {}, exp2)
/** x ← eˣ − 1: see {@link expm1}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.expm1_.html */
export const expm1_: InPlace = inPlace('expm1_', {}, expm1)
/** x ← x^other: see {@link floatPower}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.float_power_.html */
export const floatPower_: InPlaceWith = inPlace('floatPower_', WITH, floatPower)
/** x ← ⌊x⌋: see {@link floor}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.floor_.html */
export const floor_: InPlace = inPlace('floor_', {}, floor)
/** x ← ⌊x / other⌋: see {@link floorDivide}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.floor_divide_.html */
export const floorDivide_: InPlaceWith = inPlace('floorDivide_', WITH, floorDivide)
/** x ← x − other · trunc(x / other): see {@link fmod}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.fmod_.html */
export const fmod_: InPlaceWith = inPlace('fmod_', WITH, fmod)
/** x ← x − trunc x: see {@link frac}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.frac_.html */
export const frac_: InPlace = inPlace('frac_', {}, frac)
/** x ← the greatest common divisor: see {@link gcd}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.gcd_.html */
export const gcd_: InPlaceWith = inPlace('gcd_', WITH, gcd)
/** x ← 1 where x ≥ other, else 0: see {@link ge}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.ge_.html */
export const ge_: InPlaceWith = inPlace('ge_', WITH, ge)
/** x ← 1 where x > other, else 0: see {@link gt}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.gt_.html */
export const gt_: InPlaceWith = inPlace('gt_', WITH, gt)
/** x ← 0, other or 1 where x < 0, x = 0, x > 0: see {@link heaviside}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.heaviside_.html */
export const heaviside_: InPlaceWith = inPlace('heaviside_', WITH, heaviside)
/** x ← √(x² + other²): see {@link hypot}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.hypot_.html */
export const hypot_: InPlaceWith = inPlace('hypot_', WITH, hypot)
/** x ← I₀(x): see {@link i0}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.i0_.html */
export const i0_: InPlace = inPlace('i0_', {}, i0)
/** x ← P(x, other), x being a of {@link igamma}, of which there is no gradient. @see https://pytorch.org/docs/stable/generated/torch.Tensor.igamma_.html */
export const igamma_: InPlaceWith = inPlace('igamma_', WITH, igamma)
/** x ← Q(x, other), x being a of {@link igammac}, of which there is no gradient. @see https://pytorch.org/docs/stable/generated/torch.Tensor.igammac_.html */
export const igammac_: InPlaceWith = inPlace('igammac_', WITH, igammac)
/** x ← the least common multiple: see {@link lcm}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.lcm_.html */
export const lcm_: InPlaceWith = inPlace('lcm_', WITH, lcm)
/** x ← x · 2^other: see {@link ldexp}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.ldexp_.html */
export const ldexp_: InPlaceWith = inPlace('ldexp_', WITH, ldexp)
/** x ← 1 where x ≤ other, else 0: see {@link le}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.le_.html */
export const le_: InPlaceWith = inPlace('le_', WITH, le)
/** x ← x + weight · (end − x): see {@link lerp}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.lerp_.html */
export const lerp_: (x: Tensor, end: Tensor, weight: Tensor | number) => Tensor = inPlace('lerp_', LERP, lerp)
/** x ← log |Γ(x)|: see {@link lgamma}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.lgamma_.html */
export const lgamma_: InPlace = inPlace('lgamma_', {}, lgamma)
/** x ← log x: see {@link log}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.log_.html */
export const log_: InPlace = inPlace('log_', {}, log)
/** x ← log₁₀ x: see {@link log10}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.log10_.html */
export const log10_: InPlace = inPlace('log10_', {}, log10)
/** x ← log(1 + x): see {@link log1p}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.log1p_.html */
export const log1p_: InPlace = inPlace('log1p_', {}, log1p)
/** x ← log₂ x: see {@link log2}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.log2_.html */
export const log2_: InPlace = inPlace('log2_', {}, log2)
/** x ← 1 where both are ≠ 0, else 0: see {@link logicalAnd}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.logical_and_.html */
export const logicalAnd_: InPlaceWith = inPlace('logicalAnd_', WITH, logicalAnd)
/** x ← 1 where x is 0, else 0: see {@link logicalNot}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.logical_not_.html */
export const logicalNot_: InPlace = inPlace('logicalNot_', {}, logicalNot)
/** x ← 1 where one of them is ≠ 0, else 0: see {@link logicalOr}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.logical_or_.html */
export const logicalOr_: InPlaceWith = inPlace('logicalOr_', WITH, logicalOr)
/** x ← 1 where exactly one is ≠ 0, else 0: see {@link logicalXor}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.logical_xor_.html */
export const logicalXor_: InPlaceWith = inPlace('logicalXor_', WITH, logicalXor)
/** x ← log(x / (1 − x)): see {@link logit}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.logit_.html */
export const logit_: (x: Tensor, eps?: number | null) => Tensor = inPlace('logit_', { eps: LOGIT_EPS }, logit)
/** x ← 1 where x < other, else 0: see {@link lt}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.lt_.html */
export const lt_: InPlaceWith = inPlace('lt_', WITH, lt)
/** x ← x · other: see {@link mul}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.mul_.html */
export const mul_: InPlaceWith = inPlace('mul_', WITH, mul)
/** x ← the logarithm of the multivariate gamma function of dimension p: see {@link mvlgamma}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.mvlgamma_.html */
export const mvlgamma_: (x: Tensor, p: number) => Tensor = inPlace('mvlgamma_', { p: whole(1) }, mvlgamma)
/** x ← x with numbers in place of NaN, ∞ and −∞: see {@link nanToNum}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.nan_to_num_.html */
export const nanToNum_: (x: Tensor, nan?: number | null | NanToNumOptions, posinf?: number | null, neginf?: number | null) => Tensor =
  inPlace('nanToNum_', NAN_TO_NUM, nanToNum)
/** x ← 1 where x ≠ other, else 0: see {@link ne}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.ne_.html */
export const ne_: InPlaceWith = inPlace('ne_', WITH, ne)
/** x ← −x: see {@link neg}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.neg_.html */
export const neg_: InPlace = inPlace('neg_', {}, neg)
/** x ← the number next to it in the direction of other: see {@link nextafter}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.nextafter_.html */
export const nextafter_: InPlaceWith = inPlace('nextafter_', WITH, nextafter)
/** x ← the n-th derivative of digamma: see {@link polygamma}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.polygamma_.html */
export const polygamma_: (x: Tensor, n: number) => Tensor = inPlace('polygamma_', { n: COUNT }, (x: Tensor, n: number) => polygamma(n, x))
/** x ← xᵉ: see {@link pow}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.pow_.html */
export const pow_: (x: Tensor, exponent: Operand) => Tensor = inPlace('pow_', { exponent: OPERAND }, pow)
/** x ← x · 180/π: see {@link rad2deg}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.rad2deg_.html */
export const rad2deg_: InPlace = inPlace('rad2deg_', {}, rad2deg)
/** x ← 1/x: see {@link reciprocal}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.reciprocal_.html */
export const reciprocal_: InPlace = inPlace('reciprocal_', {}, reciprocal)
/** x ← max(x, 0): see {@link relu}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.relu_.html */
export const relu_: InPlace = inPlace('relu_', {}, relu)
/** x ← x − other ⌊x / other⌋: see {@link remainder}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.remainder_.html */
export const remainder_: InPlaceWith = inPlace('remainder_', WITH, remainder)
/** x ← the nearest whole number: see {@link round}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.round_.html */
export const round_: (x: Tensor, options?: RoundOptions) => Tensor = inPlace('round_', { options: optional(ROUND) }, round)
/** x ← 1/√x: see {@link rsqrt}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.rsqrt_.html */
export const rsqrt_: InPlace = inPlace('rsqrt_', {}, rsqrt)
/** x ← 1/(1 + e⁻ˣ): see {@link sigmoid}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sigmoid_.html */
export const sigmoid_: InPlace = inPlace('sigmoid_', {}, sigmoid)
/** x ← −1, 0 or 1: see {@link sign}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sign_.html */
export const sign_: InPlace = inPlace('sign_', {}, sign)
/** x ← sin x: see {@link sin}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sin_.html */
export const sin_: InPlace = inPlace('sin_', {}, sin)
/** x ← sin πx / πx: see {@link sinc}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sinc_.html */
export const sinc_: InPlace = inPlace('sinc_', {}, sinc)
/** x ← sinh x: see {@link sinh}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sinh_.html */
export const sinh_: InPlace = inPlace('sinh_', {}, sinh)
/** x ← √x: see {@link sqrt}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sqrt_.html */
export const sqrt_: InPlace = inPlace('sqrt_', {}, sqrt)
/** x ← x²: see {@link square}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.square_.html */
export const square_: InPlace = inPlace('square_', {}, square)
/** x ← x − alpha · other: see {@link sub}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sub_.html */
export const sub_: (x: Tensor, other: Operand, options?: AlphaOptions) => Tensor = inPlace(
  'sub_',
  { other: OPERAND, options: optional(ALPHA) },
  sub,
)
/** x ← tan x: see {@link tan}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.tan_.html */
export const tan_: InPlace = inPlace('tan_', {}, tan)
/** x ← tanh x: see {@link tanh}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.tanh_.html */
export const tanh_: InPlace = inPlace('tanh_', {}, tanh)
/** x ← x without its fraction: see {@link trunc}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.trunc_.html */
export const trunc_: InPlace = inPlace('trunc_', {}, trunc)
/** x ← x log other: see {@link xlogy}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.xlogy_.html */
export const xlogy_: InPlaceWith = inPlace('xlogy_', WITH, xlogy)
