/** @file einsum: sums of products of tensors, in Einstein's notation. */
import { ArgumentError, counted, listOf, mismatch, ShapeError, STRING, showShape, signature } from '../base/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'
import type { Labels } from './contraction.ts'
import { defineComposition } from './define.ts'
import { sumOfProducts, type Wording } from './labelled.ts'

/** A letter for each dim, as numbers: 0 to 25 are A to Z, 26 to 51 are a to z. '...' stands for any dims. */
export type Subscripts = readonly (number | '...')[]
/** What {@link einsum} takes: an equation and its operands, or operands with a list of subscripts behind each, and those of the result. */
export type EinsumArguments =
  | readonly [equation: string, ...operands: readonly Tensor[]]
  | readonly [equation: string, operands: readonly Tensor[]]
  | readonly [operand: Tensor, subscripts: Subscripts, ...rest: readonly (Tensor | Subscripts)[]]

const DOTS = '...'
/** The most different letters. */
const LETTERS = 52
const SUBSCRIPTS = listOf({ fits: `a whole number from 0 to ${LETTERS - 1}, or '...'`, accepts: isSubscript })

function isSubscript(x: unknown): boolean {
  return x === DOTS || (Number.isInteger(x) && (x as number) >= 0 && (x as number) < LETTERS)
}

const letterOf = (n: number): string => String.fromCharCode(n < 26 ? 65 + n : 71 + n)

/** What a side of an arrow says: letters or names, and '...' at most once. */
type Terms = readonly string[]

export interface Equation {
  readonly text: string
  /** What stands between names: nothing between letters. */
  readonly between?: string
  readonly inputs: readonly Terms[]
  /** Undefined where the letters of the result follow from those of the operands. */
  readonly output: Terms | undefined
}

const refuse = (text: string, what: string): ArgumentError => new ArgumentError('einsum', `'${text}': ${what}`)

/** One side of an equation, between its commas. */
function termsOf(text: string, part: string, of: string): Terms {
  const terms = part.match(/\.\.\.|[^\s]/g) ?? []
  for (const term of terms) {
    if (term === DOTS || /^[A-Za-z]$/.test(term)) continue
    if (term === '.') throw refuse(text, `a dot of ${of} is no part of '...'`)
    throw refuse(text, `'${term}' of ${of} is no label: labels are the letters a to z and A to Z`)
  }
  if (terms.filter((term) => term === DOTS).length > 1) throw refuse(text, `${of} has '...' more than once`)
  return terms
}

function parse(text: string): Equation {
  const sides = text.split('->')
  if (sides.length > 2) throw refuse(text, "it has more than one '->'")
  const [left, right] = sides as [string, string | undefined]
  return {
    text,
    inputs: left.split(',').map((part, i) => termsOf(text, part, `operand ${i}`)),
    output: right === undefined ? undefined : termsOf(text, right, 'the result'),
  }
}

const textOf = (terms: Terms, between = ''): string => terms.join(between)

/** The equation of operands with a list of subscripts behind each. */
function ofLists(args: readonly unknown[]): { readonly equation: Equation; readonly operands: readonly Tensor[] } {
  const operands: Tensor[] = []
  const inputs: Terms[] = []
  const lettersOf = (list: unknown, role: string): Terms => {
    if (!SUBSCRIPTS.accepts(list)) throw new ArgumentError('einsum', mismatch(SUBSCRIPTS, role, list))
    return (list as Subscripts).map((n) => (n === DOTS ? DOTS : letterOf(n as number)))
  }
  const pairs = args.length - (args.length % 2)
  for (let i = 0; i < pairs; i += 2) {
    const x = args[i]
    if (!(x instanceof Tensor)) throw new ArgumentError('einsum', mismatch(TENSOR, `operand ${i / 2}`, x))
    operands.push(x)
    inputs.push(lettersOf(args[i + 1], `the subscripts of operand ${i / 2}`))
  }
  const output = args.length % 2 ? lettersOf(args[args.length - 1], 'the subscripts of the result') : undefined
  const text = `${inputs.map((terms) => textOf(terms)).join(',')}${output ? `->${textOf(output)}` : ''}`
  for (const terms of output ? [...inputs, output] : inputs)
    if (terms.filter((term) => term === DOTS).length > 1) throw refuse(text, "'...' stands more than once in one list")
  return { equation: { text, inputs, output }, operands }
}

/** A dim that '...' stands for, counted from the back. */
const dotted = (d: number): string => `.${d}`
const dots = (rank: number): string[] => Array.from({ length: rank }, (_, i) => dotted(rank - i))

/** The labels of an operand's dims: '...' is as many as the letters leave. */
function labelsOf({ text, between }: Equation, terms: Terms, x: Tensor, i: number): Labels {
  const letters = terms.filter((term) => term !== DOTS).length
  const rank = x.ndim - letters
  if (rank < 0 || (rank > 0 && !terms.includes(DOTS))) {
    throw new ShapeError(
      'einsum',
      `'${text}': operand ${i} ${showShape(x.shape)} has ${counted(x.ndim, 'dim')}, its labels '${textOf(terms, between)}' are for ${letters}${rank > 0 ? ". '...' stands for the others" : ''}`,
      [x.shape],
    )
  }
  return terms.flatMap((term) => (term === DOTS ? dots(rank) : [term]))
}

/** The labels of the result. Without '->': those of '...', then each letter that occurs once, in the order of the alphabet. */
function outputOf({ text, output }: Equation, inputs: readonly Labels[]): Labels {
  const all = inputs.flat()
  const rank = Math.max(0, ...all.filter((l) => l.startsWith('.')).map((l) => Number(l.slice(1))))
  if (output === undefined) {
    const once = all.filter((l) => !l.startsWith('.') && all.indexOf(l) === all.lastIndexOf(l))
    return [...dots(rank), ...once.sort((a, b) => (a < b ? -1 : 1))]
  }
  output.forEach((l, i) => {
    if (output.indexOf(l) < i) throw refuse(text, `label ${l} appears twice in the result`)
    if (l !== DOTS && !all.includes(l)) throw refuse(text, `label ${l} of the result is in no operand`)
  })
  return output.flatMap((term) => (term === DOTS ? dots(rank) : [term]))
}

/** {@link einsum} by an equation that has been read. */
export const einsumOf: (equation: Equation, ...operands: Tensor[]) => Tensor = defineComposition(
  'einsum',
  (equation: Equation, ...operands: Tensor[]): Tensor => {
    const { text } = equation
    const inputs = equation.inputs.map((terms, i) => labelsOf(equation, terms, operands[i] as Tensor, i))
    const wording: Wording = {
      op: 'einsum',
      notation: `'${text}'`,
      operand: (i) => `operand ${i}`,
      label: (l) => (l.startsWith('.') ? `dim −${l.slice(1)} of '...'` : `label ${l}`),
    }
    return sumOfProducts(operands, inputs, outputOf(equation, inputs), wording)
  },
  { autocast: 'lower' },
)

const EQUATION = signature('einsum', {
  equation: { ...STRING, fits: "an equation as 'ij,jk->ik', or a Tensor with its list of subscripts" },
})

/**
 * Sums of products in Einstein's notation: each dim of an operand has a letter, dims of one letter go together, and what the result (behind `->`) lacks is summed.
 * A letter twice in one operand is its diagonal; `...` stands for any dims, which broadcast; dims of size 1 go with any size. Without `->` the result has the dims
 * of `...`, then the letters that occur once, in alphabetical order. Operands are multiplied two at a time, in the order that takes the fewest multiplications, each
 * by one product of matrices where there is something to sum.
 * @throws ArgumentError for an equation that cannot be read; ShapeError where numbers of dims or sizes do not fit it.
 * @see https://pytorch.org/docs/stable/generated/torch.einsum.html
 * @example einsum('bij,bjk->bik', zeros([5, 2, 3]), zeros([5, 3, 4])).shape // [5, 2, 4]
 * @example einsum(zeros([2, 3]), [0, 1], zeros([3, 4]), [1, 2], [0, 2]).shape // [2, 4]
 */
export function einsum(...args: EinsumArguments): Tensor {
  const [first, ...rest] = args as readonly unknown[]
  if (first instanceof Tensor) {
    const { equation, operands } = ofLists(args)
    return einsumOf(equation, ...operands)
  }
  EQUATION.check(first)
  const equation = parse(first as string)
  const operands = rest.length === 1 && Array.isArray(rest[0]) ? (rest[0] as readonly unknown[]) : rest
  operands.forEach((x, i) => {
    if (!(x instanceof Tensor)) throw new ArgumentError('einsum', mismatch(TENSOR, `operand ${i}`, x))
  })
  const { length } = equation.inputs
  if (operands.length !== length)
    throw refuse(first as string, `it is of ${length} operand${length === 1 ? '' : 's'}, got ${operands.length}`)
  return einsumOf(equation, ...(operands as readonly Tensor[]))
}
