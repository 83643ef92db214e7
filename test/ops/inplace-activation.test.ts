/** @file In-place forms of activations and dropout: each gives what the function gives, with its gradient, and is noticed by what saved the tensor before. */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import * as ops from '../../src/ops/index.ts'
import * as table from '../../src/ops/inplace-activation.ts'
import { device } from '../support/device.ts'

type Function = (x: tg.Tensor, ...rest: unknown[]) => tg.Tensor
const FORMS = new Map<string, unknown>(Object.entries(table))
const FUNCTIONS = new Map<string, unknown>(Object.entries(ops))
const drops = (): readonly unknown[] => [0.5, { training: true, generator: new tg.Generator(2) }]
/** What each takes besides the tensor. */
const ARGUMENTS: { readonly [K in keyof typeof table]: () => readonly unknown[] } = {
  elu_: () => [{ alpha: 0.5 }],
  celu_: () => [2],
  selu_: () => [],
  leakyRelu_: () => [{ negativeSlope: 0.25 }],
  hardtanh_: () => [{ minVal: -0.3, maxVal: 0.6 }],
  rrelu_: () => [0.25, 0.5, { training: true, generator: new tg.Generator(2) }],
  threshold_: () => [0.1, 7],
  dropout_: drops,
  alphaDropout_: drops,
  featureAlphaDropout_: drops,
}
const make = (): tg.Tensor =>
  tg.tensor(
    [
      [-0.9, 0.2, -0.4],
      [1.1, -2, 0.55],
    ],
    { device, requiresGrad: true },
  )

describe.each(Object.entries(ARGUMENTS))('%s', (name, others) => {
  const inPlace = FORMS.get(name) as Function
  const op = FUNCTIONS.get(name.slice(0, -1)) as Function

  it('is the function, with its gradient, behind the same handle', async () => {
    const leaves = [make(), make()]
    const [a, b] = leaves.map((x) => x.mul(1)) as [tg.Tensor, tg.Tensor]
    const want = op(a, ...others())
    const { version } = b
    expect(inPlace(b, ...others())).toBe(b)
    expect(b.version).toBe(version + 1)
    expect([...(await b.data())]).toEqual([...(await want.data())])
    expect([...(await b.data())]).not.toEqual([...(await make().data())])
    want.sum().backward()
    b.sum().backward()
    const [first, second] = await Promise.all(leaves.map(async (x) => [...(await (x.grad as tg.Tensor).data())]))
    expect(second).toEqual(first)
  })

  it('is noticed by what saved the tensor before', () => {
    const x = make().mul(1)
    const y = x.square().sum()
    tg.noGrad(() => inPlace(x, ...others()))
    expect(() => y.backward()).toThrow(/in place/)
  })

  it('writes through a view', async () => {
    const base = make().detach()
    inPlace(base.T, ...others())
    const want = op(make().T, ...others()).T
    expect([...(await base.data())]).toEqual([...(await want.data())])
  })
})

it('a dropout that drops nothing leaves values and gradients as they are', async () => {
  const leaf = make()
  const x = leaf.mul(2)
  expect(tg.dropout_(x, { training: false })).toBe(x)
  expect([...(await x.data())]).toEqual([...(await make().mul(2).data())])
  x.sum().backward()
  expect([...(await (leaf.grad as tg.Tensor).data())]).toEqual(new Array(6).fill(2))
})
