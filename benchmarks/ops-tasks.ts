/**
 * @file The ops that `npm run bench -- ops` measures one by one: sizes, the numbers that every library starts from (data.py makes the same), and how results are
 * compared with PyTorch's in float64, of which reference-ops.json has a sample.
 */

export const OPS = [
  'sort',
  'argsort',
  'topk',
  'cumsum',
  'cummax',
  'logcumsumexp',
  'scatterAdd',
  'gather',
  'searchsorted',
  'unique',
  'conv1d',
  'conv3d',
  'convTranspose2d',
  'attention',
  'interpolate',
  'gridSample',
  'einsum',
  'layerNorm',
  'crossEntropy',
  'embedding',
] as const
export type OpName = (typeof OPS)[number]

/** Numbers that no two places share, in −1 … 1; the same in order; 0; or integers from 0 to below `below`. */
export type OpInput = { readonly shape: readonly number[] } & (
  | { readonly kind: 'floats' | 'ascending' | 'zeros' }
  | { readonly kind: 'ints'; readonly below: number }
)

/** What an op reads beside tensors; each op has its own of them. */
export interface OpOptions {
  readonly dim: number
  readonly k: number
  readonly equation: string
  readonly causal: boolean
  readonly mode: 'bilinear' | 'bicubic'
  /** Height and width of what is interpolated. */
  readonly size: number
  readonly antialias: boolean
}

export interface OpCase {
  readonly name: string
  readonly op: OpName
  readonly inputs: readonly OpInput[]
  readonly options: OpOptions
  /** The inputs that have gradients, and the shape of the result that they are of; none where the op isn't differentiable. */
  readonly gradient?: { readonly of: readonly number[]; readonly upstream: readonly number[] }
}

/** What is timed: the op alone, or with its gradients, of which the one that comes in is given. */
export const PASSES = ['forward', 'backward'] as const
export type Pass = (typeof PASSES)[number]

export interface OpTask {
  readonly task: OpCase
  readonly pass: Pass
}

/** An op of a library, set up. */
export interface OpRun {
  /** Computes all results, to the end, and leaves them on the device. */
  run(): Promise<void>
  /** Computes them once more and reads them: all that the op gives, or its first result and the gradients. */
  read(): Promise<readonly ArrayLike<number>[]>
  /** Frees its inputs. */
  close(): void
}

const NONE: OpOptions = { dim: -1, k: 0, equation: '', causal: false, mode: 'bilinear', size: 0, antialias: false }
const floats = (...shape: number[]): OpInput => ({ kind: 'floats', shape })
const zeros = (...shape: number[]): OpInput => ({ kind: 'zeros', shape })
const ascending = (...shape: number[]): OpInput => ({ kind: 'ascending', shape })
const ints = (below: number, ...shape: number[]): OpInput => ({ kind: 'ints', below, shape })

/** `gradients`: which inputs have some, and the result's shape. */
function of(
  op: OpName,
  what: string,
  inputs: readonly OpInput[],
  gradients?: readonly [of: readonly number[], upstream: readonly number[]],
  options: Partial<OpOptions> = {},
): OpCase {
  const all = { name: `${op} ${what}`, op, inputs, options: { ...NONE, ...options } }
  return gradients ? { ...all, gradient: { of: gradients[0], upstream: gradients[1] } } : all
}

const LONG = 1_000_000
const SQUARE = [1000, 1000]
const line = floats(LONG)
const square = floats(...SQUARE)

/** One op along a long line, and along both dims of a square or only its rows. */
const along = (op: OpName, differentiable: boolean, dims: readonly number[]): OpCase[] => [
  of(op, 'of 1e6', [line], differentiable ? [[0], [LONG]] : undefined),
  ...dims.map((dim) => of(op, `of [1000, 1000], dim ${dim}`, [square], differentiable ? [[0], SQUARE] : undefined, { dim })),
]

const sample = (what: string, size: number, options: Partial<OpOptions>): OpCase =>
  of('interpolate', what, [floats(4, 16, 64, 64)], [[0], [4, 16, size, size]], { size, ...options })

const attended = (causal: boolean): OpCase => {
  const shape = [4, 8, 256, 64]
  return of(
    'attention',
    `[4, 8, 256, 64]${causal ? ', causal' : ''}`,
    [0, 1, 2].map(() => floats(...shape)),
    [[0, 1, 2], shape],
    { causal },
  )
}

export const CASES: readonly OpCase[] = [
  ...along('sort', true, [1, 0]),
  ...along('argsort', false, [1, 0]),
  of('topk', '10 of 1e6', [line], [[0], [10]], { k: 10 }),
  of('topk', '10 of [1000, 1000]', [square], [[0], [1000, 10]], { k: 10 }),
  ...along('cumsum', true, [1, 0]),
  ...along('cummax', true, [1]),
  ...along('logcumsumexp', true, [1]),
  of('scatterAdd', '1e6 into 1e5', [zeros(100_000), ints(100_000, LONG), line], [[0, 2], [100_000]], { dim: 0 }),
  of('gather', '1e6 of [1000, 1000]', [square, ints(1000, ...SQUARE)], [[0], SQUARE], { dim: 1 }),
  of('searchsorted', '1e5 in 1e5', [ascending(100_000), floats(100_000)]),
  of('unique', '1e5', [ints(50_000, 100_000)]),
  of(
    'conv1d',
    '[8, 32, 1024], 64 of 5',
    [floats(8, 32, 1024), floats(64, 32, 5), floats(64)],
    [
      [0, 1, 2],
      [8, 64, 1024],
    ],
  ),
  of(
    'conv3d',
    '[2, 8, 16, 16, 16], 16 of 3³',
    [floats(2, 8, 16, 16, 16), floats(16, 8, 3, 3, 3), floats(16)],
    [
      [0, 1, 2],
      [2, 16, 16, 16, 16],
    ],
  ),
  of(
    'convTranspose2d',
    '[8, 32, 32, 32], 16 of 4², stride 2',
    [floats(8, 32, 32, 32), floats(32, 16, 4, 4), floats(16)],
    [
      [0, 1, 2],
      [8, 16, 64, 64],
    ],
  ),
  attended(false),
  attended(true),
  sample('bilinear [4, 16, 64, 64] to 128²', 128, {}),
  sample('bicubic [4, 16, 64, 64] to 128²', 128, { mode: 'bicubic' }),
  sample('antialias [4, 16, 64, 64] to 24²', 24, { antialias: true }),
  of(
    'gridSample',
    '[4, 16, 64, 64] at 64²',
    [floats(4, 16, 64, 64), floats(4, 64, 64, 2)],
    [
      [0, 1],
      [4, 16, 64, 64],
    ],
  ),
  of(
    'einsum',
    'bhid,bhjd->bhij',
    [floats(4, 8, 256, 64), floats(4, 8, 256, 64)],
    [
      [0, 1],
      [4, 8, 256, 256],
    ],
    { equation: 'bhid,bhjd->bhij' },
  ),
  of(
    'einsum',
    'abc,cd,be->ade',
    [floats(64, 32, 48), floats(48, 64), floats(32, 48)],
    [
      [0, 1, 2],
      [64, 64, 48],
    ],
    {
      equation: 'abc,cd,be->ade',
    },
  ),
  of(
    'layerNorm',
    '[32, 128, 512]',
    [floats(32, 128, 512), floats(512), floats(512)],
    [
      [0, 1, 2],
      [32, 128, 512],
    ],
  ),
  of('crossEntropy', '[4096, 1000]', [floats(4096, 1000), ints(1000, 4096)], [[0], []]),
  of('embedding', '20,000 × 64, 8192 tokens', [floats(20_000, 64), ints(20_000, 8192)], [[0], [8192, 64]]),
]

export const passesOf = ({ gradient }: OpCase): readonly Pass[] => (gradient ? PASSES : ['forward'])
export const taskName = ({ task, pass }: OpTask): string => `${task.name}, ${pass}`

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

/** The numbers of an input; those of the gradient that comes in have the seed behind the inputs'. */
export function numbersOf(input: OpInput, seed: number): Float32Array | Int32Array {
  let state = seed
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state
  }
  const length = sizeOf(input.shape)
  if (input.kind === 'zeros') return new Float32Array(length)
  if (input.kind === 'ints') return Int32Array.from({ length }, () => Math.floor((next() / 2 ** 32) * input.below))
  // The generator's low 24 bits come again only after 2²⁴ numbers, and float32 has room for all of them.
  const values = Float32Array.from({ length }, () => (next() % 2 ** 24) / 2 ** 23 - 1)
  return input.kind === 'ascending' ? values.sort() : values
}

export interface OpData {
  readonly inputs: readonly (Float32Array | Int32Array)[]
  readonly upstream: Float32Array
}

export function opData({ inputs, gradient }: OpCase): OpData {
  return {
    inputs: inputs.map((input, i) => numbersOf(input, i + 1)),
    upstream: numbersOf(floats(...(gradient?.upstream ?? [0])), inputs.length + 1) as Float32Array,
  }
}

/** What a result is compared by. */
export interface Print {
  readonly size: number
  /** Numbers spread over it, first and last among them. */
  readonly samples: readonly number[]
  /** All of its numbers, times −3.5 … 2.5 in turn, added up. */
  readonly sum: number
}

/** Of the reference: with the sum of what was added up without signs, by which errors are judged; integers are right or wrong. */
export interface ReferencePrint extends Print {
  readonly magnitude: number
  readonly exact: boolean
}

/** ops.py has the same. */
const SAMPLES = 24

export function printOf(values: ArrayLike<number>): Print {
  const size = values.length
  const count = Math.min(SAMPLES, size)
  const samples = Array.from({ length: count }, (_, s) => Number(values[count > 1 ? Math.floor((s * (size - 1)) / (count - 1)) : 0]))
  let sum = 0
  for (let i = 0; i < size; i++) sum += Number(values[i]) * ((i % 7) - 3.5)
  return { size, samples, sum }
}

/**
 * Float32 may be away from float64 by this part of the largest number of the sample, and of all that was added up: half a million numbers that PyTorch adds up one by one
 * are off by 3e-4.
 */
const TOLERANCE = { samples: 1e-4, sum: 1e-3 } as const

/** What is wrong with results, if anything is. */
export function wrongIn(found: readonly Print[], wanted: readonly ReferencePrint[]): string | undefined {
  if (found.length !== wanted.length) return `${found.length} results, PyTorch has ${wanted.length}`
  for (const [i, want] of wanted.entries()) {
    const got = found[i] as Print
    if (got.size !== want.size) return `result ${i + 1} has ${got.size} numbers, PyTorch's has ${want.size}`
    const most = want.exact ? 0 : TOLERANCE.samples * Math.max(...want.samples.map(Math.abs))
    const at = want.samples.findIndex((w, s) => !(Math.abs((got.samples[s] as number) - w) <= most))
    if (at >= 0) return `result ${i + 1} has ${got.samples[at]} in its sample, PyTorch has ${want.samples[at]}`
    if (!(Math.abs(got.sum - want.sum) <= (want.exact ? 0 : TOLERANCE.sum * want.magnitude)))
      return `result ${i + 1} adds up to ${got.sum}, PyTorch's to ${want.sum}`
  }
  return undefined
}
