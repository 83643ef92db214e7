/**
 * @file Under autocast halves are rounded for a product, and again for the product of the backward pass, from what is stored in any case: that changes no bit, and
 * activations take about half the memory.
 */
import { describe, expect, it, vi } from 'vitest'
import { device } from '../support/device.ts'

type Library = typeof import('../../src/index.ts')

/** A library of its own, which plans in parts or as a whole, and rounds again what is read so many parts or nodes later. */
async function load(whole: boolean, far?: number): Promise<Library> {
  vi.resetModules()
  vi.stubEnv('TAPEGRAD_BLAS', 'off')
  const tg = await import('../../src/index.ts')
  const { policy } = await import('../../src/runtime/plans.ts')
  policy.waitFor = () => (whole ? 0 : Number.POSITIVE_INFINITY)
  const { rounding } = await import('../../src/compiler/origin.ts')
  Object.assign(rounding, far === undefined ? {} : { parts: far, nodes: far })
  await tg.init({ device })
  return tg
}

const WIDTH = 64

interface Run {
  /** Bits of the last loss and the last gradients. */
  readonly bits: number[][]
  /** Bytes of the last step beyond what was there before. */
  readonly peak: number
}

async function train(tg: Library, mixed: boolean, rows = 8): Promise<Run> {
  const { nn, optim, randn } = tg
  tg.manualSeed(3)
  const blocks = Array.from({ length: 4 }, () => ({
    scale: new nn.Parameter(tg.ones([WIDTH], { device })),
    shift: new nn.Parameter(tg.zeros([WIDTH], { device })),
    all: new nn.Linear(WIDTH, 3 * WIDTH, { device }),
    up: new nn.Linear(WIDTH, 4 * WIDTH, { device }),
    down: new nn.Linear(4 * WIDTH, WIDTH, { device }),
  }))
  const params = blocks.flatMap((block) => Object.values(block).flatMap((each) => (each instanceof nn.Module ? each.parameters() : each)))
  const optimizer = new optim.SGD(params, { lr: 0.01 })
  const x = randn([rows, 32, WIDTH], { device })
  const forward = (): ReturnType<typeof randn> => {
    let h = x
    for (const { scale, shift, all, up, down } of blocks) {
      const norm = (y: typeof x): typeof x => {
        const away = y.sub(y.mean(-1, { keepdim: true }))
        return away
          .mul(away.square().mean(-1, { keepdim: true }).add(1e-5).rsqrt())
          .mul(scale)
          .add(shift)
      }
      const [q, k, v] = all.forward(norm(h)).chunk(3, -1) as [typeof x, typeof x, typeof x]
      h = h.add(q.matmul(k.mT).div(8).softmax(-1).matmul(v))
      h = h.add(down.forward(nn.functional.gelu(up.forward(norm(h)))))
    }
    return h.square().mean()
  }
  let run: Run = { bits: [], peak: 0 }
  for (let step = 0; step < 3; step++) {
    await tg.synchronize()
    tg.resetPeakMemory(device)
    const before = tg.memory(device).liveBytes
    optimizer.zeroGrad()
    const loss = mixed ? tg.amp.autocast(forward) : forward()
    loss.backward()
    optimizer.step()
    await tg.synchronize()
    const peak = tg.memory(device).peakBytes - before
    const read = await Promise.all([loss, ...params.map((p) => p.grad as typeof x)].map((t) => t.data({ raw: true })))
    run = { bits: read.map((values) => [...new Uint32Array((values as Float32Array).slice().buffer)]), peak }
  }
  return run
}

describe.each([
  ['in parts', false, 0.6],
  ['as a whole', true, 0.65],
] as const)('a half that is rounded again in a graph that is planned %s', (_, whole, most) => {
  it('has the bits that it had', async () => {
    const [again, kept] = [await train(await load(whole), true), await train(await load(whole, Number.POSITIVE_INFINITY), true)]
    expect(again.bits).toEqual(kept.bits)
  })

  it('is not kept: a step takes little more than half the memory', async () => {
    const tg = await load(whole)
    const [half, single] = [await train(tg, true, 64), await train(tg, false, 64)]
    expect(half.peak / single.peak).toBeLessThan(most)
    const kept = await train(await load(whole, Number.POSITIVE_INFINITY), true, 64)
    expect(half.peak).toBeLessThan(kept.peak)
  })
})
