/** @file Contractions on the WebAssembly device, in packed panels and point by point, against plain loops. */
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../../src/base/index.ts'
import { type Blocks, chooseBlocks, fitsPanels } from '../../src/device/cpu/wasm/contract.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import type { Kernel } from '../../src/kernel/index.ts'
import { CONVOLUTIONS, checkContraction, forward, matrices, ofWeight, PRODUCTS, randomSpec, type Spec } from '../support/contractions.ts'

const engine = new WasmEngine()
let inPanels = 0

function run(kernel: Kernel, inputs: readonly TypedArray[], lengths: readonly number[]): TypedArray[] {
  const all = [...inputs.map((x) => x.length), ...lengths]
  const data = kernel.buffers.map(({ dtype }, i) => engine.arrays.take(dtype, all[i] as number))
  inputs.forEach((values, i) => {
    data[i]?.set(values)
  })
  const fail = (site: number): never => expect.unreachable(`index of site ${site} outside`)
  engine.compile(kernel, all)({ data, scalars: [], fail })
  const outputs = data.slice(inputs.length).map((x) => x.slice())
  for (const array of data) engine.arrays.give(array)
  return outputs
}

async function check(specs: readonly Spec[], blocks: Blocks | undefined): Promise<void> {
  engine.choose = (kernel) => {
    if (!blocks || !fitsPanels(kernel)) return undefined
    inPanels++
    return blocks
  }
  for (const spec of specs) await checkContraction(spec, async (...of) => run(...of), blocks)
}

const WAYS: Record<string, Blocks | undefined> = {
  'in large blocks': { terms: 256, rows: 64, columns: 384 },
  'in small blocks, with sums in several parts': { terms: 8, rows: 8, columns: 16 },
  'point by point': undefined,
}

let seed = 500
describe.for(Object.entries(WAYS))('%s', ([, blocks]) => {
  it.for(Object.entries(PRODUCTS))('a product %s', ([, specs]) => check(specs, blocks))
  it.for(Object.entries(CONVOLUTIONS))('a convolution %s', ([, specs]) => check(specs, blocks))
  it('any axes and strides', () =>
    check(
      Array.from({ length: 60 }, () => randomSpec(seed++)),
      blocks,
    ))
  it('more than one block of everything', () =>
    check([matrices({ m: 150, n: 410, k: 270, epilogue: true }), matrices({ m: 70, n: 800, k: 700, tb: true })], blocks))
})

it('computes in panels what fits, if that is large enough', async () => {
  const before = inPanels
  await check([matrices({ m: 5, n: 6, k: 7 })], WAYS['in large blocks'])
  expect(inPanels - before).toBe(1)
  const chosen = async (spec: Spec): Promise<boolean> => {
    let answer = false
    engine.choose = (kernel) => {
      answer = chooseBlocks(kernel) !== undefined
      return undefined
    }
    await checkContraction(spec, async (...of) => run(...of))
    return answer
  }
  expect(await chosen(matrices({ m: 64, n: 10, k: 256 }))).toBe(true)
  expect(await chosen(forward({ batch: 2, channels: 3, outputs: 16, size: 12, kernel: [3, 3] }))).toBe(true)
  expect(await chosen(ofWeight({ batch: 4, channels: 3, outputs: 8, size: 8, kernel: [3, 3] }))).toBe(true)
  expect(await chosen(matrices({ m: 4, n: 4, k: 4 }))).toBe(false)
  expect(await chosen(matrices({ m: 1, n: 512, k: 512 }))).toBe(false)
  expect(await chosen(matrices({ m: 64, n: 64, k: 64, half: true }))).toBe(false)
})

it('a sum of no terms is 0', async () => {
  await check([matrices({ m: 12, n: 9, k: 0 })], WAYS['in large blocks'])
})
