/**
 * @file No benchmark ends in silence: one whose process is ended by a signal (a crash in a driver), or ends while it still waits for something, says so, and
 * its exit code is not 0.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

const WATCHED = 'TAPEGRAD_BENCH_WATCHED'
/** Signals by which users end a program. */
const ASKED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP']
/** Node's exit code where it waits for a promise that nothing can settle any more. */
const UNSETTLED = 13

/** Runs the program of this process in another, which is watched, once `prepare` has set up what that one inherits; in that one, calls `program`. */
export async function watched(program: () => Promise<void>, prepare: () => Promise<void> = async () => {}): Promise<void> {
  if (process.env[WATCHED] === undefined) {
    await prepare()
    process.exitCode = await watch()
    return
  }
  let done = false
  process.once('exit', (code) => {
    if (done || (code !== 0 && code !== UNSETTLED)) return
    console.error('ended before it was done: what it waits for never comes')
    process.exitCode = UNSETTLED
  })
  await program()
  done = true
}

function watch(): Promise<number> {
  const args = [...process.execArgv, ...process.argv.slice(1)]
  const child = spawn(process.execPath, args, { env: { ...process.env, [WATCHED]: '1' }, stdio: 'inherit' })
  for (const signal of ASKED) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      if (signal === null) return resolve(status ?? 1)
      if (!ASKED.includes(signal)) console.error(`ended by ${signal}, before it was done`)
      resolve(128 + constants.signals[signal])
    })
  })
}
