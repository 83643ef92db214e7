/** @file Contractions by the BLAS of the machine, in every plan and in chunks of several sizes, against plain loops; and what happens where there is none. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../../src/base/index.ts'
import { type Blas, loadKoffi, openBlas } from '../../src/device/cpu/wasm/contraction/blas.ts'
import { type BlasPlan, choosePlan, type Limits, plansFor } from '../../src/device/cpu/wasm/contraction/blas-plan.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import { WORTH } from '../../src/device/cpu/wasm/threads/threads.ts'
import { env } from '../../src/device/index.ts'
import { areDeterministicAlgorithmsEnabled, useDeterministicAlgorithms } from '../../src/index.ts'
import type { Kernel } from '../../src/kernel/index.ts'
import { compiledUrl } from '../support/compiled.ts'
import {
  CONVOLUTIONS,
  checkContraction,
  forward,
  matrices,
  ofInput,
  ofWeight,
  PRODUCTS,
  randomSpec,
  type Spec,
} from '../support/contractions.ts'

const lines: string[] = []
const tell = (line: string): void => {
  lines.push(line)
}
const path = env('TAPEGRAD_BLAS')
await loadKoffi()
const blas = openBlas(path === 'off' ? undefined : path, tell)

function run(engine: WasmEngine, kernel: Kernel, inputs: readonly TypedArray[], lengths: readonly number[]): TypedArray[] {
  const all = [...inputs.map((x) => x.length), ...lengths]
  const data = kernel.buffers.map(({ dtype }, i) => engine.heap.take(dtype, all[i] as number))
  data.forEach((block, i) => {
    // What a result held before must not show
    if (i < inputs.length) block.values.set(inputs[i] as TypedArray)
    else block.values.fill(Number.NaN)
  })
  const fail = (site: number): never => expect.unreachable(`index of site ${site} outside`)
  engine.compile(kernel, all)({ data, scalars: [], fail })
  const outputs = data.slice(inputs.length).map((x) => x.values.slice())
  for (const block of data) engine.heap.give(block)
  return outputs
}

const SIZES: Record<string, Limits | undefined> = {
  'in chunks of usual size': undefined,
  'in small chunks': { floats: 60, least: 4, columns: 8 },
  'in chunks of one line': { floats: 1, least: 1, columns: 1 },
}

if (blas) describe(`with ${blas.name}`, () => withBlas(blas))
else
  it.skip('products by the BLAS of the machine: there is none. Install libopenblas0-pthread, or set TAPEGRAD_BLAS to the path of one', () => {})

function withBlas(blas: Blas): void {
  const engine = new WasmEngine(1, blas)
  const seen = { inPlace: 0, packed: 0, direct: 0, stores: 0, peeled: 0, chunks: 0 }

  /** Computes by every plan that there is. */
  async function check(specs: readonly Spec[], limits: Limits | undefined, used = engine): Promise<void> {
    for (const spec of specs)
      for (let p = 0, count = 1; p < count; p++) {
        let plan: BlasPlan | undefined
        used.plan = (kernel) => {
          const plans = plansFor(kernel, limits)
          count = plans.length
          plan = plans[p]
          return plan
        }
        await checkContraction(spec, async (...of) => run(used, ...of), { p, limits })
        if (!plan) continue
        for (const operand of [plan.a, plan.b]) operand ? seen.inPlace++ : seen.packed++
        plan.direct ? seen.direct++ : seen.stores++
        for (const { size, piece, chunk } of [plan.m, plan.n, plan.k]) {
          if (piece < chunk) seen.peeled++
          if (chunk < size) seen.chunks++
        }
      }
  }

  let seed = 900
  describe.for(Object.entries(SIZES))('%s', ([, limits]) => {
    it.for(Object.entries(PRODUCTS))('a product %s', ([, specs]) => check(specs, limits))
    it.for(Object.entries(CONVOLUTIONS))('a convolution %s', ([, specs]) => check(specs, limits))
    it('any axes and strides', () =>
      check(
        Array.from({ length: 40 }, () => randomSpec(seed++)),
        limits,
      ))
    it('more than one chunk of everything', () =>
      check(
        [matrices({ m: 150, n: 410, k: 70, epilogue: true }), forward({ batch: 5, channels: 6, outputs: 20, size: 22, kernel: [3, 3] })],
        limits,
      ))
  })

  it('has met every kind of plan', () => {
    for (const [kind, count] of Object.entries(seen)) expect(count, kind).toBeGreaterThan(20)
  })

  it('shares packing and stores among threads', async () => {
    const shared = new WasmEngine(3, blas)
    const usual = { ...WORTH }
    Object.assign(WORTH, { chunk: 0, job: 0 })
    try {
      const images = { batch: 3, channels: 8, outputs: 16, size: 12, kernel: [3, 3] as const }
      await check(
        [{ ...forward(images), epilogue: true }, ofWeight(images), ofInput(images)],
        { floats: 4000, least: 16, columns: 64 },
        shared,
      )
    } finally {
      Object.assign(WORTH, usual)
      await shared.close()
    }
  })

  it('is chosen where it is quicker, and for float32 alone', async () => {
    const chosen = async (spec: Spec): Promise<boolean> => {
      let answer = false
      engine.plan = (kernel) => {
        answer = choosePlan(kernel) !== undefined
        return undefined
      }
      await checkContraction(spec, async (...of) => run(engine, ...of))
      return answer
    }
    expect(await chosen(matrices({ m: 64, n: 10, k: 256 }))).toBe(true)
    expect(await chosen(matrices({ m: 256, n: 64, k: 64, tb: true, epilogue: true }))).toBe(true)
    expect(await chosen(forward({ batch: 2, channels: 8, outputs: 16, size: 14, kernel: [3, 3] }))).toBe(true)
    expect(await chosen(ofWeight({ batch: 4, channels: 8, outputs: 8, size: 8, kernel: [3, 3] }))).toBe(true)
    expect(await chosen(matrices({ m: 4, n: 4, k: 4 }))).toBe(false)
    expect(await chosen(matrices({ m: 1, n: 512, k: 512 }))).toBe(false)
    expect(await chosen(matrices({ m: 64, n: 64, k: 64, half: 'float16' }))).toBe(false)
  })

  it('gives NaN and infinities where sums have them, and nowhere else', async () => {
    const [m, n, k] = [20, 24, 18]
    engine.plan = (kernel) => plansFor(kernel)[0]
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    let kernelOf: Kernel | undefined
    await checkContraction(matrices({ m, n, k }), async (kernel, inputs, lengths) => {
      kernelOf = kernel
      return run(engine, kernel, inputs, lengths)
    })
    const [a, b] = [new Float32Array(m * k).fill(1), new Float32Array(k * n).fill(2)]
    special.forEach((value, i) => {
      a[3 * i * k + i] = value
    })
    b[5] = Number.NaN
    const [c] = run(engine, kernelOf as Kernel, [a, b], [m * n]) as [Float32Array]
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0
        for (let l = 0; l < k; l++) sum += (a[i * k + l] as number) * (b[l * n + j] as number)
        expect(c[i * n + j], `${i}, ${j}`).toBe(sum)
      }
  })

  it('useDeterministicAlgorithms leaves it out, of kernels that are compiled already too', async () => {
    const spec = matrices({ m: 40, n: 50, k: 300, tb: true, epilogue: true })
    let calls = 0
    const counted: Blas = {
      ...blas,
      sgemm: (...of) => {
        calls++
        blas.sgemm(...of)
      },
    }
    const other = new WasmEngine(1, counted)
    const own = new WasmEngine(1, false)
    const results: TypedArray[] = []
    await checkContraction(spec, async (kernel, inputs, lengths) => {
      const all = [...inputs.map((x) => x.length), ...lengths]
      const data = all.map((length) => other.heap.take('float32', length))
      inputs.forEach((values, i) => {
        data[i]?.values.set(values)
      })
      const compiled = other.compile(kernel, all)
      const once = (): TypedArray => {
        compiled({ data, scalars: [], fail: () => expect.unreachable() })
        return (data[inputs.length] as (typeof data)[0]).values.slice()
      }
      once()
      expect(calls).toBeGreaterThan(0)
      calls = 0
      expect(areDeterministicAlgorithmsEnabled()).toBe(false)
      useDeterministicAlgorithms(true)
      try {
        expect(areDeterministicAlgorithmsEnabled()).toBe(true)
        results.push(once())
        expect(calls).toBe(0)
      } finally {
        useDeterministicAlgorithms(false)
      }
      once()
      expect(calls).toBeGreaterThan(0)
      const outputs = run(own, kernel, inputs, lengths)
      results.push(outputs[0] as TypedArray)
      return outputs
    })
    expect(results[0]).toEqual(results[1])
  })

  it('is named by the device', () => {
    expect(engine.description).toContain(blas.name)
    expect(engine.features).toContain('blas')
    expect(new WasmEngine(1, false).features).not.toContain('blas')
  })
}

describe('falls back to WebAssembly, with one line', () => {
  const said = (wanted: string): string[] => {
    lines.length = 0
    expect(openBlas(wanted, tell)).toBeUndefined()
    return lines
  }

  it('where the path leads nowhere', () => {
    const told = said('/nonexistent.so')
    expect(told).toHaveLength(1)
    expect(told[0]).toMatch(/^tapegrad: TAPEGRAD_BLAS: \/nonexistent\.so cannot be used \(.+\); matrix products run as WebAssembly$/)
  })

  it('where what is there is no library', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tapegrad-'))
    const file = join(folder, 'libtext.so')
    writeFileSync(file, 'not a library')
    expect(said(file)).toHaveLength(1)
    rmSync(folder, { recursive: true })
  })

  it.skipIf(process.platform !== 'linux')('where the library has no cblas_sgemm', () => {
    const told = said('libc.so.6')
    expect(told).toHaveLength(1)
    expect(told[0]).toContain('cblas_sgemm')
  })

  it('as a whole process, which says it once', { timeout: 60_000 }, async () => {
    const program = `
      import { init, matmul, ones } from ${JSON.stringify(await compiledUrl(new URL('../../src/index.ts', import.meta.url)))}
      console.log((await init({ device: 'cpu' })).adapter)
      const a = ones([64, 64], { device: 'cpu' })
      for (let i = 0; i < 2; i++) console.log(await matmul(a, a).sum().item())`
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      encoding: 'utf8',
      env: { ...process.env, TAPEGRAD_CPU: 'wasm', TAPEGRAD_BLAS: '/nonexistent.so' },
      timeout: 50_000,
    })
    expect(stderr.match(/nonexistent.so cannot be used/g)).toHaveLength(1)
    expect(stdout).toMatch(/^WebAssembly SIMD, \d+ threads?\n262144\n262144\n$/)
    expect(status).toBe(0)
  })

  it('and without a line where nobody asked for one, or it is off', () => {
    expect(said('off')).toEqual([])
  })
})

it('useDeterministicAlgorithms takes true or false', () => {
  expect(() => useDeterministicAlgorithms(1 as never)).toThrow('useDeterministicAlgorithms: mode must be true or false, got 1')
})
