/**
 * @file Casts from and to float16 and bfloat16 on every engine: of each of their 65,536 values, and of the float32 at, before and behind each midpoint of two
 * neighbours, where rounding turns. What is right follows from the order of the bits alone.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import type { Tensor } from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'
import { ENGINES, type Library, loadLibrary } from '../support/engines.ts'
import { HALVES, type Half, largest, numberOf } from '../support/halves.ts'

/** Bits of +Inf. */
const INFINITE: Readonly<Record<Half, number>> = { float16: 0x7c00, bfloat16: 0x7f80 }
const SIGN = 0x8000
/** Whether WebGPU may take a float32 for zero. */
const mayFlush = (x: number): boolean => device === 'webgpu' && Math.abs(x) < 2 ** -126

const words = new Uint32Array(1)
const single = new Float32Array(words.buffer)
/** The float32 that is `steps` behind a positive one. */
function stepped(x: number, steps: number): number {
  single[0] = x
  words[0] = (words[0] as number) + steps
  return single[0] as number
}

interface Rounding {
  readonly x: number
  /** Bits of the nearest. */
  readonly bits: number
}

/** The float32 around each midpoint of two positive neighbours, the last of which is where overflow begins, with both signs. */
function midpoints(dtype: Half): Rounding[] {
  const list: Rounding[] = []
  for (let bits = 0; bits < INFINITE[dtype]; bits++) {
    const low = numberOf(bits, dtype)
    const high = bits + 1 === INFINITE[dtype] ? 2 * 2 ** Math.floor(Math.log2(largest(dtype))) : numberOf(bits + 1, dtype)
    const middle = (low + high) / 2
    const even = bits % 2 === 0 ? bits : bits + 1
    for (const [x, nearest] of [[stepped(middle, -1), bits], [middle, even], [stepped(middle, 1), bits + 1]] as const) // biome-ignore format: a table
      list.push({ x, bits: nearest }, { x: -x, bits: nearest | SIGN })
  }
  return list
}

const isNaNBits = (bits: number, dtype: Half): boolean => (bits & 0x7fff) > INFINITE[dtype]
const hex = (bits: number): string => `0x${bits.toString(16)}`

describe.each(ENGINES)('on $name', (engine) => {
  let tg: Library
  beforeAll(async () => {
    tg = await loadLibrary(engine)
  })
  const rawOf = async (x: Tensor): Promise<Uint16Array> => (await x.data({ raw: true })) as Uint16Array

  describe.each(HALVES)('%s', (dtype) => {
    const all = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits)

    it('is float32 for each of its 65,536 values, and back', async () => {
      const x = tg.tensor(all, { dtype, device })
      const wide = x.float()
      const [numbers, back, read] = await Promise.all([wide.data(), wide.to(dtype).data({ raw: true }), x.data()])
      const wrong = [...all].filter((bits) => {
        const want = numberOf(bits, dtype)
        if (Number.isNaN(want)) return !Number.isNaN(numbers[bits]) || !Number.isNaN(read[bits]) || !isNaNBits(back[bits] as number, dtype)
        if (!Object.is(read[bits], want)) return true
        return mayFlush(want) ? numbers[bits] !== 0 && numbers[bits] !== want : !Object.is(numbers[bits], want) || back[bits] !== bits
      })
      expect(wrong.map((bits) => `${hex(bits)}: ${numbers[bits]}, ${hex(back[bits] as number)}`)).toEqual([])
    })

    it('is the nearest to a float32, ties to even, ±∞ past the largest', async () => {
      const list = midpoints(dtype)
      const x = tg.tensor(Float32Array.from(list, ({ x }) => x), { device }) // biome-ignore format: one line
      // Stored, and in the middle of a kernel
      const [got, inside] = await Promise.all([rawOf(x.to(dtype)), x.to(dtype).float().mul(1).data()])
      const wrong = list.flatMap(({ x, bits }, i) => {
        if (mayFlush(x)) return got[i] === bits || (got[i] as number) % SIGN === 0 ? [] : [`${x}: ${hex(got[i] as number)}`]
        const want = numberOf(bits, dtype)
        return got[i] === bits && (mayFlush(want) || inside[i] === want) ? [] : [`${x}: ${hex(got[i] as number)}, ${inside[i]}`]
      })
      expect(wrong).toEqual([])
    })

    it('keeps ±0, ±∞ and every NaN of float32', async () => {
      const bits = Uint32Array.of(
        0,
        0x80000000,
        0x7f800000,
        0xff800000,
        0x7fc00000,
        0x7f800001,
        0xff800001,
        0x7fffffff,
        0xffffffff,
        0x7f80ffff,
      )
      const got = await rawOf(tg.tensor(new Float32Array(bits.buffer), { device }).to(dtype))
      expect([...got.slice(0, 4)]).toEqual([0, SIGN, INFINITE[dtype], INFINITE[dtype] | SIGN])
      for (const nan of got.slice(4)) expect(isNaNBits(nan, dtype)).toBe(true)
    })

    it.runIf(hasDoubles)('is the nearest to a float64, rounded once', async () => {
      const list = midpoints(dtype).filter(({ x }) => Math.abs(x) > 2 ** -120)
      // Next to a midpoint as doubles: rounded to float32 first, they would be the midpoint
      const near = list.flatMap(({ x, bits }, i) => {
        if (i % 6 < 2 || i % 6 > 3) return [{ x, bits }]
        const size = bits & ~SIGN
        const down = (list[i - 2] as Rounding).bits & ~SIGN
        return [
          { x: x * (1 + 2 ** -40), bits: (bits & SIGN) | (down + 1) },
          { x: x * (1 - 2 ** -40), bits: (bits & SIGN) | down },
          { x, bits: (bits & SIGN) | size },
        ]
      })
      const got = await rawOf(tg.tensor(Float64Array.from(near, ({ x }) => x), { device }).to(dtype)) // biome-ignore format: one line
      expect(near.flatMap(({ x, bits }, i) => (got[i] === bits ? [] : [`${x}: ${hex(got[i] as number)}`]))).toEqual([])
    })

    it('is made of whole numbers and truth values, and makes them', async () => {
      const most = dtype === 'float16' ? 2048 : 256
      const x = tg.tensor([0, 1, -1, most, most + 1, most + 2, most + 3, -most - 3], { dtype: 'int32', device })
      expect([...(await x.to(dtype).data())]).toEqual([0, 1, -1, most, most, most + 2, most + 4, -most - 4])
      expect([...(await x.to(dtype).int().data())]).toEqual([0, 1, -1, most, most, most + 2, most + 4, -most - 4])
      expect([...(await x.bool().to(dtype).data())]).toEqual([0, 1, 1, 1, 1, 1, 1, 1])
      expect([...(await tg.tensor([2.75, -2.75, 0], { dtype, device }).int().data())]).toEqual([2, -2, 0])
      expect([...(await tg.tensor([2.75, Number.NaN, 0], { dtype, device }).bool().data())]).toEqual([1, 1, 0])
    })

    it('is written next to others, at any place', async () => {
      // Odd lengths and beginnings: two halves share a word where they are packed
      const x = tg.arange(0, 77, 1, { dtype: 'float32', device })
      const [left, right] = [x.narrow(0, 3, 21).to(dtype), x.narrow(0, 30, 13).to(dtype)]
      const joined = tg.cat([left, right, left.mul(2)])
      const numbers = Array.from({ length: 77 }, (_, i) => i)
      const want = [...numbers.slice(3, 24), ...numbers.slice(30, 43), ...numbers.slice(3, 24).map((v) => 2 * v)]
      expect([...(await joined.data())]).toEqual(want)
      expect([...(await joined.narrow(0, 5, 7).clone().data())]).toEqual(want.slice(5, 12))
    })
  })
})
