/** @file The loss of connectionist temporal classification: against a sum over all alignments, and what its arguments have to be. (PyTorch's values are among the golden cases.) */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'

const ints = (values: number[]): tg.Tensor => tg.tensor(values, { dtype: 'int32', device })

/** −ln Σ Π p over all ways through the classes that come to the target, once repeats are one and blanks are left out. */
function bySum(logs: readonly (readonly number[])[], target: readonly number[]): number {
  const classes = logs[0]?.length as number
  let total = 0
  for (let way = 0; way < classes ** logs.length; way++) {
    const path = logs.map((_, t) => Math.floor(way / classes ** t) % classes)
    const labels = path.filter((c, t) => c !== path[t - 1] && c !== 0)
    if (labels.join() === target.join()) total += Math.exp(path.reduce((sum, c, t) => sum + (logs[t]?.[c] as number), 0))
  }
  return -Math.log(total)
}

describe('ctcLoss', () => {
  it.each([[[1, 2]], [[1, 1]], [[2]], [[]], [[1, 2, 1]], [[2, 2, 2]]])('of %j is that of all alignments', async (target) => {
    const logs = tg.randn([5, 3], { device, generator: new tg.Generator(target.length) }).logSoftmax(-1)
    const loss = await tg.ctcLoss(logs, ints(target), 5, target.length, { reduction: 'sum' }).item()
    expect(loss).toBeCloseTo(bySum((await logs.toArray()) as number[][], target), 4)
  })

  it('of rows without time is 0 for an empty target, and infinite for another', async () => {
    const logs = tg.zeros([2, 2, 3], { device })
    const losses = tg.ctcLoss(logs, ints([1]), [0, 0], [0, 1], { reduction: 'none' })
    expect([...(await losses.data())].map((v) => v + 0)).toEqual([0, Number.POSITIVE_INFINITY])
  })

  it('keeps its digits where all log probabilities are far from 0', async () => {
    const of = async (shift: number) => {
      const logs = tg.zeros([40, 3], { device }).sub(shift).requiresGrad_()
      const [g] = tg.grad(tg.ctcLoss(logs, ints([1, 2]), 40, 2), [logs]) as [tg.Tensor]
      return [...(await g.data())]
    }
    expect(await of(512)).toEqual(await of(0))
  })

  it('of no sequence at all is empty', async () => {
    const losses = tg.ctcLoss(tg.zeros([4, 0, 3], { device }), tg.zeros([0, 2], { dtype: 'int32', device }), [], [], { reduction: 'none' })
    expect(losses.shape).toEqual([0])
  })

  it('refuses what does not fit', () => {
    const logs = tg.zeros([4, 2, 3], { device })
    const targets = ints([1, 2, 1, 2]).reshape(2, 2)
    const loss = (...args: readonly unknown[]) => (tg.ctcLoss as (...args: readonly unknown[]) => tg.Tensor)(...args)
    const cases: readonly (readonly [readonly unknown[], RegExp])[] = [
      [[tg.zeros([3], { device }), targets, [4], [1]], /^ctcLoss: logProbs must be \[T, N, C\] or \[T, C\], got \[3\]/],
      [[logs, ints([1, 2, 1]).reshape(3, 1), [4, 4], [1, 1]], /^ctcLoss: targets must be \[2, S\], or .*, got \[3, 1\]/],
      [[logs, targets, [4], [1, 1]], /^ctcLoss: inputLengths must be \[2\], one for each of the batch, got \[1\]/],
      [[logs, targets, [4, 5], [1, 1]], /^ctcLoss: inputLengths must be from 0 to 4, one is 5/],
      [[logs, targets, [4, 4], [1, 3]], /^ctcLoss: targetLengths must be from 0 to 2, one is 3/],
      [[logs, ints([1, 2, 1]), [4, 4], [1, 1]], /^ctcLoss: targets has 3 labels, and targetLengths sum to 2/],
      [[logs, ints([1, 3]), [4, 4], [1, 1]], /^ctcLoss: label 3 is out of range for 3 classes/],
      [[logs, targets, [4, 4], [1, 1], { blank: 3 }], /^ctcLoss: blank 3 is out of range for 3 classes/],
      [[logs, targets.float(), [4, 4], [1, 1]], /^ctcLoss: targets must be integers, got float32/],
    ]
    for (const [args, message] of cases) expect(() => loss(...args)).toThrow(message)
  })
})
