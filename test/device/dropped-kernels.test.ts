/** @file A program whose every step has other shapes makes kernels without end: those of plans that are no longer kept are collected. */
import { afterEach, expect, it, vi } from 'vitest'
import { init, ones } from '../../src/index.ts'
import { collect } from '../support/collect.ts'

afterEach(() => {
  vi.unstubAllGlobals()
})

it('kernels of plans that are no longer kept do not stay in memory', async () => {
  const engine = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } }).WebAssembly
  const made: WeakRef<object>[] = []
  class Module extends engine.Module {
    constructor(bytes: Uint8Array) {
      super(bytes)
      made.push(new WeakRef(this))
    }
  }
  vi.stubGlobal('WebAssembly', Object.create(engine, { Module: { value: Module } }))
  await init({ device: 'cpu' })
  for (let n = 1; n <= 1200; n++)
    expect(await ones([n, 2]).exp().sum(0).add(n).sum().item()).toBeCloseTo(2 * n * Math.E + 2 * n, n < 100 ? 3 : 0)
  await collect()
  const there = made.filter((module) => module.deref() !== undefined).length
  expect(made.length).toBeGreaterThan(1000)
  // (at most 256 plans of graphs are kept, and 384 of parts)
  expect(there).toBeLessThan(650)
}, 120_000)
