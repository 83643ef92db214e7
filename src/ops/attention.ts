/** @file Attention: values averaged by how well queries fit keys. */
import {
  ArgumentError,
  BOOLEAN,
  broadcastShapes,
  DTypeError,
  options as describe,
  FINITE,
  nullable,
  optional,
  type Shape,
  ShapeError,
  sameShape,
  showShape,
  signature,
  within,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { MAYBE_TENSOR, TENSOR, Tensor } from '../tensor/index.ts'
import { eq, ge } from './compare.ts'
import { stopGradient } from './convert.ts'
import { checkDevices, defineComposition } from './define.ts'
import { dropout } from './dropout.ts'
import { add, mul, where } from './elementwise.ts'
import { amax } from './extremes.ts'
import { matmul } from './matmul.ts'
import { checkFloat, lit } from './promote.ts'
import { GENERATOR, type GeneratorOptions } from './random.ts'
import { softmax } from './softmax.ts'
import { expand, reshape, transposed } from './view.ts'

/** Options of {@link scaledDotProductAttention}. */
export interface AttentionOptions extends GeneratorOptions {
  /** Broadcasts to [..., L, S]: bools say which keys a query sees, floats are added to the scores. */
  readonly attnMask?: Tensor | null
  /** The probability with which a weight is dropped: 0 by default. */
  readonly dropoutP?: number
  /** Whether a query sees the keys up to its own position only: false by default. */
  readonly isCausal?: boolean
  /** The factor of the scores: 1/√E by default. */
  readonly scale?: number | null
  /** Whether several heads of queries share one of keys and values (dim −3): false by default. */
  readonly enableGqa?: boolean
}

const ATTENTION = signature('scaledDotProductAttention', {
  query: TENSOR,
  key: TENSOR,
  value: TENSOR,
  options: optional(
    describe<AttentionOptions>({
      attnMask: MAYBE_TENSOR,
      dropoutP: within(0, 1),
      isCausal: BOOLEAN,
      scale: nullable(FINITE),
      enableGqa: BOOLEAN,
      generator: GENERATOR,
    }),
  ),
})
const OP = 'scaledDotProductAttention'

/** Each head of keys or values as often as there are heads of queries for it. */
function sharedHeads(role: string, x: Tensor, query: Tensor): Tensor {
  const [heads, of] = [query.shape.at(-3), x.shape.at(-3)]
  if (heads === undefined || of === undefined || of === 0 || heads % of !== 0)
    throw new ShapeError(OP, `the heads (dim −3) of ${role} ${showShape(x.shape)} must divide those of query ${showShape(query.shape)}`, [
      query.shape,
      x.shape,
    ])
  if (heads === of) return x
  const before = x.shape.slice(0, -3)
  const matrix = x.shape.slice(-2)
  return reshape(expand(reshape(x, [...before, of, 1, ...matrix]), [...before, of, heads / of, ...matrix]), [...before, heads, ...matrix])
}

function checkShapes(query: Tensor, key: Tensor, value: Tensor): void {
  for (const [role, x] of Object.entries({ query, key, value })) {
    checkFloat(OP, role, x)
    if (x.ndim < 2) throw new ShapeError(OP, `${role} must be [..., positions, features], got ${showShape(x.shape)}`, [x.shape])
    if (x.dtype !== query.dtype)
      throw new DTypeError(OP, `${role} is ${x.dtype}, query is ${query.dtype}. Convert one with .to('${query.dtype}')`)
  }
  const shapes = `query is ${showShape(query.shape)}, key is ${showShape(key.shape)}, value is ${showShape(value.shape)}`
  if (query.shape.at(-1) !== key.shape.at(-1))
    throw new ShapeError(OP, `the last sizes of query and key differ: ${shapes}`, [query.shape, key.shape])
  if (key.shape.at(-2) !== value.shape.at(-2))
    throw new ShapeError(OP, `key and value have other numbers of positions (dim −2): ${shapes}`, [key.shape, value.shape])
}

/** Throws unless `mask` is of bools, or of floats as the query, and broadcasts to the scores. */
function checkMask(mask: Tensor, query: Tensor, scores: Shape): void {
  if (mask.dtype !== 'bool') checkFloat(OP, 'attnMask', mask)
  if (mask.ndim > scores.length || !sameShape(broadcastShapes(OP, mask.shape, scores), scores))
    throw new ShapeError(OP, `attnMask ${showShape(mask.shape)} does not broadcast to the scores ${showShape(scores)}`, [
      mask.shape,
      query.shape,
    ])
}

/** How much each query takes of each key, [..., L, S]: 0 from keys that it does not see, also where it sees none. */
function weightsOf(scores: Tensor, mask: Tensor | null | undefined, isCausal: boolean): Tensor {
  const nothing = lit(Number.NEGATIVE_INFINITY, scores)
  let masked = scores
  if (mask) masked = mask.dtype === 'bool' ? where(mask, masked, nothing) : add(masked, mask)
  if (isCausal) {
    const [l, s] = scores.shape.slice(-2) as [number, number]
    masked = where(ge(new Tensor(graph.reshape(graph.iota(l), [l, 1])), new Tensor(graph.iota(s))), masked, nothing)
  }
  if (!(mask || isCausal)) return softmax(masked, -1)
  // A row that sees nothing has no softmax: it is one of zeros, whose weights are 0 in the end, and no gradient comes out of it
  const blind = eq(amax(stopGradient(masked), -1, { keepdim: true }), nothing)
  return where(blind, lit(0, scores), softmax(where(blind, lit(0, scores), masked), -1))
}

/**
 * softmax(query · keyᵀ · scale + attnMask) · value. A query that sees no key gives 0, and its gradient is 0.
 * @param query [..., L, E]
 * @param key [..., S, E]
 * @param value [..., S, Ev]; the leading dims of the three broadcast. float16 and bfloat16 are computed in float32, and rounded once
 * @returns [..., L, Ev]
 * @throws ShapeError for sizes that do not fit; DTypeError for integers, or where the three differ; ArgumentError where both a mask and `isCausal` are given.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
 * @example scaledDotProductAttention(randn([2, 8, 5, 16]), randn([2, 8, 7, 16]), randn([2, 8, 7, 16])).shape // [2, 8, 5, 16]
 */
export const scaledDotProductAttention: (query: Tensor, key: Tensor, value: Tensor, options?: AttentionOptions) => Tensor =
  defineComposition(
    OP,
    (query: Tensor, key: Tensor, value: Tensor, options: AttentionOptions = {}) => {
      ATTENTION.check(query, key, value, options)
      const { attnMask = null, dropoutP = 0, isCausal = false, scale = null, enableGqa = false, generator } = options
      checkDevices(OP, ['query', 'key', 'value', 'attnMask'], [query, key, value, attnMask])
      checkShapes(query, key, value)
      if (attnMask && isCausal)
        throw new ArgumentError(OP, 'attnMask and isCausal are both given. Put the triangle into the mask: ones([l, s]).tril()')
      const k = enableGqa ? sharedHeads('key', key, query) : key
      const v = enableGqa ? sharedHeads('value', value, query) : value
      const features = query.shape.at(-1) as number
      const scores = mul(matmul(query, transposed(k)), scale ?? (features === 0 ? 1 : 1 / Math.sqrt(features)))
      if (attnMask) checkMask(attnMask, query, scores.shape)
      if ((key.shape.at(-2) as number) === 0) return matmul(scores, v)
      const weights = weightsOf(scores, attnMask, isCausal)
      return matmul(dropoutP > 0 ? dropout(weights, dropoutP, generator ? { generator } : {}) : weights, v)
    },
    { autocast: 'lower' },
  )
