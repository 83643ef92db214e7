/** @file Anomaly mode: a NaN or an infinity is named where it was born, and nothing is looked at while it is off. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AnomalyError,
  autograd,
  detectAnomaly,
  nn,
  noGrad,
  ones,
  setDefaultDevice,
  setDetectAnomaly,
  synchronize,
  type Tensor,
  tensor,
  where,
} from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const lines = readFileSync(new URL(import.meta.url), 'utf8').split('\n')
/** Whether an error names the line of this file that has a mark. */
const isAt = (error: AnomalyError, mark: string): boolean => {
  const [, line] = /anomaly\.test\.ts:(\d+):\d+$/.exec(error.line) ?? []
  return lines[Number(line) - 1]?.includes(`// ${mark}`) ?? false
}

const thrownBy = async (fn: () => unknown): Promise<AnomalyError> => {
  const error: unknown = await Promise.resolve()
    .then(fn)
    .catch((e: unknown) => e)
  if (!(error instanceof AnomalyError)) throw new Error(`no anomaly: ${error}`)
  return error
}

/** Gives a NaN, or has one in backward, where it is told to. */
class Middle extends nn.Module {
  readonly inner = new nn.Linear(3, 3)
  trouble: 'forward' | 'backward' | 'none' = 'none'

  forward(x: Tensor): Tensor {
    const h = this.inner.forward(x).relu()
    if (this.trouble === 'forward') return h.add(1).neg().log() // forward
    if (this.trouble === 'backward') return h.mul(0).sqrt() // backward
    return h
  }
}

class Net extends nn.Module {
  readonly layers = new nn.ModuleList([new Middle(), new Middle(), new Middle()])

  forward(x: Tensor): Tensor {
    let h = x
    for (const layer of this.layers) h = layer.forward(h)
    return h
  }
}

const planted = (trouble: 'forward' | 'backward' | 'none'): Net => {
  const net = new Net()
  net.layers.at(1).trouble = trouble
  return net
}

describe('a NaN in the middle of a model', () => {
  it('is named where it was born in forward', async () => {
    const net = planted('forward')
    const error = await thrownBy(() =>
      detectAnomaly(async () =>
        net
          .forward(ones([2, 3]))
          .mean()
          .item(),
      ),
    )
    expect(error).toMatchObject({ op: 'log', value: 'NaN', phase: 'forward', module: 'layers.1' })
    expect(isAt(error, 'forward')).toBe(true)
    expect(error.message).toMatch(/^log: its result is the first that has a NaN, in forward, in module layers\.1, called at /)
  })

  it('is named where it was born in backward, with the op of the forward', async () => {
    const net = planted('backward')
    const work = async (): Promise<unknown> => {
      const loss = net.forward(ones([2, 3])).mean()
      loss.backward()
      return loss.item()
    }
    const error = await thrownBy(() => detectAnomaly(work))
    expect(error).toMatchObject({ op: 'sqrt', phase: 'backward', module: 'layers.1' })
    expect(isAt(error, 'backward')).toBe(true)
    expect(error.message).toMatch(/sqrt: its gradient is the first that has a (NaN|Inf), in backward/)
  })

  it('is found by the next promise where the callback is synchronous, once', async () => {
    const net = planted('forward')
    const loss = detectAnomaly(() => net.forward(ones([2, 3])).mean())
    expect((await thrownBy(() => loss.item())).op).toBe('log')
    expect(await loss.item()).toBeNaN()
  })

  it('is found everywhere once the mode is set', async () => {
    setDetectAnomaly(true)
    try {
      const net = planted('backward')
      net
        .forward(ones([2, 3]))
        .mean()
        .backward()
      expect((await thrownBy(() => synchronize())).op).toBe('sqrt')
      expect(
        await planted('none')
          .forward(ones([2, 3]))
          .mean()
          .item(),
      ).not.toBeNaN()
    } finally {
      setDetectAnomaly(false)
    }
    expect(
      await planted('forward')
        .forward(ones([2, 3]))
        .mean()
        .item(),
    ).toBeNaN()
  })

  it('was not there in a model without', async () => {
    const net = planted('none')
    const loss = await detectAnomaly(async () => {
      const l = net.forward(ones([2, 3])).mean()
      l.backward()
      return l.item()
    })
    expect(loss).not.toBeNaN()
  })
})

describe('an anomaly', () => {
  const found = (fn: () => Tensor): Promise<AnomalyError> => thrownBy(() => detectAnomaly(async () => fn().data()))
  const fine = (fn: () => Tensor): Promise<unknown> => detectAnomaly(async () => fn().data())
  const x = (): Tensor => tensor([0, 1, 2])

  it('is an infinity that was born, not one that was given', async () => {
    expect(await found(() => x().reciprocal().add(1))).toMatchObject({ op: 'reciprocal', value: 'Inf' })
    expect(await found(() => x().mul(200).exp())).toMatchObject({ op: 'exp', value: 'Inf' })
    await fine(() => where(x().eq(0), Number.NEGATIVE_INFINITY, x()).softmax(0))
    await fine(() => where(x().gt(0), x(), Number.NEGATIVE_INFINITY).exp())
    await fine(() =>
      x()
        .add(tensor([Number.POSITIVE_INFINITY]))
        .neg(),
    )
  })

  it('is a NaN that was given, where an op reads it', async () => {
    const error = await found(() =>
      x()
        .mul(tensor([1, Number.NaN, 1]))
        .exp(),
    )
    expect(error).toMatchObject({ op: 'mul', value: 'NaN' })
    expect(error.message).toContain('it was given a NaN that no op has made')
  })

  // (the interpreter computes in doubles, where nothing here is infinite)
  it.skipIf(process.env.TAPEGRAD_CPU === 'interpreter')('is that of the part where a function is made of others', async () => {
    const mine = (): Tensor => nn.functional.crossEntropy(tensor([[1e38, -3e38, 3e38]]).mul(1), tensor([1], { dtype: 'int32' }))
    const error = await found(mine)
    expect(error.path[0]).toBe('crossEntropy')
    expect(error.path.length).toBeGreaterThan(1)
  })

  it('is found of noGrad, in place, and in a function of ones own', async () => {
    expect((await found(() => noGrad(() => x().log()))).op).toBe('log')
    expect((await found(() => noGrad(() => x().sub(1).sqrt_()))).op).toMatch(/sqrt/)
    class Bad extends autograd.Function {
      static forward(_: autograd.FunctionContext, a: Tensor): Tensor {
        return a.mul(1)
      }
      static backward(_: autograd.FunctionContext, g: Tensor): Tensor {
        return g.div(0)
      }
    }
    const leaf = tensor([1, 2], { requiresGrad: true })
    const error = await thrownBy(() =>
      detectAnomaly(async () => {
        Bad.apply(leaf).sum().backward()
        await leaf.grad?.data()
      }),
    )
    expect(error).toMatchObject({ op: 'Bad', phase: 'backward', value: 'Inf' })
  })

  it('follows an async callback alone', async () => {
    let go = (): void => {}
    const wait = new Promise<void>((resolve) => {
      go = resolve
    })
    const inside = detectAnomaly(async () => {
      await wait
      return x().log().sum().item()
    })
    const outside = x().sub(1).sqrt()
    expect((await outside.data())[0]).toBeNaN()
    go()
    expect((await thrownBy(() => inside)).op).toBe('log')
  })

  it('costs no dispatch while the mode is off', async () => {
    const run = async (): Promise<number> => {
      await synchronize()
      const before = deviceCounters(device).dispatches
      await x().exp().sin().data()
      return deviceCounters(device).dispatches - before
    }
    const off = await run()
    expect(await detectAnomaly(run)).toBeGreaterThan(off)
    expect(await run()).toBe(off)
  })
})
