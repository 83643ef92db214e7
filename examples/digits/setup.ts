/** @file What stands before the training: the flags, and a device that is there. */
import { parseArgs } from 'node:util'
import { init } from '../../src/index.ts'
import { ensureAdapter } from '../../test/support/adapter.ts'

const HELP = `Trains a two-layer network on handwritten digits.

  npm start -- [flags]

  --device webgpu|cpu   where to compute (default: WebGPU, on a software adapter where there is no GPU)
  --epochs N            how often to go through the training images (default 30)
  --seed N              first weights and order of the images (default 0)
  --help                this text`

export interface Settings {
  readonly epochs: number
  readonly seed: number
}

/** Reads the flags, brings the device up and says which it is. */
export async function setup(): Promise<Settings> {
  const flags = readFlags()
  if (flags.device === 'webgpu') await ensureAdapter()
  const info = await init({ device: flags.device })
  console.log(`device ${info.device}: ${info.adapter}${info.software && info.device === 'webgpu' ? ' (software)' : ''}`)
  return flags
}

function readFlags(): Settings & { device: 'webgpu' | 'cpu' } {
  const text = { type: 'string' } as const
  try {
    const { values } = parseArgs({ options: { device: text, epochs: text, seed: text, help: { type: 'boolean', short: 'h' } } })
    if (values.help) {
      console.log(HELP)
      process.exit(0)
    }
    return {
      device: device(values.device ?? 'webgpu'),
      epochs: whole('--epochs', values.epochs ?? '30', 1),
      seed: whole('--seed', values.seed ?? '0', 0),
    }
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

function device(value: string): 'webgpu' | 'cpu' {
  if (value === 'webgpu' || value === 'cpu') return value
  throw new Error(`--device is webgpu or cpu, not '${value}'`)
}

function whole(flag: string, value: string, least: number): number {
  const number = Number(value)
  if (value.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new Error(`${flag} takes a whole number from ${least} up, not '${value}'`)
}
