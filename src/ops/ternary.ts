/** @file Elementwise functions of three tensors. */
import {
  type DType,
  DTypeError,
  options as describe,
  isFloat,
  NUMBER,
  type Options,
  oneOf,
  optional,
  signature,
  underName,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import { castTo, checkDevices, defineComposition, defineOp } from './define.ts'
import { add, div, mul, sub } from './elementwise.ts'
import { floatType, lit, meet, number } from './promote.ts'

const blend = defineOp('lerp', {
  inputs: ['start', 'end', 'weight'],
  // From the nearer end, so that both ends are met exactly
  forward: (start, end, weight, _: undefined) => {
    const way = graph.binary('sub', end, start)
    const near = graph.binary('add', start, graph.binary('mul', weight, way))
    const far = graph.binary('sub', end, graph.binary('mul', way, graph.binary('sub', 1, weight)))
    return graph.where(graph.binary('lt', graph.unary('abs', weight), 0.5), near, far)
  },
  saves: { start: ['weight'], end: ['weight'], weight: ['start', 'end'] },
  vjp: {
    start: (g, { weight }) => mul(g, sub(lit(1, weight), weight)),
    end: (g, { weight }) => mul(g, weight),
    weight: (g, { start, end }) => mul(g, sub(end, start)),
  },
})

/** The kinds of what {@link lerp} takes behind `start`. */
export const LERP = { end: TENSOR, weight: oneOf(TENSOR, NUMBER) } as const
const LERP_ARGUMENTS = signature('lerp', { start: TENSOR, ...LERP })

/**
 * start + weight · (end − start), which is `end` where the weight is 1. The three broadcast.
 * @throws DTypeError where a tensor is not of a float dtype.
 * @see https://pytorch.org/docs/stable/generated/torch.lerp.html
 */
export function lerp(start: Tensor, end: Tensor, weight: Tensor | number): Tensor {
  LERP_ARGUMENTS.check(start, end, weight)
  const tensors = [start, end, ...(weight instanceof Tensor ? [weight] : [])]
  for (const [i, x] of tensors.entries())
    if (!isFloat(x.dtype))
      throw new DTypeError('lerp', `${['start', 'end', 'weight'][i]} must be of a float dtype, got ${x.dtype}. Convert with .float()`)
  checkDevices('lerp', ['start', 'end', 'weight'], tensors)
  const dtype = floatType(tensors) as DType
  return underName('lerp', () => {
    const [a, b] = [castTo(start, dtype), castTo(end, dtype)]
    return blend(a, b, weight instanceof Tensor ? castTo(weight, dtype) : number(weight, dtype), undefined)
  })
}

/** The factor of {@link addcmul} and {@link addcdiv}. */
export interface ValueOptions {
  /** The factor: 1 by default. */
  readonly value?: number
}
/** The kinds of {@link ValueOptions}. */
export const VALUE: Options<ValueOptions> = describe<ValueOptions>({ value: NUMBER })
/** The kinds of what {@link addcmul} and {@link addcdiv} take behind `x`. */
export const ADDC = { tensor1: TENSOR, tensor2: TENSOR, options: optional(VALUE) } as const

const ADDCMUL = signature('addcmul', { x: TENSOR, ...ADDC })
/**
 * x + value · tensor1 · tensor2; the three broadcast.
 * @see https://pytorch.org/docs/stable/generated/torch.addcmul.html
 */
export const addcmul: (x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: ValueOptions) => Tensor = defineComposition(
  'addcmul',
  (x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: ValueOptions) => {
    ADDCMUL.check(x, tensor1, tensor2, options)
    checkDevices('addcmul', ['x', 'tensor1', 'tensor2'], [x, tensor1, tensor2])
    const { value } = options ?? {}
    if (value !== undefined && !Number.isInteger(value)) checkFraction('addcmul', value, [x, tensor1, tensor2])
    const product = mul(tensor1, tensor2)
    return add(x, value === undefined ? product : mul(product, value))
  },
  { autocast: 'widest' },
)

const ADDCDIV = signature('addcdiv', { x: TENSOR, ...ADDC })
/**
 * x + value · tensor1 / tensor2; the three broadcast.
 * @throws DTypeError where all are integers, whose quotient is none: see {@link div}.
 * @see https://pytorch.org/docs/stable/generated/torch.addcdiv.html
 */
export const addcdiv: (x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: ValueOptions) => Tensor = defineComposition(
  'addcdiv',
  (x: Tensor, tensor1: Tensor, tensor2: Tensor, options?: ValueOptions) => {
    ADDCDIV.check(x, tensor1, tensor2, options)
    checkDevices('addcdiv', ['x', 'tensor1', 'tensor2'], [x, tensor1, tensor2])
    if (!isFloat(tensor1.dtype) && !isFloat(tensor2.dtype))
      throw new DTypeError(
        'addcdiv',
        `tensor1 is ${tensor1.dtype}, tensor2 is ${tensor2.dtype}: integers are not divided here. Convert one with .float(), or add x.div(…, { roundingMode })`,
      )
    const { value } = options ?? {}
    return add(x, div(value === undefined ? tensor1 : mul(tensor1, value), tensor2))
  },
  { autocast: 'widest' },
)

/** A factor with a fraction needs a float among the tensors. */
function checkFraction(op: string, value: number, tensors: readonly Tensor[]): void {
  const [x, a, b] = tensors as [Tensor, Tensor, Tensor]
  const { dtype } = meet(op, a, b)
  if (!isFloat(x.dtype) && !isFloat(dtype))
    throw new DTypeError(
      op,
      `value is ${value}, and the tensors are of integers (${x.dtype}, ${a.dtype}, ${b.dtype}). Convert one with .float()`,
    )
}
