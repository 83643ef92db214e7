/** @file Where random numbers come from: a seed and a count of calls. Philox makes the numbers, on the device, from these and each element's place. */
import { ArgumentError, COUNT, options as describe, type Kind, optional, signature } from '../base/index.ts'

const TWO_32 = 2 ** 32
/** A 64-bit whole number as [low, high] words. */
export type Words = readonly [low: number, high: number]

/** A seed: a whole number of any size. */
export const SEED: Kind = {
  fits: 'a whole number (past 2⁵³ a bigint)',
  accepts: (x) => typeof x === 'bigint' || Number.isSafeInteger(x),
  hint: (x) => (typeof x === 'number' && Number.isInteger(x) ? `Give a bigint: ${BigInt(x)}n` : undefined),
}

/** The low and the high word of a seed: its 64 lowest bits. */
function wordsOf(value: number | bigint): Words {
  const seed = BigInt(value)
  return [Number(BigInt.asUintN(32, seed)), Number(BigInt.asUintN(32, seed >> 32n))]
}

/** What {@link Generator.getState} gives. */
export interface GeneratorState {
  /** The seed, as 64 bits. */
  readonly seed: bigint
  /** How many calls have drawn from the stream. */
  readonly calls: number
}

/** Called with each generator that draws, or is put elsewhere in its stream. */
let drawn: ((from: Generator) => void) | undefined

/** Runs `fn`; `observer` is called with each generator before it draws, or is put elsewhere in its stream. */
export function watchDraws<T>(observer: (from: Generator) => void, fn: () => T): T {
  const outer = drawn
  drawn = (from) => {
    observer(from)
    outer?.(from)
  }
  try {
    return fn()
  } finally {
    drawn = outer
  }
}

const GENERATOR = signature('Generator', { seed: optional(SEED) })
const MANUAL_SEED = signature('manualSeed', { seed: SEED })
const SET_STATE = signature('setState', { state: describe<GeneratorState>({ seed: SEED, calls: COUNT }) })

/**
 * A stream of random numbers. Each call of a random function takes one number from the count, so that the n-th call under a seed gives the same values
 * on every device, however kernels are fused.
 * @see https://pytorch.org/docs/stable/generated/torch.Generator.html
 */
export class Generator {
  #seed: Words = [0, 0]
  #calls = 0

  /** @param seed a whole number, of which 64 bits are taken; by chance when left out */
  constructor(seed?: number | bigint) {
    GENERATOR.check(seed)
    if (seed === undefined) this.seed()
    else this.manualSeed(seed)
  }

  /** Starts the stream of a seed that chance gives; the seed, as 64 bits. */
  seed(): bigint {
    return this.manualSeed(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER)).initialSeed()
  }

  /** Starts the stream of `seed` from its beginning. */
  manualSeed(seed: number | bigint): this {
    MANUAL_SEED.check(seed)
    drawn?.(this)
    this.#seed = wordsOf(seed)
    this.#calls = 0
    return this
  }

  /** The seed of the stream, as 64 bits. */
  initialSeed(): bigint {
    return (BigInt(this.#seed[1]) << 32n) | BigInt(this.#seed[0])
  }

  /** Where the stream stands: for {@link Generator.setState}, and for checkpoints. */
  getState(): GeneratorState {
    return { seed: this.initialSeed(), calls: this.#calls }
  }

  /** Goes on where a stream stood. */
  setState(state: GeneratorState): this {
    SET_STATE.check(state)
    const { seed, calls } = state
    if (seed === undefined || calls === undefined)
      throw new ArgumentError('setState', 'a state has a seed and a number of calls, as getState() gives them')
    drawn?.(this)
    this.#seed = wordsOf(seed)
    this.#calls = calls
    return this
  }

  /** @internal The key of the stream. */
  key(): Words {
    return this.#seed
  }

  /** @internal The number of this call. */
  call(): Words {
    drawn?.(this)
    const n = this.#calls++
    return [n % TWO_32, Math.floor(n / TWO_32)]
  }
}

/** The generator of calls that name none. */
export const defaultGenerator: Generator = new Generator()

/**
 * Seeds the generator of all calls that name none by chance, and gives the seed, as 64 bits.
 * @see https://pytorch.org/docs/stable/generated/torch.seed.html
 */
export function seed(): bigint {
  return defaultGenerator.seed()
}

/** Seeds the generator of all calls that name none. @see https://pytorch.org/docs/stable/generated/torch.manual_seed.html */
export function manualSeed(seed: number | bigint): Generator {
  return defaultGenerator.manualSeed(seed)
}

function mulWords(a: number, b: number): Words {
  const product = BigInt(a) * BigInt(b)
  return [Number(product & 0xffffffffn), Number(product >> 32n)]
}

/**
 * Philox4x32-10 on the host: the four words of one block.
 * @see J. K. Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3 (SC 2011)
 */
export function philox(counter: readonly [number, number, number, number], key: Words): [number, number, number, number] {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const [low0, high0] = mulWords(0xd2511f53, c0)
    const [low1, high1] = mulWords(0xcd9e8d57, c2)
    ;[c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0]
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}
