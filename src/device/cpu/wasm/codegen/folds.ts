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

  /** @param compensated whether what joining loses is kept, and joined in the end */
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

  /** The accumulators are the wholes, and what they lost. @param pending whether something has not been moved */
  end(pending: boolean): void {
    if (pending) this.step()
    for (const [acc, whole] of this.#wholes) {
      const { code } = this.#w
      code.get(whole.total)
      if (this.#compensated) this.#pushLost(whole)
      code.set(acc)
    }
  }

  /**
   * What is lost is added up beside the whole: the next chain does not wait for it.
   * @see A. Neumaier, Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen (1974), without the test which of the two is larger
   */
  #compensate(acc: Local, { total, lost }: Whole): void {
    const w = this.#w
    const { code } = w
    const shape = shapeOf(acc)
    const [next, moved] = [w.fresh(acc.type), w.fresh(acc.type)]
    code.get(total).get(acc).op(`${shape}.add`).tee(next)
    code.get(total).op(`${shape}.sub`).set(moved)
    code.get(lost).get(acc).get(moved).op(`${shape}.sub`).op(`${shape}.add`).set(lost)
    code.get(next).set(total)
    clear(w, acc)
  }

  /** Adds what was lost to the whole on the stack. Of infinities that is nothing. */
  #pushLost({ lost }: Whole): void {
    const { code } = this.#w
    const shape = shapeOf(lost)
    code.get(lost)
    if (shape === 'f32x4') code.get(lost).get(lost).op('f32x4.eq').op('v128.and')
    else code.f32(0).get(lost).get(lost).op('f32.eq').op('select')
    code.op(`${shape}.add`)
  }
}
