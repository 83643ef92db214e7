/** @file Reductions as WGSL: the accumulators of a stage, the loop that updates them, and what keeps long sums exact. */
import {
  type Axis,
  addsFloats,
  dtypeOfValue,
  type Extreme,
  identityOf,
  positionOf,
  type ReduceStage,
  type Reduction,
  reduceOps,
  type ValueType,
} from '../../kernel/index.ts'
import { binaryText, constantText } from './arithmetic.ts'
import { floatBits } from './uniforms.ts'
import type { WgslExpressions } from './wgsl-expressions.ts'

/** The value that a reduction starts from. */
function start(emitter: WgslExpressions, { op, value: { type } }: Reduction): string {
  return constantText(identityOf(op, dtypeOfValue[type]), type, (v) => `bitcast<f32>(${emitter.params.use(`bits:${v}`, floatBits(v))})`)
}

/** Two partial results as one. */
export const combine = ({ op, value: { type } }: Reduction, a: string, b: string): string => binaryText(reduceOps[op].joins, type, a, b)

/**
 * Whether a candidate (value b at position j) replaces the best so far (value a at position i, negative while there is none): NaN beats numbers, and of
 * equals the first wins.
 */
export function better(extreme: Extreme, type: ValueType, a: string, b: string): string {
  const sign = extreme === 'max' ? '>' : '<'
  switch (type) {
    case 'float':
      return `!is_nan(${a}) && (is_nan(${b}) || ${b} ${sign} ${a})`
    case 'bool':
      return extreme === 'max' ? `!${a} && ${b}` : `${a} && !${b}`
    case 'i32':
    case 'u32':
      return `${b} ${sign} ${a}`
  }
}

/** The most numbers that are added one after the other without a look at what the additions lose. */
const PLAIN = 16

/** Whether an invocation adds so many of the stage's numbers that it keeps what the additions lose. `sharing` invocations take them in turn. */
const keepsRest = ({ axes }: ReduceStage, r: Reduction, sharing: number): boolean =>
  addsFloats(r) && axes.reduce((n, a) => n * a.size, 1) > PLAIN * sharing

/** Adds `value`, a variable, and notes what the addition lost: exactly where the sum is the larger of the two (T. Dekker, Numerische Mathematik 18, 1971). */
function addWithRest(emitter: WgslExpressions, name: string, value: string): void {
  const next = emitter.fresh()
  emitter.line(`let ${next} = held(${name} + ${value}, ${emitter.params.use('all bits', 0xffffffff)});`)
  emitter.line(`${name}_rest += ${value} - (${next} - ${name});`)
  emitter.line(`${name} = ${next};`)
}

export interface Loop {
  /** The variable, which runs from `first` by `step` below `limit`. */
  readonly name: string
  readonly first: string
  readonly step: number
  readonly limit: string
  /** Names of axes in the loop's scope. */
  readonly axes: readonly (readonly [Axis, string])[]
  /** Lines that come first in the loop. */
  readonly before?: () => void
}

/**
 * How many terms of a long sum are added plainly before they join the rest of it: what is lost is noted once for them all, and a loop runs a fourth as often.
 * Sum of 2²² floats on lavapipe, relative to a plain loop: 1.1 of its time for one, 0.6 for two, 0.4 for four, which take 0.1 s more to compile.
 */
const AT_ONCE = 4

/** The loop that updates the accumulators of a stage. Four terms of a long sum are one part of it, and so are those that are left at the end, whatever else the loop does. */
export function reduceLoop(
  emitter: WgslExpressions,
  stage: ReduceStage,
  names: readonly string[],
  loop: Loop,
  position: () => string,
  sharing: number,
): void {
  const { name, first, step, limit } = loop
  const sums = stage.reductions.flatMap((r, slot) => (keepsRest(stage, r, sharing) ? [names[slot] as string] : []))
  const terms = termsText(emitter, stage, names, loop, position, sharing)
  const head = (from: string, to: string): string => `for (var ${name} = ${from}; ${name} < ${to}; ${name} += ${step}u) {`
  if (sums.length === 0) {
    emitter.lines(`${head(first, limit)}\n${terms}\n}`)
    return
  }
  const begin = (): void => {
    for (const acc of sums) emitter.line(`var ${acc}_part = 0.0f;`)
  }
  const join = (): void => {
    for (const acc of sums) addWithRest(emitter, acc, `${acc}_part`)
  }
  const from = emitter.fresh('t')
  // Terms that are much text stand there once
  const long = terms.length > LONG_TERMS || CALL.test(terms) || (terms.match(READ)?.length ?? 0) >= MANY_READS
  emitter.line(`var ${from} = ${first};`)
  if (!long) {
    emitter.open()
    begin()
    for (let i = 0; i < AT_ONCE; i++) emitter.lines(`{ let ${name} = ${from} + ${i * step}u;\n${terms} }`)
    join()
    emitter.close(`for (; ${from} + ${(AT_ONCE - 1) * step}u < ${limit}; ${from} += ${AT_ONCE * step}u) {`)
  }
  emitter.open()
  begin()
  emitter.lines(`${head(from, long ? `min(${from} + ${AT_ONCE * step}u, ${limit})` : limit)}\n${terms}\n}`)
  join()
  emitter.close(long ? `for (; ${from} < ${limit}; ${from} += ${AT_ONCE * step}u) {` : `if (${from} < ${limit}) {`)
}
const LONG_TERMS = 400
/** Compilers in software take some 10 ms for each place that reads memory; where there are several, a loop around them costs little beside. */
const READ = /\bb\d+\[/g
const MANY_READS = 3
/** Calls of what is more than some instructions. */
const CALL = /\b(f_|pow_|philox|checked_|half_)/

/** The lines that take the terms of one iteration: of long sums into their parts. */
function termsText(
  emitter: WgslExpressions,
  stage: ReduceStage,
  names: readonly string[],
  { axes, before }: Loop,
  position: () => string,
  sharing: number,
): string {
  emitter.open(axes)
  before?.()
  for (const [slot, r] of stage.reductions.entries()) {
    const name = names[slot] as string
    if (keepsRest(stage, r, sharing)) emitter.line(`${name}_part += ${emitter.value(r.value)};`)
    else accumulateOne(emitter, r, name, position)
  }
  return emitter.close()
}

/** Updates the accumulators of a stage without loops. */
export function accumulate(emitter: WgslExpressions, stage: ReduceStage, names: readonly string[], position: () => string): void {
  for (const [slot, r] of stage.reductions.entries()) accumulateOne(emitter, r, names[slot] as string, position)
}

/** Updates an accumulator with the value of one iteration. */
function accumulateOne(emitter: WgslExpressions, r: Reduction, name: string, position: () => string): void {
  const extreme = positionOf(r.op)
  if (!extreme) {
    emitter.line(`${name} = ${combine(r, name, emitter.value(r.value))};`)
    return
  }
  const value = emitter.named(r.value)
  const wins = `${name}_at < 0 || (${better(extreme, r.value.type, name, value)})`
  emitter.line(`if (${wins}) { ${name} = ${value}; ${name}_at = ${position()}; }`)
}

/** Completes the accumulators by what their additions lost. */
export function complete(emitter: WgslExpressions, stage: ReduceStage, names: readonly string[], sharing = 1): void {
  for (const [slot, r] of stage.reductions.entries())
    if (keepsRest(stage, r, sharing)) emitter.line(`${names[slot]} = with_rest(${names[slot]}, ${names[slot]}_rest);`)
}

export function declareAccumulators(emitter: WgslExpressions, stage: ReduceStage, index: number, sharing = 1): string[] {
  return stage.reductions.map((r, slot) => {
    const name = `acc${index}_${slot}`
    emitter.line(`var ${name} = ${start(emitter, r)};`)
    if (positionOf(r.op)) emitter.line(`var ${name}_at = -1i;`)
    if (keepsRest(stage, r, sharing)) emitter.line(`var ${name}_rest = 0.0f;`)
    return name
  })
}

export function nameResults(emitter: WgslExpressions, stage: ReduceStage, index: number, names: readonly string[]): void {
  for (const [slot, r] of stage.reductions.entries())
    emitter.setAccumulator(index, slot, positionOf(r.op) ? `${names[slot]}_at` : (names[slot] as string))
}
