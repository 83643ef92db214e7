/**
 * @file The numbers of one kernel: everything of its index arithmetic that depends on shapes. They are read from a uniform buffer, so that the
 * text of a kernel (and with it the compiled pipeline) is the same for every batch size.
 */

const LANES = 'xyzw'

export class Params {
  /** The values, as 32-bit words. */
  readonly words: number[] = []
  /** Positions of error codes: the device adds where its table of op names begins for this kernel. */
  readonly sites: number[] = []
  /** Positions of the places of numbers: the device puts there where in its table the number is. */
  readonly scalars: number[] = []
  readonly #known = new Map<string, string>()

  /** The text that reads the parameter called `key`; its value is taken modulo 2³². */
  use(key: string, value: number): string {
    let text = this.#known.get(key)
    if (text === undefined) {
      const at = this.words.length
      this.words.push(value >>> 0)
      text = `params[${at >> 2}].${LANES[at & 3]}`
      this.#known.set(key, text)
    }
    return text
  }

  /** The error code of a checked site. */
  site(site: number): string {
    const count = this.words.length
    const text = this.use(`site:${site}`, site + 1)
    if (this.words.length > count) this.sites.push(count)
    return text
  }

  /** Where the table of numbers has the one at a place. */
  scalar(slot: number): string {
    const count = this.words.length
    const text = this.use(`scalar:${slot}`, slot)
    if (this.words.length > count) this.scalars.push(count)
    return text
  }

  /** The declaration, given the binding. At least one vector, so that every kernel has the same kind of last binding. */
  declare(binding: number): string {
    return `@group(0) @binding(${binding}) var<uniform> params: array<vec4<u32>, ${this.bytes / 16}>;`
  }

  /** What the declaration takes in the buffer. */
  get bytes(): number {
    return 16 * Math.max(1, Math.ceil(this.words.length / 4))
  }
}

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** The bits of the nearest float32. */
export function floatBits(value: number): number {
  f32[0] = value
  return u32[0] as number
}

/** The bits of a float32 a little below 1 / by: x times it, rounded down, is ⌊x / by⌋ or one less while x < 2²⁴ and x / by < 2²¹. */
export function inverseBits(by: number): number {
  const wanted = (1 - 2 ** -22) / by
  const bits = floatBits(wanted)
  return (f32[0] as number) > wanted ? bits - 1 : bits
}
