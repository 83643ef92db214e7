/**
 * @file Sums of products of tensors whose dims have labels, whatever notation they come from: sizes are compared, diagonals taken, what stands alone is summed
 * first, and the rest is contracted two at a time in the cheapest order.
 */
import { DTypeError, meetingType, ShapeError, showShape } from '../base/index.ts'
import { checkSize, type Tensor } from '../tensor/index.ts'
import { contraction, type Labels } from './contraction.ts'
import { contractionOrder, keptLabels } from './contraction-order.ts'
import { checkDevices } from './define.ts'
import { sum } from './reduce.ts'
import { sliceBy } from './slice.ts'
import { permuteTo, reshapeTo } from './view.ts'

/** How errors speak of what was given. */
export interface Wording {
  /** The function. */
  readonly op: string
  /** The notation, as the user wrote it. */
  readonly notation: string
  /** The operand of a position. */
  readonly operand: (i: number) => string
  /** A label. */
  readonly label: (label: string) => string
}

interface Labelled {
  readonly x: Tensor
  readonly labels: Labels
}

/**
 * Σ of the product of `tensors`, whose dims have the labels of `inputs`, over the labels that `output` lacks. `output` names each of its labels once, and only
 * such as there are. A dim of size 1 goes with any size of its label.
 */
export function sumOfProducts(tensors: readonly Tensor[], inputs: readonly Labels[], output: Labels, wording: Wording): Tensor {
  const { op } = wording
  checkDevices(op, 'operands', tensors)
  const sizes = labelSizes(tensors, inputs, wording)
  if (tensors.length > 1) checkProducts(tensors, inputs, output, wording)
  checkSize(
    op,
    output.map((l) => sizes.get(l) as number),
  )
  let left = tensors.map((x, i): Labelled => grown(diagonal({ x, labels: inputs[i] as Labels }), sizes))
  left = left.map((operand, i) => alone(operand, [output, ...left.filter((_, k) => k !== i).map(({ labels }) => labels)]))
  for (const [i, j] of contractionOrder({ inputs: left.map(({ labels }) => labels), output, sizes })) {
    const [a, b] = [left[i], left[j]] as [Labelled, Labelled]
    const rest = left.filter((_, k) => k !== i && k !== j)
    const others = rest.map(({ labels }) => labels)
    // (the last step gives what is wanted in its order)
    const out = rest.length === 0 ? output : keptLabels(a.labels, b.labels, others, output)
    left = [...rest, { x: contraction(a.x, b.x, { a: a.labels, b: b.labels, out }), labels: out }]
  }
  const { x, labels } = left[0] as Labelled
  const order = output.map((l) => labels.indexOf(l))
  // (one that nothing was done to is another handle, as of a view)
  return tensors.includes(x) || order.some((d, i) => d !== i) ? permuteTo(x, order) : x
}

/** The size of each label: that of all its dims which is not 1. @throws ShapeError where two differ. */
function labelSizes(tensors: readonly Tensor[], inputs: readonly Labels[], { op, notation, operand, label }: Wording): Map<string, number> {
  const sizes = new Map<string, number>()
  const from = new Map<string, number>()
  inputs.forEach((labels, i) => {
    const { shape } = tensors[i] as Tensor
    labels.forEach((l, d) => {
      const size = shape[d] as number
      const known = sizes.get(l)
      const twice = labels.indexOf(l)
      if (twice < d && shape[twice] !== size) {
        throw new ShapeError(
          op,
          `${notation}: ${label(l)} is repeated in ${operand(i)} ${showShape(shape)}, whose sizes there differ: ${shape[twice]} and ${size}`,
          [shape],
        )
      }
      if (known === undefined || known === 1) {
        sizes.set(l, size)
        from.set(l, i)
      } else if (size !== 1 && size !== known) {
        const first = from.get(l) as number
        const other = (tensors[first] as Tensor).shape
        throw new ShapeError(
          op,
          `${notation}: ${label(l)} has size ${known} in ${operand(first)} ${showShape(other)} and ${size} in ${operand(i)} ${showShape(shape)}`,
          [other, shape],
        )
      }
    })
  })
  return sizes
}

/** Bools have a product (and), but no sum of products. */
function checkProducts(tensors: readonly Tensor[], inputs: readonly Labels[], output: Labels, { op, notation }: Wording): void {
  if (tensors.map((x) => x.dtype).reduce(meetingType) !== 'bool' || inputs.every((labels) => labels.every((l) => output.includes(l))))
    return
  throw new DTypeError(op, `${notation}: bools have no sum of products. Convert with .float()`)
}

/** Of labels that an operand has more than once, the diagonal. */
function diagonal({ x, labels }: Labelled): Labelled {
  const repeated = labels.find((l, i) => labels.indexOf(l) < i)
  if (repeated === undefined) return { x, labels }
  const own = labels.flatMap((l, d) => (l === repeated ? [d] : []))
  const others = labels.flatMap((l, d) => (l === repeated ? [] : [d]))
  const n = x.shape[own[0] as number] as number
  const rest = others.map((d) => x.shape[d] as number)
  const last = permuteTo(x, [...others, ...own])
  // Of r dims of size n in one, every (1 + n + … + nʳ⁻¹)th element is on the diagonal
  const step = own.reduce((all) => all * n + 1, 0)
  const flat = reshapeTo(last, [...rest, n ** own.length])
  const picked = sliceBy(flat, {
    start: flat.shape.map(() => 0),
    step: [...rest.map(() => 1), step],
    sizes: [...rest, n],
  })
  return diagonal({ x: picked, labels: [...others.map((d) => labels[d] as string), repeated] })
}

/** Without dims of size 1 whose label has another size elsewhere. */
function grown({ x, labels }: Labelled, sizes: ReadonlyMap<string, number>): Labelled {
  const kept = labels.flatMap((l, d) => (x.shape[d] === sizes.get(l) ? [d] : []))
  if (kept.length === labels.length) return { x, labels }
  return {
    x: reshapeTo(
      x,
      kept.map((d) => x.shape[d] as number),
    ),
    labels: kept.map((d) => labels[d] as string),
  }
}

/** Summed over what neither the result nor another operand has. */
function alone({ x, labels }: Labelled, others: readonly Labels[]): Labelled {
  const dims = labels.flatMap((l, d) => (others.some((other) => other.includes(l)) ? [] : [d]))
  if (dims.length === 0) return { x, labels }
  return { x: sum(x, dims), labels: labels.filter((_, d) => !dims.includes(d)) }
}
