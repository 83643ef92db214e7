/** @file Which parts of a contraction lie in memory as plain matrices do. */
import { type Axis, coefOf, collapsedAxes, type Index, type Kernel, type Store } from '../../../../kernel/index.ts'

/** The stride of axes that an index walks as one; undefined where it does not. */
export function strideOf(axes: readonly Axis[], index: Index): number | undefined {
  if (axes.length === 0) return 1
  return collapsedAxes(axes, [index]).length === 1 ? coefOf(index, axes.at(-1)) : undefined
}

/** The store that has nothing to do but put the sums somewhere. */
export function plainStore({ stages, buffers }: Kernel): Store | undefined {
  const [, stage, ...more] = stages
  const store = stage?.kind === 'store' && stage.stores.length === 1 ? stage.stores[0] : undefined
  if (more.length > 0 || store?.value.kind !== 'acc' || buffers[store.buffer]?.dtype !== 'float32') return undefined
  return store.index.terms.every(({ atom }) => atom.kind === 'axis') ? store : undefined
}
