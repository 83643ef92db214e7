/** @file What counts as a backlog. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { BacklogError } from '../../src/base/index.ts'
import { Backpressure } from '../../src/device/webgpu/backpressure.ts'
import { DeviceErrors } from '../../src/device/webgpu/device-errors.ts'

const MiB = 2 ** 20
let warn: ReturnType<typeof vi.spyOn>
beforeEach(() => {
  warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
})
afterEach(() => vi.restoreAllMocks())

/** A flow whose fences never pass by themselves. */
const stuck = (): Backpressure => new Backpressure(new DeviceErrors(), () => new Promise(() => {}))
function run(flow: Backpressure, bytes: number): void {
  flow.admit(bytes)
  flow.submitted++
}

it('a loop that reads the loss of the step before never has a backlog', () => {
  const flow = stuck()
  for (let i = 0; i < 5000; i++) {
    run(flow, MiB)
    flow.done(flow.submitted - 1)
  }
  expect(warn).not.toHaveBeenCalled()
})

it('200 steps with batches of 64 × 784 floats pass silently', () => {
  const flow = stuck()
  for (let i = 0; i < 200; i++) run(flow, 64 * 784 * 4)
  expect(warn).not.toHaveBeenCalled()
})

it('bytes count: 256 MiB of uploads warn, twice that is an error', () => {
  const flow = stuck()
  for (let i = 0; i < 256; i++) run(flow, MiB)
  expect(warn).toHaveBeenCalledTimes(1)
  expect(() => {
    for (let i = 0; i < 257; i++) run(flow, MiB)
  }).toThrow(BacklogError)
  flow.done(flow.submitted)
  run(flow, MiB)
})

it('after a refusal a read may still pass, a loop that goes on may not, and once the device gets on all is well', () => {
  const flow = stuck()
  const many = (): number => {
    let passed = 0
    try {
      for (; passed < 5000; passed++) run(flow, 100)
    } catch {}
    return passed
  }
  expect(many()).toBe(2048)
  expect(many()).toBe(64)
  expect(many()).toBe(0)
  expect(many()).toBe(0)
  flow.done(1000)
  expect(many()).toBe(1000 - 64)
  expect(many()).toBe(64)
})

it('what is refused does not count, and the numbers told are real', () => {
  const flow = stuck()
  for (let i = 0; i < 3; i++) run(flow, 0.5 * MiB)
  for (let i = 0; i < 70; i++) expect(() => run(flow, 900 * MiB)).toThrow('3 runs with 901.5 MiB of uploads wait for the device')
  run(flow, 0)
  flow.done(flow.submitted)
  expect(() => {
    for (let i = 0; i < 3000; i++) run(flow, 100)
  }).toThrow('2048 runs with 200.1 KiB of uploads wait for the device')
})

it('batches of any size pass where the loop awaits', () => {
  const flow = stuck()
  for (let i = 0; i < 20; i++) {
    run(flow, 900 * MiB)
    flow.done(flow.submitted - 2)
  }
  expect(warn).not.toHaveBeenCalled()
})

it('a large data set uploaded before the first step is no backlog', () => {
  const flow = stuck()
  flow.uploaded(4096 * MiB)
  run(flow, 0)
  expect(warn).not.toHaveBeenCalled()
})

it('throttle waits until two runs are in flight', async () => {
  const passes: (() => void)[] = []
  const flow = new Backpressure(new DeviceErrors(), () => new Promise((resolve) => passes.push(resolve)))
  run(flow, 0)
  run(flow, 0)
  await flow.throttle()
  run(flow, 0)
  const first = flow.throttle()
  run(flow, 0)
  let waited = false
  const second = flow.throttle().then(() => {
    waited = true
  })
  passes[0]?.() // everything up to the third run
  await Promise.all([first, second])
  expect(waited).toBe(true)
  expect(passes).toHaveLength(2)
})
