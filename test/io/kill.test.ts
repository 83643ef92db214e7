/** @file A process that saves without end is killed at random moments: what is on the disk is always one of the states that it saved. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, utimesSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { loadState, saveState, type Tensor } from '../../src/index.ts'
import { compiled } from '../support/compiled.ts'
import { checksum } from './checksum.ts'
import { folder } from './support.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const script = await compiled(new URL('saver.ts', import.meta.url))
const KILLS = 24

/** Starts the saver, lets it save for a while, and kills it without notice. Answers how many saves it is known to have ended. */
function killed(path: string, first: number, ms: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, path, String(first)], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let saved = first - 1
    let armed = false
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      const whole = text.split('\n').filter((line) => /^\d+;$/.test(line))
      saved = Math.max(saved, ...whole.map((line) => Number.parseInt(line, 10)))
      if (!armed) setTimeout(() => child.kill('SIGKILL'), ms)
      armed = true
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => (signal === 'SIGKILL' ? resolve(saved) : reject(new Error(`the saver ended by itself: ${code}`))))
  })
}

/** Whatever stands beside the file. */
const draftsOf = (path: string): string[] =>
  readdirSync(dirname(path))
    .filter((name) => name !== basename(path))
    .map((name) => join(dirname(path), name))

it(`the checkpoint holds after each of ${KILLS} kills`, { timeout: 120_000 }, async () => {
  // Some at a time: most of a kill is the start of a process.
  const lanes = 3
  let cutShort = 0
  const lane = async (): Promise<void> => {
    const path = join(folder(), 'run.safetensors')
    let last = 0
    for (let i = 0; i < KILLS / lanes; i++) {
      const known = await killed(path, last + 1, Math.random() * 120)
      expect(existsSync(path)).toBe(true)
      const state = await loadState<{ step: number; sum: number; model: { w: Tensor; b: Tensor } }>(path)
      const [w, b] = await Promise.all([state.model.w.data(), state.model.b.data()])
      expect(state.sum).toBe(checksum(w, b))
      // what was reported as saved is there, or a later one
      expect(state.step).toBeGreaterThanOrEqual(known)
      expect(known).toBeGreaterThan(last)
      last = state.step
      cutShort = Math.max(cutShort, draftsOf(path).length)
    }
    // what kills left behind goes with the first save after an hour
    for (const draft of draftsOf(path)) utimesSync(draft, 1000, 1000)
    await saveState(path, {})
    expect(draftsOf(path)).toEqual([])
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  // Some of the kills came in the middle of a write.
  expect(cutShort).toBeGreaterThan(0)
})
