/** @file Functions in place through views: values and gradients as PyTorch has them, aliasing as plain strided memory has it, and what is refused. */
import { beforeAll, describe, expect, it } from 'vitest'
import { checkpoint, nn, noGrad, optim, setDefaultDevice, type Tensor, tensor, zeros } from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import { expectSpan, golden, type Setting, tensorOf } from '../support/golden.ts'

beforeAll(() => setDefaultDevice(device))

type Method = (...args: unknown[]) => Tensor
const call = (x: Tensor, name: string, args: readonly unknown[]): Tensor =>
  (x as unknown as Record<string, Method>)[name]?.(...args) as Tensor

const SETTINGS: readonly Setting[] = [{ device, float: 'float32' }, ...(hasDoubles ? [{ device: 'cpu', float: 'float64' } as const] : [])]

describe.each(SETTINGS)('in place through a view as in PyTorch, on $device in $float', (setting) => {
  const tolerance = setting.float === 'float64' ? { rtol: 1e-10, atol: 1e-12 } : { rtol: 1e-5, atol: 1e-5 }
  it.each(golden('views').views.map((c) => [c.name, c] as const))('%s', async (_, c) => {
    const [x, y] = [c.x, c.y].map((span) => tensorOf({ ...span, requiresGrad: true }, setting)) as [Tensor, Tensor]
    const base = x.mul(2)
    const view = c.chain.reduce((v, [name, ...args]) => call(v, name, args), base)
    call(view, c.function, c.operand === 'y' ? [y] : c.operand === null ? [] : [c.operand])
    base.mul(tensorOf(c.g, setting)).sum().add(view.square().sum()).backward()
    await expectSpan('base', base, c.base, setting, tolerance)
    await expectSpan('view', view, c.view, setting, tolerance)
    await expectSpan('gradient of x', x.grad as Tensor, c.gradX, setting, tolerance)
    if (c.gradY !== null) await expectSpan('gradient of y', y.grad as Tensor, c.gradY, setting, tolerance)
  })
})

// ── plain memory ──

/** An array in memory, as strided views of it are. */
interface Strided {
  readonly memory: number[]
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** Where each element lies, in row-major order. */
function places({ offset, shape, strides }: Strided): number[] {
  return shape.reduce<number[]>(
    (list, size, d) => list.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * (strides[d] as number))),
    [offset],
  )
}

const rowMajor = (shape: readonly number[]): number[] => shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1))

/** The same memory under another shape where there are strides for it; else a copy, as `reshape` makes one. */
function reshaped(x: Strided, shape: readonly number[]): Strided {
  const at = places(x)
  const steps = rowMajor(shape)
  const strides = shape.map((size, d) => (size > 1 ? (at[steps[d] as number] as number) - (at[0] as number) : 0))
  const same = { memory: x.memory, offset: at[0] as number, shape, strides }
  if (places(same).every((p, i) => p === at[i])) return same
  return { memory: at.map((p) => x.memory[p] as number), offset: 0, shape, strides: rowMajor(shape) }
}

/** Numbers in [0, n), from a seed. */
function drawing(seed: number): (n: number) => number {
  let state = seed * 2654435761 + 1
  return (n) => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 374761393) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

const divisors = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1).filter((d) => n % d === 0)

/** A view of `x` and of its picture in memory, drawn at random. */
function viewOf(x: Tensor, plain: Strided, draw: (n: number) => number): [Tensor, Strided] {
  const { shape, strides } = plain
  const d = draw(Math.max(1, shape.length))
  const [size, stride] = [shape[d] ?? 1, strides[d] ?? 1]
  const without = (list: readonly number[]): number[] => list.filter((_, i) => i !== d)
  const kind = shape.length === 0 ? 4 : draw(7)
  if (kind === 0) {
    const i = draw(size)
    return [x.select(d, i), { ...plain, offset: plain.offset + i * stride, shape: without(shape), strides: without(strides) }]
  }
  if (kind === 1) {
    const from = draw(size)
    const length = 1 + draw(size - from)
    return [x.narrow(d, from, length), { ...plain, offset: plain.offset + from * stride, shape: shape.with(d, length) }]
  }
  if (kind === 2) {
    const order = shape.map((_, i) => i).sort(() => draw(3) - 1)
    return [x.permute(order), { ...plain, shape: order.map((i) => shape[i] as number), strides: order.map((i) => strides[i] as number) }]
  }
  if (kind === 3) {
    const step = 2 + draw(2)
    const items = shape.map((_, i) => (i === d ? `::${step}` : ':'))
    return [x.at(...items), { ...plain, shape: shape.with(d, Math.ceil(size / step)), strides: strides.with(d, stride * step) }]
  }
  if (kind === 4) return [x.unsqueeze(d), { ...plain, shape: shape.toSpliced(d, 0, 1), strides: strides.toSpliced(d, 0, 1) }]
  const count = shape.reduce((a, b) => a * b, 1)
  const first = divisors(count)[draw(divisors(count).length)] as number
  const second = divisors(count / first)[draw(divisors(count / first).length)] as number
  const to = [first, second, count / first / second]
  return [x.reshape(to), reshaped(plain, to)]
}

const valuesOf = (plain: Strided): number[] => places(plain).map((p) => plain.memory[p] as number)

it('random chains of views alias as strided memory does', { timeout: 120_000 }, async () => {
  for (let seed = 0; seed < 150; seed++) {
    const draw = drawing(seed)
    const shape = Array.from({ length: 1 + draw(3) }, () => 1 + draw(5))
    const memory = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i)
    const root = tensor(memory, { shape, dtype: 'float32' })
    let view = root
    let plain: Strided = { memory: [...memory], offset: 0, shape, strides: rowMajor(shape) }
    const base = plain
    const between: { view: Tensor; plain: Strided; values: number[]; copied: boolean }[] = []
    const names = 1 + draw(4)
    for (let i = 0; i < names; i++) {
      const before = plain.memory
      ;[view, plain] = viewOf(view, plain, draw)
      between.push({ view, plain, values: valuesOf(plain), copied: plain.memory !== before })
    }
    for (let times = 0; times < 2; times++) {
      const by = 100 * (times + 1)
      view.add_(by)
      for (const p of places(plain)) plain.memory[p] = (plain.memory[p] as number) + by
    }
    expect(Array.from(await view.data()), `the view, seed ${seed}`).toEqual(valuesOf(plain))
    expect(Array.from(await root.data()), `its base, seed ${seed}`).toEqual(valuesOf(base))
    // Views between keep what they had; what was copied is a tensor of its own, which the last view wrote
    for (const { view: other, plain: memory, values, copied } of between.slice(0, -1))
      expect(Array.from(await other.data()), `between, seed ${seed}`).toEqual(
        copied && memory.memory === plain.memory ? valuesOf(memory) : values,
      )
  }
})

// ── what is a value, and what is refused ──

const grid = (): Tensor =>
  tensor([
    [1, 2, 3],
    [4, 5, 6],
  ])

describe('in place through a view', () => {
  it('leaves what was taken earlier as it was', async () => {
    const x = grid()
    const [other, detached, sum] = [x.at(0), x.detach(), x.sum()]
    x.at(0).zero_()
    expect(await other.toArray()).toEqual([1, 2, 3])
    expect(await detached.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
    expect(await sum.item()).toBe(21)
    expect(await x.toArray()).toEqual([
      [0, 0, 0],
      [4, 5, 6],
    ])
  })

  it('changes what the base has then, and may be done again', async () => {
    const x = grid()
    x.mul_(10)
    const row = x.at(1)
    row.add_(1).mul_(2)
    expect(await row.toArray()).toEqual([82, 102, 122])
    expect(await x.at(1).toArray()).toEqual([82, 102, 122])
    expect(x.version).toBe(3)
  })

  it('is refused where the base was changed by other means', () => {
    const x = grid()
    const [row, block] = [x.at(0), x.at(0).at('1:')]
    const column = x.at(':', 0)
    column.zero_()
    const stale = /^zero_: x \[\d\] is a view of a tensor \[2, 3\] that was changed in place since.*Take the view again$/
    expect(() => row.zero_()).toThrow(stale)
    expect(() => block.zero_()).toThrow(stale)
    expect(() => row.at('1:').zero_()).toThrow(stale)
    column.zero_()
  })

  it('is refused where several elements are one, and does nothing', async () => {
    const x = tensor([1, 2])
    const text = /^add_: x \[3, 2\] is an expanded view: several of its elements are one of the tensor \[2\]\. Use clone\(\) first$/
    expect(() => x.expand(3, 2).add_(1)).toThrow(text)
    expect(() => x.broadcastTo([3, 2]).add_(1)).toThrow(text)
    expect(x.version).toBe(0)
    x.expand(1, 2).add_(1)
    expect(await x.toArray()).toEqual([2, 3])
  })

  it('is refused of a leaf that requires grad while recording', async () => {
    const w = new nn.Parameter(grid())
    expect(() => w.at(0).zero_()).toThrow(/^zero_: a view of a leaf that requires grad .*noGrad/)
    noGrad(() => w.at(0).zero_())
    expect(await w.toArray()).toEqual([
      [0, 0, 0],
      [4, 5, 6],
    ])
    expect(w.requiresGrad && w.isLeaf).toBe(true)
  })

  it('is refused of a view without a gradient, of something that has one', () => {
    const x = grid().requiresGrad_().mul(2)
    const row = noGrad(() => x.at(0))
    expect(() => row.zero_()).toThrow(/^zero_: x \[3\] is a view that was taken under noGrad.*Take the view again/)
    noGrad(() => row.zero_())
  })

  it('is noticed where the base was saved for backward', () => {
    const x = grid().requiresGrad_()
    const y = x.mul(1)
    const loss = y.square().sum()
    y.at(0).zero_()
    expect(() => loss.backward()).toThrow(/changed in place/)
  })

  it('reaches no base behind 32 views', async () => {
    let view = grid()
    for (let i = 0; i < 40; i++) view = view.unsqueeze(0).squeeze(0)
    expect(() => view.zero_()).toThrow(/^zero_: x \[2, 3\] is a view behind more than 32 others/)
  })

  it('does not reach what a function copies: flip, repeat, a reshape of something transposed', async () => {
    const x = grid()
    x.flip([0]).zero_()
    x.repeat(1, 1).zero_()
    x.t().reshape(-1).zero_()
    x.t().contiguous().zero_()
    x.at([0]).zero_()
    x.roll(0, 0).zero_()
    x.rot90(4).zero_()
    x.tile(1).zero_()
    x.diag().zero_()
    expect(await x.toArray()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })

  it('trains as a whole tensor does that is changed row by row', async () => {
    const w = new nn.Parameter(grid())
    const sgd = new optim.SGD([w], { lr: 0.1 })
    for (let i = 0; i < 5; i++) {
      sgd.zeroGrad()
      w.square().sum().backward()
      sgd.step()
      noGrad(() => w.at(0).clamp_(1, 2))
    }
    const shrunk = 0.8 ** 5
    const [first, second] = (await w.toArray()) as number[][]
    for (const [i, v] of (first as number[]).entries()) expect(v).toBeCloseTo(Math.min(2, Math.max(1, (i + 1) * shrunk)), 1)
    for (const [i, v] of (second as number[]).entries()) expect(v).toBeCloseTo((i + 4) * shrunk, 4)
  })

  it('is carried on by a view that is kept over iterations', async () => {
    const total = zeros([2, 3])
    const row = total.at(1)
    for (let i = 0; i < 20; i++) {
      row.add_(1)
      if (i % 5 === 0) await total.sum().item()
    }
    expect(await total.toArray()).toEqual([
      [0, 0, 0],
      [20, 20, 20],
    ])
  })

  it('is done once by a checkpointed function', async () => {
    const buffer = zeros([2, 2])
    const row = buffer.at(0)
    const x = tensor([1, 2], { requiresGrad: true })
    const y = checkpoint((v: Tensor) => {
      noGrad(() => row.add_(v))
      noGrad(() => buffer.mul_(2))
      return v.mul(v)
    }, x)
    y.sum().backward()
    expect(await buffer.toArray()).toEqual([
      [2, 4],
      [0, 0],
    ])
    expect(await x.grad?.toArray()).toEqual([2, 4])
  })
})
