/** @file Functions that write at positions: in place as out of place, misuse at the call, and positions that only the device has. */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'

const ints = (values: number[]): tg.Tensor => tg.tensor(values, { device, dtype: 'int32' })
const floats = (values: number[] | number[][]): tg.Tensor => tg.tensor(values, { device })
/** Values that the host does not have. */
const onDevice = (values: number[]): tg.Tensor => ints(values).mul(ints(values.map(() => 1)))
const mask = (): tg.Tensor => tg.tensor([true, false, true], { device })

type Args = (s: tg.Tensor) => readonly unknown[]
/** `s` is what is written, of three elements. */
const FORMS: Readonly<Record<string, Args>> = {
  scatter_: (s) => [0, ints([2, 0, 1]), s],
  scatterAdd_: (s) => [0, ints([2, 2, 1]), s],
  scatterReduce_: (s) => [0, ints([2, 2, 1]), s, 'amax'],
  indexAdd_: (s) => [0, ints([2, 2, 1]), s, { alpha: 2 }],
  indexCopy_: (s) => [0, ints([2, 0, 1]), s],
  indexFill_: (s) => [0, ints([2, 0]), s.sum()],
  indexReduce_: (s) => [0, ints([2, 2, 1]), s, 'mean', { includeSelf: false }],
  maskedFill_: (s) => [mask(), s.sum()],
  maskedScatter_: (s) => [mask(), s],
  put_: (s) => [ints([-1, 0, -1]), s, true],
  indexPut_: (s) => [[ints([-1, 0, -1])], s, { accumulate: true }],
}

describe.each(Object.entries(FORMS))('%s', (name, args) => {
  const call = (x: tg.Tensor, method: string, s: tg.Tensor): tg.Tensor =>
    (x as unknown as Record<string, (...a: readonly unknown[]) => tg.Tensor>)[method]?.(...args(s)) as tg.Tensor

  it('is the function without _, with its gradients, behind the same handle, also of a view', async () => {
    const run = async (change: (x: tg.Tensor, s: tg.Tensor) => tg.Tensor): Promise<number[][]> => {
      const [a, s] = [floats([1, -2, 3]).requiresGrad_(), floats([5, 7, -11]).requiresGrad_()]
      const y = change(a.mul(2), s)
      y.mul(floats([1, 10, 100]))
        .sum()
        .backward()
      return Promise.all([y, a.grad, s.grad].map(async (t) => [...((await t?.data()) ?? [])]))
    }
    const want = await run((x, s) => call(x, name.slice(0, -1), s))
    const got = await run((x, s) => {
      const { version } = x
      expect(call(x, name, s)).toBe(x)
      expect(x.version).toBe(version + 1)
      return x
    })
    const ofView = await run((x, s) => {
      const base = tg.stack([x.mul(0), x])
      call(base.select(0, 1), name, s)
      return base.select(0, 1)
    })
    expect(got).toEqual(want)
    expect(ofView).toEqual(want)
    expect(want[0]).not.toEqual([2, -4, 6])
  })
})

it('positions of nonzero come as rows, and as a vector for each dim', async () => {
  const x = floats([
    [0, 1, 0],
    [2, 0, 3],
  ])
  expect(await (await tg.argwhere(x)).toArray()).toEqual([
    [0, 1],
    [1, 0],
    [1, 2],
  ])
  const dims = await x.nonzero({ asTuple: true })
  expect(await Promise.all(dims.map((d) => d.toArray()))).toEqual([
    [0, 1, 1],
    [1, 0, 2],
  ])
  expect(await x.at(...dims).toArray()).toEqual([1, 2, 3])
  const ofOne = await tg.nonzero(tg.tensor(4, { device }), { asTuple: true })
  expect(await Promise.all(ofOne.map((d) => d.toArray()))).toEqual([[0]])
})

describe('of several values for one position', () => {
  it('the last one counts', async () => {
    for (const y of [
      tg.put(floats([0, 0]), ints([1, 1, -1]), floats([3, 5, 4])),
      tg.indexPut(floats([0, 0]), [onDevice([1, 1, -1])], floats([3, 5, 4])),
      tg.indexCopy(floats([0, 0]), 0, ints([1, 1, 1]), floats([3, 5, 4])),
    ])
      expect(await y.toArray()).toEqual([0, 4])
  })
})

describe('a position out of range', () => {
  const x = (): tg.Tensor => floats([1, 2, 3])
  const CALLS: Readonly<Record<string, (i: tg.Tensor) => tg.Tensor>> = {
    take: (i) => x().take(i),
    put: (i) => x().put(i, floats([1, 1])),
    takeAlongDim: (i) => x().takeAlongDim(i, 0),
    indexCopy: (i) => x().indexCopy(0, i, floats([1, 1])),
    indexFill: (i) => x().indexFill(0, i, 1),
    indexReduce: (i) => x().indexReduce(0, i, floats([1, 1]), 'prod'),
    indexPut: (i) => x().indexPut([i], 1),
  }
  it.each(Object.entries(CALLS))('is found by %s, at the call or at the next await', async (name, f) => {
    for (const wrong of [3, -4]) {
      expect(() => f(ints([0, wrong])), `${wrong}`).toThrow(new RegExp(`${name}: index ${wrong} is out of range for size 3`))
      await expect(f(onDevice([0, wrong])).data(), `${wrong}`).rejects.toThrow(new RegExp(`${name}: index ${wrong} is out of range`))
    }
  })
  it('is one behind the last element of what maskedScatter is given', async () => {
    await expect(
      x()
        .maskedScatter(mask(), floats([7]))
        .data(),
    ).rejects.toThrow(tg.IndexError)
    await expect(x().maskedScatter(mask(), floats([])).data()).rejects.toThrow(tg.IndexError)
  })
})

it('what does not fit is refused at the call', () => {
  const x = floats([
    [1, 2, 3],
    [4, 5, 6],
  ])
  const message = (f: () => unknown): string => {
    try {
      f()
      return 'accepted'
    } catch (e) {
      return (e as Error).message
    }
  }
  expect(
    [
      () => x.maskedFill(x, 1),
      () => x.maskedFill(mask(), floats([1])),
      () => x.maskedFill(tg.ones([2], { device }).gt(0), 1),
      () => ints([1]).maskedFill(mask().at(':1'), 0.5),
      () => x.maskedFill_(tg.ones([4, 2, 3], { device }).gt(0), 1),
      () => x.maskedScatter(mask(), ints([1, 2])),
      () => x.indexCopy(0, ints([0]), floats([[1, 2]])),
      () => x.indexCopy(0, ints([0]), ints([1, 2, 3]).reshape(1, 3)),
      () => x.indexFill(0, ints([[0]] as never), 1),
      () => x.take(floats([0])),
      () => x.put(ints([0, 1]), floats([1])),
      () => x.put(ints([0]), ints([1])),
      () => x.takeAlongDim(ints([0]), 0),
      () => x.indexPut([mask(), ints([0])], 1),
      () => x.indexPut([mask()], 1),
      () => x.indexPut([x.gt(2)], floats([1, 2])),
      () => x.indexPut([ints([0, 1])], floats([1, 2])),
      () => x.indexPut([ints([0]), ints([0]), ints([0])], 1),
    ].map(message),
  ).toMatchInlineSnapshot(`
    [
      "maskedFill: mask must be bool, got float32. Compare first: x.ne(0)",
      "maskedFill: value must be a number or a 0-d tensor, got [1]. Use where(mask, value, x)",
      "maskedFill: shapes do not broadcast: [2] and [2, 3] differ at dim −1 (2 and 3), and neither is 1",
      "maskedFill: value is 0.5, which int32 cannot hold: it has a fraction",
      "maskedFill_: the result is [4, 2, 3], which does not fit x [2, 3]",
      "maskedScatter: source must have the dtype of x (float32), got int32. Convert it: source.to('float32')",
      "indexCopy: source [1, 2] must be [1, 3] for x [2, 3] and index [1], which has one dim",
      "indexCopy: source must have the dtype of x (float32), got int32. Convert it: source.to('float32')",
      "indexFill: index must have one dim, got [1, 1]",
      "take: index must be integers, got float32. Make them with { dtype: 'int32' }",
      "put: source [1] and index [2] must have as many elements",
      "put: source must have the dtype of x (float32), got int32. Convert it: source.to('float32')",
      "takeAlongDim: indices [1] must have the dims of x [2, 3]",
      "indexPut: a mask stands alone: its positions are known to the device only. Use (await mask.nonzero()).unbind(1)",
      "indexPut: the mask [3] must have the first dims of x [2, 3]",
      "indexPut: with a mask, value [2] must broadcast to []: the same for all that are chosen. Use maskedScatter",
      "indexPut: value [2] does not broadcast to what is chosen, [2, 3]",
      "indexPut: 3 indices for a tensor of 2 dims, [2, 3]",
    ]
  `)
})
