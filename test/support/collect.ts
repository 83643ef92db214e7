/** @file The garbage collector, for tests in which something earlier was dropped; and what such tests may expect of memory. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect } from 'vitest'
import { synchronize, tidy, zeros } from '../../src/index.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Collects what nobody holds, and lets its finalizers run. */
export async function collect(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    gc()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** What earlier tests left goes: retired values, dropped models and optimizers. */
export async function cleanSlate(): Promise<void> {
  tidy(() => {})
  tidy(() => {})
  // The last operands of an op are remembered until the next one.
  await zeros([1], { device: 'cpu' }).add(1).data()
  await synchronize()
  await collect()
}

/** Nothing of what is counted has grown. Less is no leak: the collector finds what was dropped before the first count whenever it likes. */
export function expectNoGrowth<K extends string>(late: Readonly<Record<K, number>>, early: Readonly<Record<K, number>>, factor = 1): void {
  for (const [what, count] of Object.entries<number>(early))
    expect(late[what as K], `${what}: ${count}, then ${late[what as K]}`).toBeLessThanOrEqual(factor * count)
}
