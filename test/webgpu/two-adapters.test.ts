/** @file A second adapter, and a second device beside the first: in a process of its own, that is given the drivers of lavapipe and of SwiftShader. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { twoAdapters } from '../support/adapter.ts'
import { compiled } from '../support/compiled.ts'

const variables = twoAdapters()
const script = await compiled(new URL('two-adapters.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (args: readonly string[] = [], more: Record<string, string> = {}) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, ...variables, ...more },
    timeout: 80_000,
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return JSON.parse(stdout)
}

describe.runIf(variables)('two adapters', () => {
  it('are two devices, and one that is lost takes nothing of the other, nor of its successor', () => {
    const found = run()
    expect(found.before).toBe('auto')
    expect(found.devices).toEqual(['cpu', 'webgpu', 'webgpu:1'])
    expect(new Set(found.adapters).size).toBe(2)
    expect(found.values).toEqual({ places: ['webgpu', 'webgpu:1', 'webgpu:1', 'webgpu'], moved: [3, 6, 9] })
    expect(found.apart).toBe("DeviceError: add: a [3] is on webgpu, b [3] is on webgpu:1. Move one with .to('webgpu') or .to('webgpu:1')")
    for (const [i, loss] of found.training.two.entries()) expect(loss).toBeCloseTo(found.training.one[i], 4)
    expect(found.training.one[4]).toBeLessThan(found.training.one[0])

    expect(found.held).toEqual([true, true])
    expect(found.noticed).toMatch(/^DeviceLostError: webgpu:1: the device was lost/)
    expect(found.went).toEqual({ told: expect.stringContaining('a [300, 300] float32 tensor is gone'), bytes: 0 })
    expect(found.stays).toBe(8)
    expect(found.after).toEqual({ successor: 8, bytes: true, again: expect.stringContaining('DeviceLostError: add:') })
    expect(found.none).toMatch(
      /^DeviceError: webgpu:2: there are 2 WebGPU adapters here \('webgpu' is .+, 'webgpu:1' is .+\), which availableDevices\(\) lists\. Device cpu works everywhere$/,
    )
  })

  it('are counted from the one that is named; either may be the default', () => {
    for (const name of ['llvmpipe', 'SwiftShader']) {
      const { before, adapters } = run(['names'], { TAPEGRAD_ADAPTER: name, TAPEGRAD_DEVICE: 'webgpu:1' })
      expect(before).toBe('webgpu:1')
      expect(adapters[0]).not.toContain(name)
      expect(adapters[1]).toContain(name)
    }
  })
})
