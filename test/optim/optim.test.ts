import { describe, expect, it } from 'vitest'
import { manualSeed, nn, noGrad, ones, optim, randn, type Tensor, tensor, zeros } from '../../src/index.ts'
import '../support/matchers.ts'
import { DIGITS, device, hasDoubles, ROUNDED, wide } from '../support/device.ts'

const values = async (t: Tensor): Promise<number[]> => Array.from(await t.data(), Number)
const leaf = (data: number[]): nn.Parameter => new nn.Parameter(tensor(data, { dtype: wide, device }))

/** The formulas in plain numbers, for one parameter element. */
interface Reference {
  p: number
  t: number
  m: number
  v: number
  largest: number
  buffer: number | undefined
}
const start = (p: number): Reference => ({ p, t: 0, m: 0, v: 0, largest: 0, buffer: undefined })

function sgd(
  s: Reference,
  g0: number,
  o: { lr: number; momentum?: number; dampening?: number; nesterov?: boolean; weightDecay?: number },
): void {
  const g = g0 + (o.weightDecay ?? 0) * s.p
  const mu = o.momentum ?? 0
  if (mu === 0) {
    s.p -= o.lr * g
    return
  }
  s.buffer = s.buffer === undefined ? g : mu * s.buffer + (1 - (o.dampening ?? 0)) * g
  s.p -= o.lr * (o.nesterov ? g + mu * s.buffer : s.buffer)
}

function adam(
  s: Reference,
  g0: number,
  o: { lr: number; betas?: [number, number]; eps?: number; weightDecay?: number; amsgrad?: boolean },
  decoupled: boolean,
): void {
  const [b1, b2] = o.betas ?? [0.9, 0.999]
  const decay = o.weightDecay ?? 0
  if (decoupled) s.p *= 1 - o.lr * decay
  const g = decoupled ? g0 : g0 + decay * s.p
  s.t++
  s.m = b1 * s.m + (1 - b1) * g
  s.v = b2 * s.v + (1 - b2) * g * g
  s.largest = Math.max(s.largest, s.v)
  const root = Math.sqrt(o.amsgrad ? s.largest : s.v) / Math.sqrt(1 - b2 ** s.t) + (o.eps ?? 1e-8)
  s.p -= ((o.lr / (1 - b1 ** s.t)) * s.m) / root
}

/** A loss whose gradient by p is p³ − k: neither constant nor linear. */
const lossOf = (p: Tensor, k: number): Tensor => p.pow(4).mul(0.25).sub(p.mul(k)).sum()
const gradientOf = (p: number, k: number): number => p ** 3 - k

describe('formulas, against plain numbers over 12 steps', () => {
  const cases: [string, (p: Tensor[]) => optim.Optimizer, (s: Reference, g: number) => void][] = [
    ['SGD', (p) => new optim.SGD(p, { lr: 0.1 }), (s, g) => sgd(s, g, { lr: 0.1 })],
    [
      'SGD with momentum, dampening and weight decay',
      (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.9, dampening: 0.2, weightDecay: 0.1 }),
      (s, g) => sgd(s, g, { lr: 0.05, momentum: 0.9, dampening: 0.2, weightDecay: 0.1 }),
    ],
    [
      'SGD with nesterov',
      (p) => new optim.SGD(p, { lr: 0.05, momentum: 0.8, nesterov: true }),
      (s, g) => sgd(s, g, { lr: 0.05, momentum: 0.8, nesterov: true }),
    ],
    ['Adam', (p) => new optim.Adam(p, { lr: 0.1, weightDecay: 0.1 }), (s, g) => adam(s, g, { lr: 0.1, weightDecay: 0.1 }, false)],
    [
      'AdamW with amsgrad',
      (p) => new optim.AdamW(p, { lr: 0.1, betas: [0.7, 0.8], eps: 1e-3, weightDecay: 0.2, amsgrad: true }),
      (s, g) => adam(s, g, { lr: 0.1, betas: [0.7, 0.8], eps: 1e-3, weightDecay: 0.2, amsgrad: true }, true),
    ],
  ]

  it.each(cases)('%s', async (_, make, reference) => {
    const [a, b] = [leaf([0.5, -1, 2]), leaf([0.1])]
    const optimizer = make([a, b])
    const wanted = [0.5, -1, 2, 0.1].map(start)
    for (let step = 0; step < 12; step++) {
      optimizer.zeroGrad()
      lossOf(a, 1).add(lossOf(b, 1)).backward()
      optimizer.step()
      for (const s of wanted) reference(s, gradientOf(s.p, 1))
    }
    const got = [...(await values(a)), ...(await values(b))]
    await expect(tensor(got, { dtype: 'float64' })).toBeCloseToTensor(
      wanted.map((s) => s.p),
      ROUNDED,
    )
  })

  it('maximize goes the other way', async () => {
    const [down, up] = [leaf([1]), leaf([1])]
    for (const [p, maximize] of [
      [down, false],
      [up, true],
    ] as const) {
      const optimizer = new optim.Adam([p], { lr: 0.1, maximize })
      p.square()
        .sum()
        .mul(maximize ? -1 : 1)
        .backward()
      optimizer.step()
    }
    await expect(up).toBeCloseToTensor(down, ROUNDED)
  })

  it('the default options are those of PyTorch', () => {
    const group = (o: { paramGroups: readonly object[] }): object => o.paramGroups[0] as object
    expect(group(new optim.SGD([leaf([1])]))).toMatchObject({ lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false })
    expect(group(new optim.Adam([leaf([1])]))).toMatchObject({ lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false })
    expect(group(new optim.AdamW([leaf([1])]))).toMatchObject({ lr: 1e-3, weightDecay: 0.01 })
  })
})

describe('groups', () => {
  it('have options of their own, which can be read and changed between steps', async () => {
    const [a, b, c] = [leaf([1]), leaf([1]), leaf([1])]
    const optimizer = new optim.SGD([{ params: [a], lr: 0.1 }, { params: b }], { lr: 0.01 })
    optimizer.addParamGroup({ params: [c], lr: 0.2, weightDecay: 1 })
    const step = (): void => {
      optimizer.zeroGrad()
      a.add(b).add(c).sum().backward()
      optimizer.step()
    }
    step()
    expect((await values(a))[0]).toBeCloseTo(0.9, DIGITS)
    expect((await values(b))[0]).toBeCloseTo(0.99, DIGITS)
    expect((await values(c))[0]).toBeCloseTo(1 - 0.2 * 2, DIGITS)
    ;(optimizer.paramGroups[0] as { lr: number }).lr = 0.5
    step()
    expect((await values(a))[0]).toBeCloseTo(0.4, DIGITS)
  })

  it('refuse what cannot be optimized', () => {
    const p = leaf([1])
    expect(() => new optim.SGD([])).toThrow('SGD: there are no parameters to optimize')
    expect(() => new optim.SGD([p, p])).toThrow('SGD: parameter 1 [1] is there already: each belongs to one group, once')
    expect(() => new optim.SGD([p.mul(2)])).toThrow(
      'SGD: parameter 0 [1] is the result of an op. Make it a leaf: p.detach().requiresGrad_()',
    )
    expect(() => new optim.SGD([tensor([1], { dtype: 'int32' })])).toThrow(
      'SGD: parameter 0 [1] is int32: only float tensors can be optimized',
    )
    expect(() => new optim.SGD(p as unknown as Tensor[])).toThrow('One tensor goes into an array: [w]')
    expect(() => new optim.SGD([p, 3 as unknown as Tensor])).toThrow('SGD')
    expect(() => new optim.SGD([p], { lr: -1 })).toThrow('SGD: lr must be a number ≥ 0, got -1')
    expect(() => new optim.SGD([p], { nesterov: true })).toThrow('SGD: nesterov needs a momentum and no dampening, got 0 and 0')
    expect(() => new optim.Adam([p], { betas: [1, 0.9] })).toThrow('Adam: betas[0] must be a number from 0 to below 1, got 1')
    expect(() => new optim.AdamW([p], { eps: Number.NaN })).toThrow('AdamW: eps must be a number ≥ 0, got NaN')
  })

  it('a gradient of another shape is refused at the step', () => {
    const p = leaf([1, 2])
    p.grad = zeros([3], { dtype: wide, device })
    expect(() => new optim.SGD([p]).step()).toThrow('step: a parameter [2] has a gradient [3]')
  })
})

describe('parameters without a gradient', () => {
  it('are left alone, and count no step: Adam corrects each by its own number', async () => {
    const [always, sometimes, never] = [leaf([1]), leaf([1]), leaf([1])]
    const optimizer = new optim.Adam([always, sometimes, never], { lr: 0.1, weightDecay: 0.5 })
    const wanted = { always: start(1), sometimes: start(1) }
    for (let step = 0; step < 9; step++) {
      optimizer.zeroGrad()
      const both = step % 3 === 1
      const loss = lossOf(always, 2)
      ;(both ? loss.add(lossOf(sometimes, 3)) : loss).backward()
      optimizer.step()
      adam(wanted.always, gradientOf(wanted.always.p, 2), { lr: 0.1, weightDecay: 0.5 }, false)
      if (both) adam(wanted.sometimes, gradientOf(wanted.sometimes.p, 3), { lr: 0.1, weightDecay: 0.5 }, false)
    }
    await expect(always).toBeCloseToTensor([wanted.always.p], ROUNDED)
    await expect(sometimes).toBeCloseToTensor([wanted.sometimes.p], ROUNDED)
    await expect(never).toBeCloseToTensor([1], ROUNDED)
  })

  it('of requiresGrad false never change, and a step without any gradient changes nothing', async () => {
    const frozen = new nn.Parameter(tensor([1, 2], { device }), { requiresGrad: false })
    const p = new nn.Parameter(tensor([1], { device }))
    const optimizer = new optim.AdamW([p, frozen], { lr: 0.1 })
    optimizer.step()
    p.mul(frozen.sum()).sum().backward()
    optimizer.step()
    await expect(frozen).toBeCloseToTensor([1, 2], ROUNDED)
    await expect(p).toBeCloseToTensor([1 * (1 - 0.1 * 0.01) - 0.1], { rtol: 1e-6 })
  })
})

describe('handles that change between steps', () => {
  it('copy_ and other changes in place are what the next step starts from, with the momentum kept', async () => {
    const p = leaf([1, 1])
    const optimizer = new optim.SGD([p], { lr: 0.1, momentum: 0.5 })
    const step = (): void => {
      optimizer.zeroGrad()
      p.sum().backward()
      optimizer.step()
    }
    step() // buffer 1
    const source = tensor([10, 20], { dtype: wide, device })
    noGrad(() => p.copy_(source))
    step() // buffer 1.5
    await expect(p).toBeCloseToTensor([10 - 0.15, 20 - 0.15], ROUNDED)
    noGrad(() => p.mul_(2))
    step() // buffer 1.75
    await expect(p).toBeCloseToTensor([2 * 9.85 - 0.175, 2 * 19.85 - 0.175], ROUNDED)
    await expect(source).toBeCloseToTensor([10, 20], ROUNDED)
  })

  it('many parameters of odd sizes come back in their own shapes', async () => {
    manualSeed(0)
    const shapes = [[3, 5], [1], [], [65], [2, 2, 2], [64], [0], [7, 1]]
    const params = shapes.map((shape) => new nn.Parameter(randn(shape, { device })))
    const before = await Promise.all(params.map(values))
    const optimizer = new optim.SGD(params, { lr: 1 })
    params.reduce<Tensor>((sum, p, i) => sum.add(p.sum().mul(i + 1)), zeros([], { device })).backward()
    optimizer.step()
    for (const [i, p] of params.entries()) {
      expect(p).toHaveShape(shapes[i] as number[])
      await expect(p.reshape([-1])).toBeCloseToTensor(
        (before[i] as number[]).map((v) => v - (i + 1)),
        { atol: 1e-5 },
      )
    }
  })

  it('an empty parameter takes nothing of those beside it', async () => {
    const x = tensor(
      Array.from({ length: 64 }, (_, i) => i + 1),
      { dtype: 'float32', device },
    )
    const [a, empty, b] = [[64], [0, 3], [64]].map((shape) => new nn.Parameter(zeros(shape, { device }))) as [Tensor, Tensor, Tensor]
    const optimizer = new optim.SGD([a, empty, b] as nn.Parameter[], { lr: 1 })
    for (let i = 0; i < 3; i++) {
      optimizer.zeroGrad()
      a.mul(x).sum().add(b.mul(x).sum()).add(empty.mul(5).sum()).backward()
      optimizer.step()
    }
    const expected = Array.from({ length: 64 }, (_, i) => -3 * (i + 1))
    expect([await values(a), await values(b)]).toEqual([expected, expected])
    expect(empty).toHaveShape([0, 3])
  })

  it.runIf(hasDoubles)('of two dtypes are updated side by side', async () => {
    const [a, b] = [new nn.Parameter(ones([2], { device })), leaf([1, 1])]
    const optimizer = new optim.Adam([a, b], { lr: 0.1 })
    a.sum().double().add(b.sum()).backward()
    optimizer.step()
    expect([a.dtype, b.dtype]).toEqual(['float32', 'float64'])
    await expect(a.double()).toBeCloseToTensor(b, { rtol: 1e-6, atol: 1e-6 })
  })
})

describe('zeroGrad and closures', () => {
  it('zeroGrad forgets gradients, or keeps them as zeros', async () => {
    const p = leaf([1])
    const optimizer = new optim.SGD([p], { lr: 0.1, momentum: 0.9 })
    p.sum().backward()
    optimizer.zeroGrad({ setToNone: false })
    await expect(p.grad as Tensor).toBeCloseToTensor([0])
    optimizer.zeroGrad()
    expect(p.grad).toBeNull()
  })

  it('gradients can be read after the step, until they are forgotten', async () => {
    const p = leaf([3, 4])
    const optimizer = new optim.SGD([p], { lr: 0.1 })
    p.square().sum().backward()
    optimizer.step()
    await expect(p.grad as Tensor).toBeCloseToTensor([6, 8], ROUNDED)
    optimizer.step()
    await expect(p).toBeCloseToTensor([3 - 1.2, 4 - 1.6], ROUNDED)
  })

  it('step runs a closure with gradients on, and answers its loss', async () => {
    const p = leaf([2])
    const optimizer = new optim.SGD([p], { lr: 0.1 })
    const loss = noGrad(() =>
      optimizer.step(() => {
        optimizer.zeroGrad()
        const l = p.square().sum()
        l.backward()
        return l
      }),
    )
    expect(await loss.item()).toBe(4)
    await expect(p).toBeCloseToTensor([1.6], ROUNDED)
  })
})

describe('state', () => {
  const train = (params: nn.Parameter[], optimizer: { zeroGrad(): void; step(): void }, steps: number): void => {
    for (let i = 0; i < steps; i++) {
      optimizer.zeroGrad()
      params.reduce<Tensor>((sum, p, k) => sum.add(lossOf(p, k + 1)), zeros([], { dtype: wide, device })).backward()
      optimizer.step()
    }
  }

  it('has the structure and the names of PyTorch', async () => {
    const params = [leaf([1, 2]), leaf([3])]
    const optimizer = new optim.AdamW([{ params: [params[0] as Tensor] }, { params: [params[1] as Tensor], lr: 0.5 }], {
      lr: 0.1,
      amsgrad: true,
    })
    expect(optimizer.stateDict().state).toEqual({})
    train(params, optimizer, 3)
    const { state, paramGroups } = optimizer.stateDict()
    expect(Object.keys(state)).toEqual(['0', '1'])
    expect(Object.keys(state[0] as object)).toEqual(['step', 'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'])
    expect(state[1]?.step).toBe(3)
    expect(state[0]?.exp_avg).toHaveShape([2])
    expect(paramGroups).toMatchObject([
      { params: [0], lr: 0.1, amsgrad: true },
      { params: [1], lr: 0.5 },
    ])
  })

  it.each([
    ['Adam', (p: nn.Parameter[]) => new optim.Adam(p, { lr: 0.1 })],
    ['SGD', (p: nn.Parameter[]) => new optim.SGD(p, { lr: 0.02, momentum: 0.9 })],
  ])('of %s, loaded into a fresh optimizer, goes on as if nothing had happened', async (_, make) => {
    const through = [leaf([1, 2]), leaf([0.5])]
    const whole = make(through)
    train(through, whole, 6)

    const first = [leaf([1, 2]), leaf([0.5])]
    const before = make(first)
    train(first, before, 3)
    const saved = before.stateDict()
    const second = await Promise.all(first.map(async (p) => leaf(await values(p))))
    train(first, before, 2) // later steps do not change what was saved
    const after = make(second)
    after.loadStateDict(saved as never)
    train(second, after, 3)
    for (const [i, p] of second.entries()) await expect(p).toBeCloseToTensor(through[i] as Tensor, ROUNDED)
  })

  it('brings its options along, and is refused where it does not fit', async () => {
    const saved = new optim.SGD([leaf([1]), leaf([2])], { lr: 0.3, momentum: 0.7 }).stateDict()
    const optimizer = new optim.SGD([leaf([1]), leaf([2])], { lr: 0.1 })
    optimizer.loadStateDict(saved)
    expect(optimizer.paramGroups[0]).toMatchObject({ lr: 0.3, momentum: 0.7 })
    expect(() => new optim.SGD([leaf([1])]).loadStateDict(saved)).toThrow('SGD.loadStateDict: the groups have 2 parameters there, 1 here')
    const params = [leaf([1]), leaf([2])]
    const trained = new optim.Adam(params)
    train(params, trained, 1)
    const wider = new optim.Adam([leaf([1, 2]), leaf([2])])
    expect(() => wider.loadStateDict(trained.stateDict())).toThrow(
      'Adam.loadStateDict: exp_avg of parameter 0 is [1] there, the parameter [2] here',
    )
  })

  it('can be loaded into an optimizer that has stepped: what it did is forgotten, the parameters are kept', async () => {
    const p = leaf([1])
    const optimizer = new optim.SGD([p], { lr: 0.1, momentum: 0.9 })
    const fresh = optimizer.stateDict()
    const step = (): void => {
      optimizer.zeroGrad()
      p.sum().backward()
      optimizer.step()
    }
    step()
    step()
    optimizer.loadStateDict(fresh)
    step()
    // 1, then buffers 1 and 1.9, then 1 again
    await expect(p).toBeCloseToTensor([1 - 0.1 * (1 + 1.9 + 1)], ROUNDED)
  })

  it('reads as PyTorch prints it', () => {
    expect(new optim.SGD([leaf([1])], { lr: 0.1 }).toString()).toBe(
      `SGD (
Parameter Group 0
    dampening: 0
    lr: 0.1
    maximize: false
    momentum: 0
    nesterov: false
    weightDecay: 0
)`,
    )
  })
})

describe('a closure', () => {
  it('that is async is an error, and nothing has been updated', async () => {
    const w = leaf([1, 2])
    const optimizer = new optim.SGD([w], { lr: 1 })
    w.sum().backward()
    expect(() => optimizer.step(async () => 1)).toThrow(/^SGD.step: the closure answered a promise/)
    expect(await values(w)).toEqual([1, 2])
  })
})
