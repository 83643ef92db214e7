/**
 * @file `npm run bench -- custom`: a fused SwiGLU, written as an op of one's own (docs/custom-ops.md), beside the one that is composed of the library's functions,
 * in turns: the value, and a step with gradients of both inputs.
 */
import { customOp, init, manualSeed, randn, sigmoid, synchronize, type Tensor } from '../src/index.ts'
import { spread } from './report.ts'
import type { CustomRow } from './results.ts'
import type { Device } from './worker.ts'

/** 4,194,304 elements: the gates of 4,096 tokens in a layer of width 1,024. */
const SHAPE = [4096, 1024]
const WARM = 4

const swigluGradient = customOp({
  name: 'swigluGradient',
  inputs: { g: 'float', x: 'float', gate: 'float' },
  outputs: { ofX: ({ x }) => x, ofGate: ({ gate }) => gate },
  wgsl: `
    fn compute(i: u32) {
      let s = 1.0 / (1.0 + exp(-x[i]));
      ofX[i] = g[i] * gate[i] * s * (1.0 + x[i] * (1.0 - s));
      ofGate[i] = g[i] * x[i] * s;
    }`,
  cpu: ({ g, x, gate }, { ofX, ofGate }) => {
    for (let i = 0; i < x.length; i++) {
      const [gi, xi] = [g[i] as number, x[i] as number]
      const s = 1 / (1 + Math.exp(-xi))
      ofX[i] = gi * (gate[i] as number) * s * (1 + xi * (1 - s))
      ofGate[i] = gi * xi * s
    }
  },
})

const fused = customOp({
  name: 'swiglu',
  inputs: { x: 'float', gate: 'float' },
  outputs: { y: ({ x }) => x },
  wgsl: 'fn compute(i: u32) { y[i] = x[i] / (1.0 + exp(-x[i])) * gate[i]; }',
  cpu: ({ x, gate }, { y }) => {
    for (let i = 0; i < y.length; i++) y[i] = ((x[i] as number) / (1 + Math.exp(-(x[i] as number)))) * (gate[i] as number)
  },
  backward: ({ y: g }, { x, gate }) => {
    const { ofX, ofGate } = swigluGradient(g, x, gate)
    return { x: ofX, gate: ofGate }
  },
})

const composed = (x: Tensor, gate: Tensor): Tensor => x.mul(sigmoid(x)).mul(gate)

type Form = (x: Tensor, gate: Tensor) => Tensor

export async function custom(device: Device, rounds: number): Promise<{ adapter: string; rows: readonly CustomRow[] }> {
  const { adapter } = await init({ device })
  manualSeed(1)
  const [x, gate, g] = [randn(SHAPE, { requiresGrad: true }), randn(SHAPE, { requiresGrad: true }), randn(SHAPE)]
  await synchronize()
  const value = (form: Form): Tensor => form(x.detach(), gate.detach())
  const step = (form: Form): Tensor => {
    x.grad = null
    gate.grad = null
    form(x, gate).backward(g)
    return x.grad as unknown as Tensor
  }
  const timed = async (work: () => Tensor): Promise<number> => {
    const begin = performance.now()
    work()
    await synchronize()
    return performance.now() - begin
  }
  const rows: CustomRow[] = []
  for (const [what, work] of [
    ['value', value],
    ['value and gradients', step],
  ] as const) {
    const [a, b] = await Promise.all([fused, composed].map((form) => work(form as Form).data()))
    const off = (a as Float32Array).reduce((most, v, i) => Math.max(most, Math.abs(v - (b?.[i] as number))), 0)
    if (!(off < 1e-5)) throw new Error(`${what}: the two forms differ by ${off}`)
    const times: [number[], number[]] = [[], []]
    for (let round = -WARM; round < rounds; round++) {
      for (const k of round % 2 ? [0, 1] : [1, 0]) {
        const ms = await timed(() => work((k === 0 ? fused : composed) as Form))
        if (round >= 0) times[k as 0 | 1].push(ms)
      }
    }
    rows.push({ what, own: spread(times[0]), composed: spread(times[1]) })
  }
  return { adapter, rows }
}
