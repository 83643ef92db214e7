/**
 * @file The loss of connectionist temporal classification: a sum over all alignments of labels with time (A. Graves et al., ICML 2006), in logarithms. Steps in time
 * follow each other, which no primitive says: two routines walk along it, of which one is the other's gradient and, turned round, its own.
 */
import {
  BOOLEAN,
  COUNT,
  options as describe,
  IndexError,
  listOf,
  type Options,
  oneOf,
  optional,
  ShapeError,
  showShape,
  signature,
} from '../base/index.ts'
import * as graph from '../graph/index.ts'
import { hostValues, TENSOR, Tensor } from '../tensor/index.ts'
import { maximum } from './clamp.ts'
import { eq, ge, isfinite, logicalAnd, logicalOr, lt, ne } from './compare.ts'
import { cast, stopGradient } from './convert.ts'
import { tensor } from './create.ts'
import { type CustomOp, customOp } from './custom.ts'
import { checkDevices, defineComposition } from './define.ts'
import { add, div, exp, mul, neg, sub, where } from './elementwise.ts'
import { amax, positions } from './extremes.ts'
import { gatherAlong } from './gather.ts'
import { indexTensor } from './indexing.ts'
import { cat, stack } from './join.ts'
import { logaddexp } from './logarithms.ts'
import { LOSS, type LossOptions } from './pointwise-loss.ts'
import { checkFloat, lit, number } from './promote.ts'
import { mean, sum } from './reduce.ts'
import { cumsum } from './scan.ts'
import { narrowTo, padZeros, sliceBy } from './slice.ts'
import { expand, reshape, unsqueeze } from './view.ts'

// ── along time ──
//
// Arrays are [T, N, L]: L states, of which each is come to from itself, from the one before and, where it may be skipped, from the one before that.

/** The three states that one is come to from. */
const STEPS = [0, 1, 2] as const

/**
 * h_t[s] = b_t[s] + Σ_k w_t[k, s] h_(t−1)[s − k], from h = 0 on. With `back` its transpose, from the end: h_t[s] = b_t[s] + Σ_k w_(t+1)[k, s + k] h_(t+1)[s + k].
 * w: [T, N, 3, L]
 */
const banded: CustomOp = customOp({
  name: 'ctcLoss',
  inputs: { w: 'float', b: 'float' },
  outputs: { h: ({ b }) => b },
  params: ['back'],
  points: ({ b }) => b.shape[1] as number,
  wgsl: `
    fn compute(n: u32) {
      let steps = i32(b_size(0));
      let batch = i32(b_size(1));
      let states = i32(b_size(2));
      let isBack = back() > 0.5;
      for (var k = 0; k < steps; k++) {
        let t = select(k, steps - 1 - k, isBack);
        let row = (t * batch + i32(n)) * states;
        let other = (select(t - 1, t + 1, isBack) * batch + i32(n)) * states;
        for (var s = 0; s < states; s++) {
          var total = b[row + s];
          if (k > 0) {
            for (var d = 0; d < 3; d++) {
              if (isBack && s + d < states) {
                total += w[other * 3 + d * states + s + d] * h[other + s + d];
              }
              if (!isBack && s >= d) {
                total += w[row * 3 + d * states + s] * h[other + s - d];
              }
            }
          }
          h[row + s] = total;
        }
      }
    }`,
  cpu: ({ w, b }, { h }, { shapes, params }) => {
    const [steps, batch, states] = shapes.b as readonly [number, number, number]
    const isBack = params.back === 1
    for (let k = 0; k < steps; k++) {
      const t = isBack ? steps - 1 - k : k
      for (let n = 0; n < batch; n++) {
        const row = (t * batch + n) * states
        const other = ((isBack ? t + 1 : t - 1) * batch + n) * states
        for (let s = 0; s < states; s++) {
          let total = b[row + s] as number
          for (let d = 0; k > 0 && d < 3; d++) {
            if (isBack && s + d < states) total += (w[other * 3 + d * states + s + d] as number) * (h[other + s + d] as number)
            if (!isBack && s >= d) total += (w[row * 3 + d * states + s] as number) * (h[other + s - d] as number)
          }
          h[row + s] = total
        }
      }
    }
  },
  backward: ({ h: g }, { w, h }, { back }) => {
    const carried = banded(w, g, { back: 1 - (back as number) })
    // w_t[k, s] joins t − 1 and t: to it goes what one has, times what arrives at the other
    const [from, to] = back === 0 ? [h, carried] : [carried, h]
    return { b: carried, w: mul(unsqueeze(to, 2), threeBefore(from, 0)) }
  },
})

/** x at t − 1 and s, s − 1 and s − 2, [T, N, 3, L]; `outside` where there is none. */
function threeBefore(x: Tensor, outside: number): Tensor {
  const [steps, batch, states] = x.shape as readonly [number, number, number]
  // Zeros stand for what is outside: so x − outside is moved, unless that is infinite
  const parts = STEPS.map((d) => {
    const sizes = [Math.max(steps - 1, 0), batch, Math.max(states - d, 0)]
    const moved = padZeros(sliceBy(x, { start: [0, 0, 0], step: [1, 1, 1], sizes }), { before: [1, 0, d], sizes: x.shape })
    if (outside === 0) return moved
    const isThere = logicalAnd(ge(along(x, 0), number(1, 'int32')), ge(along(x, 2), number(d, 'int32')))
    return where(isThere, moved, number(outside, x.dtype))
  })
  return stack(parts, 2)
}

/** The positions along a dim, in a shape that broadcasts with `x`. */
const along = (x: Tensor, dim: number): Tensor => new Tensor(positions(x.shape, dim))

/** α_t[s] = e_t[s] + ln Σ_k exp α_(t−1)[s − k], where `skips` says which s take k = 2 too, and which begins with the first two. e: [T, N, L]; skips: [N, L] */
const forwards = customOp({
  name: 'ctcLoss',
  inputs: { e: 'float', skips: 'int32' },
  outputs: { alpha: ({ e }) => e },
  points: ({ e }) => e.shape[1] as number,
  wgsl: `
    fn compute(n: u32) {
      let steps = e_size(0);
      let batch = e_size(1);
      let states = e_size(2);
      let none = bitcast<f32>(skips_size(0) * 0u + 0xff800000u);
      for (var t = 0u; t < steps; t++) {
        let row = (t * batch + n) * states;
        for (var s = 0u; s < states; s++) {
          if (t == 0u) {
            alpha[row + s] = select(none, e[row + s], s < 2u);
            continue;
          }
          let from0 = row - batch * states + s;
          let a = alpha[from0];
          var c = none;
          var d = none;
          if (s >= 1u) { c = alpha[from0 - 1u]; }
          if (s >= 2u && skips[n * states + s] != 0) { d = alpha[from0 - 2u]; }
          let most = max(a, max(c, d));
          var total = none;
          if (most > -3.0e38) { total = most + log(exp(a - most) + exp(c - most) + exp(d - most)); }
          alpha[row + s] = total + e[row + s];
        }
      }
    }`,
  cpu: ({ e, skips }, { alpha }, { shapes }) => {
    const [steps, batch, states] = shapes.e as readonly [number, number, number]
    const none = Number.NEGATIVE_INFINITY
    for (let t = 0; t < steps; t++) {
      for (let n = 0; n < batch; n++) {
        const row = (t * batch + n) * states
        const before = row - batch * states
        for (let s = 0; s < states; s++) {
          if (t === 0) {
            alpha[row + s] = s < 2 ? (e[row + s] as number) : none
            continue
          }
          const a = alpha[before + s] as number
          const c = s >= 1 ? (alpha[before + s - 1] as number) : none
          const d = s >= 2 && skips[n * states + s] !== 0 ? (alpha[before + s - 2] as number) : none
          const most = Math.max(a, c, d)
          const total = most === none ? none : most + Math.log(Math.exp(a - most) + Math.exp(c - most) + Math.exp(d - most))
          alpha[row + s] = total + (e[row + s] as number)
        }
      }
    }
  },
  backward: ({ alpha: g }, { e, skips, alpha }) => ({ e: banded(shares(e, alpha, skips), g, { back: 1 }) }),
})

/** What of e to the α_t[s] comes from each of the three, [T, N, 3, L]: the slopes of α_t by α_(t−1). None where α is −∞. */
function shares(e: Tensor, alpha: Tensor, skips: Tensor): Tensor {
  const none = Number.NEGATIVE_INFINITY
  const [batch, states] = skips.shape as readonly [number, number]
  const third = eq(reshape(new Tensor(graph.iota(3)), [3, 1]), number(2, 'int32'))
  const closed = logicalAnd(third, eq(reshape(skips, [1, batch, 1, states]), number(0, 'int32')))
  const before = where(closed, number(none, alpha.dtype), threeBefore(alpha, none))
  const reached = unsqueeze(ne(alpha, number(none, alpha.dtype)), 2)
  const gap = add(before, unsqueeze(sub(e, alpha), 2))
  return exp(where(reached, gap, number(none, alpha.dtype)))
}

type Lengths = Tensor | readonly number[]

/** Options of {@link ctcLoss}. */
export interface CtcLossOptions extends LossOptions {
  /** The class of no label: 0 by default. */
  readonly blank?: number
  /** Whether losses that are infinite (a target that does not fit in its time) are 0, and have no gradient: false by default. */
  readonly zeroInfinity?: boolean
}

/** The kinds of {@link CtcLossOptions}. */
export const CTC_LOSS_OPTIONS: Options<CtcLossOptions> = describe<CtcLossOptions>({ ...LOSS, blank: COUNT, zeroInfinity: BOOLEAN })
const LENGTHS = oneOf(TENSOR, listOf(COUNT), COUNT)
const CTC_LOSS = signature('ctcLoss', {
  logProbs: TENSOR,
  targets: TENSOR,
  inputLengths: LENGTHS,
  targetLengths: LENGTHS,
  options: optional(CTC_LOSS_OPTIONS),
})

/** What {@link ctcLoss} is of, checked: each target [N, S], and how much of it and of the time counts, [N]. */
interface Aligned {
  readonly logs: Tensor
  readonly labels: Tensor
  readonly times: Tensor
  readonly counts: Tensor
}

const OP = 'ctcLoss'
const onDeviceOf = (x: Tensor, values: readonly number[]): Tensor => {
  const { placement } = x._node
  return tensor(values as number[], { dtype: 'int32', ...(placement !== 'auto' && { device: placement.name }) })
}

/** One length for each of the batch, at most `most`; where the host has them they are checked. */
function lengths(role: string, given: Lengths | number, logs: Tensor, batch: number, most: number): Tensor {
  const listed = given instanceof Tensor ? given : onDeviceOf(logs, typeof given === 'number' ? [given] : given)
  const flat = indexTensor(OP, role, listed)
  checkDevices(OP, ['logProbs', role], [logs, flat])
  if (flat.ndim > 1 || flat.numel() !== batch)
    throw new ShapeError(OP, `${role} must be [${batch}], one for each of the batch, got ${showShape(flat.shape)}`, [flat.shape])
  for (const v of hostValues(listed) ?? [])
    if (v < 0 || v > most) throw new IndexError(OP, `${role} must be from 0 to ${most}, one is ${v}`)
  return reshape(flat, [batch])
}

/** Targets that stand one behind the other, or in rows that are padded, as rows of labels: `blank` behind the end. */
function rowsOf(targets: Tensor, counts: Tensor, batch: number, blank: number, isJoined: boolean): Tensor {
  const known = hostValues(counts)
  const width = !isJoined ? (targets.shape[1] as number) : known ? Math.max(0, ...Array.from(known)) : targets.numel()
  if (width === 0 || batch === 0) return expand(number(blank, 'int32'), [batch, width])
  const column = new Tensor(graph.iota(width))
  const isThere = lt(column, unsqueeze(counts, 1))
  if (!isJoined) return where(isThere, targets, number(blank, 'int32'))
  const first = unsqueeze(sub(cumsum(counts, 0), counts), 1)
  const at = where(isThere, add(first, column), number(0, 'int32'))
  const picked = gatherAlong(targets, reshape(at, [batch * width]), { dim: 0, op: OP })
  return where(isThere, reshape(picked, [batch, width]), number(blank, 'int32'))
}

/** Throws where the host knows a label that is no class. */
function checkLabels(targets: Tensor, counts: Tensor, classes: number, isJoined: boolean): void {
  const [labels, known] = [hostValues(targets), hostValues(counts)]
  if (!labels || !known) return
  let start = 0
  for (const [n, count] of Array.from(known).entries()) {
    const from = isJoined ? start : n * (targets.shape[1] as number)
    for (const label of labels.slice(from, from + count))
      if (label < 0 || label >= classes) throw new IndexError(OP, `label ${label} is out of range for ${classes} classes`)
    start += count
  }
}

function aligned(
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Lengths | number,
  targetLengths: Lengths | number,
  blank: number,
): Aligned {
  checkFloat(OP, 'logProbs', logProbs)
  if (logProbs.ndim !== 3 && logProbs.ndim !== 2)
    throw new ShapeError(OP, `logProbs must be [T, N, C] or [T, C], got ${showShape(logProbs.shape)}`, [logProbs.shape])
  const logs = logProbs.ndim === 3 ? logProbs : unsqueeze(logProbs, 1)
  const [steps, batch, classes] = logs.shape as readonly [number, number, number]
  if (steps === 0) throw new ShapeError(OP, `logProbs must have a step in time, got ${showShape(logProbs.shape)}`, [logProbs.shape])
  if (blank >= classes) throw new IndexError(OP, `blank ${blank} is out of range for ${classes} classes`)
  const given = indexTensor(OP, 'targets', targets)
  checkDevices(OP, ['logProbs', 'targets'], [logs, given])
  const isJoined = given.ndim === 1
  if (!isJoined && (given.ndim !== 2 || given.shape[0] !== batch))
    throw new ShapeError(
      OP,
      `targets must be [${batch}, S], or [Σ targetLengths], for logProbs ${showShape(logProbs.shape)}, got ${showShape(given.shape)}`,
      [logProbs.shape, given.shape],
    )
  const most = isJoined ? given.numel() : (given.shape[1] as number)
  const times = lengths('inputLengths', inputLengths, logs, batch, steps)
  const counts = lengths('targetLengths', targetLengths, logs, batch, most)
  const known = isJoined ? hostValues(counts) : undefined
  const total = known && Array.from(known).reduce((a, b) => a + b, 0)
  if (total !== undefined && total !== most)
    throw new ShapeError(OP, `targets has ${most} labels, and targetLengths sum to ${total}`, [given.shape])
  checkLabels(given, counts, classes, isJoined)
  return { logs, labels: rowsOf(given, counts, batch, blank, isJoined), times, counts }
}

/** −ln of the probability of each target, [N]. */
function losses({ logs, labels, times, counts }: Aligned, blank: number, zeroInfinity: boolean): Tensor {
  const [steps, batch] = logs.shape as readonly [number, number]
  if (batch === 0) return sum(logs, [0, 2])
  const states = 2 * (labels.shape[1] as number) + 1
  const none = number(blank, 'int32')
  // blank, label, blank, label, …, blank
  const pairs = stack([expand(none, labels.shape), labels], 2)
  const extended = cat([reshape(pairs, [batch, states - 1]), expand(none, [batch, 1])], 1)
  const twoBefore = cat([expand(none, [batch, Math.min(2, states)]), narrowTo(extended, 1, 0, Math.max(states - 2, 0))], 1)
  const e = gatherAlong(logs, expand(unsqueeze(extended, 0), [steps, batch, states]), { dim: 2, op: OP })
  // What all states have in common is taken off, and added up by itself: what is left is small, and keeps its digits
  const most = stopGradient(amax(e, 2, { keepdim: true }))
  const common = where(isfinite(most), most, lit(0, most))
  const counted = lt(reshape(new Tensor(graph.iota(steps)), [steps, 1]), times)
  const shift = sum(where(counted, reshape(common, [steps, batch]), lit(0, common)), 0)
  const alpha = forwards(sub(e, common), cast(ne(extended, twoBefore), 'int32'))
  const lastStep = maximum(sub(times, number(1, 'int32')), number(0, 'int32'))
  const last = gatherAlong(alpha, expand(reshape(lastStep, [1, batch, 1]), [1, batch, states]), { dim: 0, op: OP })
  const at = (index: Tensor): Tensor =>
    reshape(gatherAlong(reshape(last, [batch, states]), unsqueeze(index, 1), { dim: 1, op: OP }), [batch])
  const never = number(Number.NEGATIVE_INFINITY, alpha.dtype)
  const isEmpty = eq(counts, number(0, 'int32'))
  const isOver = eq(times, number(0, 'int32'))
  const end = mul(counts, number(2, 'int32'))
  // … which ends in its last label, or the blank behind it; without time there is only the empty target
  const blankLast = where(isOver, where(isEmpty, lit(0, alpha), never), at(end))
  const labelLast = where(logicalOr(isEmpty, isOver), never, at(maximum(sub(end, number(1, 'int32')), number(0, 'int32'))))
  const isInfinite = logicalAnd(eq(blankLast, never), eq(labelLast, never))
  if (zeroInfinity) {
    const total = add(logaddexp(where(isInfinite, lit(0, alpha), blankLast), labelLast), shift)
    return where(isInfinite, lit(0, alpha), neg(total))
  }
  // (an infinite loss has no finite slopes)
  return mul(add(logaddexp(blankLast, labelLast), shift), where(isInfinite, never, number(-1, alpha.dtype)))
}

/**
 * Connectionist temporal classification: −ln of the probability of each target, summed over all ways in which its labels, in their order, each once or more, blanks between, fill
 * the time (A. Graves et al., ICML 2006). `mean` divides each loss by the length of its target, and averages.
 * @param logProbs log probabilities of classes, floats, [T, N, C] or [T, C]; the gradient is that of these, as of any function
 * @param targets integers, [N, S] with anything behind the ends, or all one behind the other, [Σ targetLengths]
 * @param inputLengths the steps in time of each of the batch, at most T: an array, integers [N], or for [T, C] a number
 * @param targetLengths the labels of each target
 * @returns 0-d, or [N] for `reduction: 'none'`
 * @throws ShapeError; DTypeError for lengths and targets that are no integers; IndexError for a length or a label out of range: at the call where the host knows it, else
 * at the next await.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html
 * @example ctcLoss(logSoftmax(randn([50, 2, 20]), -1), ones([2, 9], { dtype: 'int32' }), [50, 40], [9, 7]).shape // []
 */
export const ctcLoss: (
  logProbs: Tensor,
  targets: Tensor,
  inputLengths: Tensor | readonly number[] | number,
  targetLengths: Tensor | readonly number[] | number,
  options?: CtcLossOptions,
) => Tensor = defineComposition(
  OP,
  (logProbs: Tensor, targets: Tensor, inputLengths: Lengths | number, targetLengths: Lengths | number, options?: CtcLossOptions) => {
    CTC_LOSS.check(logProbs, targets, inputLengths, targetLengths, options)
    const blank = options?.blank ?? 0
    const given = aligned(logProbs, targets, inputLengths, targetLengths, blank)
    const each = losses(given, blank, options?.zeroInfinity ?? false)
    const reduction = options?.reduction ?? 'mean'
    if (reduction === 'none') return logProbs.ndim === 2 ? reshape(each, []) : each
    if (reduction === 'sum') return sum(each)
    return mean(div(each, cast(maximum(given.counts, number(1, 'int32')), each.dtype)))
  },
  { autocast: 'float32' },
)
