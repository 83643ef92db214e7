/** @file Tensors of different dims in one, and out of it: pack and unpack. `*` stands for the dims that differ. */
import {
  ArgumentError,
  counted,
  type Kind,
  listOf,
  type Shape,
  ShapeError,
  STRING,
  showShape,
  signature,
  underName,
} from '../base/index.ts'
import { cat, narrow, reshape } from '../ops/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { NAME, refuse } from './notation.ts'

const STAR = '*'

/** How many dims stand in front of `*`, and how many behind. */
interface Around {
  readonly before: number
  readonly after: number
}

function parse(op: string, pattern: string): Around {
  const axes = pattern.split(/\s+/).filter((axis) => axis !== '')
  const wrong = axes.find((axis) => axis !== STAR && !NAME.test(axis))
  if (wrong !== undefined)
    throw refuse(
      op,
      pattern,
      `'${wrong}' is no axis: axes are names as h or width_2, which neither begin nor end with an underscore, and one '*'`,
    )
  const twice = axes.find((axis, i) => axes.indexOf(axis) < i)
  if (twice !== undefined) throw refuse(op, pattern, `${twice === STAR ? "'*'" : `axis ${twice}`} appears twice`)
  const before = axes.indexOf(STAR)
  if (before < 0) throw refuse(op, pattern, "'*' is wanted where the dims stand that are packed")
  return { before, after: axes.length - before - 1 }
}

const product = (sizes: Shape): number => sizes.reduce((n, size) => n * size, 1)

const PACK = signature('einops.pack', { tensors: listOf(TENSOR, 1), pattern: STRING })

/**
 * Tensors that have some dims in common, in one: what `*` stands for in each of them, any number of dims, becomes one dim, along which they are concatenated.
 * @returns the tensor, and for each of those given the sizes of the dims that `*` stood for, as {@link unpack} takes them
 * @throws ArgumentError for a pattern that cannot be read; ShapeError where a tensor has fewer dims than it names, or the other sizes differ.
 * @see https://einops.rocks/api/pack_unpack/
 * @example einops.pack([zeros([2, 5]), zeros([2, 3, 4, 5])], 'i * k') // [a tensor [2, 13, 5], [[], [3, 4]]]
 */
export function pack(tensors: readonly Tensor[], pattern: string): readonly [packed: Tensor, packedShapes: readonly Shape[]] {
  PACK.check(tensors, pattern)
  const { before, after } = parse('einops.pack', pattern)
  const shapes = tensors.map(({ shape }, i) => {
    if (shape.length < before + after)
      throw new ShapeError('einops.pack', `'${pattern}' names ${before + after} dims, tensors[${i}] is ${showShape(shape)}`, [shape])
    return shape.slice(before, shape.length - after)
  })
  return underName('einops.pack', () => {
    const flat = tensors.map((x, i) =>
      reshape(x, [...x.shape.slice(0, before), product(shapes[i] as Shape), ...x.shape.slice(x.ndim - after)]),
    )
    return [cat(flat, before), shapes]
  })
}

const SIZES: Kind = {
  fits: 'shapes as those that pack gives, as [[], [3, 4]], one of which may have a -1',
  accepts: (x) => Array.isArray(x) && x.every((shape) => Array.isArray(shape) && shape.every((s) => Number.isSafeInteger(s) && s >= -1)),
}
const UNPACK = signature('einops.unpack', { x: TENSOR, packedShapes: SIZES, pattern: STRING })

/**
 * The tensors that {@link pack} put in one: `x` split along the dim that `*` stands for, which in each part becomes the dims of one of `packedShapes`. Views only.
 * @param packedShapes sizes for each part; one size of all may be −1, which follows from the others
 * @throws ArgumentError for a pattern that cannot be read; ShapeError where the sizes do not make `x`.
 * @see https://einops.rocks/api/pack_unpack/
 * @example einops.unpack(zeros([2, 13, 5]), [[], [3, 4]], 'i * k') // tensors [2, 5] and [2, 3, 4, 5]
 */
export function unpack(x: Tensor, packedShapes: readonly Shape[], pattern: string): Tensor[] {
  UNPACK.check(x, packedShapes, pattern)
  const op = 'einops.unpack'
  const { before, after } = parse(op, pattern)
  if (x.ndim !== before + 1 + after)
    throw new ShapeError(op, `'${pattern}' is for ${counted(before + 1 + after, 'dim')}, x is ${showShape(x.shape)}`, [x.shape])
  const shapes = known(op, pattern, x.shape[before] as number, packedShapes)
  return underName(op, () => {
    let start = 0
    return shapes.map((shape) => {
      const part = narrow(x, before, start, product(shape))
      start += product(shape)
      return reshape(part, [...x.shape.slice(0, before), ...shape, ...x.shape.slice(before + 1)])
    })
  })
}

/** The shapes with the size that is −1, which make `size` in all. */
function known(op: string, pattern: string, size: number, shapes: readonly Shape[]): readonly Shape[] {
  const open = shapes.flat().filter((s) => s === -1).length
  const shown = `[${shapes.map(showShape).join(', ')}]`
  if (open > 1) throw new ArgumentError(op, `'${pattern}': one size of packedShapes may be -1, got ${shown}`)
  const rest = size - shapes.reduce((n, shape) => n + (shape.includes(-1) ? 0 : product(shape)), 0)
  const misfit = (): ShapeError => new ShapeError(op, `'${pattern}': packedShapes ${shown} do not make the size ${size} of '*'`, [])
  if (open === 0) {
    if (rest !== 0) throw misfit()
    return shapes
  }
  return shapes.map((shape) => {
    if (!shape.includes(-1)) return shape
    const others = product(shape.filter((s) => s !== -1))
    if (rest < 0 || others === 0 || rest % others !== 0) throw misfit()
    return shape.map((s) => (s === -1 ? rest / others : s))
  })
}
