/**
 * @file A program that ends without waiting: what went wrong is printed all the same, and work that is under way does not make the end a crash.
 * `TAPEGRAD_EXITS` ends more of them.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compiled } from '../support/compiled.ts'

const EXITS = Number(process.env.TAPEGRAD_EXITS ?? 6)
const script = await compiled(new URL('unread.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
const run = (...args: string[]) => spawnSync(process.execPath, [script, ...args], { cwd: root, encoding: 'utf8', timeout: 50_000 })

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

describe.each(['cpu', 'webgpu'])('a step on %s', (device) => {
  it('that nobody waited for, and that cannot be computed, is printed at exit, and the exit code is 1', { timeout: 60_000 }, () => {
    const { status, stderr } = run(device, 'step')
    expect(stderr).toMatch(/Uncaught by any promise: OutOfMemoryError: mul: 6\d{5} bytes/)
    expect(stderr.match(/OutOfMemoryError/g)).toHaveLength(1)
    expect(status).toBe(1)
  })
})

describe('a program that ends in the middle of work on webgpu', async () => {
  const ending = await compiled(new URL('ending.ts', import.meta.url))
  const ends = ['exit', 'throw', 'stop']

  it('ends well, whenever and however it ends', { timeout: 60_000 + 20_000 * EXITS }, () => {
    for (let i = 0; i < EXITS; i++) {
      const end = ends[i % ends.length] as string
      const after = i % 4 === 0 ? -1 : [0, 3, 10, 30, 60, 100, 150, 250, 400][i % 9]
      const args = [ending, 'webgpu', end, String(after)]
      const { status, signal, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', timeout: 50_000 })
      expect({ signal, status }, `${end} after ${after} ms: ${stderr}`).toEqual({ signal: null, status: end === 'throw' ? 1 : 0 })
    }
  })
})
