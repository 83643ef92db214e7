/** @file Autocast: the dtypes of results against PyTorch's, which op has which class, what the mode follows, and what becomes of leaves and gradients. */
import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { autocastClasses, defineComposition, opRegistry } from '../../src/ops/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'
import { casesByOp, freeFunction, freeName, type GoldenCase, golden, revive, stored } from '../support/golden.ts'

const { amp } = tg
const F = tg.nn.functional
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1))

beforeAll(() => tg.setDefaultDevice(device))

const LOWER = ['float16', 'bfloat16'] as const

// ── the lists ──

/** The lists of https://pytorch.org/docs/stable/amp.html, with what is made of their ops (`square` is `pow` in PyTorch); also of functions that are not there yet. */
const LISTS: Readonly<Record<'lower' | 'float32' | 'widest', string>> = {
  lower: `conv1d conv2d conv3d convTbc convTranspose1d convTranspose2d convTranspose3d prelu matmul mm bmm mv addmm addmv addbmm baddbmm addr vecdot einsum linear
    chainMatmul multiDot rnnTanhCell rnnReluCell lstmCell gruCell scaledDotProductAttention`,
  float32: `acos asin cosh tan sinh erfinv exp expm1 log log10 log2 log1p reciprocal rsqrt pow square softplus layerNorm groupNorm cosineSimilarity norm vectorNorm
    matrixNorm frobeniusNorm dist pdist cdist renorm logsumexp interpolate nllLoss crossEntropy ctcLoss mseLoss l1Loss smoothL1Loss huberLoss klDiv poissonNllLoss gaussianNllLoss multilabelSoftMarginLoss tripletMarginWithDistanceLoss
    cosineEmbeddingLoss hingeEmbeddingLoss marginRankingLoss multilabelMarginLoss softMarginLoss tripletMarginLoss multiMarginLoss
    binaryCrossEntropyWithLogits prod softmax logSoftmax cumsum cumprod sum`,
  widest: 'addcdiv addcmul atan2 bilinear cross dot vdot tensordot inner gridSample indexPut scatterAdd cat stack',
}
/** What public functions are computed by. */
const WITHIN: Readonly<Record<string, string>> = { convolution: 'conv2d', convolutionInput: 'conv2d', convolutionWeight: 'conv2d' }

/** Of ours that PyTorch 1.13 has not registered for GPUs: why they have a class. */
const ALSO: Readonly<Record<string, string>> = {
  cat: 'promotes by itself',
  crossEntropy: 'logSoftmax and nllLoss',
  ctcLoss: 'there are no halves of it',
  gaussianNllLoss: 'made of log and pow',
  gridSample: 'gridSampler',
  inner: 'tensordot',
  interpolate: 'upsample… of later ones',
  matrixNorm: 'of later ones',
  multiDot: 'linalgMultiDot',
  multilabelSoftMarginLoss: 'ends in sum',
  scaledDotProductAttention: 'of later ones',
  square: 'pow',
  stack: 'promotes by itself',
  tripletMarginWithDistanceLoss: 'its distance is a norm',
  vdot: 'of later ones',
  vectorNorm: 'of later ones',
}

const isPublic = (name: string): boolean => name in tg || name in F
const listed = new Map(Object.entries(LISTS).flatMap(([kind, names]) => names.split(/\s+/).map((name) => [name, kind] as const)))

describe('the classes of ops', () => {
  it('are those of the lists, for every name that is there', () => {
    const names = [...listed.keys()].filter((name) => isPublic(name) || opRegistry.has(name))
    expect(names.length).toBeGreaterThan(20)
    expect(Object.fromEntries(names.map((name) => [name, autocastClasses.get(name)]))).toEqual(
      Object.fromEntries(names.map((name) => [name, listed.get(name)])),
    )
  })

  it('are of no other ops', () => {
    for (const [name, kind] of autocastClasses) {
      if (typeof kind === 'object') continue
      expect(listed.get(WITHIN[name] ?? name), name).toBe(kind)
    }
  })

  it("are of PyTorch's own list, but for those that have a reason", () => {
    const { gpu } = golden('autocast')
    expect(gpu.length).toBeGreaterThan(80)
    const missing = [...autocastClasses].filter(([name, kind]) => typeof kind !== 'object' && !gpu.includes(WITHIN[name] ?? name))
    expect(missing.map(([name]) => name).sort()).toEqual(Object.keys(ALSO))
  })

  it('are in the docs as they are in the definitions', () => {
    const page = readFileSync(new URL('../../docs/amp.md', import.meta.url), 'utf8')
    for (const kind of ['lower', 'float32', 'widest'] as const) {
      const names = [...autocastClasses].filter(([name, its]) => its === kind && isPublic(name)).map(([name]) => name)
      const quoted = names.sort().map((name) => `\`${name}\``)
      expect(page).toContain(`| ${kind} | ${quoted.join(' ')} |`)
    }
  })
})

// ── the dtypes of results ──

function resultOf(c: GoldenCase, lower: tg.DType, given: 'float32' | 'lower' | 'mixed'): tg.Tensor {
  let floats = 0
  const inputs = c.inputs.map((span) => {
    const dtype = span.dtype !== 'float' ? span.dtype : given === 'lower' || (given === 'mixed' && floats++ === 0) ? lower : 'float32'
    // (what they are does not matter here, and a half holds less)
    const values = Float64Array.from(stored(span), (v) => (span.dtype === 'float' ? Math.min(Math.max(v, -100), 100) : v))
    return tg.tensor(values, { shape: [...span.shape], dtype, device })
  })
  const name = freeName(c)
  const [first, ...rest] = (name === null ? (c.methodArgs ?? c.args) : c.args).map((a) => revive(a, inputs, { device, float: 'float32' }))
  const call = (): unknown =>
    name === null
      ? (first as Record<string, (...a: unknown[]) => unknown>)[c.method as string]?.(...rest)
      : freeFunction(name)?.(first, ...rest)
  const result = amp.autocast({ dtype: lower as 'float16' | 'bfloat16' }, call)
  return (result instanceof tg.Tensor ? result : [...(result as Iterable<tg.Tensor>)][0]) as tg.Tensor
}

describe.each(LOWER)("under autocast in %s results have PyTorch's dtypes", (lower) => {
  const cases = new Map([...casesByOp().values()].flat().map((c) => [c.name, c]))
  const byOp = new Map<string, ReturnType<typeof golden<'autocast'>>['results'][number][]>()
  for (const row of golden('autocast').results) byOp.set(row.op, [...(byOp.get(row.op) ?? []), row])
  it.each([...byOp])('%s', (_, rows) => {
    for (const row of rows) {
      if (row.result === null) continue // PyTorch refuses
      const want = row.result === 'lower' ? lower : row.result
      const got = resultOf(cases.get(row.case) as GoldenCase, lower, row.given).dtype
      if (want === 'other') expect(['float32', 'float16', 'bfloat16'], `${row.case} of ${row.given}`).not.toContain(got)
      else expect(got, `${row.case} of ${row.given}`).toBe(want)
    }
  })

  it('of every op that takes floats', () => {
    const missing = [...casesByOp()].filter(([op, list]) => !byOp.has(op) && list.some((c) => c.inputs.some((i) => i.dtype === 'float')))
    expect(missing.map(([op]) => op)).toEqual([])
  })
})

describe('float64 and integers are left alone', () => {
  it.runIf(device === 'cpu')('float64', () => {
    const x = tg.ones([2, 2], { dtype: 'float64' })
    amp.autocast(() => {
      expect(x.matmul(x).dtype).toBe('float64')
      expect(x.exp().dtype).toBe('float64')
      expect(tg.cat([x, x]).dtype).toBe('float64')
      expect(x.sum().dtype).toBe('float64')
    })
  })

  it('integers', () => {
    const x = tg.ones([2, 2], { dtype: 'int32' })
    amp.autocast(() => {
      expect(x.matmul(x).dtype).toBe('int32')
      expect(x.sum().dtype).toBe('int32')
      expect(x.cumsum(0).dtype).toBe('int32')
    })
  })
})

describe('what a call says itself', () => {
  it('is the dtype of sums, softmax and scans', () => {
    const x = tg.ones([2, 2])
    amp.autocast(() => {
      expect(x.sum({ dtype: 'float16' }).dtype).toBe('float16')
      expect(F.softmax(x, 1, { dtype: 'float16' }).dtype).toBe('float16')
      expect(F.logSoftmax(x, 1, { dtype: 'float16' }).dtype).toBe('float16')
      expect(x.cumsum(0, { dtype: 'float16' }).dtype).toBe('float16')
      expect(x.cumprod(0, { dtype: 'float16' }).dtype).toBe('float16')
    })
  })

  it('is the dtype of what is changed in place', async () => {
    const x = tg.tensor([1, 2, 3], { dtype: 'float16' })
    amp.autocast(() => {
      x.exp_()
      x.pow_(2)
    })
    expect(x.dtype).toBe('float16')
    const y = tg.tensor([1, 2, 3], { dtype: 'float16' })
    y.exp_()
    y.pow_(2)
    expect(await x.toArray()).toEqual(await y.toArray())
  })
})

it('an op that is refused throws, and names the one to use', () => {
  const unsafe = defineComposition('unsafeLoss', (x: tg.Tensor) => x.log().neg().mean(), { autocast: { refused: 'safeLoss' } })
  const x = tg.tensor([0.5])
  expect(() => amp.autocast(() => unsafe(x))).toThrow(/unsafeLoss: it is not safe under autocast.*Use safeLoss/)
  expect(unsafe(x).dtype).toBe('float32')
  expect(amp.autocast(() => amp.autocast({ enabled: false }, () => unsafe(x))).dtype).toBe('float32')
})

// ── the mode ──

describe('the mode', () => {
  const product = (): tg.DType => tg.ones([2, 2]).matmul(tg.ones([2, 2])).dtype

  it('is nested, and may be off inside', () => {
    expect(amp.isAutocastEnabled()).toBe(false)
    amp.autocast(() => {
      expect(amp.isAutocastEnabled()).toBe(true)
      expect(product()).toBe('float16')
      amp.autocast({ enabled: false }, () => {
        expect(amp.isAutocastEnabled()).toBe(false)
        expect(product()).toBe('float32')
        expect(amp.autocast({}, product)).toBe('float16')
      })
      expect(product()).toBe('float16')
      tg.noGrad(() => expect(product()).toBe('float16'))
      tg.noGrad(() => tg.enableGrad(() => expect(product()).toBe('float16')))
    })
    expect(product()).toBe('float32')
  })

  it('and the recording of gradients leave each other alone', () => {
    const x = tg.ones([2, 2], { requiresGrad: true })
    expect(tg.noGrad(() => amp.autocast(() => x.matmul(x))).requiresGrad).toBe(false)
    expect(amp.autocast(() => tg.noGrad(() => tg.isGradEnabled()))).toBe(false)
    expect(amp.autocast(() => x.matmul(x)).requiresGrad).toBe(true)
  })

  it('ends where its callback throws or rejects', async () => {
    expect(() =>
      amp.autocast(() => {
        throw new Error('inside')
      }),
    ).toThrow('inside')
    await expect(
      amp.autocast(async () => {
        await pause()
        throw new Error('later')
      }),
    ).rejects.toThrow('later')
    expect(amp.isAutocastEnabled()).toBe(false)
  })

  it('follows an async callback alone', async () => {
    const inside = amp.autocast(async () => {
      await pause()
      const first = product()
      await pause()
      return [first, product()]
    })
    expect(product()).toBe('float32')
    await pause()
    expect(product()).toBe('float32')
    expect(await inside).toEqual(['float16', 'float16'])
    expect(product()).toBe('float32')
  })

  it('is over for what a callback has left running', async () => {
    // (another is on all the time)
    let finish: () => void = () => {}
    const other = amp.autocast(() => new Promise<void>((resolve) => (finish = resolve)))
    let left: Promise<tg.DType> | undefined
    await amp.autocast(async () => {
      amp.autocast({ dtype: 'bfloat16' }, () => {
        left = pause().then(product)
      })
      // it is in the mode around
      expect(await left).toBe('float16')
    })
    amp.autocast(() => {
      left = pause().then(product)
    })
    expect(await left).toBe('float32')
    finish()
    await other
  })

  it('is no matter of gradient rules, hooks and steps', async () => {
    const w = new tg.nn.Parameter(tg.ones([2, 2]))
    const optimizer = new tg.optim.Adam([w])
    const modes: boolean[] = []
    amp.autocast(() => {
      const y = w.matmul(w)
      y.registerHook(() => {
        modes.push(amp.isAutocastEnabled())
      })
      y.sum().backward()
      optimizer.step()
    })
    expect(modes).toEqual([false])
    expect(w.dtype).toBe('float32')
    expect(w.grad?.dtype).toBe('float32')
    expect((await w.data()).every(Number.isFinite)).toBe(true)
  })
})

// ── leaves and gradients ──

describe('a leaf', () => {
  const weight = (): tg.Tensor =>
    tg.tensor(
      [
        [1.0001, 2],
        [3, 4],
      ],
      { requiresGrad: true },
    )

  it('is cast once in a step, and its gradient arrives in float32', async () => {
    const w = weight()
    const x = tg.ones([2, 2])
    const [a, b] = amp.autocast(() => [F.linear(x, w), F.linear(x, w)]) as [tg.Tensor, tg.Tensor]
    expect(a.dtype).toBe('float16')
    // Both products hang on one cast
    const castOf = (y: tg.Tensor): unknown => {
      const found = new Set<unknown>()
      const visit = (edge: tg.Tensor['_edge']): void => {
        for (const input of edge?.entry?.inputs ?? []) {
          if (input?.leaf === w) found.add(edge?.entry)
          else visit(input)
        }
      }
      visit(y._edge)
      expect(found.size).toBe(1)
      return [...found][0]
    }
    expect(castOf(a)).toBe(castOf(b))
    const [c, d] = amp.autocast({ cacheEnabled: false }, () => [F.linear(x, w), F.linear(x, w)]) as [tg.Tensor, tg.Tensor]
    expect(castOf(c)).not.toBe(castOf(d))
    expect(castOf(amp.autocast(() => F.linear(x, w)))).not.toBe(castOf(a))
    amp.autocast(() => {
      const outer = castOf(F.linear(x, w))
      expect(castOf(amp.autocast({}, () => F.linear(x, w)))).toBe(outer)
      amp.autocast({ enabled: false }, () => F.linear(x, w))
      expect(castOf(F.linear(x, w))).toBe(outer)
      expect(amp.autocast({ dtype: 'bfloat16' }, () => F.linear(x, w)).dtype).toBe('bfloat16')
      expect(F.linear(x, w).dtype).toBe('float16')
    })
    tg.add(a.float().sum(), b.float().sum()).backward()
    expect(w.grad?.dtype).toBe('float32')
    expect(await w.grad?.toArray()).toEqual([
      [4, 4],
      [4, 4],
    ])
  })

  it('has a gradient also where an evaluation came first', () => {
    const w = weight()
    amp.autocast(() => {
      tg.noGrad(() => F.linear(tg.ones([2, 2]), w))
      F.linear(tg.ones([2, 2]), w)
        .float()
        .sum()
        .backward()
    })
    expect(w.grad).not.toBe(null)
  })

  it('that is changed is cast anew, in the same autocast', async () => {
    const w = new tg.nn.Parameter(tg.ones([1, 1]))
    const optimizer = new tg.optim.SGD([w], { lr: 0.5 })
    const seen: number[] = []
    await amp.autocast(async () => {
      for (let i = 0; i < 3; i++) {
        optimizer.zeroGrad()
        const y = F.linear(tg.ones([1, 1]), w)
        seen.push(await y.item())
        y.backward()
        optimizer.step()
      }
    })
    expect(seen).toEqual([1, 0.5, 0])
  })

  it('is shared by two losses, each with a backward of its own', async () => {
    const w = weight()
    const losses = amp.autocast(() =>
      [1, 2].map((k) =>
        F.linear(tg.ones([2, 2]), w)
          .mul(k)
          .float()
          .sum(),
      ),
    )
    for (const loss of losses) loss.backward()
    expect(await w.grad?.toArray()).toEqual([
      [6, 6],
      [6, 6],
    ])
  })
})

it('gradients are those of the casts written by hand, to the bit', async () => {
  tg.manualSeed(3)
  const [x, w1, w2] = [tg.randn([8, 16]), tg.randn([32, 16]), tg.randn([4, 32])]
  const target = tg.tensor([0, 1, 2, 3, 0, 1, 2, 3], { dtype: 'int32' })
  const run = (loss: (a: tg.Tensor, b: tg.Tensor) => tg.Tensor): { loss: tg.Tensor; grads: tg.Tensor[] } => {
    const [a, b] = [w1.clone().detach().requiresGrad_(), w2.clone().detach().requiresGrad_()]
    const made = loss(a, b)
    made.backward()
    return { loss: made, grads: [a.grad as tg.Tensor, b.grad as tg.Tensor] }
  }
  const auto = run((a, b) => amp.autocast(() => F.crossEntropy(F.linear(F.relu(F.linear(x, a)), b), target)))
  const byHand = run((a, b) => F.crossEntropy(F.linear(F.relu(F.linear(x.half(), a.half())), b.half()).float(), target))
  expect(auto.loss.dtype).toBe('float32')
  expect(await auto.loss.item()).toBe(await byHand.loss.item())
  for (const [i, g] of auto.grads.entries()) {
    expect(g.dtype).toBe('float32')
    expect(await g.toArray()).toEqual(await (byHand.grads[i] as tg.Tensor).toArray())
  }
})

// ── functions of one's own ──

class Recorded extends tg.autograd.Function {
  static seen: [string, boolean, string][] = []
  static forward = amp.customFwd((ctx: tg.autograd.FunctionContext, x: tg.Tensor) => {
    Recorded.seen.push(['forward', amp.isAutocastEnabled(), x.dtype])
    ctx.saveForBackward(x)
    return x.matmul(x)
  })
  static backward = amp.customBwd((ctx: tg.autograd.FunctionContext, g: tg.Tensor) => {
    const [x] = ctx.savedTensors as [tg.Tensor]
    Recorded.seen.push(['backward', amp.isAutocastEnabled(), g.dtype])
    const y = g.float().matmul(x.mT)
    Recorded.seen.push(['product', amp.isAutocastEnabled(), y.dtype])
    return y.add(x.mT.matmul(g.float()))
  })
}

class InFloat32 extends tg.autograd.Function {
  static seen: [string, boolean, string][] = []
  static forward = amp.customFwd(
    { castInputs: 'float32' },
    (ctx: tg.autograd.FunctionContext, x: tg.Tensor, list: readonly tg.Tensor[]) => {
      InFloat32.seen.push(['forward', amp.isAutocastEnabled(), `${x.dtype} ${list[0]?.dtype}`])
      ctx.saveForBackward(x)
      return x.matmul(x)
    },
  )
  static backward = amp.customBwd((ctx: tg.autograd.FunctionContext, g: tg.Tensor) => {
    const [x] = ctx.savedTensors as [tg.Tensor]
    InFloat32.seen.push(['backward', amp.isAutocastEnabled(), g.dtype])
    return [g.matmul(x.mT), null]
  })
}

describe('a Function of its own', () => {
  it('marked by customFwd and customBwd has one mode in both', () => {
    const x = tg.ones([2, 2], { requiresGrad: true })
    Recorded.seen = []
    amp
      .autocast(() => Recorded.apply(x))
      .float()
      .sum()
      .backward()
    expect(Recorded.seen).toEqual([
      ['forward', true, 'float32'],
      ['backward', true, 'float16'],
      ['product', true, 'float16'],
    ])
    expect(x.grad?.dtype).toBe('float32')
    Recorded.seen = []
    Recorded.apply(x).sum().backward()
    expect(Recorded.seen.map(([, mode]) => mode)).toEqual([false, false, false])
  })

  it('with castInputs runs in that dtype, without autocast', () => {
    const x = tg.ones([2, 2], { dtype: 'float16', requiresGrad: true })
    InFloat32.seen = []
    const y = amp.autocast(() => InFloat32.apply(x, [tg.ones([1], { dtype: 'float16' })]))
    y.sum().backward()
    expect(y.dtype).toBe('float32')
    expect(InFloat32.seen).toEqual([
      ['forward', false, 'float32 float32'],
      ['backward', false, 'float32'],
    ])
    expect(x.grad?.dtype).toBe('float16')
    InFloat32.seen = []
    InFloat32.apply(x, [x])
    expect(InFloat32.seen).toEqual([['forward', false, 'float16 float16']])
  })
})

// ── what it costs ──

it('autocast runs no more kernels for a second product of one weight than the product', async () => {
  const w = new tg.nn.Parameter(tg.randn([64, 64]))
  const x = tg.randn([64, 64], { dtype: 'float16' })
  await Promise.all([w.data(), x.data()])
  const count = async (times: number): Promise<number> => {
    const run = (): tg.Tensor[] => amp.autocast(() => Array.from({ length: times }, (_, i) => F.linear(x.mul(i + 1), w)))
    await Promise.all(run().map((y) => y.data()))
    await tg.synchronize()
    const before = deviceCounters(device).dispatches
    await Promise.all(run().map((y) => y.data()))
    return deviceCounters(device).dispatches - before
  }
  const [one, two, three] = [await count(1), await count(2), await count(3)]
  expect(three - two).toBeLessThanOrEqual(Math.max(3, two - one))
})
