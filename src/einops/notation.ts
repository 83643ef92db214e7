/** @file The notation of einops: `b (h w) ... -> b h w ...`. Names of axes, parentheses for axes that are one dim, `1` and `()` for dims of size 1, `...` for any. */
import { ArgumentError } from '../base/index.ts'

/** What stands for any dims. */
export const DOTS = '...'
/** A dim of which nothing is said. */
export const SKIPPED = '_'
/** The axes that make one dim: names, DOTS, and numbers, which are axes without a name. */
export type Group = readonly string[]

/** One side of a pattern: its dims. */
export interface Side {
  readonly text: string
  readonly groups: readonly Group[]
  /** Which of them is a '...' outside of parentheses: dims of their own. −1 where there is none. */
  readonly dots: number
}

export const isNumber = (axis: string): boolean => /^\d+$/.test(axis)
/** The names on a side, without numbers. */
export const axesOf = ({ groups }: Pick<Side, 'groups'>): string[] => groups.flat().filter((axis) => !isNumber(axis))

/** What an axis may be called. */
export const NAME: RegExp = /^[A-Za-z]([A-Za-z0-9_]*[A-Za-z0-9])?$/

export const refuse = (op: string, pattern: string, what: string): ArgumentError => new ArgumentError(op, `'${pattern}': ${what}`)

/** What a side may have besides. */
export interface Leave {
  /** `_`, once or more. */
  readonly underscores?: boolean
  /** A name more than once. */
  readonly repeated?: boolean
}

/** The dims of one side. @throws ArgumentError where it cannot be read */
export function parseSide(op: string, pattern: string, text: string, { underscores = false, repeated = false }: Leave = {}): Side {
  const groups: Group[] = []
  let open: string[] | undefined
  let dots = -1
  for (const token of text.match(/\.\.\.|…|[A-Za-z0-9_]+|\S/g) ?? []) {
    if (token === '(') {
      if (open !== undefined) throw refuse(op, pattern, 'parentheses stand in parentheses, which means nothing')
      open = []
    } else if (token === ')') {
      if (open === undefined) throw refuse(op, pattern, "a ')' closes nothing")
      groups.push(open.filter((axis) => axis !== '1'))
      open = undefined
    } else {
      const axis = token === '…' ? DOTS : token
      if (!(underscores && axis === SKIPPED)) checkAxis(op, pattern, axis)
      if (open !== undefined) open.push(axis)
      else {
        if (axis === DOTS) dots = groups.length
        groups.push(axis === '1' ? [] : [axis])
      }
    }
  }
  if (open !== undefined) throw refuse(op, pattern, "a '(' is not closed")
  const names = axesOf({ groups })
  const twice = names.find((axis, i) => names.indexOf(axis) < i && (axis === DOTS || !(repeated || axis === SKIPPED)))
  if (twice !== undefined) throw refuse(op, pattern, `${twice === DOTS ? "'...'" : `axis ${twice}`} appears twice in '${text.trim()}'`)
  return { text: text.trim(), groups, dots }
}

function checkAxis(op: string, pattern: string, axis: string): void {
  if (axis === DOTS || NAME.test(axis) || (isNumber(axis) && Number(axis) > 0)) return
  const what =
    axis.startsWith('_') || axis.endsWith('_') ? 'a name neither begins nor ends with an underscore' : 'axes are names as h or width_2'
  throw refuse(op, pattern, `'${axis}' is no axis: ${what}, numbers > 0 or '...'`)
}

/** Both sides of a pattern. */
export function parsePattern(op: string, pattern: string): { readonly left: Side; readonly right: Side } {
  const sides = pattern.split('->')
  if (sides.length !== 2) throw refuse(op, pattern, "one '->' is wanted between what is and what shall be")
  const [left, right] = sides.map((text) => parseSide(op, pattern, text)) as [Side, Side]
  if (left.groups.some((group, i) => i !== left.dots && group.includes(DOTS)))
    throw refuse(op, pattern, "'...' in parentheses stands on the right only")
  if (axesOf(right).includes(DOTS) && !axesOf(left).includes(DOTS))
    throw refuse(op, pattern, "'...' stands on the right, and not on the left")
  return { left, right }
}
