/** @file A file of its own: what it records is not computed. */
import { expect, it } from 'vitest'
import { ones, setDefaultDevice } from '../../src/index.ts'
import { device } from '../support/device.ts'

it('backward walks ten thousand ops without exhausting the stack', () => {
  setDefaultDevice(device)
  const x = ones([2], { requiresGrad: true })
  let y = x
  for (let i = 0; i < 10_000; i++) y = y.mul(1.0001)
  y.sum().backward()
  expect(x.grad?.shape).toEqual([2])
})
