/** @file Products beside those of matrices: of a matrix and a vector, inner and outer products, Kronecker's, over dims of one's choice, bilinear forms. */
import {
  ArgumentError,
  COUNT,
  options as describe,
  listOf,
  normalizeDim,
  oneOf,
  optional,
  type Shape,
  ShapeError,
  type Signature,
  showShape,
  signature,
} from '../base/index.ts'
import { checkSize, DIM, MAYBE_TENSOR, TENSOR, type Tensor } from '../tensor/index.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, mul } from './elementwise.ts'
import { sumOfProducts } from './labelled.ts'
import { dot, matmul, type ProductFunction } from './matmul.ts'
import { reshapeTo } from './view.ts'

/** Checks the dims that both operands must have. */
export function checkRanks(given: Signature, ranks: readonly number[], tensors: readonly Tensor[]): void {
  const wrong = tensors.findIndex((x, i) => x.ndim !== ranks[i])
  if (wrong < 0) return
  const shapes = tensors.map((x, i) => `${given.roles[i]} is ${showShape(x.shape)}`)
  const rank = ranks[wrong] as number
  throw new ShapeError(
    given.name,
    `${given.roles[wrong]} must have ${rank} dim${rank === 1 ? '' : 's'}: ${shapes.join(', ')}`,
    tensors.map((x) => x.shape),
  )
}

/** Throws where two sizes differ that are summed over. */
export function checkInnerSizes(given: Signature, i: number, a: Tensor, d: number, j: number, b: Tensor, e: number): void {
  const [k, l] = [a.shape[d], b.shape[e]]
  if (k === l) return
  throw new ShapeError(
    given.name,
    `inner sizes differ: ${given.roles[i]} is ${showShape(a.shape)} (dim ${d}: ${k}), ${given.roles[j]} is ${showShape(b.shape)} (dim ${e}: ${l})`,
    [a.shape, b.shape],
  )
}

// ── vectors ──

const MV = signature('mv', { x: TENSOR, vector: TENSOR })

/** [n, m] · [m] → [n]. @throws ShapeError where sizes do not fit. @see https://pytorch.org/docs/stable/generated/torch.mv.html */
export const mv: ProductFunction = defineComposition(
  'mv',
  (x: Tensor, vector: Tensor): Tensor => {
    MV.check(x, vector)
    checkRanks(MV, [2, 1], [x, vector])
    checkInnerSizes(MV, 0, x, 1, 1, vector, 0)
    checkDevices('mv', MV.roles, [x, vector])
    return matmul(x, vector)
  },
  { autocast: 'lower' },
)

const VDOT = signature('vdot', { a: TENSOR, b: TENSOR })

/** Inner product of two vectors: of reals, which all tensors are, that is `dot`. @see https://pytorch.org/docs/stable/generated/torch.vdot.html */
export const vdot: ProductFunction = defineComposition(
  'vdot',
  (a: Tensor, b: Tensor): Tensor => {
    VDOT.check(a, b)
    return dot(a, b)
  },
  { autocast: 'widest' },
)

const INNER = signature('inner', { a: TENSOR, b: TENSOR })

/** As `[…, k] · [other, k]ᵀ`: labels of the dims of both, of which the last is summed. */
const lettersOf = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`)

/**
 * Sums of products over the last dim of both.
 * @param a [...p, k], or 0-d
 * @param b [...q, k], or 0-d
 * @returns [...p, ...q]; the product where one is 0-d
 * @throws ShapeError where the last sizes differ.
 * @see https://pytorch.org/docs/stable/generated/torch.inner.html
 * @example inner(zeros([2, 3]), zeros([4, 5, 3])).shape // [2, 4, 5]
 */
export const inner: ProductFunction = defineComposition(
  'inner',
  (a: Tensor, b: Tensor): Tensor => {
    INNER.check(a, b)
    if (a.ndim === 0 || b.ndim === 0) return mul(a, b)
    checkInnerSizes(INNER, 0, a, a.ndim - 1, 1, b, b.ndim - 1)
    return overDims('inner', a, b, [a.ndim - 1], [b.ndim - 1])
  },
  { autocast: 'widest' },
)

const OUTER = signature('outer', { a: TENSOR, b: TENSOR })

/** Every product of an element of one vector and one of the other: [n], [m] → [n, m]. @see https://pytorch.org/docs/stable/generated/torch.outer.html */
export const outer: ProductFunction = defineComposition('outer', (a: Tensor, b: Tensor): Tensor => {
  OUTER.check(a, b)
  checkRanks(OUTER, [1, 1], [a, b])
  return mul(reshapeTo(a, [a.shape[0] as number, 1]), b)
})

const KRON = signature('kron', { a: TENSOR, b: TENSOR })

/**
 * Kronecker's product: each element of `a` times all of `b`, in its place.
 * @returns with the sizes of both multiplied dim by dim, the last with the last; missing ones are 1
 * @see https://pytorch.org/docs/stable/generated/torch.kron.html
 * @example kron(zeros([2, 3]), zeros([4, 5])).shape // [8, 15]
 */
export const kron: ProductFunction = defineComposition('kron', (a: Tensor, b: Tensor): Tensor => {
  KRON.check(a, b)
  const rank = Math.max(a.ndim, b.ndim)
  const sizes = (x: Tensor): Shape => [...new Array<number>(rank - x.ndim).fill(1), ...x.shape]
  const [p, q] = [sizes(a), sizes(b)]
  const out = p.map((s, i) => s * (q[i] as number))
  checkSize('kron', out)
  const left = reshapeTo(
    a,
    p.flatMap((s) => [s, 1]),
  )
  const right = reshapeTo(
    b,
    q.flatMap((s) => [1, s]),
  )
  return reshapeTo(mul(left, right), out)
})

// ── dims of one's choice ──

/** Σ over dims of `a` with dims of `b`, which have as many; a size of 1 goes with any. */
function overDims(op: string, a: Tensor, b: Tensor, ofA: readonly number[], ofB: readonly number[]): Tensor {
  const left = lettersOf('a', a.ndim)
  const right = lettersOf('b', b.ndim)
  ofA.forEach((d, i) => {
    right[ofB[i] as number] = left[d] as string
  })
  const out = [...left.filter((_, d) => !ofA.includes(d)), ...right.filter((_, d) => !ofB.includes(d))]
  const where = (l: string): string => {
    const [d, e] = [left.indexOf(l), right.indexOf(l)]
    return e < 0 ? `dim ${d} of a` : d < 0 ? `dim ${e} of b` : `dim ${d} of a and ${e} of b, which go together,`
  }
  return sumOfProducts([a, b], [left, right], out, {
    op,
    notation: 'sizes differ',
    operand: (i) => (i === 0 ? 'a' : 'b'),
    label: where,
  })
}

/** Over which dims {@link tensordot} sums: so many (the last of `a` with the first of `b`), or those of `a` and those of `b` that go together. */
export type TensordotDims = number | readonly [ofA: readonly number[], ofB: readonly number[]]
/** Options of {@link tensordot}. */
export interface TensordotOptions {
  /** 2 by default. */
  readonly dims?: TensordotDims
}

const DIMS_OF_BOTH = { ...oneOf(COUNT, listOf(listOf(DIM))), fits: 'a whole number ≥ 0, or two lists of dims' }
const TENSORDOT_OPTIONS = describe<TensordotOptions>({ dims: DIMS_OF_BOTH })
const TENSORDOT = signature('tensordot', { a: TENSOR, b: TENSOR, dims: optional(oneOf(DIMS_OF_BOTH, TENSORDOT_OPTIONS)) })

/**
 * Sums of products over `dims`: of the last so many dims of `a` with the first of `b`, or of the dims of `a` in one list with those of `b` in the other. A size of 1
 * goes with any.
 * @returns the other dims of `a`, then those of `b`
 * @throws ShapeError where sizes or numbers of dims differ.
 * @see https://pytorch.org/docs/stable/generated/torch.tensordot.html
 * @example tensordot(zeros([2, 3, 4]), zeros([4, 3, 5]), [[1, 2], [1, 0]]).shape // [2, 5]
 */
export const tensordot: (a: Tensor, b: Tensor, dims?: TensordotDims | TensordotOptions) => Tensor = defineComposition(
  'tensordot',
  (a: Tensor, b: Tensor, dims?: TensordotDims | TensordotOptions): Tensor => {
    TENSORDOT.check(a, b, dims)
    const given = (typeof dims === 'object' && !Array.isArray(dims) ? (dims as TensordotOptions).dims : (dims as TensordotDims)) ?? 2
    if (typeof given === 'number') {
      if (given > Math.min(a.ndim, b.ndim)) {
        throw new ShapeError('tensordot', `dims ${given} are more than a ${showShape(a.shape)} or b ${showShape(b.shape)} has`, [
          a.shape,
          b.shape,
        ])
      }
      const first = Array.from({ length: given }, (_, i) => i)
      return overDims(
        'tensordot',
        a,
        b,
        first.map((i) => a.ndim - given + i),
        first,
      )
    }
    if (given.length !== 2) throw new ArgumentError('tensordot', `dims must be a list for a and one for b, got ${given.length}`)
    const listOfDims = (list: readonly number[], x: Tensor, role: string): number[] => {
      const normal = list.map((d) => normalizeDim('tensordot', d, x.ndim))
      if (new Set(normal).size < normal.length) throw new ArgumentError('tensordot', `dims of ${role} name one twice: [${list.join(', ')}]`)
      return normal
    }
    const [ofA, ofB] = [listOfDims(given[0], a, 'a'), listOfDims(given[1], b, 'b')]
    if (ofA.length !== ofB.length)
      throw new ArgumentError('tensordot', `dims must name as many of b as of a, got ${ofB.length} and ${ofA.length}`)
    return overDims('tensordot', a, b, a.ndim === 0 ? [] : ofA, b.ndim === 0 ? [] : ofB)
  },
  { autocast: 'widest' },
)

const BILINEAR = signature('bilinear', { x1: TENSOR, x2: TENSOR, weight: TENSOR, bias: MAYBE_TENSOR })

/**
 * x1ᵀ · weight[o] · x2 + bias[o] for each o.
 * @param x1 [..., in1]
 * @param x2 [..., in2]
 * @param weight [out, in1, in2]
 * @param bias [out]
 * @returns [..., out]
 * @throws ShapeError where sizes do not fit.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.bilinear.html
 */
export const bilinear: (x1: Tensor, x2: Tensor, weight: Tensor, bias?: Tensor | null) => Tensor = defineComposition(
  'bilinear',
  (x1: Tensor, x2: Tensor, weight: Tensor, bias?: Tensor | null): Tensor => {
    BILINEAR.check(x1, x2, weight, bias)
    const { shape } = weight
    const rank = x1.ndim - 1
    const fits = (x: Tensor, size: number | undefined): boolean => x.ndim > 0 && x.shape[x.ndim - 1] === size
    const same = x1.ndim === x2.ndim && x1.shape.slice(0, -1).every((s, i) => s === x2.shape[i])
    if (weight.ndim !== 3 || !fits(x1, shape[1]) || !fits(x2, shape[2]) || !same) {
      throw new ShapeError(
        'bilinear',
        `[..., in1], [..., in2] and [out, in1, in2] are wanted: x1 is ${showShape(x1.shape)}, x2 is ${showShape(x2.shape)}, weight is ${showShape(shape)}`,
        [x1.shape, x2.shape, shape],
      )
    }
    if (bias && (bias.ndim !== 1 || bias.shape[0] !== shape[0]))
      throw new ShapeError('bilinear', `bias must be [${shape[0]}] for weight ${showShape(shape)}, got ${showShape(bias.shape)}`, [
        bias.shape,
      ])
    checkDevices('bilinear', BILINEAR.roles, [x1, x2, weight, bias])
    const batch = lettersOf('d', rank)
    const labels = [
      [...batch, 'i'],
      [...batch, 'j'],
      ['o', 'i', 'j'],
    ]
    const y = sumOfProducts([x1, x2, weight], labels, [...batch, 'o'], {
      op: 'bilinear',
      notation: 'sizes differ',
      operand: (i) => BILINEAR.roles[i] as string,
      label: (l) => l,
    })
    return bias ? add(y, bias) : y
  },
  { autocast: 'widest' },
)
