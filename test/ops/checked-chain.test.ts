/**
 * @file Choices among values at positions, one after another. What both branches of a choice read is computed once in front of them: a kernel's text grows with the chain, not with
 * all ways through it; and a wrong position is an error where it is chosen, in whatever branch.
 */
import { describe, expect, it } from 'vitest'
import { schedule, topological } from '../../src/compiler/index.ts'
import type { DeviceTraits } from '../../src/device/index.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import { printKernel } from '../../src/device/webgpu/wgsl-kernel.ts'
import * as p from '../../src/graph/index.ts'
import { gather, type Tensor, tensor, where } from '../../src/index.ts'
import { type Kernel, visitExprs } from '../../src/kernel/index.ts'
import { device } from '../support/device.ts'

const N = 16
const STEPS = Int32Array.from({ length: N }, (_, k) => (k * 5 + 3) % N)
const NEXT = Int32Array.from({ length: N }, (_, k) => (k * 7 + 1) % N)

const traits: DeviceTraits = {
  maxBuffers: 9,
  maxBindingBytes: 2 ** 27,
  dtypes: new Set(['float32', 'int32', 'bool'] as const),
  storesAlone: new Set(['float32', 'int32'] as const),
  parallelism: 64,
  leastSplit: 4096,
  leastScatter: 2 ** 18,
  roundsOperators: true,
  slowContractions: true,
  coalesces: true,
}

/** The kernel of a chain of so many choices. */
function kernelOfChain(links: number): Kernel {
  const leaf = (values: Int32Array): p.Node => p.leaf(values, [N], 'int32', CPU_PLACE)
  const [steps, next] = [leaf(STEPS), leaf(NEXT)]
  let x = leaf(STEPS)
  for (let i = 0; i < links; i++)
    x = p.where(p.binary('lt', p.gather(x, 0, steps, 'gather'), p.scalar(8, 'int32')), p.gather(next, 0, x, 'gather'), x)
  const { program } = schedule(topological([x]), [x], new Set(), traits)
  expect(program.steps).toHaveLength(1)
  const [step] = program.steps
  if (step?.kind !== 'kernel') throw new Error('a kernel is wanted')
  return step.kernel
}

describe('a chain of choices among gathered values', () => {
  it('is written in a text that grows with its length', () => {
    const textOf = (links: number): number => printKernel(kernelOfChain(links), { kind: 'point', workgroup: 64, elements: 1 }).code.length
    const [two, three, four] = [2, 3, 4].map(textOf) as [number, number, number]
    // (in the third and the fourth link there are three and four more places at which a value is read)
    expect(three).toBeLessThan(1.6 * two)
    expect(four).toBeLessThan(2.4 * two)
  })

  it('is few expressions: equal positions are one', () => {
    const count = (links: number): number => {
      let n = 0
      visitExprs(kernelOfChain(links).stages, () => n++)
      return n
    }
    const [two, four] = [count(2), count(4)]
    expect(four).toBeLessThan(3 * two)
  })

  it('has the values of plain loops, however long it is', async () => {
    const [steps, next] = [STEPS, NEXT].map((v) => tensor(v, { device })) as [Tensor, Tensor]
    for (const links of [3, 10]) {
      let x = tensor(STEPS, { device })
      let want = [...STEPS]
      for (let i = 0; i < links; i++) {
        x = where(gather(x, 0, steps).lt(8), gather(next, 0, x), x)
        want = want.map((v, k) => ((want[STEPS[k] as number] as number) < 8 ? (NEXT[v] as number) : v))
      }
      expect([...(await x.data())]).toEqual(want)
    }
  })
})

describe('a wrong position in what both branches read', () => {
  /** Positions that only the device has: the host does not find them at the call. */
  const computed = (values: number[]): Tensor =>
    tensor(values, { dtype: 'int32', device }).add(
      tensor(
        values.map(() => 0),
        { dtype: 'int32', device },
      ),
    )
  const values = (): Tensor => tensor([10, 20, 30], { dtype: 'int32', device })
  const picks = (): Tensor => tensor([0, 1, 2], { dtype: 'int32', device })

  it.each([
    [true, 'the first'],
    [false, 'the second'],
  ])('is an error where the test is %s, which chooses %s', async (chosen) => {
    const test = tensor([chosen, chosen, chosen], { device })
    const read = gather(values(), 0, computed([0, 5, 2]))
    await expect(where(test, read.add(1), read.mul(2)).data()).rejects.toThrow(/^gather: index 5 is out of range for an axis of size 3/)
  })

  it('is none where a choice around it leaves it out', async () => {
    const outer = tensor([true, false, true], { device })
    const inner = tensor([true, true, false], { device })
    const read = (): Tensor => gather(values(), 0, computed([0, 5, 2]))
    const both = (x: Tensor): Tensor => where(inner, x.add(1), x.mul(2))
    expect([...(await where(outer, both(read()), picks()).data())]).toEqual([11, 1, 60])
    const nested = (x: Tensor): Tensor => where(inner, gather(values(), 0, x.sub(10).mul(9)), x)
    expect([...(await where(outer, nested(read()), picks()).data())]).toEqual([10, 1, 30])
    await expect(where(outer, picks(), both(read())).data()).rejects.toThrow(/^gather: index 5/)
  })
})
