/** @file The ways in which the device under test can compute, with a library of its own for each: its engines on cpu, with and without features on webgpu. */
import { vi } from 'vitest'
import { device } from './device.ts'

export type Library = typeof import('../../src/index.ts')

interface Engine {
  readonly name: string
  readonly variables: Readonly<Record<string, string>>
}

/** Under `TAPEGRAD_LIMITS=default` a WebGPU device has no features either: halves are packed in words there, whatever the adapter has. */
export const ENGINES: readonly Engine[] =
  device === 'cpu'
    ? [
        { name: 'WebAssembly', variables: { TAPEGRAD_CPU: 'wasm', TAPEGRAD_BLAS: 'off' } },
        { name: 'WebAssembly and the BLAS of the machine', variables: { TAPEGRAD_CPU: 'wasm', TAPEGRAD_BLAS: 'on' } },
        { name: 'the interpreter', variables: { TAPEGRAD_CPU: 'interpreter' } },
      ]
    : [
        { name: "the adapter's features", variables: {} },
        { name: 'no features', variables: { TAPEGRAD_LIMITS: 'default' } },
      ]

/** A library of its own under some environment variables, whose default device is the one under test; those are unset again by `vi.unstubAllEnvs`. */
export async function loadLibrary({ variables }: Engine): Promise<Library> {
  vi.resetModules()
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
  const library = await import('../../src/index.ts')
  await library.init({ device })
  library.setDefaultDevice(device)
  vi.unstubAllEnvs()
  return library
}
