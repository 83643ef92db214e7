/** @file The bar of `npm start`: what it says while the first steps compile, and that their time does not count. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Progress } from '../../examples/digits/progress.ts'

const BATCH = 10
const COMPILING = 'compiling kernels…'
const wasTerminal = process.stdout.isTTY
let written = ''
/** The line as it stands on the terminal. */
const line = (): string => written.split('\r\x1b[2K').at(-1) as string

beforeEach(() => {
  written = ''
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] })
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += text
    return true
  })
  process.stdout.isTTY = true
})
afterEach(() => {
  process.stdout.isTTY = wasTerminal
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** A bar over 2 epochs of 10 batches, and what lets the device be done with the first steps. */
function bar(): { progress: Progress; done: () => void } {
  let done = (): void => {}
  const computed = new Promise<void>((resolve) => {
    done = resolve
  })
  return { progress: new Progress({ epochs: 2, imagesPerEpoch: 10 * BATCH, before: 0, computed: () => computed }), done }
}

it('says that kernels compile while the first steps are not computed for long, and no speed', async () => {
  const { progress, done } = bar()
  vi.advanceTimersByTime(299)
  expect(written).toBe('')
  vi.advanceTimersByTime(1) // nothing is recorded yet
  expect(line()).toContain(COMPILING)
  for (let i = 0; i < 3; i++) await progress.advance(BATCH)
  const waiting = progress.advance(BATCH)
  vi.advanceTimersByTime(5000)
  expect(line()).toContain(COMPILING)
  expect(written).not.toContain('images/s')
  done()
  await waiting
  vi.advanceTimersByTime(1000)
  await progress.advance(BATCH)
  expect(line()).toContain('10 images/s  15 s left') // those 5 seconds do not count
  expect(line()).not.toContain(COMPILING)
})

it('says nothing of it where the first steps are quick', async () => {
  const { progress, done } = bar()
  done()
  for (let i = 0; i < 5; i++) {
    vi.advanceTimersByTime(70)
    await progress.advance(BATCH)
  }
  vi.advanceTimersByTime(1000)
  await progress.advance(BATCH)
  expect(written).not.toContain(COMPILING)
  expect(line()).toContain('images/s')
})

it('writes one line an epoch where there is no terminal', async () => {
  process.stdout.isTTY = false
  const { progress, done } = bar()
  vi.advanceTimersByTime(1000)
  done()
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(100)
    await progress.advance(BATCH)
  }
  progress.epoch(1, 0.5, 0.75, 0.875)
  expect(written).toBe('epoch 1/2  loss 0.5000  accuracy 75.0%  test 87.5%  100 images/s  1 s left\n')
})
