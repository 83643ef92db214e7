/**
 * @file Which shape a kernel takes on an adapter. One table per class of adapter; the numbers were measured with benchmarks/tune, and the
 * measurement stands beside each.
 */
import type { Kernel } from '../../kernel/index.ts'
import { type ContractShape, exchanged, fitsTemplate, shapeOf } from './contract-shape.ts'

export type AdapterClass = 'hardware' | 'software'

export type ContractStrategy =
  /** matmul_register.wgsl: rows × columns outputs to an invocation, `lanes` invocations side by side. */
  | { readonly kind: 'register'; readonly rows: number; readonly columns: number; readonly lanes: number; readonly exchange: boolean }
  /** matmul_tiled.wgsl: tiles in shared memory; 4 · moreM rows × 4 columns to an invocation. */
  | {
      readonly kind: 'tiled'
      readonly tileM: number
      readonly tileN: number
      readonly tileK: number
      readonly moreM: number
      readonly exchange: boolean
    }

/** One invocation per point of the grid, or per `elements` adjacent points that share a word; loops run inside. */
export interface PointStrategy {
  readonly kind: 'point'
  readonly workgroup: number
  readonly elements: number
  /** An invocation takes this many points (or words), a workgroup apart. */
  readonly sweep?: number
}

export type LoopStrategy =
  | PointStrategy
  /** One workgroup per point; its invocations share the loops. */
  | { readonly kind: 'group'; readonly workgroup: number }

export type Strategy = LoopStrategy | ContractStrategy

export const WORKGROUP = 64

const product = (axes: readonly { readonly size: number }[]): number => axes.reduce((n, a) => n * a.size, 1)

/** Elements that share a 32-bit word in the narrowest buffer that the kernel writes. */
export function elementsPerWord(kernel: Kernel): number {
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
  if (fitsTemplate(kernel)) return adapter === 'hardware' ? tiled(shapeOf(kernel)) : register(shapeOf(kernel))
  const elements = elementsPerWord(kernel)
  const loops = kernel.stages.filter((s) => s.axes.length > 0)
  const points = product(kernel.grid)
  if (adapter === 'software') return sweeping(points, elements, loops.length > 0)
  const longest = Math.max(0, ...loops.map((s) => product(s.axes)))
  // Few long rows leave the machine idle unless a whole workgroup shares each
  if (elements === 1 && longest >= 64 && (points < 4096 || longest >= 1024)) return { kind: 'group', workgroup: longest >= 512 ? 256 : 64 }
  return { kind: 'point', workgroup: WORKGROUP, elements }
}

/**
 * On software adapters a workgroup is one vector register wide and sweeps over many points: the loop over the vectors of a larger workgroup costs more
 * than a loop in the shader, and so does starting a workgroup (0.3 µs). Copy of 200,704 floats on lavapipe, CPU time: workgroups of 64 one point each
 * 1.6 ms, 256 one each 1.4, 64 × 4 0.9, 8 × 64 0.54; Adam of as many 2.5, 2.4, 3.1, 1.9.
 */
function sweeping(points: number, elements: number, loops: boolean): PointStrategy {
  const vectors = Math.ceil(points / (elements * LANES))
  const sweep = Math.max(loops ? 1 : 4, Math.min(64, Math.ceil(vectors / 64)))
  return vectors <= 1 ? { kind: 'point', workgroup: LANES, elements } : { kind: 'point', workgroup: LANES, elements, sweep }
}

/** Lanes of a vector register that software adapters compute with (256 bits). */
const LANES = 8
const SIZES = [1, 2, 4, 8] as const
/** Cores among which workgroups are spread; where it cannot be known, a small machine. */
const cores = (): number =>
  Math.max(2, (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 2)

/**
 * The register tile with the least estimated time: multiply-adds, loads, and what is wasted at the edges or by idle cores. GFLOP/s on 2 cores by
 * CPU time (lavapipe 25 | SwiftShader 147), rows × columns:
 * 512³: 8×8 13–20, 8×4 10–14, 4×8 8–10, 4×4 6–11, 8×2 7–9 | 256³: 8×8 3.0, 4×8 2.6, 8×4 2.4, 4×4 1.5;
 * 64×256 from k 784, b by rows of k: 8×8 18–19, 8×4 14 | 3.8, 2.8; 784×256 from k 64: 8×8 10–15, 8×4 12 | –;
 * 64×10 from k 256: 8×8 exchanged 4.1, 8×2 3.5, 8×8 1.7 | 1.3, 0.8, 0.5.
 */
export function register(shape: ContractShape, threads = cores()): ContractStrategy {
  let best: ContractStrategy | undefined
  let least = Number.POSITIVE_INFINITY
  for (const exchange of [false, true]) {
    const s = exchange ? exchanged(shape) : shape
    for (const rows of SIZES) {
      for (const columns of SIZES) {
        const tiles = Math.ceil(s.m / rows) * Math.ceil(s.n / (columns * LANES)) * s.batches
        const cost = Math.ceil(tiles / threads) * (s.k * perK(rows, columns, s.b_n) + 40 * rows * columns + 400)
        if (cost < least) {
          least = cost
          best = { kind: 'register', rows, columns, lanes: LANES, exchange }
        }
      }
    }
  }
  return best as ContractStrategy
}

/** Estimated instructions of one step along k. */
const perK = (rows: number, columns: number, stride: number): number => rows * columns + 1.5 * rows + (stride === 1 ? 1.5 : 8) * columns + 4

/**
 * Tiles for graphics hardware, largest first, each with the number of tiles from which it fills the machine (two to a core of 132). The sizes are those
 * that others report fastest for f32 through Dawn on data-centre parts; checked for right results on lavapipe, not yet timed on hardware by us.
 */
const TILES = [
  { tileM: 128, tileN: 64, tileK: 16, moreM: 2, from: 264 },
  { tileM: 64, tileN: 64, tileK: 16, moreM: 1, from: 132 },
  { tileM: 32, tileN: 32, tileK: 16, moreM: 1, from: 0 },
] as const

function tiled(shape: ContractShape): ContractStrategy {
  // The longer tile side lies along the longer side of the output
  const exchange = shape.n > 2 * shape.m && shape.n >= 128
  const s = exchange ? exchanged(shape) : shape
  const { tileM, tileN, tileK, moreM } =
    TILES.find((t) => Math.ceil(s.m / t.tileM) * Math.ceil(s.n / t.tileN) * s.batches >= t.from) ?? TILES[2]
  return { kind: 'tiled', tileM, tileN, tileK, moreM, exchange }
}
