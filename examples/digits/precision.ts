/**
 * @file Trains in float32, and in mixed precision with float16 and with bfloat16, from the same seeds: `npx tsx examples/digits/precision.ts --help`. Each training is
 * an `npm start` in a process of its own.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { loadState } from '../../src/index.ts'
import type { Checkpoint, Point } from './checkpoint.ts'
import { writeCurves } from './plot.ts'

const HELP = `Trains the network of npm start in float32, and under amp.autocast in float16 and in bfloat16, and compares the accuracies.

  npx tsx examples/digits/precision.ts [flags]

  --device webgpu|cpu   as npm start has it
  --seeds N             so many trainings of each, from --seed 0 up (default 5)
  --epochs N            of each training (default 30)
  --plot PATH           where the mean curves go, as SVG (default: nowhere)
  --help                this text

It fails where the mean accuracy of a lower precision is more than 0.5 points from that of float32.`

const PRECISIONS = ['float32', 'float16', 'bfloat16'] as const
type Precision = (typeof PRECISIONS)[number]
/** Points of accuracy. */
const MOST_APART = 0.5

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: { device: text, seeds: { ...text, default: '5' }, epochs: text, plot: text, help: { type: 'boolean', default: false } },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}
const seeds = Array.from({ length: Number(values.seeds) }, (_, seed) => seed)
if (seeds.length === 0) throw new Error(`--seeds takes a whole number from 1 up, not '${values.seeds}'`)

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-precision-'))
const script = fileURLToPath(new URL('train.ts', import.meta.url))

interface Training {
  readonly device: string
  readonly curve: readonly Point[]
}

async function train(precision: Precision, seed: number): Promise<Training> {
  const checkpoint = join(folder, `${precision}-${seed}.safetensors`)
  const flags = ['--seed', String(seed), '--checkpoint', checkpoint]
  if (precision !== 'float32') flags.push('--amp', precision)
  for (const name of ['device', 'epochs'] as const) if (values[name] !== undefined) flags.push(`--${name}`, values[name])
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...flags])
  const { curve } = await loadState<Checkpoint>(checkpoint)
  return { device: /^device .*$/m.exec(stdout)?.[0] ?? '', curve }
}

const mean = (list: readonly number[]): number => list.reduce((sum, x) => sum + x, 0) / list.length
const points = (accuracy: number): string => (100 * accuracy).toFixed(2)

/** The mean over trainings, epoch by epoch. */
const meanCurve = (trainings: readonly Training[]): Point[] =>
  (trainings[0] as Training).curve.map(({ epoch }, i) => {
    const of = (name: keyof Point): number => mean(trainings.map(({ curve }) => (curve[i] as Point)[name]))
    return { epoch, loss: of('loss'), accuracy: of('accuracy'), testLoss: of('testLoss'), testAccuracy: of('testAccuracy') }
  })

try {
  console.log(`| test accuracy in % | ${seeds.map((seed) => `seed ${seed}`).join(' | ')} | mean | last training loss |`)
  console.log(`| --- |${' ---: |'.repeat(seeds.length + 2)}`)
  const curves = {} as Record<Precision, Point[]>
  const found = {} as Record<Precision, number>
  let device = ''
  for (const precision of PRECISIONS) {
    const trainings: Training[] = []
    for (const seed of seeds) trainings.push(await train(precision, seed))
    device = (trainings[0] as Training).device
    curves[precision] = meanCurve(trainings)
    const accuracies = trainings.map(({ curve }) => (curve.at(-1) as Point).testAccuracy)
    found[precision] = mean(accuracies)
    const loss = (curves[precision].at(-1) as Point).loss.toFixed(4)
    console.log(`| ${precision} | ${accuracies.map(points).join(' | ')} | ${points(found[precision])} | ${loss} |`)
  }
  console.log(`\n${device}`)
  for (const precision of PRECISIONS.slice(1)) {
    const apart = 100 * (found[precision] - found.float32)
    const holds = Math.abs(apart) <= MOST_APART
    console.log(`${precision}: ${apart >= 0 ? '+' : ''}${apart.toFixed(2)} points (goal: within ${MOST_APART}) ${holds ? 'met' : 'MISSED'}`)
    if (!holds) process.exitCode = 1
  }
  if (values.plot !== undefined) writeCurves(values.plot, `Means of ${seeds.length} trainings in each precision`, curves)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
