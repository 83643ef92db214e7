/**
 * @file The core whose kernels an OpenBLAS should run, from what the processor can do. A release of OpenBLAS knows the processors of its time by their numbers;
 * on a later one it may run its oldest kernels, though the processor could run far faster ones.
 */

/** Instructions that a core's kernels use, as Linux names them; the best first. `amd`: the name on processors of AMD's design. */
const CORES = [
  { name: 'SkylakeX', level: 4, flags: ['avx512f', 'avx512dq', 'avx512bw', 'avx512vl', 'avx512cd', 'avx2', 'fma'] },
  { name: 'Haswell', amd: 'Zen', level: 3, flags: ['avx2', 'fma'] },
  { name: 'Sandybridge', level: 2, flags: ['avx'] },
  { name: 'Nehalem', level: 1, flags: ['ssse3', 'sse4_1', 'sse4_2', 'popcnt'] },
] as const

/** The cores that OpenBLAS falls back to where it has no kernels for a processor, and which of the above they come up to. It chooses any other by the processor's own number. */
const FALLBACKS: Readonly<Record<string, number>> = {
  prescott: 0,
  core2: 0,
  barcelona: 0,
  nehalem: 1,
  sandybridge: 2,
  haswell: 3,
}

const AMD = ['AuthenticAMD', 'HygonGenuine']

/** A processor as Linux describes it. */
export interface Processor {
  readonly vendor: string
  readonly model: string
  readonly flags: readonly string[]
}

/** Reads `/proc/cpuinfo`, of whose processors the one with the fewest abilities counts: a thread may run on any. Undefined where it is not that of an x86. */
export function processorOf(cpuinfo: string): Processor | undefined {
  const field = (name: string): string[] =>
    [...cpuinfo.matchAll(new RegExp(`^${name}[ \\t]*:(.*)$`, 'gm'))].map((match) => (match[1] as string).trim())
  const lists = [...new Set(field('flags'))].map((line) => line.split(/\s+/))
  const [first, ...others] = lists
  const vendor = field('vendor_id')[0]
  if (!first || vendor === undefined) return undefined
  const flags = first.filter((flag) => others.every((list) => list.includes(flag)))
  return { vendor, model: field('model name')[0] ?? '', flags }
}

/**
 * The core to name, in place of one that OpenBLAS has chosen by itself: undefined where that is as good as the processor allows, or was chosen for this processor.
 * @param chosen what `openblas_get_corename()` says
 */
export function betterCore({ vendor, flags }: Processor, chosen: string): string | undefined {
  const level = FALLBACKS[chosen.toLowerCase()]
  const best = CORES.find((core) => core.flags.every((flag) => flags.includes(flag)))
  if (level === undefined || !best || best.level <= level) return undefined
  return AMD.includes(vendor) && 'amd' in best ? best.amd : best.name
}
