/** @file Kernels that do not compile, on either device: what a fault of the compiler or of a driver looks like. Undone by `vi.restoreAllMocks()`. */
import { vi } from 'vitest'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import { PipelineCache } from '../../src/device/webgpu/pipelines.ts'
import type { DeviceName } from '../../src/index.ts'

/** Kernels whose label matches `which` do not compile. */
export function breakKernels(device: DeviceName, which: RegExp): void {
  if (device === 'cpu') {
    const { compile } = WasmEngine.prototype
    vi.spyOn(WasmEngine.prototype, 'compile').mockImplementation(function (this: WasmEngine, kernel, lengths) {
      if (which.test(kernel.label)) throw new TypeError(`broken on purpose: ${kernel.label}`)
      return compile.call(this, kernel, lengths)
    })
    return
  }
  const { get } = PipelineCache.prototype
  vi.spyOn(PipelineCache.prototype, 'get').mockImplementation(function (this: PipelineCache, printed) {
    if (!which.test(printed.label)) return get.call(this, printed)
    return get.call(this, { ...printed, code: `${printed.code}\nfn broken() -> u32 { return broken on purpose; }` })
  })
}
