/** @file Long sums: what an accumulator holds joins the whole before its chain of additions, and with it what rounding loses, gets too long. */
import { four, type Local } from '../assembler/assembler.ts'
import type { Writer } from './writer.ts'

/** The whole of a long sum, and how much of it rounding has lost so far. */
interface Whole {
  readonly total: Local
  readonly lost: Local
}

const shapeOf = ({ type }: Local): 'f32x4' | 'f32' => (type === 'v128' ? 'f32x4' : 'f32')

function clear({ code }: Writer, local: Local): void {
  if (local.type === 'v128') code.v128(four(0)).set(local)
  else code.f32(0).set(local)
}

/** Wholes for some accumulators of floats, which are 0 where this is written. */
export class Folds {
  readonly #w: Writer
  readonly #wholes: readonly (readonly [Local, Whole])[]
  readonly #compensated: boolean

  /** @param compensated whether what joining loses is kept and joined the next time */
  constructor(w: Writer, accs: readonly Local[], compensated: boolean) {
    this.#w = w
    this.#compensated = compensated
    this.#wholes = accs.map((acc) => {
      const whole = { total: w.fresh(acc.type), lost: w.fresh(acc.type) }
      clear(w, whole.total)
      if (compensated) clear(w, whole.lost)
      return [acc, whole]
    })
  }

  /** Moves what the accumulators hold into the wholes; they begin anew. */
  readonly step = (): void => {
    for (const [acc, whole] of this.#wholes) {
      if (this.#compensated) this.#compensate(acc, whole)
      else {
        const { code } = this.#w
        code
          .get(whole.total)
          .get(acc)
          .op(`${shapeOf(acc)}.add`)
          .set(whole.total)
        clear(this.#w, acc)
      }
    }
  }

  /** The accumulators are the wholes. @param pending whether something has not been moved */
  end(pending: boolean): void {
    if (pending) this.step()
    for (const [acc, { total }] of this.#wholes) this.#w.code.get(total).set(acc)
  }

  /**
   * With what was lost before.
   * @see Kahan, Further remarks on reducing truncation errors, 1965
   */
  #compensate(acc: Local, { total, lost }: Whole): void {
    const w = this.#w
    const { code } = w
    const shape = shapeOf(acc)
    const next = w.fresh(acc.type)
    code.get(acc).get(lost).op(`${shape}.sub`).set(acc)
    code.get(total).get(acc).op(`${shape}.add`).tee(next)
    code.get(total).op(`${shape}.sub`).get(acc).op(`${shape}.sub`).set(lost)
    code.get(next).set(total)
    // Of infinities nothing is lost
    code.get(lost)
    if (shape === 'f32x4') code.get(lost).get(lost).op('f32x4.eq').op('v128.and').set(lost)
    else code.f32(0).get(lost).get(lost).op('f32.eq').op('select').set(lost)
    clear(w, acc)
  }
}
