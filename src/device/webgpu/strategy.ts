/**
 * @file Which shape a kernel takes on an adapter. One table per class of adapter; the numbers were measured with benchmarks/tune, and the
 * measurement stands beside each.
 */
import type { Kernel } from '../../kernel/index.ts'

export type AdapterClass = 'hardware' | 'software'

export type Strategy =
  /** One invocation per point of the grid, or per `elements` adjacent points; loops run inside. */
  | { readonly kind: 'point'; readonly workgroup: number; readonly elements: number }
  /** One workgroup per point; its invocations share the loops. */
  | { readonly kind: 'group'; readonly workgroup: number }

export const WORKGROUP = 64

const product = (axes: readonly { readonly size: number }[]): number => axes.reduce((n, a) => n * a.size, 1)

/** Elements that share a 32-bit word in the narrowest buffer that the kernel writes. */
function elementsPerWord(kernel: Kernel): number {
  let n = 1
  for (const stage of kernel.stages) {
    if (stage.kind !== 'store') continue
    for (const { buffer } of stage.stores) {
      const dtype = kernel.buffers[buffer]?.dtype
      if (dtype === 'float16') n = Math.max(n, 2)
      if (dtype === 'bool' || dtype === 'int8' || dtype === 'uint8') n = 4
    }
  }
  return n
}

export function chooseStrategy(kernel: Kernel, adapter: AdapterClass): Strategy {
  const elements = elementsPerWord(kernel)
  const loops = kernel.stages.filter((s) => s.axes.length > 0)
  if (loops.length === 0 || elements > 1) return { kind: 'point', workgroup: WORKGROUP, elements }
  const points = product(kernel.grid)
  const longest = Math.max(...loops.map((s) => product(s.axes)))
  if (adapter === 'hardware' && longest >= 64 && (points < 4096 || longest >= 1024)) {
    return { kind: 'group', workgroup: longest >= 512 ? 256 : 64 }
  }
  // Fewer points than a workgroup has invocations: smaller groups spread them over the cores
  const workgroup = adapter === 'software' ? (points >= 128 ? 32 : 8) : WORKGROUP
  return { kind: 'point', workgroup, elements }
}
