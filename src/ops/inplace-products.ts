/** @file In-place forms of products that are added to something: `x.addmm_(a, b)`. */
import { optional } from '../base/index.ts'
import { TENSOR } from '../tensor/index.ts'
import { ADD_PRODUCT, type AddProductFunction, addbmm, addmm, addmv, addr, baddbmm } from './add-products.ts'
import { inPlace } from './inplace.ts'

const OPTIONS = { options: optional(ADD_PRODUCT) } as const

/** As {@link addmm}, with `x` as the input and the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.addmm_.html */
export const addmm_: AddProductFunction = inPlace('addmm_', { mat1: TENSOR, mat2: TENSOR, ...OPTIONS }, addmm)
/** As {@link addmv}, with `x` as the input and the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.addmv_.html */
export const addmv_: AddProductFunction = inPlace('addmv_', { mat: TENSOR, vec: TENSOR, ...OPTIONS }, addmv)
/** As {@link addr}, with `x` as the input and the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.addr_.html */
export const addr_: AddProductFunction = inPlace('addr_', { vec1: TENSOR, vec2: TENSOR, ...OPTIONS }, addr)
/** As {@link addbmm}, with `x` as the input and the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.addbmm_.html */
export const addbmm_: AddProductFunction = inPlace('addbmm_', { batch1: TENSOR, batch2: TENSOR, ...OPTIONS }, addbmm)
/** As {@link baddbmm}, with `x` as the input and the result. @see https://pytorch.org/docs/stable/generated/torch.Tensor.baddbmm_.html */
export const baddbmm_: AddProductFunction = inPlace('baddbmm_', { batch1: TENSOR, batch2: TENSOR, ...OPTIONS }, baddbmm)
