/** @file Random convolutions and poolings on a device, forward and backward, against plain loops. */
import { expect } from 'vitest'
import { nn, type Tensor, tensor } from '../../src/index.ts'
import { convolve, Dice, poolAvg, poolMax, randomConv, randomPool, type Values } from './windows.ts'

const { avgPool2d, conv2d, maxPool2d } = nn.functional

export interface WindowSetting {
  readonly device: 'cpu' | 'webgpu'
  readonly dtype: 'float32' | 'float64'
  /** The largest error that is allowed: all values are about 1. */
  readonly error: number
}

const leaf = (values: Values, shape: readonly number[], { device, dtype }: WindowSetting): Tensor =>
  tensor(values, { shape, dtype, device, requiresGrad: true })

async function close(got: Tensor | null, want: ArrayLike<number>, error: number, what: string): Promise<void> {
  const values = await (got as Tensor).data()
  expect(values, what).toHaveLength(want.length)
  for (let i = 0; i < want.length; i++) {
    const away = Math.abs(Number(values[i]) - (want[i] as number))
    if (!(away <= error)) expect.fail(`${what}: element ${i} is ${values[i]}, not ${want[i]}`)
  }
}

const total = (shape: readonly number[]): number => shape.reduce((n, s) => n * s, 1)

export async function checkConv(seed: number, setting: WindowSetting): Promise<void> {
  const dice = new Dice(seed)
  const c = randomConv(dice)
  const what = `seed ${seed}: conv2d of [${c.x}], [${c.weight}], ${JSON.stringify(c.options)}`
  const [xs, ws, bs, gs] = [c.x, c.weight, [c.weight[0]], c.y].map((shape) => dice.values(total(shape))) as [Values, Values, Values, Values]
  const [x, w, b] = [leaf(xs, c.x, setting), leaf(ws, c.weight, setting), leaf(bs, [bs.length], setting)]
  const y = conv2d(x, w, b, c.options)
  expect(y.shape, what).toEqual([...c.y])
  y.backward(leaf(gs, c.y, setting).detach())
  const want = convolve(c, xs, ws, bs, gs)
  await close(y, want.y, setting.error, what)
  await close(x.grad, want.dx, setting.error, `${what}, gradient of x`)
  await close(w.grad, want.dw, setting.error, `${what}, gradient of weight`)
  await close(b.grad, want.db, setting.error, `${what}, gradient of bias`)
}

export async function checkMaxPool(seed: number, setting: WindowSetting): Promise<void> {
  const dice = new Dice(seed)
  const c = randomPool(dice, true)
  const what = `seed ${seed}: maxPool2d of [${c.x}], ${c.kernel}, ${JSON.stringify(c.max)}`
  const xs = dice.values(total(c.x), dice.pick([2, 1 << 10])) // also values that tie
  const gs = dice.values(total(c.y))
  const x = leaf(xs, c.x, setting)
  const { values, indices } = maxPool2d(x, c.kernel, { ...c.max, returnIndices: true })
  expect([values.shape, indices.shape], what).toEqual([[...c.y], [...c.y]])
  values.backward(leaf(gs, c.y, setting).detach())
  const want = poolMax(c, xs, gs)
  await close(values, want.y, 0, what)
  await close(indices, want.indices, 0, `${what}, indices`)
  await close(x.grad, want.dx, setting.error, `${what}, gradient`)
  await close(maxPool2d(x, c.kernel, c.max), want.y, 0, what)
}

export async function checkAvgPool(seed: number, setting: WindowSetting): Promise<void> {
  const dice = new Dice(seed)
  const c = randomPool(dice, false)
  const what = `seed ${seed}: avgPool2d of [${c.x}], ${c.kernel}, ${JSON.stringify(c.avg)}`
  const [xs, gs] = [dice.values(total(c.x)), dice.values(total(c.y))]
  const x = leaf(xs, c.x, setting)
  const y = avgPool2d(x, c.kernel, c.avg)
  expect(y.shape, what).toEqual([...c.y])
  y.backward(leaf(gs, c.y, setting).detach())
  const want = poolAvg(c, xs, gs)
  await close(y, want.y, setting.error, what)
  await close(x.grad, want.dx, setting.error, `${what}, gradient`)
}
