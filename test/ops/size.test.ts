/** @file Tensors have fewer than 2³¹ elements: more are refused at the call, as many as that are right, and views inside an op may be longer. */
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(async () => {
  await tg.init({ device })
  tg.setDefaultDevice(device)
})

const SIDE = 2 ** 16
const column = () => tg.ones([SIDE, 1])
const row = () => tg.ones([1, SIDE])
const F = tg.nn.functional

/** Calls with results of 2³¹ elements and more, by the function that is called. */
const CALLS: Readonly<Record<string, () => unknown>> = {
  zeros: () => tg.zeros([SIDE, SIDE]),
  ones: () => tg.ones(2 ** 31),
  empty: () => tg.empty(2 ** 15, 2 ** 16),
  full: () => tg.full([SIDE, SIDE], 3),
  eye: () => tg.eye(SIDE),
  arange: () => tg.arange(0, 2 ** 32, 2),
  linspace: () => tg.linspace(0, 1, 2 ** 31),
  rand: () => tg.rand([SIDE, SIDE]),
  randn: () => tg.randn([SIDE, SIDE]),
  normal: () => tg.normal(0, 1, [SIDE, SIDE]),
  randint: () => tg.randint(0, 5, [SIDE, SIDE]),
  randperm: () => tg.randperm(2 ** 31),
  expand: () => column().expand([SIDE, SIDE]),
  broadcastTo: () => tg.broadcastTo(row(), [SIDE, SIDE]),
  repeat: () => row().repeat(SIDE, 1),
  add: () => column().add(row()),
  mul: () => column().mul(row()),
  div: () => column().div(row(), { roundingMode: 'floor' }),
  pow: () => column().pow(row()),
  maximum: () => tg.maximum(column(), row()),
  lt: () => column().lt(row()),
  logicalAnd: () => tg.logicalAnd(column(), row()),
  where: () => tg.where(column().gt(0), row(), 0),
  clamp: () => column().clamp(row()),
  allclose: () => tg.allclose(column(), row()),
  matmul: () => column().matmul(row()),
  linear: () => F.linear(tg.zeros([SIDE, 1]), tg.zeros([SIDE, 1])),
  bmm: () => tg.bmm(tg.zeros([2, 2 ** 15, 1]), tg.zeros([2, 1, 2 ** 15])),
  cat: () => tg.cat([tg.zeros([2 ** 30]), tg.zeros([2 ** 30])]),
  stack: () => tg.stack(Array.from({ length: 8 }, () => tg.zeros([2 ** 28]))),
  pad: () => tg.pad(tg.zeros([2, 2]), [2 ** 15, 2 ** 15, 2 ** 15, 2 ** 15]),
  indexSelect: () => tg.indexSelect(row(), 0, tg.zeros([SIDE], { dtype: 'int32' })),
  embedding: () => tg.embedding(tg.zeros([SIDE], { dtype: 'int32' }), row()),
  oneHot: () => tg.oneHot(tg.zeros([SIDE], { dtype: 'int32' }), SIDE),
  conv2d: () => F.conv2d(tg.zeros([1, 1, 2 ** 10, 2 ** 10]), tg.zeros([2 ** 11, 1, 1, 1])),
}

describe('results of 2³¹ elements and more are refused at the call', () => {
  it.each(Object.entries(CALLS))('%s', async (name, call) => {
    let error: unknown
    try {
      await call()
    } catch (e) {
      error = e
    }
    expect(error).toBeInstanceOf(tg.ShapeError)
    expect((error as Error).message).toMatch(new RegExp(`^${name}: .*\\[.*\\].* elements; a tensor has at most 2³¹ − 1$`))
  })
})

it('what a refused call would have read goes on', async () => {
  const x = tg.full([SIDE, 1], 2).mul(3)
  expect(() => x.expand([SIDE, SIDE])).toThrow(tg.ShapeError)
  expect(() => x.add(row())).toThrow(tg.ShapeError)
  expect(await x.sum().item()).toBe(6 * SIDE)
})

/** Some 2³¹ steps of a loop each: on device cpu, where they take a second. */
describe.runIf(device === 'cpu')('as many elements as there may be', () => {
  it('are summed and searched', { timeout: 120_000 }, async () => {
    const most = 2 ** 31 - 1
    const ones = tg.ones([1], { dtype: 'int32' }).add(0).expand([most])
    expect(await ones.sum().item()).toBe(most)
    const half = 2 ** 30 - 1
    expect(
      await tg
        .tensor([[1], [2]])
        .expand([2, half])
        .argmax()
        .item(),
    ).toBe(half)
  })

  // Windows are views of the input: of 38 windows of 33 × 33 in each row there are more elements than a tensor has
  const [channels, size, kernel] = [64, 220, 33]
  const out = size - kernel + 1
  it('has an input, of which the windows are more', { timeout: 240_000 }, async () => {
    expect(channels * kernel ** 2 * out ** 2).toBeGreaterThan(2 ** 31)
    // One number in each row and column: its windows are known
    const image = tg.zeros([1, channels, size, size]).add(tg.eye(size))
    const mean = F.avgPool2d(image, kernel, { stride: 1 })
    // Window (0, 0) lies on the diagonal, window (0, out − 1) far from it
    const means = await mean.select(1, channels - 1).data()
    expect(means[0]).toBeCloseTo(kernel / kernel ** 2, 6)
    expect(means[out - 1]).toBe(0)
    expect(means[out * out - 1]).toBeCloseTo(1 / kernel, 6)
    const weight = tg.ones([2, channels, kernel, kernel])
    const sums = await F.conv2d(image, weight).data()
    expect([sums[0], sums[out - 1], sums[2 * out * out - 1]]).toEqual([channels * kernel, 0, channels * kernel])
  })
})
