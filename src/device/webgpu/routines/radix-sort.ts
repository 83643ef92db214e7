/**
 * @file Rows of 32-bit keys in order, for routines that sort: digit by digit of 4 bits, the last one first. A pass counts the digits of each tile, makes offsets of
 * the counts, by sums in levels, and moves the keys; each is a dispatch, since no workgroup may wait for another. Short rows are sorted in one. All passes, of
 * whatever is sorted, are the same shaders: some drivers take seconds to compile one.
 */
import type { PlanWriter } from '../../routine-plan.ts'
import type { ChooseLoops, LoopStrategy } from '../strategy.ts'
import type { PrintedKernel } from '../wgsl-kernel.ts'
import { apart, type Bound, bind, isShared, routineKernel } from './routine-kernel.ts'

/** Rows of up to so many keys are sorted in one dispatch, in which each key is compared with all of its row; so are longer ones if comparisons are few. */
const SHORT = 128
const FEW_COMPARISONS = 2 ** 20
const DIGIT_BITS = 4
const DIGITS = 16
/** Keys of a tile that one invocation moves: few where there are not enough tiles for all of them. */
const [LEAST, LARGEST] = [32, 256]
const PARALLEL = 512
/** Keys of a workgroup's tile for each of its invocations. */
const EACH = 16
/** More invocations have more counts than fit shared memory. */
const MOST = 128
/** Numbers that one invocation adds up. */
const BLOCK = 128

type Plan = PlanWriter<PrintedKernel>

/** Keys, and where they were in their rows. */
export interface Keys {
  readonly keys: number
  readonly positions: number
}

/** What is sorted. */
export interface RadixSort {
  readonly label: string
  readonly rows: number
  readonly size: number
  /** How many low bits of the keys differ. */
  readonly bits: number
  readonly from: Keys
  /** Where the sorted positions are wanted; else it is memory of its own. */
  readonly positionsTo?: number | undefined
}

/** Sorts; answers where the keys and positions are then. */
export function radixSort(plan: Plan, sort: RadixSort, choose: ChooseLoops): Keys {
  const { rows, size } = sort
  return size <= SHORT || rows * size * size <= FEW_COMPARISONS ? sortRows(plan, sort, choose) : byDigits(plan, sort, choose)
}

const scratchKeys = (plan: Plan, length: number, positions?: number): Keys => ({
  keys: plan.scratch('uint32', length),
  positions: positions ?? plan.scratch('int32', length),
})

/** Buffers of a kernel that moves keys, in this order: keys, positions, their destinations. */
const MOVED: readonly Bound[] = [bind('u32'), bind('i32'), bind('u32', true), bind('i32', true)]
const MOVE = [
  'fn key(i: u32) -> u32 {\n  return b0[i];\n}',
  'fn place(to: u32, i: u32) {\n  b2[to] = b0[i];\n  b3[to] = b1[i];\n}',
] as const

function sortRows(plan: Plan, { label, rows, size, from, positionsTo }: RadixSort, choose: ChooseLoops): Keys {
  const points = rows * size
  const to = scratchKeys(plan, points, positionsTo)
  const kernel = routineKernel({
    label,
    shader: 'sort_rows',
    strategy: apart(choose(points, size)),
    sizes: ['rows', 'Rows', { points, size }],
    buffers: MOVED,
    functions: MOVE,
  })
  plan.run(kernel, [from.keys, from.positions, to.keys, to.positions])
  return to
}

/** How the tiles of all rows are shared. */
interface Tiles {
  readonly points: number
  readonly size: number
  readonly tiles: number
  readonly tile: number
  readonly strategy: LoopStrategy
}

function tilesOf({ rows, size }: RadixSort, choose: ChooseLoops): Tiles {
  const shared = choose(Math.ceil((rows * size) / (MOST * EACH)), MOST * EACH)
  const workgroup = Math.min(MOST, shared.workgroup)
  const tile = isShared(shared) ? workgroup * EACH : Math.min(LARGEST, Math.max(LEAST, Math.ceil((rows * size) / PARALLEL)))
  const tiles = Math.ceil(size / tile)
  const points = rows * tiles
  return { points, size, tiles, tile, strategy: isShared(shared) ? { kind: 'group', workgroup } : choose(points, tile) }
}

function byDigits(plan: Plan, sort: RadixSort, choose: ChooseLoops): Keys {
  const length = sort.rows * sort.size
  const tiles = tilesOf(sort, choose)
  const counts = plan.scratch('uint32', DIGITS * tiles.points)
  const passes = Math.max(1, Math.ceil(sort.bits / DIGIT_BITS))
  const levels = levelsOf(plan, DIGITS * tiles.points, counts, choose)
  const pairs: [Keys, Keys | undefined] = [scratchKeys(plan, length, passes % 2 === 1 ? sort.positionsTo : undefined), undefined]
  if (passes > 1) pairs[1] = scratchKeys(plan, length, passes % 2 === 0 ? sort.positionsTo : undefined)
  let from = sort.from
  for (let pass = 0; pass < passes; pass++) {
    const to = pairs[pass % 2] as Keys
    const sizes = { points: tiles.points, size: tiles.size, tiles: tiles.tiles, tile: tiles.tile, shift: pass * DIGIT_BITS }
    const shared = { label: sort.label, strategy: tiles.strategy, sizes: ['radix', 'Radix', sizes] } as const
    const count = routineKernel({
      ...shared,
      shader: 'radix_count',
      buffers: [bind('u32'), bind('u32', true)],
      functions: [MOVE[0], 'fn store(i: u32, count: u32) {\n  b1[i] = count;\n}'],
    })
    plan.run(count, [from.keys, counts])
    addUp(plan, sort.label, levels)
    const move = routineKernel({
      ...shared,
      shader: 'radix_place',
      buffers: [...MOVED, bind('u32')],
      functions: [...MOVE, 'fn offset(i: u32) -> u32 {\n  return b4[i];\n}'],
    })
    plan.run(move, [from.keys, from.positions, to.keys, to.positions, counts])
    from = to
  }
  return from
}

/** Numbers, and the sums of their blocks in the level behind. */
interface Level {
  readonly buffer: number
  readonly length: number
  readonly block: number
  readonly strategy: LoopStrategy
}

/** The counts and, as long as they are more than one block, the sums of blocks. */
function levelsOf(plan: Plan, length: number, buffer: number, choose: ChooseLoops): Level[] {
  const levels: Level[] = []
  for (let [at, n] = [buffer, length]; ; ) {
    const shared = choose(Math.ceil(n / (MOST * EACH)), MOST * EACH)
    const block = isShared(shared) ? shared.workgroup * EACH : BLOCK
    const blocks = Math.ceil(n / block)
    levels.push({ buffer: at, length: n, block, strategy: isShared(shared) ? shared : choose(blocks, block) })
    if (blocks === 1) return levels
    ;[at, n] = [plan.scratch('uint32', blocks), blocks]
  }
}

/** Puts in place of each number the sum of those in front. */
function addUp(plan: Plan, label: string, levels: readonly Level[]): void {
  // The numbers, and the sums of blocks: the last level has one block, in front of which there is nothing
  const run = ({ buffer, length, block, strategy }: Level, above: Level | undefined, totals: boolean): void => {
    const kernel = routineKernel({
      label,
      shader: 'prefix_sums',
      strategy,
      sizes: ['sums', 'Sums', { points: Math.ceil(length / block), length, block }],
      buffers: above ? [bind('u32', !totals), bind('u32', totals)] : [bind('u32', true)],
      functions: [
        'fn load(i: u32) -> u32 {\n  return b0[i];\n}',
        `fn base(block: u32) -> u32 {\n  return ${above ? 'b1[block]' : '0u'};\n}`,
        `fn store(i: u32, sum: u32) {\n  ${totals ? 'b1' : 'b0'}[i] = sum;\n}`,
      ],
      constants: { TOTALS: totals },
    })
    plan.run(kernel, above ? [buffer, above.buffer] : [buffer])
  }
  for (let i = 0; i + 1 < levels.length; i++) run(levels[i] as Level, levels[i + 1], true)
  for (let i = levels.length - 1; i >= 0; i--) run(levels[i] as Level, levels[i + 1], false)
}
