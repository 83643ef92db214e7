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
  zeros,
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
  // (the interpreter computes in doubles, where nothing of these is infinite)
  const inFloat32 = it.skipIf(process.env.TAPEGRAD_CPU === 'interpreter')

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

  it('is a NaN that was given, where an op reads it as another op handed it on', async () => {
    const given = (): Tensor => tensor([Number.NaN, 1])
    class Both extends autograd.Function {
      static forward(_: autograd.FunctionContext, a: Tensor): [Tensor, Tensor] {
        return [a, a.isnan().to('float32')]
      }
      static backward(_: autograd.FunctionContext, g: Tensor): Tensor {
        return g
      }
    }
    const views: [string, (x: Tensor) => Tensor][] = [
      ['reshape', (x) => x.reshape([2])],
      ['flatten', (x) => x.flatten()],
      ['expand', (x) => x.expand([2])],
      ['narrow', (x) => x.narrow(0, 0, 2)],
      ['a function that gives another result too', (x) => Both.apply(x)[0]],
    ]
    for (const [name, view] of views) {
      const error = await found(() => view(given()).mul(2))
      expect(error, name).toMatchObject({ op: 'mul', value: 'NaN' })
      expect(error.message, name).toContain('it was given a NaN that no op has made')
    }
    const w = new nn.Parameter(ones([2]))
    const copied = await found(() => {
      noGrad(() => w.copy_(given()))
      return w.mul(2).detach()
    })
    expect(copied).toMatchObject({ op: 'mul', value: 'NaN' })
  })

  it('is none where a function hands on an infinity that it was given', async () => {
    const infinite = (): Tensor => tensor([Number.NEGATIVE_INFINITY, 1])
    const index = tensor([0, 1], { dtype: 'int32' })
    await fine(() => tensor([1, 2]).scatter(0, index, infinite()))
    await fine(() => tensor([1, 2]).scatterAdd(0, index, infinite()))
    await detectAnomaly(async () => (await infinite().maskedSelect(tensor([true, true]))).data())
  })

  // (a WGSL compiler may make a·(b + c) of a·b + a·c, which overflows: sums are between)
  /** A leaf of zeros, so that only gradients overflow. */
  const leaf = (shape: number[] = [2]): nn.Parameter => new nn.Parameter(zeros(shape))
  const overflow = (of: Tensor, loss: () => Tensor): Promise<AnomalyError> =>
    found(() => {
      loss().backward()
      return of.grad as Tensor
    })

  it('is the sum of the gradients of several walks that overflows', async () => {
    const w = leaf()
    const loss = (): Tensor => w.mul(3e38).sum()
    loss().backward()
    const error = await overflow(w, loss)
    expect(error).toMatchObject({ op: 'backward', value: 'Inf', phase: 'backward', path: ['backward'] })
    expect(error.message).toContain('the sum of the gradients of a leaf [2] is the first that has a Inf')
  })

  it('is the sum of the gradients that meet in one walk', async () => {
    const w = leaf()
    const met = await overflow(w, () => w.mul(3e38).sum().add(w.mul(2e38).sum()))
    expect(met).toMatchObject({ op: 'backward', value: 'Inf', phase: 'backward' })
    expect(met.message).toContain('the sum of the gradients of a leaf [2]')
  })

  inFloat32('is the sum of the gradients of what an op made', async () => {
    const w = leaf()
    const error = await overflow(w, () => {
      const h = w.mul(1) // sum of its gradients
      return h.mul(3e38).sum().add(h.mul(2e38).sum())
    })
    expect(error).toMatchObject({ op: 'mul', value: 'Inf', phase: 'backward', path: ['backward of mul'] })
    expect(error.message).toContain("the sum of its result's gradients is the first that has a Inf")
    expect(isAt(error, 'sum of its gradients')).toBe(true)
  })

  inFloat32('is the sum of a gradient over the elements that its input was broadcast to', async () => {
    const w = leaf([])
    const error = await overflow(w, () => w.mul(tensor([3e38, 2e38])).sum())
    expect(error.message).toContain('the sum of the gradients of a leaf []')
  })

  it('is none where an infinite gradient that was given is summed', async () => {
    const w = leaf()
    await detectAnomaly(async () => {
      for (let k = 0; k < 2; k++) w.mul(1).backward(tensor([Number.POSITIVE_INFINITY, 1]))
      expect(await w.grad?.toArray()).toEqual([Number.POSITIVE_INFINITY, 2])
    })
  })

  it('is given up with a callback that failed, and with none beside it', async () => {
    const fails = async (fn: () => unknown): Promise<void> => {
      await expect(Promise.resolve().then(() => detectAnomaly(fn))).rejects.toThrow('mine')
    }
    const mine = (): never => {
      throw new Error('mine')
    }
    await fails(async () => {
      x().log()
      mine()
    })
    expect(await tensor([1]).item()).toBe(1)
    await fails(() => {
      x().log()
      mine()
    })
    expect(await tensor([1]).item()).toBe(1)
    await fails(() => {
      detectAnomaly(() => x().log())
      mine()
    })
    expect(await tensor([1]).item()).toBe(1)

    const beside = detectAnomaly(() => x().reciprocal())
    await fails(async () => {
      x().log()
      mine()
    })
    expect((await thrownBy(() => beside.data())).op).toBe('reciprocal')
  })

  inFloat32('is that of the part where a function is made of others', async () => {
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
