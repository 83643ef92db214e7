/** @file setGradEnabled, and what says whether an interior tensor keeps its gradient. */
import { expect, it } from 'vitest'
import { detach_, isGradEnabled, noGrad, setGradEnabled, tensor } from '../../src/index.ts'

it('setGradEnabled holds for its callback', async () => {
  expect(setGradEnabled(false, isGradEnabled)).toBe(false)
  expect(noGrad(() => setGradEnabled(true, isGradEnabled))).toBe(true)
  const later = setGradEnabled(false, async () => {
    await Promise.resolve()
    return isGradEnabled()
  })
  expect(isGradEnabled()).toBe(true)
  expect(await later).toBe(false)
  expect(() => setGradEnabled('no' as unknown as boolean, () => 1)).toThrow(/setGradEnabled.*mode/)
})

it('retainsGrad is true of interior tensors after retainGrad', () => {
  const x = tensor([1, 2], { requiresGrad: true })
  const y = x.mul(2)
  expect([x.retainsGrad, y.retainsGrad]).toEqual([false, false])
  x.retainGrad()
  y.retainGrad()
  expect([x.retainsGrad, y.retainsGrad]).toEqual([false, true])
  expect(detach_(y).retainsGrad).toBe(false)
})
