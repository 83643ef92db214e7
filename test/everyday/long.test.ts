/** @file Thousands of operations in one run, each with a number of its own. */
import { beforeAll, expect, it } from 'vitest'
import { init, ones, setDefaultDevice } from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(async () => {
  await init({ device })
  setDefaultDevice(device)
})

it('they find their numbers', { timeout: 120_000 }, async () => {
  let x = ones([3])
  let want = 1
  for (let i = 0; i < 2500; i++) {
    const number = (i % 17) - 8 + i * 1e-4
    x = x.add(number)
    want = Math.fround(want + Math.fround(number))
  }
  expect(Math.abs((await x.sum().item()) / 3 - want)).toBeLessThan(1e-3)
})
