/** @file A program that ends without waiting: what went wrong is printed all the same. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const script = fileURLToPath(new URL('unread.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', script, ...args], { cwd: root, encoding: 'utf8', timeout: 50_000 })

describe.each(['cpu', 'webgpu'])('a wrong index on %s', (device) => {
  it('that nobody waited for is printed at exit, and the exit code is 1', { timeout: 60_000 }, () => {
    const { status, stderr } = run(device)
    expect(stderr).toContain('Uncaught by any promise: IndexError: embedding: index 9 is out of range for an axis of size 4')
    expect(stderr.match(/IndexError/g)).toHaveLength(1)
    expect(status).toBe(1)
  })

  it('that was read is not printed again', { timeout: 60_000 }, () => {
    const { status, stdout, stderr } = run(device, 'read')
    expect(stdout).toContain('told: embedding: index 9')
    expect(stderr).not.toContain('IndexError')
    expect(status).toBe(0)
  })
})
