/** @file The next number of every float dtype, by its bits. */
import { beforeAll, describe, expect, it } from 'vitest'
import { type DType, nextafter, setDefaultDevice, type Tensor, tensor } from '../../src/index.ts'
import { device, hasDoubles } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

/** As whole numbers whose order is that of the floats: 0 and −0 are neighbours. */
const ordered = (bits: bigint, size: number): bigint => (bits >> BigInt(size - 1) ? -(bits & ((1n << BigInt(size - 1)) - 1n)) : bits)
const bitsOf = (at: bigint, size: number): bigint => (at < 0n ? -at | (1n << BigInt(size - 1)) : at)

/** Bit patterns all over a dtype: random ones, and those around each power of two. */
function patterns(size: number, fraction: number): bigint[] {
  const found: bigint[] = []
  const mask = (1n << BigInt(size)) - 1n
  let state = 12345n
  for (let i = 0; i < 400; i++) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & ((1n << 64n) - 1n)
    found.push((state >> BigInt(64 - size)) & mask)
  }
  for (let e = 0n; e < 1n << BigInt(size - 1 - fraction); e += size === 64 ? 13n : 1n)
    for (const away of [-1n, 0n, 1n]) {
      const at = (e << BigInt(fraction)) + away
      if (at >= 0n) found.push(at, at | (1n << BigInt(size - 1)))
    }
  return found
}

const SIZES = { float16: [16, 10], bfloat16: [16, 7], float32: [32, 23], float64: [64, 52] } as const

async function check(dtype: keyof typeof SIZES, up: boolean): Promise<void> {
  const [size, fraction] = SIZES[dtype]
  const infinity = ((1n << BigInt(size - 1 - fraction)) - 1n) << BigInt(fraction)
  // (where subnormal numbers may flush, they are left out)
  const least = device === 'webgpu' && dtype !== 'float16' ? 2n << BigInt(fraction) : 0n
  const magnitude = (bits: bigint): bigint => bits & ((1n << BigInt(size - 1)) - 1n)
  const from = patterns(size, fraction).filter((bits) => magnitude(bits) <= infinity && magnitude(bits) >= least)
  const to = up ? infinity : bitsOf(-infinity, size)
  const x = tensorOfBits(from, dtype)
  const y = nextafter(x, tensorOfBits([to], dtype))
  const got = await bitsIn(y, dtype)
  const wanted = from.map((bits) => {
    const at = ordered(bits, size)
    const end = ordered(to, size)
    return bitsOf(at === end ? at : up ? at + 1n : at - 1n, size)
  })
  const wrong = from.findIndex((_, i) => got[i] !== wanted[i])
  expect(wrong < 0 ? 'all' : `${from[wrong]?.toString(16)} gives ${got[wrong]?.toString(16)}, not ${wanted[wrong]?.toString(16)}`).toBe(
    'all',
  )
}

function tensorOfBits(bits: readonly bigint[], dtype: keyof typeof SIZES): Tensor {
  if (dtype === 'float16' || dtype === 'bfloat16') return tensor(Uint16Array.from(bits, Number), { dtype })
  if (dtype === 'float64') return tensor(new Float64Array(BigUint64Array.from(bits).buffer))
  return tensor(new Float32Array(Uint32Array.from(bits, Number).buffer))
}

async function bitsIn(x: Tensor, dtype: keyof typeof SIZES): Promise<bigint[]> {
  if (dtype === 'float16' || dtype === 'bfloat16') return Array.from((await x.data({ raw: true })) as Uint16Array, BigInt)
  const { buffer, byteOffset, length } = (await x.data()) as Float32Array | Float64Array
  if (dtype === 'float64') return Array.from(new BigUint64Array(buffer, byteOffset, length))
  return Array.from(new Uint32Array(buffer, byteOffset, length), BigInt)
}

describe('nextafter', () => {
  const dtypes: (keyof typeof SIZES)[] = ['float32', 'float16', 'bfloat16', ...(hasDoubles ? (['float64'] as const) : [])]
  for (const dtype of dtypes)
    it(`is exact for ${dtype}, in both directions`, async () => {
      await check(dtype, true)
      await check(dtype, false)
    })

  it('of equal numbers is the second, of NaN NaN', async () => {
    const y = nextafter(tensor([0, -0, 1, Number.NaN]), tensor([-0, 0, Number.NaN, 1]))
    expect(await y.toArray()).toEqual([-0, 0, Number.NaN, Number.NaN])
    expect(await nextafter(tensor([1, -1]), 0).toArray()).toEqual([1 - 2 ** -24, -1 + 2 ** -24])
  })

  it('refuses integers', () => {
    const x = tensor([1, 2], { dtype: 'int32' as DType })
    expect(() => nextafter(x, x)).toThrow('nextafter: a and b must be of float dtypes, got int32. Convert with .float()')
  })
})
