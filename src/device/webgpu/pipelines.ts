/** @file Compiled pipelines by the text of their kernel, created in parallel and off the calling thread where time allows. */

import { LruMap } from '../../base/index.ts'
import { COMPUTE } from './usage.ts'
import type { Binding, PrintedKernel } from './wgsl-kernel.ts'

export interface Pipeline {
  readonly layout: GPUBindGroupLayout
  /** Once it is compiled. */
  gpu: GPUComputePipeline | undefined
  readonly ready: Promise<void>
  compileNow(): void
}

/** What kernels share that bind the same kinds of buffers. */
interface Layout {
  readonly group: GPUBindGroupLayout
  readonly pipeline: GPUPipelineLayout
}

function typeOf(binding: Binding): GPUBufferBindingType {
  switch (binding.kind) {
    case 'buffer':
      return binding.writable ? 'storage' : 'read-only-storage'
    case 'scalars':
      return 'read-only-storage'
    case 'errors':
      return 'storage'
    case 'params':
      return 'uniform'
  }
}

/** What is wrong in the part of a shader that a program has written, in lines and columns of that; undefined where nothing is. */
async function ownErrors(module: GPUShaderModule, { text, line: begin }: NonNullable<PrintedKernel['own']>): Promise<string | undefined> {
  const lines = text.split('\n')
  const { messages } = await module.getCompilationInfo()
  const found = messages.flatMap(({ type, message, lineNum, linePos }) => {
    const line = lineNum - begin + 1
    const source = lines[line - 1]
    if (type !== 'error' || source === undefined) return []
    return [`line ${line}, column ${linePos}: ${message}\n${source}\n${' '.repeat(Math.max(0, linePos - 1))}^`]
  })
  return found.length > 0 ? found.join('\n') : undefined
}

/** Pipelines that are kept; those of programs live as long as these. */
const MOST = 2048

export class PipelineCache {
  readonly #gpu: GPUDevice
  readonly #byText = new LruMap<string, Pipeline>(MOST)
  readonly #layouts = new Map<string, Layout>()
  created = 0

  constructor(gpu: GPUDevice) {
    this.#gpu = gpu
  }

  get(printed: PrintedKernel): Pipeline {
    let pipeline = this.#byText.get(printed.code)
    if (!pipeline) {
      pipeline = this.#create(printed)
      this.#byText.set(printed.code, pipeline)
    }
    return pipeline
  }

  #create({ code, label, bindings, own }: PrintedKernel): Pipeline {
    const gpu = this.#gpu
    const layout = this.#layout(bindings)
    gpu.pushErrorScope('validation')
    const module = gpu.createShaderModule({ code, label })
    const invalid = gpu.popErrorScope()
    const descriptor = { label, layout: layout.pipeline, compute: { module, entryPoint: 'main' } }
    const ready = gpu.createComputePipelineAsync(descriptor).then(
      (compiled) => {
        pipeline.gpu ??= compiled
      },
      async (error: Error) => {
        const theirs = own && (await ownErrors(module, own))
        if (theirs) throw new Error(`its wgsl does not compile: ${theirs}`)
        const reason = (await invalid)?.message ?? error.message
        throw new Error(`kernel ${label} does not compile: ${reason}`)
      },
    )
    ready.catch(() => {}) // reported by whoever runs it
    const pipeline: Pipeline = {
      layout: layout.group,
      gpu: undefined,
      ready,
      compileNow: () => {
        if (pipeline.gpu) return
        gpu.pushErrorScope('validation')
        pipeline.gpu = gpu.createComputePipeline(descriptor)
        gpu.popErrorScope().catch(() => {}) // `ready` rejects
      },
    }
    this.created++
    return pipeline
  }

  /**
   * The sizes are part of a layout: where it has none, they are checked at every dispatch, and wgpu checks those of an earlier pipeline that had the same layout.
   */
  #layout(bindings: readonly Binding[]): Layout {
    const buffers = bindings.map((b): GPUBufferBindingLayout => ({ type: typeOf(b), minBindingSize: b.bytes }))
    const label = buffers.map(({ type, minBindingSize }) => `${type} ${minBindingSize}`).join(', ')
    let layout = this.#layouts.get(label)
    if (!layout) {
      const entries = buffers.map((buffer, binding) => ({ binding, visibility: COMPUTE, buffer }))
      const group = this.#gpu.createBindGroupLayout({ entries, label })
      layout = { group, pipeline: this.#gpu.createPipelineLayout({ bindGroupLayouts: [group], label }) }
      this.#layouts.set(label, layout)
    }
    return layout
  }
}
