/** @file Which contractions are computed in packed panels (panels.ts), and in blocks of which size. */
import { isHalf } from '../../../../base/index.ts'
import { axesOf, fitsTemplate, type Kernel, shapeOf } from '../../../../kernel/index.ts'
import { isPanelDType } from './gemm.ts'

/** The most that a block has: terms of the sum at a time, rows, columns. */
export interface Blocks {
  readonly terms: number
  readonly rows: number
  readonly columns: number
}
/**
 * A panel of b stays in the first cache, the block of a in the second. Larger blocks are fewer to share among threads; one thread gains by more columns, as it packs a
 * less often.
 */
const BLOCKS = { rows: 64, columns: 192 }
const ALONE = { ...BLOCKS, columns: 264 }
/** Columns that are worth a panel. */
export const LEAST_COLUMNS = 6
/** Products that are worth panels: halves are converted once where they are packed, not for every product. */
const [LEAST_PRODUCTS, LEAST_OF_HALVES] = [2048, 512]
/** Whether a kernel can be computed in panels at all: a sum of products of floats at each point. */
export function fitsPanels(kernel: Kernel): boolean {
  if (!fitsTemplate(kernel)) return false
  const { a, b, columns } = axesOf(kernel)
  if (!isPanelDType(kernel.buffers[a.buffer]?.dtype) || !isPanelDType(kernel.buffers[b.buffer]?.dtype)) return false
  return columns.length > 0 && shapeOf(kernel).k > 0
}

const readsHalves = ({ contract, buffers }: Kernel): boolean =>
  [contract?.a, contract?.b].some((x) => x && isHalf(buffers[x.buffer]?.dtype))

/** The blocks in which a kernel is best computed, if in blocks: those of products so small that panels do not fill up are not. The order of its sum says how many terms each has. */
export function chooseBlocks(kernel: Kernel, threads = 1): Blocks | undefined {
  const [stage] = kernel.stages
  if (stage?.kind !== 'reduce' || stage.order?.kind !== 'sequence' || !fitsPanels(kernel)) return undefined
  const { m, n, k } = shapeOf(kernel)
  if (k < 4 || Math.min(m, n) < 3 || Math.max(m, n) < LEAST_COLUMNS || m * n * k < (readsHalves(kernel) ? LEAST_OF_HALVES : LEAST_PRODUCTS))
    return undefined
  return { ...(threads > 1 ? BLOCKS : ALONE), terms: stage.order.terms }
}
