/** @file Products of vectors that are made of elementwise ones. */
import {
  broadcastShapes,
  options as describe,
  normalizeDim,
  type Options,
  optional,
  ShapeError,
  showShape,
  signature,
} from '../base/index.ts'
import { checkSize, DIM, dimOr, optionsIn, TENSOR, type Tensor } from '../tensor/index.ts'
import { checkDevices, defineComposition } from './define.ts'
import { mul, sub } from './elementwise.ts'
import { cat } from './join.ts'
import { narrowTo } from './slice.ts'
import { expandTo } from './view.ts'

/** The dim of {@link cross}, by name. */
export interface CrossOptions {
  /** The dim of the vectors: the first of size 3 by default. */
  readonly dim?: number
}
const CROSS_OPTIONS: Options<CrossOptions> = describe<CrossOptions>({ dim: DIM })
const CROSS = signature('cross', { a: TENSOR, b: TENSOR, dim: optional(dimOr(DIM, CROSS_OPTIONS)), options: optional(CROSS_OPTIONS) })

/** The components 2, 3, 1 along a dim of 3. */
const turned = (x: Tensor, dim: number): Tensor => cat([narrowTo(x, dim, 1, 2), narrowTo(x, dim, 0, 1)], dim)

/**
 * The vector product a × b along a dim of size 3; other dims broadcast.
 * @throws ShapeError where the numbers of dims differ, or no dim has size 3.
 * @see https://pytorch.org/docs/stable/generated/torch.cross.html
 */
export const cross: (a: Tensor, b: Tensor, dim?: number | CrossOptions, options?: CrossOptions) => Tensor = defineComposition(
  'cross',
  (a: Tensor, b: Tensor, dim?: number | CrossOptions, options?: CrossOptions) => {
    CROSS.check(a, b, dim, options)
    checkDevices('cross', ['a', 'b'], [a, b])
    const shapes = `a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`
    if (a.ndim !== b.ndim) throw new ShapeError('cross', `the numbers of dims differ: ${shapes}`, [a.shape, b.shape])
    const given = typeof dim === 'number' ? dim : optionsIn<CrossOptions>('cross', dim, options)?.dim
    const shape = broadcastShapes('cross', a.shape, b.shape)
    checkSize('cross', shape)
    const d = given === undefined ? shape.indexOf(3) : normalizeDim('cross', given, a.ndim)
    if (a.shape[d] !== 3 || b.shape[d] !== 3)
      throw new ShapeError(
        'cross',
        `vectors must have 3 components${given === undefined ? ', along some dim' : `, along dim ${given}`}: ${shapes}`,
        [a.shape, b.shape],
      )
    const [x, y] = [expandTo(a, shape), expandTo(b, shape)]
    // a × b turned by one component is a · turned b − turned a · b
    return turned(sub(mul(x, turned(y, d)), mul(turned(x, d), y)), d)
  },
  { autocast: 'widest' },
)
