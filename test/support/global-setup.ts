/** @file Once per test run: settles which adapter all workers use, and says which it is. */
import { adapterVariables, probe } from './adapter.ts'

export default async function setup(): Promise<void> {
  // Workers, and processes that tests start, inherit them and need not look again.
  Object.assign(process.env, await adapterVariables())
  const name = await probe()
  if (name === null) throw new Error(`TAPEGRAD_TEST_ADAPTER=${process.env.TAPEGRAD_TEST_ADAPTER}: Dawn finds no adapter that it accepts`)
  process.env.TAPEGRAD_TEST_ADAPTER_NAME = name
}
