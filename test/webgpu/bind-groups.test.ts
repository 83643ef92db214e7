/** @file How many bind groups are kept, and that those which were let go of are collected. */
import { expect, it } from 'vitest'
import { Garbage } from '../../src/base/index.ts'
import { BindGroups, type GroupKeeper } from '../../src/device/webgpu/bind-groups.ts'

/** Runs a program of so many dispatches, each with another bind group for every run. */
function program(groups: BindGroups, dispatches: number) {
  const state = { held: 0 }
  const keeper: GroupKeeper = {
    dropGroups() {
      const { held } = state
      state.held = 0
      return held
    },
  }
  const most = groups.shareOf(dispatches, 16) * dispatches
  const run = (): void => {
    groups.use(keeper)
    for (let i = 0; i < dispatches; i++) {
      if (most === 0) groups.discard(1)
      else {
        state.held++
        groups.keep()
        if (state.held > most) {
          state.held--
          groups.drop(1)
        }
      }
    }
  }
  return { run, state, keeper }
}

it('programs that are run once, one after another, keep a bounded number of them together, and lose those of the first', () => {
  const groups = new BindGroups()
  const programs = Array.from({ length: 300 }, () => program(groups, 500))
  for (const { run } of programs) run()
  const held = programs.map(({ state }) => state.held)
  expect(held.reduce((a, b) => a + b, 0)).toBe(groups.kept)
  expect(groups.kept).toBeLessThanOrEqual(16_384)
  expect(held.slice(-20)).toEqual(Array(20).fill(500))
  expect(held[0]).toBe(0)
})

it('what is run again and again keeps its own beside such programs', () => {
  const groups = new BindGroups()
  const loop = program(groups, 100)
  for (let i = 0; i < 300; i++) {
    loop.run()
    program(groups, 500).run()
  }
  expect(loop.state.held).toBe(1600)
})

it.each([500, 5000, 50_000])('one program of %i dispatches keeps no more than its share', (dispatches) => {
  const groups = new BindGroups()
  const { run, state, keeper } = program(groups, dispatches)
  for (let i = 0; i < 20; i++) run()
  expect(groups.kept).toBe(state.held)
  expect(groups.kept).toBeLessThanOrEqual(8192)
  groups.forget(keeper)
  expect(groups.kept).toBe(0)
})

it('what was let go of is collected when there is much of it, and the next turn is told of once', async () => {
  const groups = new BindGroups()
  const dropped = new WeakRef({})
  await new Promise((resolve) => setTimeout(resolve, 0)) // (until then it is held)
  for (let i = 0; i < 20_000; i++) groups.discard(1)
  const destroyed = groups.destroyed()
  expect(destroyed).toBeDefined()
  expect(groups.destroyed()).toBeUndefined()
  await destroyed
  expect(dropped.deref()).toBeUndefined()
})

it('a collection is not asked for again at once, unless it is urgent', () => {
  const garbage = new Garbage(10, 1000)
  expect(garbage.add(9)).toBe(false)
  expect(garbage.add(1)).toBe(true)
  expect(garbage.add(10)).toBe(false)
  expect(garbage.add(990)).toBe(true)
})
