/** @file WebGPU for libraries that expect a browser: Dawn behind `navigator`, a note of the adapter that it handed out, a count of dispatches. */
import { create, globals } from 'webgpu'

/** What tells one adapter from another. */
export interface AdapterFacts {
  readonly vendor: string
  readonly architecture: string
  readonly description: string
}

/** Defines `navigator.gpu` (and `userAgent`, which jax-js reads). The function returned tells the adapter once the library has asked for one. */
export function provideGpu(): () => AdapterFacts {
  const gpu = create([])
  let facts: AdapterFacts | undefined
  const ask = gpu.requestAdapter.bind(gpu)
  gpu.requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await ask(options)
    if (adapter) {
      const { vendor, architecture, description } = adapter.info
      facts = { vendor, architecture, description }
    }
    return adapter
  }
  Object.assign(globalThis, globals)
  Object.defineProperty(globalThis, 'navigator', {
    value: { gpu, userAgent: 'Node.js', platform: 'node', hardwareConcurrency: 2 },
    configurable: true,
  })
  return () => {
    if (!facts) throw new Error('the library asked for no WebGPU adapter')
    return facts
  }
}

/** How many compute dispatches are encoded while `run` goes on, by whichever library. */
export async function countDispatches(run: () => Promise<unknown>): Promise<number> {
  const encoder = (globals as { GPUComputePassEncoder: { prototype: GPUComputePassEncoder } }).GPUComputePassEncoder.prototype
  const { dispatchWorkgroups, dispatchWorkgroupsIndirect } = encoder
  let count = 0
  encoder.dispatchWorkgroups = function (...groups) {
    count++
    return dispatchWorkgroups.apply(this, groups)
  }
  encoder.dispatchWorkgroupsIndirect = function (...place) {
    count++
    return dispatchWorkgroupsIndirect.apply(this, place)
  }
  try {
    await run()
  } finally {
    Object.assign(encoder, { dispatchWorkgroups, dispatchWorkgroupsIndirect })
  }
  return count
}
