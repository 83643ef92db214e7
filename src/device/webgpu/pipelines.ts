/** @file Compiled pipelines by the text of their kernel, created in parallel and off the calling thread where time allows. */
import { TapegradError } from '../../base/index.ts'
import type { PrintedKernel } from './printer.ts'
import { COMPUTE } from './usage.ts'

/** One letter per binding: r(ead), w(ritable), s(calars), e(rrors), p(arams). */
export const signatureOf = (printed: PrintedKernel): string =>
  printed.bindings.map((b) => (b.kind === 'buffer' ? (b.writable ? 'w' : 'r') : (b.kind[0] as string))).join('')

const TYPES: Readonly<Record<string, GPUBufferBindingType>> = {
  r: 'read-only-storage',
  s: 'read-only-storage',
  w: 'storage',
  e: 'storage',
  p: 'uniform',
}

export interface Pipeline {
  readonly layout: GPUBindGroupLayout
  /** Once it is compiled. */
  gpu: GPUComputePipeline | undefined
  readonly ready: Promise<void>
  compileNow(): void
}

export class PipelineCache {
  readonly #gpu: GPUDevice
  readonly #byText = new Map<string, Pipeline>()
  readonly #layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>()
  created = 0

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu
  }

  get(code: string, signature: string, label: string): Pipeline {
    let pipeline = this.#byText.get(code)
    if (!pipeline) {
      pipeline = this.#create(code, signature, label)
      this.#byText.set(code, pipeline)
    }
    return pipeline
  }

  #create(code: string, signature: string, label: string): Pipeline {
    const gpu = this.#gpu
    const layout = this.#layout(signature)
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ code, label })
    const invalid = gpu.popErrorScope()
    const descriptor = { label, layout: layout.pipeline, compute: { module, entryPoint: 'main' } }
    const ready = gpu.createComputePipelineAsync(descriptor).then(
      (compiled) => {
        pipeline.gpu ??= compiled
      },
      async (error: Error) => {
        const reason = (await invalid)?.message ?? error.message
        throw new TapegradError('webgpu', `kernel ${label} does not compile: ${reason}`)
      },
    )
    ready.catch(() => {}) // reported by whoever runs it
    const pipeline: Pipeline = {
      layout: layout.group,
      gpu: undefined,
      ready,
      compileNow: () => {
        pipeline.gpu ??= gpu.createComputePipeline(descriptor)
      },
    }
    this.created++
    return pipeline
  }

  #layout(signature: string): { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
    let layout = this.#layouts.get(signature)
    if (!layout) {
      const entries = [...signature].map((letter, binding) => ({
        binding,
        visibility: COMPUTE,
        buffer: { type: TYPES[letter] as GPUBufferBindingType },
      }))
      const group = this.#gpu.createBindGroupLayout({ entries, label: signature })
      layout = { group, pipeline: this.#gpu.createPipelineLayout({ bindGroupLayouts: [group], label: signature }) }
      this.#layouts.set(signature, layout)
    }
    return layout
  }
}
