/** @file Layouts say how many bytes each binding takes, by what its declaration in WGSL says; kernels that differ there share none. */
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { init, manualSeed, nn, optim, randn } from '../../src/index.ts'
import { gpuDevice } from '../support/destroy.ts'

const FIXED: Readonly<Record<string, number>> = { IndexFlag: 16, 'array<u32>': 4, 'array<i32>': 4, 'array<f32>': 4 }

/** Least bytes of every variable that a kernel binds, by binding. */
function declaredBytes(code: string): number[] {
  const bytes: number[] = []
  for (const [, binding, type] of code.matchAll(/@binding\((\d+)\) var<[^>]*> \w+: ([^;]+);/g)) {
    const vectors = /^array<vec4<u32>, (\d+)>$/.exec(type as string)?.[1]
    const size = vectors === undefined ? FIXED[type as string] : 16 * Number(vectors)
    if (size === undefined) throw new Error(`what does ${type} take?`)
    bytes[Number(binding)] = size
  }
  return bytes
}

beforeAll(() => init({ device: 'webgpu' }))
afterAll(() => vi.restoreAllMocks())

it('of all kernels of a training', async () => {
  const { gpu } = gpuDevice()
  const groups = vi.spyOn(gpu, 'createBindGroupLayout')
  const layouts = vi.spyOn(gpu, 'createPipelineLayout')
  const modules = vi.spyOn(gpu, 'createShaderModule')
  const pipelines = vi.spyOn(gpu, 'createComputePipelineAsync')
  manualSeed(0)
  const model = new nn.Sequential(new nn.Conv2d(1, 4, 3), new nn.ReLU(), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(36, 3))
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.01 })
  const loss = nn.functional.crossEntropy(model.forward(randn([8, 1, 8, 8])), randn([8, 3]).argmax(1))
  loss.backward()
  optimizer.step()
  await loss.item()

  const codeOf = new Map(modules.mock.results.map(({ value }, i) => [value as unknown, modules.mock.calls[i]?.[0].code as string]))
  const groupOf = new Map(
    layouts.mock.results.map(({ value }, i) => [value as unknown, [...(layouts.mock.calls[i]?.[0].bindGroupLayouts ?? [])][0]]),
  )
  const entriesOf = new Map(groups.mock.results.map(({ value }, i) => [value as unknown, [...(groups.mock.calls[i]?.[0].entries ?? [])]]))
  const kinds = new Set<number | undefined>()
  expect(pipelines.mock.calls.length).toBeGreaterThan(5)
  for (const [{ label, layout, compute }] of pipelines.mock.calls) {
    const entries = entriesOf.get(groupOf.get(layout))
    if (!entries) continue // of an earlier program
    const sizes = entries.map(({ buffer }) => buffer?.minBindingSize)
    expect(sizes, label).toEqual(declaredBytes(codeOf.get(compute.module) as string))
    kinds.add(sizes.at(-1))
  }
  expect(kinds.size, 'different numbers of parameters').toBeGreaterThan(2)
})
