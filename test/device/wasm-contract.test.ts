/** @file Contractions on the WebAssembly device, in packed panels and point by point, against plain loops. */
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../../src/base/index.ts'
import { ModuleBuilder } from '../../src/device/cpu/wasm/assembler/assembler.ts'
import { wasm } from '../../src/device/cpu/wasm/assembler/webassembly.ts'
import { Library } from '../../src/device/cpu/wasm/codegen/library.ts'
import { type Blocks, chooseBlocks, fitsPanels } from '../../src/device/cpu/wasm/contraction/blocks.ts'
import { GEMM, writeGemm } from '../../src/device/cpu/wasm/contraction/gemm.ts'
import { ContractWriter, type GemmFunctions } from '../../src/device/cpu/wasm/contraction/panels.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import { MAX_PAGES } from '../../src/device/cpu/wasm/memory/heap.ts'
import type { Kernel } from '../../src/kernel/index.ts'
import { CONVOLUTIONS, checkContraction, forward, matrices, ofWeight, PRODUCTS, randomSpec, type Spec } from '../support/contractions.ts'

const engine = new WasmEngine(undefined, false)
let inPanels = 0

function run(kernel: Kernel, inputs: readonly TypedArray[], lengths: readonly number[]): TypedArray[] {
  const all = [...inputs.map((x) => x.length), ...lengths]
  const data = kernel.buffers.map(({ dtype }, i) => engine.heap.take(dtype, all[i] as number))
  inputs.forEach((values, i) => {
    data[i]?.values.set(values)
  })
  const fail = (site: number): never => expect.unreachable(`index of site ${site} outside`)
  engine.compile(kernel, all)({ data, scalars: [], fail })
  const outputs = data.slice(inputs.length).map((x) => x.values.slice())
  for (const block of data) engine.heap.give(block)
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

// With blocks as they are chosen, for one thread and for several
it.for([1, 2])(
  'products that fill tiles, whose results are stored in place, and those that fill none, as for %i threads',
  async (threads) => {
    const sizes = [[60, 96, 40], [61, 96, 40], [150, 264, 256], [64, 256, 64], [30, 24, 300], [7, 8, 200], [65, 40, 33]] as const // biome-ignore format: one line
    for (const [m, n, k] of sizes)
      for (const more of [{}, { tb: true }, { ta: true, batch: 3 }, { epilogue: true }]) {
        const spec = matrices({ m, n, k, ...more })
        await checkContraction(spec, async (kernel, ...of) => {
          const blocks = chooseBlocks(kernel, threads)
          engine.choose = () => blocks
          expect(blocks).toBeDefined()
          return run(kernel, ...of)
        })
      }
  },
)

it('blocks do not change what comes out', async () => {
  for (const [m, n, k] of [
    [130, 256, 200],
    [66, 300, 700],
    [64, 96, 96],
  ] as const) {
    const results: TypedArray[] = []
    for (const [rows, columns] of [
      [64, 192],
      [64, 264],
      [12, 24],
      [200, 600],
    ] as const)
      await checkContraction(matrices({ m, n, k }), async (...of) => {
        engine.choose = () => ({ terms: 256, rows, columns })
        const outputs = run(...of)
        results.push(outputs[0] as TypedArray)
        return outputs
      })
    for (const other of results) expect(other).toEqual(results[0])
  }
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
  expect(await chosen(matrices({ m: 8, n: 8, k: 8 }))).toBe(false)
  expect(await chosen(matrices({ m: 8, n: 8, k: 8, half: 'float16' }))).toBe(true)
})

it('a sum of no terms is 0', async () => {
  await check([matrices({ m: 12, n: 9, k: 0 })], WAYS['in large blocks'])
})

it('gives the same results however the blocks are shared', async () => {
  const memory = { shared: true, maximum: MAX_PAGES }
  const { Instance, Module } = wasm as NonNullable<typeof wasm>
  const env = { memory: engine.heap.memory }
  const shared = new Instance(new Module(writeGemm(memory)), { env }).exports
  const results: Float32Array[] = []
  const spec = matrices({ m: 70, n: 100, k: 50, batch: 2, epilogue: true })
  for (const order of ['at once', 'one by one', 'backwards']) {
    await checkContraction(spec, async (kernel, inputs, lengths) => {
      const module = new ModuleBuilder(memory)
      const functions = Object.entries(GEMM).map(([name, words]) => [name, module.import(name, new Array(words).fill('i32'), [])])
      const library = new Library(module)
      const all = [...inputs.map((x) => x.length), ...lengths]
      const blocks = { terms: 16, rows: 24, columns: 48 }
      const writer = new ContractWriter(kernel, all, module, library, Object.fromEntries(functions) as GemmFunctions, blocks)
      const count = writer.write()
      expect(count).toBe(2 * 3 * 3)
      const { run } = new Instance(new Module(module.build()), { env: { ...env, ...library.imports, ...shared } }).exports
      const part = run as (args: number, begin: number, end: number) => void
      const data = all.map((length) => engine.heap.take('float32', length))
      inputs.forEach((values, i) => {
        data[i]?.values.set(values)
      })
      const scratch = engine.heap.take('uint8', writer.scratchBytes)
      const args = engine.heap.take('int32', 64)
      args.values.set([...data, args, scratch].map((x) => x.address))
      if (order === 'at once') part(args.address, 0, count)
      else
        for (let i = 0; i < count; i++) {
          const at = order === 'backwards' ? count - 1 - i : i
          part(args.address, at, at + 1)
        }
      const outputs = data.slice(inputs.length).map((x) => x.values.slice())
      for (const block of [...data, scratch, args]) engine.heap.give(block)
      results.push(outputs[0] as Float32Array)
      return outputs
    })
  }
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})
