/** @file What the docs call views: chains of them launch no kernel, by themselves or in front of an op. */
import { describe, expect, it } from 'vitest'
import { diagonal, narrow, synchronize, type Tensor, tensor } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'

const SHAPE = [4, 6, 4]
const COUNT = 96
const input = (): Tensor =>
  tensor(
    Float32Array.from({ length: COUNT }, (_, i) => Math.sin(i)),
    { shape: SHAPE, device },
  )

/** Views by name: each is given [4, 6, 4]. */
const VIEWS: Readonly<Record<string, (x: Tensor) => Tensor | readonly Tensor[]>> = {
  reshape: (x) => x.reshape(-1, 3),
  view: (x) => x.view(2, 48),
  viewAs: (x) => x.viewAs(x.reshape(8, 12)),
  reshapeAs: (x) => x.reshapeAs(x.reshape(8, 12)),
  ravel: (x) => x.ravel(),
  flatten: (x) => x.flatten(1),
  unflatten: (x) => x.unflatten(1, [2, 3]),
  squeeze: (x) => x.narrow(1, 2, 1).squeeze(1),
  unsqueeze: (x) => x.unsqueeze(1),
  permute: (x) => x.permute(2, 0, 1),
  transpose: (x) => x.transpose(0, 2),
  swapaxes: (x) => x.swapaxes(0, 1),
  t: (x) => x.select(0, 1).t(),
  mT: (x) => x.mT,
  adjoint: (x) => x.adjoint(),
  movedim: (x) => x.movedim([0, 1], [1, 2]),
  moveaxis: (x) => x.moveaxis(0, -1),
  expand: (x) => x.unsqueeze(0).expand(3, -1, -1, -1),
  expandAs: (x) => x.narrow(0, 0, 1).expandAs(x),
  broadcastTo: (x) => x.narrow(0, 0, 1).broadcastTo([5, 6, 4]),
  narrow: (x) => narrow(x, 1, 2, 3),
  select: (x) => x.select(1, -1),
  at: (x) => x.at('1:3', null, '...', '::2'),
  split: (x) => x.split([2, 4], 1),
  chunk: (x) => x.chunk(2),
  tensorSplit: (x) => x.tensorSplit([1, 3], 1),
  unbind: (x) => x.unbind(0),
  diagonal: (x) => diagonal(x, 1, 0, 2),
  unfold: (x) => x.unfold(1, 3, 1),
  flip: (x) => x.flip(0, 2),
  rot90: (x) => x.rot90(),
  'all of these': (x) =>
    x
      .permute(2, 0, 1)
      .narrow(1, 1, 2)
      .unsqueeze(0)
      .expand(2, -1, -1, -1)
      .select(3, 2)
      .unfold(1, 3, 1)
      .diagonal(0, 2, 3)
      .flip(1)
      .transpose(0, 1)
      .reshape(-1),
}

const listOf = (y: Tensor | readonly Tensor[]): readonly Tensor[] => (Array.isArray(y) ? y : [y as Tensor])

async function kernelsOf(fn: () => Promise<unknown>): Promise<number> {
  const before = deviceCounters(device).dispatches
  await fn()
  return deviceCounters(device).dispatches - before
}

/** The kernels that run when all is computed that is recorded, while a result is held. */
async function kernelsFor(fn: () => Tensor | readonly Tensor[]): Promise<number> {
  let held: unknown
  const kernels = await kernelsOf(() => {
    held = fn()
    return synchronize()
  })
  expect(held).toBeDefined()
  return kernels
}

describe.each(Object.entries(VIEWS))('%s', (_, view) => {
  it('launches no kernel', async () => {
    const x = input().mul(2)
    await x.data()
    expect(await kernelsFor(() => view(x))).toBe(0)
  })

  it('in front of an op is part of its kernel', async () => {
    const x = input()
    const n = listOf(view(x))[0]?.numel() as number
    const first = (): Tensor => listOf(view(x))[0] as Tensor
    expect(await kernelsOf(() => first().mul(2).data())).toBe(1)
    expect(await kernelsOf(() => first().mul(2).sum().data())).toBe(
      await kernelsOf(() => tensor(new Float32Array(n), { device }).mul(2).sum().data()),
    )
  })
})

it('what is no view does launch one', async () => {
  const x = input().mul(2)
  await x.data()
  expect(await kernelsFor(() => x.neg())).toBe(1)
  expect(await kernelsFor(() => x.roll(1, 0))).toBe(1)
})
