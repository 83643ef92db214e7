/**
 * @file Training programs that change from step to step: other slices, lengths, trees, places where something is read, hand-written updates beside two
 * optimizers. Planned in parts, planned as wholes, as the library chooses, and step by step with everything read: the same bits; and the interpreter's
 * values within what rounding does.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { device } from '../support/device.ts'
import { chooser } from '../support/random-graph.ts'

interface Library {
  readonly tg: typeof import('../../src/index.ts')
  readonly plans: typeof import('../../src/runtime/plans.ts')
}

/** A library of its own, which has planned nothing yet. */
async function load(engine: 'interpreter' | 'wasm', waitFor?: (nodes: number) => number): Promise<Library> {
  vi.resetModules()
  vi.stubEnv('TAPEGRAD_CPU', engine)
  vi.stubEnv('TAPEGRAD_BLAS', 'off')
  const tg = await import('../../src/index.ts')
  const plans = await import('../../src/runtime/plans.ts')
  await tg.init({ device: engine === 'interpreter' ? 'cpu' : device })
  if (waitFor) plans.policy.waitFor = waitFor
  return { tg, plans }
}

const WIDTH = 6
const ROWS = 40
const STEPS = 14

/** The losses of a program, and the parameters behind it. `readAll`: every result is read as soon as it is there. */
async function run({ tg }: Library, seed: number, readAll = false): Promise<number[][]> {
  const { cat, noGrad, nn, optim, tensor } = tg
  const F = nn.functional
  const numbers = chooser(seed)
  const choose = chooser(seed ^ 0x717)
  const int = (low: number, high: number): number => low + Math.floor(choose() * (high - low + 1))
  const values = (n: number): Float32Array => Float32Array.from({ length: n }, () => numbers() - 0.5)
  type Tensor = ReturnType<typeof tensor>
  const parameter = (...shape: number[]): InstanceType<typeof nn.Parameter> =>
    new nn.Parameter(tensor(values(shape.reduce((a, b) => a * b, 1)), { shape }))
  const [w, v, b, scale] = [parameter(WIDTH, 2 * WIDTH), parameter(WIDTH, WIDTH), parameter(WIDTH), parameter(WIDTH)]
  const first = new optim.Adam([w, b], { lr: 0.02 })
  const second = new optim.SGD([v], { lr: 0.1, momentum: 0.5 })
  const rows = tensor(values(ROWS * WIDTH), { shape: [ROWS, WIDTH] })
  const seen: number[][] = []
  const look = async (x: Tensor): Promise<Tensor> => {
    if (readAll) await x.data()
    return x
  }
  let state: Tensor = tensor(values(WIDTH), { shape: [1, WIDTH] })
  const batch = async (): Promise<Tensor> => {
    const size = int(2, 5)
    const x = await look(rows.narrow(0, int(0, ROWS - size), size))
    return look(F.linear(x, v, b).tanh().narrow(1, int(0, 2), 4).square())
  }
  const unrolled = async (): Promise<Tensor> => {
    let h = state
    for (let t = int(1, 6); t > 0; t--) h = await look(F.linear(cat([h, rows.at(int(0, ROWS - 1)).unsqueeze(0)], 1), w, b).tanh())
    state = h.detach()
    return h
  }
  const tree = async (depth: number): Promise<Tensor> => {
    if (depth === 0 || choose() < 0.3) return rows.narrow(0, int(0, ROWS - 1), 1).mul(scale)
    const [left, right] = [await tree(depth - 1), await tree(depth - 1)]
    return look(F.linear(cat([left, right], 1), w, b).relu())
  }
  const programs = [
    batch,
    unrolled,
    () => tree(3),
    async (): Promise<Tensor> => (await batch()).logsumexp(1).add((await unrolled()).mean()),
  ]
  for (let step = 0; step < STEPS; step++) {
    const out = await (programs[int(0, programs.length - 1)] as (typeof programs)[number])()
    const loss = await look(out.mul(int(1, 2)).square().mean())
    first.zeroGrad()
    second.zeroGrad()
    scale.grad = null
    loss.backward()
    if (choose() < 0.7) first.step()
    if (choose() < 0.5) second.step()
    noGrad(() => {
      if (scale.grad && choose() < 0.8) scale.sub_(scale.grad.mul(0.05))
    })
    if (choose() < 0.6) seen.push([await loss.item()])
    if (choose() < 0.2) seen.push([...(await out.data())])
  }
  for (const p of [w, v, b, scale]) seen.push([...(await p.data())])
  return seen
}

const onCpu = device === 'cpu'
const seeds = Array.from({ length: Number(process.env.TAPEGRAD_PROGRAMS ?? (onCpu ? 6 : 2)) }, (_, i) => (onCpu ? 1 : 101) + i)

let parts: Library
let wholes: Library
let usual: Library
let oracle: Library
beforeAll(async () => {
  parts = await load('wasm', () => Number.POSITIVE_INFINITY)
  wholes = await load('wasm', () => 0)
  usual = await load('wasm')
  oracle = await load('interpreter')
})
afterAll(() => {
  vi.unstubAllEnvs()
})

function close(results: readonly number[][], wanted: readonly number[][], how: string): void {
  expect(results.length, how).toBe(wanted.length)
  wanted.forEach((list, i) => {
    list.forEach((value, k) => {
      const error = Math.abs(value - (results[i]?.[k] as number))
      expect(error, `${how}: result ${i}, element ${k}`).toBeLessThan(2e-4 * Math.max(1, Math.abs(value)))
    })
  })
}

describe('a program that changes from step to step', () => {
  it.each(seeds)('computes the same in parts and as wholes, from seed %i', { timeout: 240_000 }, async (seed) => {
    const wanted = await run(parts, seed)
    expect(await run(wholes, seed), 'as wholes').toEqual(wanted)
    expect(await run(usual, seed), 'as chosen').toEqual(wanted)
    expect(await run(usual, seed), 'as chosen, again').toEqual(wanted)
    expect(await run(parts, seed, true), 'with everything read').toEqual(wanted)
    close(await run(oracle, seed), wanted, 'interpreted')
  })
})
