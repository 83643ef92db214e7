/** @file `npm start` that is killed and resumed ends where one that was left alone does: the same checkpoint, byte for byte. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { compiled } from '../support/compiled.ts'
import { device } from '../support/device.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const script = await compiled(new URL('../../examples/digits/train.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-digits-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const onCpu = device === 'cpu'
/** On a software adapter each start compiles for seconds, and what comes out of a checkpoint is the same however often it is taken up. */
const EPOCHS = onCpu ? 5 : 4
const KILLS = onCpu ? 3 : 1
/** An epoch on cpu takes a tenth of a second. */
const KILL_WITHIN = onCpu ? 60 : 200

interface Outcome {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** Runs the example; with `kill`, until so many milliseconds after its second epoch (the first is saved then), unless it is done before. */
function start(flags: readonly string[], kill?: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    // (a BLAS adds up in an order that depends on where the sums are to be stored: the first steps behind a resume may store elsewhere)
    const env = { ...process.env, TAPEGRAD_DEVICE: device, TAPEGRAD_BLAS: 'off' }
    const child = spawn(process.execPath, [script, ...flags], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let [out, err] = ['', '']
    let armed = false
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
      if (kill === undefined || armed || out.split('\nepoch ').length <= 2) return
      armed = true
      setTimeout(() => child.kill('SIGKILL'), kill)
    })
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, out, err }))
  })
}

/** Ends well. */
async function run(...flags: string[]): Promise<string> {
  const { status, out, err } = await start(flags)
  if (status !== 0) throw new Error(`${flags.join(' ')} ended with ${status}\n${out}\n${err}`)
  return out
}

/** The lines of epochs, without how many there will be and without the speed. */
const epochsOf = (out: string): string[] => [...out.matchAll(/^epoch .*test \S+/gm)].map(([line]) => line.replace(/\/\d+/, ''))
/** Matrix and last line. */
const verdictOf = (out: string): string => out.slice(out.indexOf('true \\ answer'))

it('killed and resumed again and again, it ends like one that was left alone', { timeout: 180_000 }, async () => {
  const straight = join(folder, 'straight.safetensors')
  const broken = join(folder, 'a folder that is not there/broken.safetensors')
  const alone = run('--epochs', String(EPOCHS), '--seed', '3', '--checkpoint', straight)
  alone.catch(() => {}) // told where it is awaited

  // One epoch fewer at first: that the last resume asks for more must make no difference either.
  let kills = 0
  const lines = new Set<string>()
  for (let i = 0; i < KILLS; i++) {
    const flags = existsSync(broken) ? ['--resume'] : ['--epochs', String(EPOCHS - 1), '--seed', '3']
    const { status, out, err } = await start([...flags, '--checkpoint', broken], Math.random() * KILL_WITHIN)
    if (status !== null && status !== 0) throw new Error(err)
    if (status === null) kills++
    for (const line of epochsOf(out)) lines.add(line)
  }
  expect(kills).toBeGreaterThan(0)
  const out = await run('--resume', '--epochs', String(EPOCHS), '--checkpoint', broken)
  for (const line of epochsOf(out)) lines.add(line)
  expect(out).toMatch(new RegExp(`resumes after epoch \\d of ${EPOCHS}`))

  const expected = await alone
  expect(expected).toMatch(onCpu ? /^device cpu: WebAssembly/m : /^device webgpu: /m)
  expect(expected.trimEnd().split('\n').at(-1)).toMatch(/^test accuracy \d+\.\d% \(\d+ of 360\)$/)
  expect([...lines]).toEqual(epochsOf(expected))
  expect(verdictOf(out)).toBe(verdictOf(expected))
  // model, optimizer, random numbers, curve and settings: all of it, to the bit
  expect(readFileSync(broken).equals(readFileSync(straight))).toBe(true)
  const svg = readFileSync(broken.replace('.safetensors', '.svg'), 'utf8')
  expect(svg).toBe(readFileSync(straight.replace('.safetensors', '.svg'), 'utf8'))
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg".*accuracy \(%\).*<\/svg>\n$/s)
  expect(svg).toContain(`Loss and accuracy over ${EPOCHS} epochs`)

  const evaluated = await run('--evaluate', '--checkpoint', straight)
  expect(verdictOf(evaluated)).toBe(verdictOf(expected))
  expect(epochsOf(evaluated)).toEqual([])
  if (!onCpu) return

  // What would be another training is refused, on any device; one that is done has nothing left to do.
  const [done, seed, fewer] = await Promise.all([
    run('--resume', '--checkpoint', broken),
    start(['--resume', '--seed', '4', '--checkpoint', straight]),
    start(['--resume', '--epochs', '2', '--checkpoint', straight]),
  ])
  expect(done).toContain(`all ${EPOCHS} epochs are done`)
  expect(verdictOf(done)).toBe(verdictOf(expected))
  expect(epochsOf(done)).toEqual([])
  expect([seed.status, fewer.status]).toEqual([2, 2])
  expect(seed.err).toContain('is of --seed 3; --resume with --seed 4 would be neither training')
  expect(fewer.err).toContain(`has ${EPOCHS} epochs behind it; --epochs 2 is less`)
})

/** Epochs of the trainings that are compared: on a software adapter an epoch takes a second. */
const COMPARED = onCpu ? 30 : 12

it('in mixed precision it learns what it learns in float32, and resumes', { timeout: 300_000 }, async () => {
  const of = async (name: string, ...flags: string[]): Promise<{ readonly out: string; readonly accuracy: number }> => {
    const out = await run('--epochs', String(COMPARED), '--checkpoint', join(folder, `${name}.safetensors`), ...flags)
    return { out, accuracy: Number(/^test accuracy (\S+)%/m.exec(out)?.[1]) }
  }
  const plain = await of('float32')
  const half = await of('float16', '--amp')
  expect(epochsOf(half.out)).not.toEqual(epochsOf(plain.out))
  expect(Math.abs(half.accuracy - plain.accuracy)).toBeLessThanOrEqual(1.5)
  if (!onCpu) return
  const bfloat = await of('bfloat16', '--amp', 'bfloat16')
  expect(epochsOf(bfloat.out)).not.toEqual(epochsOf(half.out))
  expect(Math.abs(bfloat.accuracy - plain.accuracy)).toBeLessThanOrEqual(1.5)
  // The scale and its count are in the checkpoint
  const [straight, broken] = ['straight half', 'broken half'].map((name) => join(folder, `${name}.safetensors`)) as [string, string]
  await Promise.all([
    run('--epochs', '5', '--amp', '--checkpoint', straight),
    run('--epochs', '3', '--amp', '--checkpoint', broken).then(() => run('--resume', '--epochs', '5', '--checkpoint', broken)),
  ])
  expect(readFileSync(broken).equals(readFileSync(straight))).toBe(true)
  const other = await start(['--resume', '--amp', 'bfloat16', '--checkpoint', broken])
  expect(other.status).toBe(2)
  expect(other.err).toContain('is of float16; --resume with --amp bfloat16 would be neither training')
})

it.runIf(onCpu)('says what is wrong with its flags', { timeout: 60_000 }, async () => {
  const none = join(folder, 'none.safetensors')
  const answers = await Promise.all([
    start(['--resume', '--checkpoint', none]),
    start(['--resume', '--evaluate']),
    start(['--evaluate', '--epochs', '3']),
    start(['--epochs', 'many']),
    start(['--amp', 'float8']),
  ])
  expect(answers.map(({ status }) => status)).toEqual([2, 2, 2, 2, 2])
  const [missing, both, useless, word, precision] = answers.map(({ err }) => err)
  expect(missing).toContain(`there is no checkpoint ${none}`)
  expect(both).toContain('give one of them')
  expect(useless).toContain('--evaluate trains nothing')
  expect(word).toContain("--epochs takes a whole number from 1 up, not 'many'")
  expect(precision).toContain('float8')
})
