/** @file Arrays in arrays that users give: their shape, found before anything goes through them, so that none is too deep, too large, or a part of itself. */
import { ArgumentError } from './errors.ts'
import { checkElements, type Shape } from './shape.ts'

/** Arrays and records nest at most so deep: as many dims as PyTorch's tensors have. */
export const MAX_NESTING = 64

/** Throws where `level`, which lies in the values `above` it, is one of them, or lies too deep. `where` names it, `whole` what it is a part of. */
export function checkNesting(op: string, level: object, above: readonly object[], where: () => string, whole: string): void {
  const at = above.indexOf(level)
  if (at >= 0)
    throw new ArgumentError(
      op,
      `${whole} contains itself: ${where()} is ${at === 0 ? whole : `what lies ${above.length - at} levels above it`}`,
    )
  if (above.length >= MAX_NESTING) throw new ArgumentError(op, `${whole} nests deeper than ${MAX_NESTING} levels`)
}

/**
 * The lengths of nested arrays, along their first elements. Rows of other lengths are found by who goes through them, to this depth and no deeper.
 * @param role the argument, as errors name it
 * @throws ArgumentError where an array is a part of itself or lies too deep; ShapeError where there are more elements than a tensor has
 */
export function nestedShape(op: string, role: string, data: unknown): Shape {
  const above: object[] = []
  const shape: number[] = []
  for (let x = data; Array.isArray(x); x = x[0]) {
    checkNesting(op, x, above, () => `${role}${'[0]'.repeat(above.length)}`, role)
    above.push(x)
    shape.push(x.length)
  }
  checkElements(op, shape)
  return shape
}
