/** @file Which core an OpenBLAS is given, for processors of every generation: never one that the flags do not allow, and none where OpenBLAS knows the processor. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadKoffi, openBlas } from '../../src/device/cpu/wasm/contraction/blas.ts'
import { betterCore, processorOf } from '../../src/device/cpu/wasm/contraction/blas-cores.ts'
import { env } from '../../src/device/index.ts'
import { noise } from '../webgpu/kernels.ts'

const SSE3 = 'fpu sse sse2 pni'
const SSE4 = `${SSE3} ssse3 sse4_1 sse4_2 popcnt`
const AVX = `${SSE4} avx`
const AVX2 = `${AVX} f16c fma avx2 bmi1 bmi2`
const KNIGHTS = `${AVX2} avx512f avx512cd avx512er avx512pf`
const AVX512 = `${AVX2} avx512f avx512cd avx512dq avx512bw avx512vl`
const RAPIDS = `${AVX512} avx512_vnni avx512_bf16 avx512_fp16 amx_tile amx_bf16`
const K10 = `${SSE3} popcnt sse4a`
const ZEN = `${AVX2} sse4a`

/** What OpenBLAS may have chosen, and what is named instead. */
type Named = Readonly<Record<string, string | undefined>>
const none: Named = { Prescott: undefined, Haswell: undefined, Zen: undefined, SkylakeX: undefined }
const sse4: Named = { Prescott: 'Nehalem', Core2: 'Nehalem', Nehalem: undefined, Atom: undefined }
const avx: Named = { Prescott: 'Sandybridge', Nehalem: 'Sandybridge', Sandybridge: undefined }
const avx2: Named = { Prescott: 'Haswell', Nehalem: 'Haswell', Sandybridge: 'Haswell', Haswell: undefined, SkylakeX: undefined }
const avx512: Named = { Prescott: 'SkylakeX', prescott: 'SkylakeX', Haswell: 'SkylakeX', SkylakeX: undefined, Cooperlake: undefined, SapphireRapids: undefined } // biome-ignore format: one line
const zen: Named = { Prescott: 'Zen', Barcelona: 'Zen', Sandybridge: 'Zen', Zen: undefined, Haswell: undefined, Excavator: undefined }
const zen4: Named = { Prescott: 'SkylakeX', Barcelona: 'SkylakeX', Zen: undefined, SkylakeX: undefined, Cooperlake: undefined }

const PROCESSORS: readonly (readonly [name: string, vendor: string, flags: string, named: Named])[] = [
  ['Pentium 4', 'GenuineIntel', SSE3, none],
  ['Core 2', 'GenuineIntel', `${SSE3} ssse3`, none],
  ['Nehalem, Westmere', 'GenuineIntel', SSE4, sse4],
  ['Sandy Bridge, Ivy Bridge', 'GenuineIntel', AVX, avx],
  ['Haswell to Comet Lake', 'GenuineIntel', AVX2, avx2],
  ['Alder Lake and later, without AVX-512', 'GenuineIntel', `${AVX2} avx_vnni`, avx2],
  ['Knights Landing, which has another AVX-512', 'GenuineIntel', KNIGHTS, avx2],
  ['Skylake-SP to Ice Lake', 'GenuineIntel', AVX512, avx512],
  ['Sapphire, Emerald and Granite Rapids', 'GenuineIntel', RAPIDS, avx512],
  ['a virtual machine that hides AVX2', 'GenuineIntel', `${AVX} fma`, avx],
  ['a virtual machine that hides FMA', 'GenuineIntel', `${AVX} avx2 avx512f avx512cd avx512dq avx512bw avx512vl`, avx],
  ['a system without AVX', 'GenuineIntel', `${SSE4} fma avx512f`, sse4],
  ['K10', 'AuthenticAMD', K10, { Barcelona: undefined, Prescott: undefined }],
  ['Bulldozer', 'AuthenticAMD', `${AVX} sse4a fma4`, { Bulldozer: undefined, Barcelona: 'Sandybridge' }],
  ['Zen to Zen 3', 'AuthenticAMD', ZEN, zen],
  ['Hygon', 'HygonGenuine', ZEN, zen],
  ['Zen 4, Zen 5', 'AuthenticAMD', `${ZEN} avx512f avx512cd avx512dq avx512bw avx512vl`, zen4],
  ['Zhaoxin', '  Shanghai  ', AVX2, avx2],
]

const cpuinfo = (vendor: string, ...flags: readonly string[]): string =>
  flags
    .map((list, i) => `processor\t: ${i}\nvendor_id\t: ${vendor}\nmodel name\t: Some 9000 @ 2.00GHz\nflags\t\t: ${list}\nbugs\t\t: x\n`)
    .join('\n')

describe('the core that is named for', () => {
  it.for(PROCESSORS)('%s', ([, vendor, flags, named]) => {
    const processor = processorOf(cpuinfo(vendor, flags, flags))
    if (!processor) return expect.unreachable()
    expect(processor).toMatchObject({ vendor: vendor.trim(), model: 'Some 9000 @ 2.00GHz', flags: flags.split(' ') })
    for (const [chosen, core] of Object.entries(named)) expect(betterCore(processor, chosen), chosen).toBe(core)
  })
})

it('a core that OpenBLAS chose for the processor, or that is not known here, is left alone', () => {
  const flags = RAPIDS.split(' ')
  for (const chosen of ['Zen', 'Excavator', 'SapphireRapids', 'Cooperlake', 'Future', 'Unknown', '', 'neoversen1', 'armv8'])
    expect(betterCore({ vendor: 'GenuineIntel', model: '', flags }, chosen)).toBeUndefined()
})

it('no core is named beyond the flags, whichever are there', () => {
  const needed: Readonly<Record<string, string>> = { SkylakeX: AVX512, Haswell: 'avx2 fma', Zen: 'avx2 fma', Sandybridge: 'avx', Nehalem: 'ssse3 sse4_1 sse4_2 popcnt' } // biome-ignore format: one line
  const all = [...new Set(`${RAPIDS} ${KNIGHTS} sse4a fma4`.split(' '))]
  const seen = new Set<string>()
  for (let seed = 1; seed <= 3000; seed++) {
    const least = seed % 2 ? 0 : -0.9
    const numbers = noise(all.length, seed)
    const flags = all.filter((_, i) => (numbers[i] as number) > least)
    for (const vendor of ['GenuineIntel', 'AuthenticAMD'])
      for (const chosen of ['Prescott', 'Nehalem', 'Sandybridge', 'Haswell']) {
        const core = betterCore({ vendor, model: '', flags }, chosen)
        if (core === undefined) continue
        seen.add(core)
        // The flags of older instructions stand for themselves: who has AVX2 but says nothing of SSE4.2 is no processor that there is
        const wanted = core === 'SkylakeX' ? 'avx512f avx512dq avx512bw avx512vl avx512cd avx2 fma' : (needed[core] as string)
        expect(flags).toEqual(expect.arrayContaining(wanted.split(' ')))
      }
  }
  expect([...seen].sort()).toEqual(Object.keys(needed).sort())
})

it('of processors of two kinds, what both can do counts', () => {
  const processor = processorOf(cpuinfo('GenuineIntel', RAPIDS, AVX2))
  expect(processor && betterCore(processor, 'Prescott')).toBe('Haswell')
})

it('what is no x86 is left alone', () => {
  expect(processorOf('processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd sve avx2 fma\nCPU implementer\t: 0x41\n')).toBeUndefined()
  expect(processorOf('')).toBeUndefined()
  expect(processorOf('vendor_id\t: GenuineIntel\n')).toBeUndefined()
})

await loadKoffi()
const path = env('TAPEGRAD_BLAS')
const blas = openBlas(path === 'off' ? undefined : path, () => {})

/** What a process, or a worker thread of one, sees that loads the BLAS of this machine with a core named. */
function load(core: string, where: 'process' | 'thread', variables: Readonly<Record<string, string>> = {}): unknown {
  const { OPENBLAS_CORETYPE, ...rest } = process.env
  const args = ['--import', 'tsx', fileURLToPath(new URL('../support/named-core.ts', import.meta.url)), where, blas?.path as string, core]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { ...rest, ...variables }, timeout: 60_000 })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

// Any x86 that OpenBLAS runs on can have these
describe.runIf(process.platform === 'linux' && process.arch === 'x64' && blas?.name.startsWith('OpenBLAS'))('a named core', () => {
  it.for(['process', 'thread'] as const)('counts in a %s, and is in the environment of nothing else', { timeout: 60_000 }, (where) => {
    for (const core of ['Nehalem', 'Prescott'])
      expect(load(core, where)).toEqual({ core, asked: 1, left: null, inherited: '', right: true })
  })

  it('gives way to the one that the user has named', { timeout: 60_000 }, () => {
    const mine = { OPENBLAS_CORETYPE: 'Nehalem' }
    expect(load('Prescott', 'process', mine)).toEqual({ core: 'Nehalem', asked: 1, left: 'Nehalem', inherited: 'Nehalem', right: true })
  })

  it('is named by the device', () => {
    expect(blas?.name).toMatch(/^OpenBLAS \d+\.\d+\.\d+\S* \(\w+\)$/)
  })
})
