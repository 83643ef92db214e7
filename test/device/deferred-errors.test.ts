/** @file The order in which errors are told that nobody waited for, and that each is told once. */
import { expect, it } from 'vitest'
import { DeviceLostError, IndexError, TapegradError } from '../../src/base/index.ts'
import { DeferredErrors, raiseDeferred, stepErrors, withDeferredErrors } from '../../src/device/deferred-errors.ts'

const raised = (work: () => void): unknown => {
  try {
    work()
    return undefined
  } catch (e) {
    return e
  }
}
const failing = async (error: Error): Promise<unknown> =>
  withDeferredErrors(() => Promise.reject(error)).then(
    () => undefined,
    (e: unknown) => e,
  )

it('a step comes first, then what devices reported, and an index error once no result can carry it', () => {
  const [gpu, cpu] = [new DeferredErrors(), new DeferredErrors()]
  const index = new IndexError('at', 'index 9')
  const refused = new TapegradError('webgpu', 'refused')
  const step = new TapegradError('step', 'failed')
  const result = {}
  cpu.addOwned(index, [result])
  gpu.add(refused)
  gpu.add(new TapegradError('webgpu', 'what follows from it'))
  stepErrors.add(step)
  expect([1, 2, 3].map(() => raised(raiseDeferred))).toEqual([step, refused, undefined])
  expect(raised(() => gpu.raise(true))).toBe(undefined)
  expect(raised(() => cpu.raise())).toBe(undefined)
  expect(raised(() => cpu.raise(true))).toBe(index)
  cpu.addOwned(index, [])
  stepErrors.add(step)
  expect(raised(raiseDeferred)).toBe(undefined)
  expect(result).toEqual({})
})

it('the loss of a device is kept beside what it reported before', () => {
  const gpu = new DeferredErrors()
  const [refused, lost] = [new TapegradError('webgpu', 'refused'), new DeviceLostError('webgpu', 'lost')]
  gpu.add(refused)
  gpu.add(lost)
  expect([1, 2, 3].map(() => raised(raiseDeferred))).toEqual([refused, lost, undefined])
})

it('work that fails says why the step before it did, and what a loss caused reports the loss', async () => {
  const [step, own] = [new TapegradError('step', 'failed'), new TapegradError('mul', 'failed because of it')]
  stepErrors.add(step)
  expect(await failing(own)).toBe(step)
  expect(await failing(own)).toBe(own)
  const gpu = new DeferredErrors()
  const [lost, gone] = [new DeviceLostError('webgpu', 'lost'), new DeviceLostError('mul', 'is gone')]
  gone.cause = lost
  gpu.add(lost)
  expect(await failing(gone)).toBe(gone)
  expect(raised(raiseDeferred)).toBe(undefined)
})
