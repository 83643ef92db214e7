/**
 * @file Which shape a kernel takes on an adapter. One table per class of adapter; the numbers were measured with benchmarks/tune, and the
 * measurement stands beside each.
 */
import { type BufferUse, type ContractShape, exchanged, fitsTemplate, type Kernel, shapeOf, storesOf } from '../../kernel/index.ts'
import { WORDS, type Words } from './arithmetic.ts'

export type AdapterClass = 'hardware' | 'software'

export type ContractStrategy =
  /** matmul_register.wgsl: rows × columns outputs to an invocation, `lanes` invocations side by side, of which `share` load rows for one another. */
  | {
      readonly kind: 'register'
      readonly rows: number
      readonly columns: number
      readonly lanes: number
      readonly share: number
      readonly exchange: boolean
    }
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

/** How what rows are sent is joined: sorted by the rows first, or in ranges of rows, for each of which `lanes` invocations go through all targets. */
export type ScatterStrategy = { readonly kind: 'sorted' } | { readonly kind: 'ranges'; readonly ranges: number; readonly lanes: number }
export type ChooseScatter = (features: number) => ScatterStrategy

/** How invocations share so many points, at each of which a loop runs that long. */
export type ChooseLoops = (points: number, length: number) => LoopStrategy

export type Strategy = LoopStrategy | ContractStrategy

export const WORKGROUP = 64

const product = (axes: readonly { readonly size: number }[]): number => axes.reduce((n, a) => n * a.size, 1)

/** Elements that share a 32-bit word in the narrowest buffer that the kernel writes. */
export function elementsPerWord(kernel: Kernel, words: Words): number {
  const stored = kernel.stages.flatMap(storesOf)
  return Math.max(1, ...stored.map(({ buffer }) => words[(kernel.buffers[buffer] as BufferUse).dtype].elements))
}

/** @param subgroup how many invocations always are a subgroup; 1 where that is not known */
export function chooseStrategy(kernel: Kernel, adapter: AdapterClass, subgroup = 1, words = WORDS): Strategy {
  if (fitsTemplate(kernel)) return adapter === 'hardware' ? tiled(shapeOf(kernel)) : register(shapeOf(kernel), subgroup)
  const elements = elementsPerWord(kernel, words)
  const loops = kernel.stages.filter((s) => s.axes.length > 0)
  return chooseLoops(adapter, product(kernel.grid), Math.max(0, ...loops.map((s) => product(s.axes))), elements)
}

/** How invocations share `points`, of which `elements` adjacent ones are written together, and at each of which loops run; the longest has `longest` iterations. */
export function chooseLoops(adapter: AdapterClass, points: number, longest: number, elements = 1): LoopStrategy {
  if (adapter === 'software') return sweeping(points, elements, longest > 0)
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

/**
 * On software adapters a dispatch costs more than what it does to a few thousand elements, and a sort is dozens of them. Every range reads all targets, so there are
 * no more of them than keep the cores busy.
 */
export function chooseScatter(adapter: AdapterClass, features: number, threads = cores()): ScatterStrategy {
  if (adapter === 'hardware') return { kind: 'sorted' }
  if (features >= LANES) return { kind: 'ranges', ranges: 8 * Math.min(threads, MOST_SCANS), lanes: LANES }
  return threads > MOST_SCANS ? { kind: 'sorted' } : { kind: 'ranges', ranges: threads * LANES, lanes: 1 }
}
/** Cores up to which going through all targets on each is taken for quicker than a sort in which they share; timed with two. */
const MOST_SCANS = 8

/** What decides of the shapes of a routine's kernels. */
export interface RoutineChoices {
  readonly chooseLoops: ChooseLoops
  readonly chooseScatter: ChooseScatter
}

/** Lanes of a vector register that software adapters compute with (256 bits). */
export const LANES = 8
const ROWS = [1, 2, 4, 8, 16, 32] as const
const COLUMNS = [1, 2, 4, 8] as const
/** Sums that fit the vector registers, or nearly: twice as many take longer. */
const MOST_SUMS = 64
/** Cores among which workgroups are spread; where it cannot be known, a small machine. */
const cores = (): number =>
  Math.max(2, (globalThis as { navigator?: { hardwareConcurrency?: number } }).navigator?.hardwareConcurrency ?? 2)

/**
 * The register tile with the least estimated time. What counts is loads: adapters in software load for each lane by itself, some dozen instructions with
 * the check of the bounds, also where all lanes want the same. So the lanes of a subgroup load different rows of a and exchange them by broadcasts: one load for
 * `subgroup` rows. `tsx benchmarks/tune/matmul.ts` times the tiles.
 */
export function register(shape: ContractShape, subgroup: number, threads = cores()): ContractStrategy {
  // A subgroup wider than the workgroup has lanes that do not run: what is broadcast from these is undefined.
  const full = LANES % subgroup === 0 ? subgroup : 1
  let best: ContractStrategy | undefined
  let least = Number.POSITIVE_INFINITY
  for (const exchange of [false, true]) {
    const s = exchange ? exchanged(shape) : shape
    for (const rows of ROWS) {
      for (const columns of COLUMNS) {
        if (rows * columns > MOST_SUMS) continue
        const share = rows % full === 0 ? full : 1
        const tiles = Math.ceil(s.m / rows) * Math.ceil(s.n / (columns * LANES)) * s.batches
        const tile = { rows, columns, share }
        const cost = Math.ceil(tiles / threads) * (s.k * perTerm(tile, s.b_n) + perTile(tile))
        if (cost < least) {
          least = cost
          best = { kind: 'register', rows, columns, lanes: LANES, share, exchange }
        }
      }
    }
  }
  return best as ContractStrategy
}

interface Tile {
  readonly rows: number
  readonly columns: number
  readonly share: number
}

/** Estimated instructions of one term of the sum; loads that lie apart touch as many cache lines as there are lanes. */
const perTerm = ({ rows, columns, share }: Tile, stride: number): number =>
  2 * rows * columns + 96 * (rows / share) + (share > 1 ? 2 * rows : 0) + (stride === 1 ? 96 : 140) * columns + 30

/** … and of beginning and storing a tile: a sum is picked among those of its column. */
const perTile = ({ rows, columns, share }: Tile): number => rows * columns * (2 * rows + 150) + 300 * (rows / share + columns) + 1000

/**
 * Tiles for graphics hardware, with the time that a multiply-add takes in each, relative to the best: smaller tiles load more for as much work. Sizes that
 * others report fastest for f32 through Dawn on data-centre parts, and narrow ones for the few channels of a first convolution; ratios by the loads from
 * shared memory. Checked for right results on lavapipe, not yet timed on hardware by us.
 */
export const TILES = [
  { tileM: 128, tileN: 64, tileK: 16, moreM: 2, time: 1 },
  { tileM: 64, tileN: 128, tileK: 16, moreM: 2, time: 1 },
  { tileM: 64, tileN: 64, tileK: 16, moreM: 1, time: 1.1 },
  { tileM: 32, tileN: 128, tileK: 16, moreM: 2, time: 1.2 },
  { tileM: 128, tileN: 32, tileK: 16, moreM: 2, time: 1.2 },
  { tileM: 32, tileN: 32, tileK: 16, moreM: 1, time: 1.5 },
  { tileM: 16, tileN: 64, tileK: 16, moreM: 1, time: 1.6 },
  { tileM: 128, tileN: 16, tileK: 16, moreM: 2, time: 1.6 },
] as const
/** Cores of a large part. */
const CORES = 132

/** The tile with the least estimated time: what is computed past the edges counts, and so do cores that wait for the last tiles. */
export function tiled({ m, n, batches }: ContractShape): ContractStrategy {
  const cost = ({ tileM, tileN, time }: (typeof TILES)[number]): number =>
    Math.ceil((Math.ceil(m / tileM) * Math.ceil(n / tileN) * batches) / CORES) * tileM * tileN * time
  const { time: _, ...best } = TILES.reduce((x, y) => (cost(y) < cost(x) ? y : x))
  // Neighbouring invocations have neighbouring columns, which is how outputs lie
  return { kind: 'tiled', ...best, exchange: false }
}
