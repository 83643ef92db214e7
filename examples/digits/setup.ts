/** @file What stands before the training: the flags, and a device that is there. */
import { parseArgs } from 'node:util'
import { init } from '../../src/index.ts'
import { ensureAdapter } from '../../test/support/adapter.ts'

const CHECKPOINT = 'examples/digits/out/digits.safetensors'

const HELP = `Trains a convolutional network on handwritten digits.

  npm start -- [flags]

  --device webgpu|cpu   where to compute (default: WebGPU where there is a GPU, else cpu). webgpu without a GPU is a software adapter
  --epochs N            how often to go through the training images (default 30)
  --seed N              of all that is random: first weights, order and moves of the images, dropout (default 0)
  --amp [DTYPE]         mixed precision: products and convolutions in float16, whose losses are scaled, or in bfloat16 (default float16)
  --checkpoint PATH     what is written after every epoch (default ${CHECKPOINT})
  --resume              goes on from the checkpoint, to the bit as if there had been no interruption
  --evaluate            does not train: tests the network of the checkpoint
  --plot PATH           where the learning curve goes, as SVG (default: beside the checkpoint)
  --help                this text`

/** What products and convolutions may be computed in, instead of float32. */
const LOWER = ['float16', 'bfloat16'] as const
export type Lower = (typeof LOWER)[number]

export interface Flags {
  /** Undefined: whatever the library finds. */
  readonly device: 'webgpu' | 'cpu' | undefined
  /** Undefined where the flag was not given: a checkpoint may know. */
  readonly epochs: number | undefined
  readonly seed: number | undefined
  readonly amp: Lower | undefined
  readonly checkpoint: string
  readonly resume: boolean
  readonly evaluate: boolean
  readonly plot: string | undefined
}

/** Reads the flags, brings the device up and says which it is. */
export async function setup(): Promise<Flags> {
  const flags = readFlags()
  const device = flags.device ?? (process.env.TAPEGRAD_DEVICE || undefined)
  if (device === 'webgpu') await ensureAdapter()
  const info = await init(flags.device ? { device: flags.device } : {}).catch((error: Error) => refuse(error.message))
  console.log(`device ${info.device}: ${info.adapter}${info.software && info.device === 'webgpu' ? ' (software)' : ''}`)
  return flags
}

/** Ends the program with a reason that needs no stack. */
export function refuse(reason: string): never {
  console.error(reason)
  process.exit(2)
}

function readFlags(): Flags {
  const text = { type: 'string' } as const
  const yes = { type: 'boolean', default: false } as const
  const paths = { checkpoint: { ...text, default: CHECKPOINT }, plot: text }
  const help = { type: 'boolean', short: 'h' } as const
  try {
    // --amp may stand alone
    const args = process.argv.slice(2).map((arg, i, all) => (arg === '--amp' && !isLower(all[i + 1]) ? `--amp=${LOWER[0]}` : arg))
    const options = { device: text, epochs: text, seed: text, amp: text, ...paths, resume: yes, evaluate: yes, help }
    const { values } = parseArgs({ args, options })
    if (values.help) {
      console.log(HELP)
      process.exit(0)
    }
    const { checkpoint, plot, resume, evaluate } = values
    if (evaluate && resume) throw new Error('--resume trains on, --evaluate trains nothing: give one of them')
    if (evaluate && (values.epochs ?? values.seed ?? values.amp) !== undefined)
      throw new Error('--evaluate trains nothing: no --epochs, no --seed, no --amp')
    return {
      device: values.device === undefined ? undefined : device(values.device),
      epochs: values.epochs === undefined ? undefined : whole('--epochs', values.epochs, 1),
      seed: values.seed === undefined ? undefined : whole('--seed', values.seed, 0),
      amp: values.amp === undefined ? undefined : lower(values.amp),
      checkpoint,
      resume,
      evaluate,
      plot,
    }
  } catch (error) {
    return refuse(`${(error as Error).message}\n\n${HELP}`)
  }
}

function device(value: string): 'webgpu' | 'cpu' {
  if (value === 'webgpu' || value === 'cpu') return value
  throw new Error(`--device is webgpu or cpu, not '${value}'`)
}

const isLower = (value: string | undefined): value is Lower => (LOWER as readonly (string | undefined)[]).includes(value)

function lower(value: string): Lower {
  if (isLower(value)) return value
  throw new Error(`--amp takes ${LOWER.join(' or ')}, not '${value}'`)
}

function whole(flag: string, value: string, least: number): number {
  const number = Number(value)
  if (value.trim() !== '' && Number.isSafeInteger(number) && number >= least) return number
  throw new Error(`${flag} takes a whole number from ${least} up, not '${value}'`)
}
