/** @file What is left to the BLAS of the machine: as it was measured, once, or as TAPEGRAD_BLAS says; and how the device tells of it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { VERSION } from '../../src/base/index.ts'
import { type Blas, type BlasUse, loadKoffi, openBlas } from '../../src/device/cpu/wasm/contraction/blas.ts'
import { choose, keyOf } from '../../src/device/cpu/wasm/contraction/blas-choice.ts'
import { judge } from '../../src/device/cpu/wasm/contraction/blas-measure.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import { env } from '../../src/device/index.ts'
import { compiledUrl } from '../support/compiled.ts'
import { checkContraction, forward, matrices } from '../support/contractions.ts'

const library = await compiledUrl(new URL('../../src/index.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const path = env('TAPEGRAD_BLAS')
await loadKoffi()
const system = openBlas(path === 'off' ? undefined : path, () => {})

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapegrad-choice-'))
  vi.stubEnv('TAPEGRAD_CACHE', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** A library that takes so many nanoseconds for a multiplication and addition, of which panels need less than 0.1, and computes nothing. */
const pretended = (ns: (k: number) => number, calls: number[] = []): Blas => ({
  name: 'Pretended 1.0',
  path: 'libpretended.so',
  sgemm(_order, _a, _b, m, n, k) {
    calls.push(m * n * k)
    const until = performance.now() + 1e-6 * ns(k) * m * n * k
    while (performance.now() < until);
  },
  oneThread: () => () => {},
  address: () => 0,
})
const instant = (): number => 0
const slow = (): number => 2

describe('a measurement', () => {
  const use = async (blas: Blas): Promise<BlasUse> => (await judge(new WasmEngine(1, blas))).use

  it('leaves everything to a BLAS that takes no time', async () => {
    expect(await use(pretended(instant))).toBe('all')
  })

  it('leaves nothing to one that is slower', async () => {
    expect(await use(pretended(slow))).toBe('none')
  })

  it('leaves products alone to one that is slower where windows are packed', async () => {
    // Of the contractions that are measured, the convolution alone sums over 144 terms, or parts of them
    expect(await use(pretended((k) => (144 % k === 0 ? 2 : 0)))).toBe('products')
  })

  it('gives back memory and threads, and is over soon', async () => {
    const engine = new WasmEngine(1, { ...pretended(instant), oneThread: () => () => lent.push('back') })
    const lent: string[] = []
    await judge(engine)
    const taken = engine.heap.takenBytes
    const from = performance.now()
    await judge(engine)
    expect(performance.now() - from).toBeLessThan(5000)
    // Modules of kernels go when they are collected
    expect(engine.heap.takenBytes - taken).toBeLessThan(2 ** 16)
    expect(lent).toEqual(['back', 'back'])
  })
})

describe('the choice', () => {
  const verdict = (use: BlasUse, count = { times: 0 }) => {
    return async () => {
      count.times++
      return { use, ratios: [0.51234] }
    }
  }
  const only = (): string => {
    const [name, ...more] = readdirSync(folder)
    expect(more).toEqual([])
    return join(folder, name as string)
  }

  it('is measured once, and kept', async () => {
    const count = { times: 0 }
    expect(await choose('key', verdict('products', count))).toBe('products')
    expect(await choose('key', verdict('none', count))).toBe('products')
    expect(count.times).toBe(1)
    expect(JSON.parse(readFileSync(only(), 'utf8'))).toEqual({ use: 'products', ratios: [0.512], key: 'key' })
  })

  it('of another machine does not count, though the file were its own', async () => {
    await choose('key', verdict('none'))
    writeFileSync(only(), JSON.stringify({ use: 'none', ratios: [], key: 'another' }))
    expect(await choose('key', verdict('all'))).toBe('all')
    expect(await choose('other', verdict('products'))).toBe('products')
    expect(await choose('key', verdict('none'))).toBe('all')
  })

  it('is measured anew where the file is broken, which mends it', async () => {
    await choose('key', verdict('all'))
    const good = readFileSync(only(), 'utf8')
    const broken = ['', '{', 'null', '7', '[]', '"all"', '{"key":"key"}', '{"key":"key","use":"some"}', '{"key":"key","use":["all"]}', good.slice(0, -1), `${good}}`] // biome-ignore format: one line
    for (const text of broken) {
      writeFileSync(only(), text)
      expect(await choose('key', verdict('none')), text).toBe('none')
      expect(await choose('key', verdict('all')), text).toBe('none')
    }
  })

  it('is made in every process where it cannot be kept', async () => {
    vi.stubEnv('TAPEGRAD_CACHE', '/dev/null/nothing')
    const count = { times: 0 }
    for (const use of ['all', 'none'] as const) expect(await choose('key', verdict(use, count))).toBe(use)
    expect(count.times).toBe(2)
  })

  it('of the process that is first counts for the one that measured at the same time', async () => {
    const late = async () => {
      await choose('key', verdict('all'))
      return { use: 'none' as const, ratios: [] }
    }
    expect(await choose('key', late)).toBe('all')
  })

  it('depends on the library, its core and file, on threads and versions', () => {
    const blas = pretended(instant)
    const key = keyOf(blas, 2)
    expect(keyOf(blas, 2)).toBe(key)
    for (const part of [VERSION, process.version, process.arch, blas.name]) expect(key).toContain(JSON.stringify(part).slice(1, -1))
    const file = join(folder, 'libpretended.so')
    writeFileSync(file, 'old')
    const onDisk = keyOf({ ...blas, path: file }, 2)
    writeFileSync(file, 'newer')
    vi.stubEnv('OPENBLAS_NUM_THREADS', '7')
    const limited = keyOf(blas, 2)
    vi.unstubAllEnvs()
    const others = [keyOf(blas, 3), keyOf({ ...blas, name: 'Pretended 1.0 (Zen)' }, 2), onDisk, keyOf({ ...blas, path: file }, 2), limited]
    expect(new Set([key, ...others]).size).toBe(6)
  })

  it('says the version of the package', () => {
    expect(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))).toMatchObject({ version: VERSION })
  })
})

describe('an engine', () => {
  const told = (blas: Blas | false, use: BlasUse) => {
    const engine = new WasmEngine(1, blas)
    engine.use = use
    return [engine.description, engine.features.includes('blas')]
  }

  it('says what is left to the BLAS', () => {
    const blas = { ...pretended(instant), name: 'OpenBLAS 0.3.21 (Zen)' }
    expect(told(blas, 'all')).toEqual(['WebAssembly SIMD, 1 thread, OpenBLAS 0.3.21 (Zen)', true])
    expect(told(blas, 'products')).toEqual(['WebAssembly SIMD, 1 thread, OpenBLAS 0.3.21 (Zen) for products of matrices alone', true])
    expect(told(blas, 'none')).toEqual(['WebAssembly SIMD, 1 thread; OpenBLAS 0.3.21 (Zen) was found, but is slower', false])
    expect(told(false, 'all')).toEqual(['WebAssembly SIMD, 1 thread', false])
  })

  it.for([
    ['all', true, true],
    ['products', true, false],
    ['none', false, false],
  ] as const)('of which it leaves %s', async ([use, products, windows]) => {
    // biome-ignore format: one line
    const calls: number[] = []
    const engine = new WasmEngine(1, pretended(instant, calls))
    engine.use = use
    const byBlas = async (spec: Parameters<typeof checkContraction>[0]): Promise<boolean> => {
      calls.length = 0
      await checkContraction(spec, async (kernel, inputs, lengths) => {
        const data = [...inputs.map((x) => x.length), ...lengths].map((length) => engine.heap.take('float32', length))
        inputs.forEach((values, i) => {
          data[i]?.values.set(values)
        })
        engine.compile(
          kernel,
          data.map(({ length }) => length),
        )({ data, scalars: [], fail: () => {} })
        return data.slice(inputs.length).map((block) => block.values.slice())
      }).catch((error: Error) => {
        // It computes nothing, so only what is not left to it is right
        if (calls.length === 0) throw error
      })
      return calls.length > 0
    }
    expect(await byBlas(matrices({ m: 64, n: 64, k: 64 }))).toBe(products)
    expect(await byBlas(forward({ batch: 4, channels: 16, outputs: 32, size: 16, kernel: [3, 3] }))).toBe(windows)
  })
})

/** What `init()` says in a process with these variables, and what is on its console. */
function initiate(variables: Readonly<Record<string, string>>): { adapter: string; features: string[]; stderr: string } {
  const program = `
    import { init } from ${JSON.stringify(library)}
    const { adapter, features } = await init({ device: 'cpu' })
    console.log(JSON.stringify({ adapter, features }))`
  const { TAPEGRAD_BLAS, OPENBLAS_CORETYPE, ...rest } = process.env
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
    env: { ...rest, TAPEGRAD_CPU: 'wasm', ...variables },
    timeout: 60_000,
  })
  return { ...JSON.parse(stdout), stderr }
}

describe.runIf(system)('as a whole process', { timeout: 120_000 }, () => {
  const name = system?.name as string

  it('on, off and a path are taken at their word, and nothing is measured', () => {
    expect(initiate({ TAPEGRAD_BLAS: 'on' })).toMatchObject({
      adapter: expect.stringMatching(`, ${name.replace(/[()]/g, '\\$&')}$`),
      stderr: '',
    })
    expect(initiate({ TAPEGRAD_BLAS: 'on' }).features).toContain('blas')
    expect(initiate({ TAPEGRAD_BLAS: 'off' })).toMatchObject({
      adapter: expect.stringMatching(/^WebAssembly SIMD, \d+ threads?$/),
      stderr: '',
    })
    expect(initiate({ TAPEGRAD_BLAS: system?.path as string }).adapter).toContain(`, ${name}`)
    expect(readdirSync(folder)).toEqual([])
  })

  it('without it a measurement decides, whose choice is kept and told', () => {
    const first = initiate({})
    expect(first.adapter).toContain(name)
    const [file] = readdirSync(folder)
    const kept = JSON.parse(readFileSync(join(folder, file as string), 'utf8')) as { use: BlasUse; ratios: number[] }
    expect(first.features.includes('blas')).toBe(kept.use !== 'none')
    expect(kept.ratios.length).toBeGreaterThanOrEqual(3)
    for (const [use, end] of [
      ['none', `; ${name} was found, but is slower`],
      ['all', `, ${name}`],
      ['products', `, ${name} for products of matrices alone`],
    ] as const) {
      // biome-ignore format: one line
      writeFileSync(join(folder, file as string), JSON.stringify({ ...kept, use }))
      const { adapter, stderr } = initiate({})
      expect(adapter.replace(/^WebAssembly SIMD, \d+ threads?/, '')).toBe(end)
      expect(stderr).toBe('')
    }
    expect(readdirSync(folder)).toEqual([file])
  })

  it.runIf(name?.startsWith('OpenBLAS') && process.arch === 'x64')(
    'the oldest kernels, where the user names them, are found to be slower',
    () => {
      expect(initiate({ OPENBLAS_CORETYPE: 'Prescott' }).adapter).toMatch(/; OpenBLAS .+ \(Prescott\) was found, but is slower$/)
    },
  )
})
