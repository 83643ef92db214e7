/** @file In-place forms of elementwise ops: each gives what the op gives, in the dtype of the tensor, with its gradient, and is noticed by what saved the tensor before. */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import * as table from '../../src/ops/inplace-elementwise.ts'
import { device } from '../support/device.ts'

type Method = (...args: unknown[]) => tg.Tensor
const method = (x: tg.Tensor, name: string): Method => (x as unknown as Record<string, Method>)[name]?.bind(x) as Method

const INTEGERS = /^(bitwise|gcd|lcm)/
/** What a form takes besides another tensor or nothing. */
const ARGUMENTS: Readonly<Record<string, (y: tg.Tensor) => readonly unknown[]>> = {
  addcdiv: (y) => [y, y],
  addcmul: (y) => [y, y],
  clamp: () => [0.3, 0.6],
  clampMax: () => [0.5],
  clampMin: () => [0.5],
  lerp: (y) => [y, 0.3],
  logit: () => [0.1],
  mvlgamma: () => [1],
  nanToNum: () => [],
  polygamma: () => [1],
  round: () => [{ decimals: 1 }],
}
const BINARY =
  /^(add|atan2|copysign|div|eq|float|floorD|fmod|ge|gt|heaviside|hypot|igamma|ldexp|le|lt|logicalAnd|logicalOr|logicalXor|mul|ne|pow|remainder|sub|xlogy|gcd|lcm|bitwise(?!Not))/

describe.each(Object.keys(table))('%s', (name) => {
  const op = name.slice(0, -1)
  const whole = INTEGERS.test(op)
  const make = (values: number[]): tg.Tensor =>
    tg.tensor(whole ? values.map((v) => Math.round(v * 10)) : values, { device, dtype: whole ? 'int32' : 'float32' })
  const others = (): readonly unknown[] => {
    const y = make([0.4, 0.8, 0.3])
    return ARGUMENTS[op]?.(y) ?? (BINARY.test(op) && !['neg'].includes(op) ? [y] : [])
  }

  it('is the op, with its gradient, behind the same handle', async () => {
    const leaves = [0, 1].map(() => make([0.2, 0.55, 0.9]).requiresGrad_(!whole))
    const [a, b] = leaves.map((x) => (whole ? x.clone() : x.mul(1))) as [tg.Tensor, tg.Tensor]
    const want = method(a, op)(...others()).to(a.dtype)
    const { version } = b
    expect(method(b, name)(...others())).toBe(b)
    expect(b.version).toBe(version + 1)
    expect(b.dtype).toBe(a.dtype)
    expect([...(await b.data())]).toEqual([...(await want.data())])
    if (!want.requiresGrad) return
    want.sum().backward()
    b.sum().backward()
    const [first, second] = leaves.map((x) => x.grad)
    expect([...((await second?.data()) ?? [])]).toEqual([...((await first?.data()) ?? [])])
  })

  it.skipIf(whole)('is noticed by what saved the tensor before', () => {
    const x = make([0.2, 0.55, 0.9]).requiresGrad_().mul(1)
    const y = x.square().sum()
    tg.noGrad(() => method(x, name)(...others()))
    expect(() => y.backward()).toThrow(/in place/)
  })
})

describe('what replaces all of a tensor that has a gradient', () => {
  const one = (): tg.Tensor => tg.ones([2], { device })
  const mask = (): tg.Tensor => one().gt(0)
  const REPLACE: Readonly<Record<string, (y: tg.Tensor) => unknown>> = {
    fill_: (y) => y.fill_(3),
    zero_: (y) => y.zero_(),
    copy_: (y) => y.copy_(one()),
    eq_: (y) => y.eq_(2),
    normal_: (y) => y.normal_(),
    uniform_: (y) => y.uniform_(),
    bernoulli_: (y) => y.bernoulli_(),
    maskedFill_: (y) => y.maskedFill_(mask(), 0),
    indexPut_: (y) => y.indexPut_([mask()], 0),
    'view().fill_': (y) => y.view(2, 1).fill_(1),
    'narrow().zero_': (y) => y.narrow(0, 0, 2).zero_(),
  }
  it.each(Object.keys(REPLACE))('%s leaves it on the tape, with zeros for what was before, as PyTorch does', async (name) => {
    const x = tg.tensor([1, 2], { device, requiresGrad: true })
    const y = x.mul(2)
    REPLACE[name]?.(y)
    expect(y.requiresGrad).toBe(true)
    y.sum().backward()
    expect(await (x.grad as tg.Tensor).toArray()).toEqual([0, 0])
  })

  it('is off the tape where nothing is recorded', () => {
    const y = tg.tensor([1, 2], { device, requiresGrad: true }).mul(2)
    tg.noGrad(() => y.detach().fill_(1))
    const plain = tg.tensor([1, 2], { device })
    expect(plain.fill_(2).requiresGrad).toBe(false)
  })
})
