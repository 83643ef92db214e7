/** @file Other names that PyTorch has for functions: the same functions, constants of their own so that an editor shows what they are. */
import { clamp } from './clamp.ts'
import { ge, gt, le, lt, ne } from './compare.ts'
import { abs, div, mul, neg, sign, sub } from './elementwise.ts'
import {
  abs_,
  acos_,
  acosh_,
  asin_,
  asinh_,
  atan_,
  atan2_,
  atanh_,
  clamp_,
  div_,
  ge_,
  gt_,
  le_,
  lt_,
  mul_,
  ne_,
  neg_,
  sign_,
  sub_,
  trunc_,
} from './inplace-elementwise.ts'
import { transpose_ } from './inplace-shape.ts'
import { cat } from './join.ts'
import { outer } from './products.ts'
import { trunc } from './rounding.ts'
import { vstack } from './stacking.ts'
import { acos, acosh, asin, asinh, atan, atan2, atanh } from './trigonometry.ts'
import { movedim, transpose } from './view.ts'

/** Another name of {@link outer}. @see https://pytorch.org/docs/stable/generated/torch.ger.html */
export const ger: typeof outer = outer
/** Another name of {@link cat}. @see https://pytorch.org/docs/stable/generated/torch.concat.html */
export const concat: typeof cat = cat
/** Another name of {@link cat}. @see https://pytorch.org/docs/stable/generated/torch.concatenate.html */
export const concatenate: typeof cat = cat
/** Another name of {@link vstack}. @see https://pytorch.org/docs/stable/generated/torch.row_stack.html */
export const rowStack: typeof vstack = vstack
/** Another name of {@link movedim}. @see https://pytorch.org/docs/stable/generated/torch.moveaxis.html */
export const moveaxis: typeof movedim = movedim
/** Another name of {@link transpose}. @see https://pytorch.org/docs/stable/generated/torch.swapaxes.html */
export const swapaxes: typeof transpose = transpose
/** Another name of {@link transpose}. @see https://pytorch.org/docs/stable/generated/torch.swapdims.html */
export const swapdims: typeof transpose = transpose

/** Another name of {@link abs}. @see https://pytorch.org/docs/stable/generated/torch.absolute.html */
export const absolute: typeof abs = abs
/** Another name of {@link acos}. @see https://pytorch.org/docs/stable/generated/torch.arccos.html */
export const arccos: typeof acos = acos
/** Another name of {@link acosh}. @see https://pytorch.org/docs/stable/generated/torch.arccosh.html */
export const arccosh: typeof acosh = acosh
/** Another name of {@link asin}. @see https://pytorch.org/docs/stable/generated/torch.arcsin.html */
export const arcsin: typeof asin = asin
/** Another name of {@link asinh}. @see https://pytorch.org/docs/stable/generated/torch.arcsinh.html */
export const arcsinh: typeof asinh = asinh
/** Another name of {@link atan}. @see https://pytorch.org/docs/stable/generated/torch.arctan.html */
export const arctan: typeof atan = atan
/** Another name of {@link atan2}. @see https://pytorch.org/docs/stable/generated/torch.arctan2.html */
export const arctan2: typeof atan2 = atan2
/** Another name of {@link atanh}. @see https://pytorch.org/docs/stable/generated/torch.arctanh.html */
export const arctanh: typeof atanh = atanh
/** Another name of {@link clamp}. @see https://pytorch.org/docs/stable/generated/torch.clip.html */
export const clip: typeof clamp = clamp
/** Another name of {@link div}. @see https://pytorch.org/docs/stable/generated/torch.divide.html */
export const divide: typeof div = div
/** Another name of {@link trunc}. @see https://pytorch.org/docs/stable/generated/torch.fix.html */
export const fix: typeof trunc = trunc
/** Another name of {@link gt}. @see https://pytorch.org/docs/stable/generated/torch.greater.html */
export const greater: typeof gt = gt
/** Another name of {@link ge}. @see https://pytorch.org/docs/stable/generated/torch.greater_equal.html */
export const greaterEqual: typeof ge = ge
/** Another name of {@link lt}. @see https://pytorch.org/docs/stable/generated/torch.less.html */
export const less: typeof lt = lt
/** Another name of {@link le}. @see https://pytorch.org/docs/stable/generated/torch.less_equal.html */
export const lessEqual: typeof le = le
/** Another name of {@link mul}. @see https://pytorch.org/docs/stable/generated/torch.multiply.html */
export const multiply: typeof mul = mul
/** Another name of {@link neg}. @see https://pytorch.org/docs/stable/generated/torch.negative.html */
export const negative: typeof neg = neg
/** Another name of {@link ne}. @see https://pytorch.org/docs/stable/generated/torch.not_equal.html */
export const notEqual: typeof ne = ne
/** Another name of {@link sign}. @see https://pytorch.org/docs/stable/generated/torch.sgn.html */
export const sgn: typeof sign = sign
/** Another name of {@link sub}. @see https://pytorch.org/docs/stable/generated/torch.subtract.html */
export const subtract: typeof sub = sub
/** Another name of {@link div}. @see https://pytorch.org/docs/stable/generated/torch.true_divide.html */
export const trueDivide: typeof div = div
/** Another name of {@link abs_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.absolute_.html */
export const absolute_: typeof abs_ = abs_
/** Another name of {@link acos_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arccos_.html */
export const arccos_: typeof acos_ = acos_
/** Another name of {@link acosh_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arccosh_.html */
export const arccosh_: typeof acosh_ = acosh_
/** Another name of {@link asin_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arcsin_.html */
export const arcsin_: typeof asin_ = asin_
/** Another name of {@link asinh_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arcsinh_.html */
export const arcsinh_: typeof asinh_ = asinh_
/** Another name of {@link atan_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arctan_.html */
export const arctan_: typeof atan_ = atan_
/** Another name of {@link atan2_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arctan2_.html */
export const arctan2_: typeof atan2_ = atan2_
/** Another name of {@link atanh_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.arctanh_.html */
export const arctanh_: typeof atanh_ = atanh_
/** Another name of {@link clamp_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.clip_.html */
export const clip_: typeof clamp_ = clamp_
/** Another name of {@link div_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.divide_.html */
export const divide_: typeof div_ = div_
/** Another name of {@link trunc_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.fix_.html */
export const fix_: typeof trunc_ = trunc_
/** Another name of {@link gt_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.greater_.html */
export const greater_: typeof gt_ = gt_
/** Another name of {@link ge_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.greater_equal_.html */
export const greaterEqual_: typeof ge_ = ge_
/** Another name of {@link lt_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.less_.html */
export const less_: typeof lt_ = lt_
/** Another name of {@link le_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.less_equal_.html */
export const lessEqual_: typeof le_ = le_
/** Another name of {@link mul_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.multiply_.html */
export const multiply_: typeof mul_ = mul_
/** Another name of {@link neg_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.negative_.html */
export const negative_: typeof neg_ = neg_
/** Another name of {@link ne_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.not_equal_.html */
export const notEqual_: typeof ne_ = ne_
/** Another name of {@link sign_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.sgn_.html */
export const sgn_: typeof sign_ = sign_
/** Another name of {@link sub_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.subtract_.html */
export const subtract_: typeof sub_ = sub_
/** Another name of {@link div_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.true_divide_.html */
export const trueDivide_: typeof div_ = div_
/** Another name of {@link transpose_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.swapaxes_.html */
export const swapaxes_: typeof transpose_ = transpose_
/** Another name of {@link transpose_}. @see https://pytorch.org/docs/stable/generated/torch.Tensor.swapdims_.html */
export const swapdims_: typeof transpose_ = transpose_
