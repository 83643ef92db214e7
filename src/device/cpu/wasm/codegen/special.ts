/** @file Expressions that are more than an operator: indices that are checked, and random bits. */
import type { Expr, ValueType } from '../../../../kernel/index.ts'
import type { Local } from '../assembler/assembler.ts'
import { convert } from './operators.ts'
import { LANES, type Mode, type Writer } from './writer.ts'

/** Words of the argument block, behind the addresses, where the numbers are and where scratch memory is: {site + 1, index, size} of the first wrong index. */
export const ERROR_WORDS = 3
export const errorAt = (buffers: number): number => buffers + 2

/** What is needed of the kernel's writer. */
interface SpecialWriter extends Writer {
  readonly kernel: { readonly buffers: readonly unknown[] }
  readonly args: Local
  readonly mask: Local | undefined
  remembered(key: string, make: () => Local): Local
  keyOf(e: Expr): string
}

/** Notes the wrong index on the stack, unless there is one already. */
function note(w: SpecialWriter, site: number, size: number): void {
  const { code } = w
  const at = 4 * errorAt(w.kernel.buffers.length)
  const wrong = w.fresh('i32')
  code.set(wrong).get(w.args).memory('i32.load', at).op('i32.eqz')
  code.if(() => {
    code
      .get(w.args)
      .i32(site + 1)
      .memory('i32.store', at)
    code
      .get(w.args)
      .get(wrong)
      .memory('i32.store', at + 4)
    code
      .get(w.args)
      .i32(size)
      .memory('i32.store', at + 8)
  })
}

export function writeChecked(w: SpecialWriter, { value, size, site }: Extract<Expr, { kind: 'checked' }>, mode: Mode): void {
  const { code } = w
  w.emit(value, mode)
  if (mode === 'scalar') {
    const v = w.fresh('i32')
    code.tee(v).i32(size).op('i32.ge_u')
    code.if(() => {
      code.get(v)
      note(w, site, size)
      code.i32(0).set(v)
    })
    code.get(v)
    return
  }
  const [v, wrong] = [w.fresh('v128'), w.fresh('v128')]
  code.tee(v).v128([size, size, size, size]).op('i32x4.ge_u')
  if (w.mask) code.get(w.mask).op('v128.and')
  code.tee(wrong).op('v128.any_true')
  code.if(() => {
    for (let lane = 0; lane < LANES; lane++) {
      code.get(wrong).lane('i32x4.extract_lane', lane)
      code.if(() => {
        code.get(v).lane('i32x4.extract_lane', lane)
        note(w, site, size)
      })
    }
  })
  // 0 for those that no `where` chooses, too: their loads must lie inside
  code.get(v).get(v).v128([size, size, size, size]).op('i32x4.lt_u').op('v128.and')
}

/** The four words of one counter are computed together. */
export function writePhilox(w: SpecialWriter, e: Extract<Expr, { kind: 'philox' }>, mode: Mode): void {
  const { code } = w
  const parts = [...e.key, ...e.counter]
  const key = `philox ${parts.map((part) => w.keyOf(part)).join()}:${mode}`
  const type = mode === 'vector' ? 'v128' : 'i32'
  const words: Local[] = []
  const local = w.remembered(`${key} ${e.word}`, () => {
    for (const part of parts) {
      w.emit(part, mode)
      asWord(w, part.type, mode)
    }
    w.helpers.apply(code, mode === 'vector' ? 'philox4' : 'philox')
    for (let i = 3; i >= 0; i--) {
      words[i] = w.fresh(type)
      code.set(words[i] as Local)
    }
    words.forEach((word, i) => {
      w.remembered(`${key} ${i}`, () => word)
    })
    return words[e.word] as Local
  })
  code.get(local)
}

const asWord = (w: Writer, type: ValueType, mode: Mode): void => {
  if (type !== 'u32' && type !== 'i32') convert(w, type, 'uint32', mode)
}
