/** @file Random numbers are the same on every device: interpreted, as WebAssembly and on WebGPU. */
import { afterAll, expect, it, vi } from 'vitest'
import type { DeviceName } from '../../src/index.ts'

afterAll(() => {
  vi.unstubAllEnvs()
})

/** What a library of its own, whose device cpu has the given engine, draws on a device. */
async function draw(engine: 'interpreter' | 'wasm', device: DeviceName): Promise<Record<string, ArrayLike<number>>> {
  vi.resetModules()
  vi.stubEnv('TAPEGRAD_CPU', engine)
  const { bernoulli, dropout, init, manualSeed, ones, rand, randint, randn, randperm } = await import('../../src/index.ts')
  const { adapter } = await init({ device: 'cpu' })
  expect(adapter).toContain(engine === 'wasm' ? 'WebAssembly' : 'interpreter')
  await init({ device })
  manualSeed(2024)
  const drawn = {
    rand: rand([1237]),
    'rand of halves': rand([333], { dtype: 'float16' }),
    randint: randint(-50, 1000, [777]),
    randperm: randperm(500),
    bernoulli: bernoulli(rand([640])),
    dropout: dropout(ones([41, 17]), { p: 0.3 }),
    uniform_: ones([129]).uniform_(-2, 3),
    randn: randn([2111]),
  }
  const values = Object.entries(drawn).map(async ([name, x]) => [name, (await x.data()) as ArrayLike<number>] as const)
  return Object.fromEntries(await Promise.all(values))
}

/** What passes through arithmetic, which the interpreter does in double precision. */
const COMPUTED = ['randn', 'uniform_']

it('draws the same numbers everywhere; those that are computed from them differ by a few units in the last place', async () => {
  const want = await draw('interpreter', 'cpu')
  for (const got of [await draw('wasm', 'cpu'), await draw('wasm', 'webgpu')]) {
    expect(Object.keys(got)).toEqual(Object.keys(want))
    for (const [name, values] of Object.entries(want)) {
      const drawn = got[name] as ArrayLike<number>
      if (!COMPUTED.includes(name)) expect(drawn, name).toEqual(values)
      for (let i = 0; i < values.length; i++) {
        const [v, w] = [drawn[i] as number, values[i] as number]
        expect(Math.abs(v - w), `${name}[${i}]: ${v}, not ${w}`).toBeLessThan(2e-6 * Math.max(1, Math.abs(w)))
      }
    }
  }
})
