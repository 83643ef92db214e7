/** @file Once per test run: settles which adapter all workers use, and says which it is. */
import { ensureAdapter, probe } from './adapter.ts'

export default async function setup(): Promise<void> {
  const { source } = await ensureAdapter()
  const name = await probe(source)
  if (name === null) throw new Error(`TAPEGRAD_TEST_ADAPTER=${source}: Dawn finds no adapter that it accepts`)
  // Workers, and processes that tests start, inherit the choice and need not look again.
  process.env.TAPEGRAD_TEST_ADAPTER = source
  process.env.TAPEGRAD_TEST_ADAPTER_NAME = name
}
