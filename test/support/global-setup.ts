/** @file Once per test run: settles which adapter all workers use, says which it is, and gives what is found out about the machine a place of its own. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adapterVariables, probe } from './adapter.ts'

export default async function setup(): Promise<() => void> {
  // Workers, and processes that tests start, inherit them and need not look again.
  Object.assign(process.env, await adapterVariables())
  const name = await probe()
  if (name === null) throw new Error(`TAPEGRAD_TEST_ADAPTER=${process.env.TAPEGRAD_TEST_ADAPTER}: Dawn finds no adapter that it accepts`)
  process.env.TAPEGRAD_TEST_ADAPTER_NAME = name
  const cache = mkdtempSync(join(realpathSync(tmpdir()), 'tapegrad-test-cache-'))
  process.env.TAPEGRAD_CACHE = cache
  // made where a test first asks for it (compiled.ts)
  const compiled = `${cache}-compiled`
  process.env.TAPEGRAD_TEST_COMPILED = compiled
  return () => {
    for (const folder of [cache, compiled]) rmSync(folder, { recursive: true, force: true })
  }
}
