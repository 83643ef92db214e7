/** @file A benchmark does not end in silence. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const script = `
  import { watched } from './benchmarks/watch.ts'
  const ends = {
    done: async () => { if (process.env.PREPARED !== 'yes') throw new Error('not prepared') },
    crash: () => { process.kill(process.pid, 'SIGSEGV'); return new Promise((resolve) => setTimeout(resolve, 10_000)) },
    wait: () => new Promise(() => {}),
    throw: async () => { throw new Error('told') },
  }
  await watched(ends[process.env.ENDING], async () => { process.env.PREPARED = 'yes' })`

const end = (ending: string) =>
  spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ENDING: ending },
  })

it.each([
  ['that is done', 'done', 0, ''],
  ['that a signal ends', 'crash', 139, 'ended by SIGSEGV'],
  ['that waits for what never comes', 'wait', 13, 'what it waits for never comes'],
  ['that fails', 'throw', 1, 'told'],
] as const)('one %s says so by words and by its exit code', (_, ending, code, words) => {
  const { status, stderr } = end(ending)
  expect(status).toBe(code)
  if (words === '') expect(stderr).toBe('')
  else expect(stderr).toContain(words)
})
