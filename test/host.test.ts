/** @file Host data in and out: nested arrays, TypedArrays, ndarrays, and their errors. */
import ndarray from 'ndarray'
import { describe, expect, it } from 'vitest'
import { ArgumentError, DTypeError, fromHalf, ShapeError, toHalf } from '../src/base/index.ts'
import { fromStorage, type HostData, type HostOptions, hostData, nest, toNdarray } from '../src/tensor/host.ts'

const read = (data: unknown, options?: HostOptions): ReturnType<typeof hostData> => hostData('tensor', data as HostData, options)

describe('nested arrays', () => {
  it('of numbers are float32 with the shape of the nesting', () => {
    expect(read([[1, 2, 3], [4, 5, 6.5]])).toEqual({ data: Float32Array.of(1, 2, 3, 4, 5, 6.5), shape: [2, 3], dtype: 'float32' }) // biome-ignore format: rows
    expect(read([[[1], [2]]]).shape).toEqual([1, 2, 1])
  })

  it('of booleans are bool', () => {
    expect(read([true, false])).toEqual({ data: Uint8Array.of(1, 0), shape: [2], dtype: 'bool' })
  })

  it('may be a single value', () => {
    expect(read(2.5)).toEqual({ data: Float32Array.of(2.5), shape: [], dtype: 'float32' })
    expect(read(true)).toEqual({ data: Uint8Array.of(1), shape: [], dtype: 'bool' })
  })

  it('may be empty', () => {
    expect(read([])).toEqual({ data: new Float32Array(0), shape: [0], dtype: 'float32' })
    expect(read([[], []])).toEqual({ data: new Float32Array(0), shape: [2, 0], dtype: 'float32' })
  })

  it('convert to the dtype asked for, and floats round', () => {
    expect(read([1, -1], { dtype: 'int32' }).data).toEqual(Int32Array.of(1, -1))
    expect(read([255, -0], { dtype: 'uint8' }).data).toEqual(Uint8Array.of(255, 0))
    expect(read([0.1, 65519, Infinity], { dtype: 'float16' }).data).toEqual(Uint16Array.of(toHalf(0.1), toHalf(65504), 0x7c00))
    expect(read([0.1, -3, 1 + 2 ** -8, 3.39e38, Number.NaN], { dtype: 'bfloat16' }).data).toEqual(
      Uint16Array.of(0x3dcd, 0xc040, 0x3f80, 0x7f7f, 0x7fc0),
    )
    expect(read([0, 0.5, Number.NaN], { dtype: 'bool' }).data).toEqual(Uint8Array.of(0, 1, 1))
    expect(read([0.1], { dtype: 'float64' }).data).toEqual(Float64Array.of(0.1))
    expect(read([true, false], { dtype: 'float32' }).data).toEqual(Float32Array.of(1, 0))
  })

  it('with a value that the dtype cannot hold are an error that names it and its place', () => {
    expect(() => read([1, 1.9], { dtype: 'int32' })).toThrow('tensor: element [1] is 1.9, which int32 cannot hold: it has a fraction')
    expect(() => read(Float32Array.of(-0.5), { dtype: 'uint8' })).toThrow('element [0] is -0.5, which uint8 cannot hold')
    expect(() => read([0.1, 70000], { dtype: 'float16' })).toThrow('element [1] is 70000, which float16 cannot hold (-65504 to 65504)')
    expect(() => read([-1e39])).toThrow('element [0] is -1e+39, which float32 cannot hold')
    expect(() => read(Int32Array.of(65520), { dtype: 'float16' })).toThrow('element [0] is 65520, which float16 cannot hold')
    expect(() => read([[0, 1], [300, 2]], { dtype: 'uint8' })).toThrow('tensor: element [1][0] is 300, which uint8 cannot hold (0 to 255)') // biome-ignore format: rows
    expect(() => read([3e9], { dtype: 'int32' })).toThrow('element [0] is 3000000000, which int32 cannot hold')
    expect(() => read(Number.NaN, { dtype: 'int32' })).toThrow('the value is NaN, which int32 cannot hold')
    expect(() => read(Float32Array.of(0, -1), { dtype: 'uint32' })).toThrow('element [1] is -1, which uint32 cannot hold')
  })

  it('with rows of different lengths are an error that names the row', () => {
    expect(() => read([[1, 2, 3], [4, 5]])).toThrow(new ShapeError('tensor', 'row [1] has 2 elements, row [0] has 3')) // biome-ignore format: rows
    expect(() =>
      read([
        [[1], [2]],
        [[3], [4, 5]],
      ]),
    ).toThrow('tensor: row [1][1] has 2 elements, row [0][0] has 1')
  })

  it('of different depths are an error that names the place', () => {
    expect(() => read([[1], 2])).toThrow('tensor: [1] is a number, [0] is a row of 1')
    expect(() => read([1, [2]])).toThrow('tensor: [1] is a row of 1, [0] is a single value')
  })

  it('that mix numbers and booleans are an error', () => {
    expect(() => read([1, true])).toThrow(
      new DTypeError('tensor', 'numbers and booleans are mixed: element [1] is a boolean, those before it are numbers'),
    )
    expect(() => read([[true], [0]])).toThrow('element [1][0] is a number, those before it are booleans')
  })

  it('of anything else are an error that names the element', () => {
    expect(() => read([1, 'two'])).toThrow(ArgumentError)
    expect(() => read([1, 'two'])).toThrow('tensor: element [1] is a string; numbers, booleans')
    expect(() => read([[1, null]])).toThrow('element [0][1] is null')
    expect(() => read([1, undefined])).toThrow('element [1] is undefined')
    expect(() => read([1n])).toThrow('element [0] is a bigint')
    expect(() => read('text')).toThrow('the value is a string')
    expect(() => read([new Map()])).toThrow('element [0] is a Map')
    // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
    expect(() => read([1, , 3])).toThrow('element [1] is undefined')
  })
})

describe('TypedArrays', () => {
  it('keep their type and are copied', () => {
    const source = Int32Array.of(1, 2, 3)
    const { data, shape, dtype } = read(source)
    source[0] = 9
    expect({ data, shape, dtype }).toEqual({ data: Int32Array.of(1, 2, 3), shape: [3], dtype: 'int32' })
    expect(read(Float64Array.of(0.1)).dtype).toBe('float64')
    expect(read(Uint8Array.of(1)).dtype).toBe('uint8')
    expect(read(Uint8ClampedArray.of(300)).data).toEqual(Uint8Array.of(255))
    expect(read(Int16Array.of(-3))).toEqual({ data: Int32Array.of(-3), shape: [1], dtype: 'int32' })
  })

  it('take the shape given, of which one size may be −1', () => {
    expect(read(new Float32Array(6), { shape: [2, 3] }).shape).toEqual([2, 3])
    expect(read(new Float32Array(6), { shape: [-1, 2] }).shape).toEqual([3, 2])
    expect(() => read(new Float32Array(6), { shape: [2, 2] })).toThrow(
      new ShapeError('tensor', '[6] has 6 elements, [2, 2] has 4', [[6], [2, 2]]),
    )
  })

  it('convert to the dtype asked for', () => {
    expect(read(Float32Array.of(0, 2), { dtype: 'bool' }).data).toEqual(Uint8Array.of(0, 1))
    expect(read(Int32Array.of(-56), { dtype: 'int8' }).data).toEqual(Int8Array.of(-56))
    expect(read(Float32Array.of(1.5), { dtype: 'float16' }).data).toEqual(Uint16Array.of(0x3e00))
  })

  it('of 16 unsigned bits are those of float16 or bfloat16, and nothing else', () => {
    expect(read(Uint16Array.of(0x3f80), { dtype: 'bfloat16' })).toEqual({ data: Uint16Array.of(0x3f80), shape: [1], dtype: 'bfloat16' })
    expect(read(Uint16Array.of(0x3c00), { dtype: 'float16' })).toEqual({ data: Uint16Array.of(0x3c00), shape: [1], dtype: 'float16' })
    expect(() => read(Uint16Array.of(1))).toThrow(
      "a Uint16Array is taken as the bits of float16 or bfloat16 only, with { dtype: 'float16' } or { dtype: 'bfloat16' }",
    )
  })

  it('of 64-bit integers become int32, and what does not fit is an error with its place', () => {
    expect(read(BigInt64Array.of(-5n, 7n))).toEqual({ data: Int32Array.of(-5, 7), shape: [2], dtype: 'int32' })
    expect(() => read(BigInt64Array.of(0n, 3000000000n))).toThrow(
      'tensor: element 1 is 3000000000, which int32 cannot hold (-2147483648 to 2147483647)',
    )
    expect(read(BigUint64Array.of(3000000000n), { dtype: 'uint32' }).data).toEqual(Uint32Array.of(3000000000))
    expect(read(BigInt64Array.of(2n ** 40n), { dtype: 'float64' }).data).toEqual(Float64Array.of(2 ** 40))
  })
})

describe('ndarrays', () => {
  const base = ndarray(Float32Array.from({ length: 12 }, (_, i) => i), [3, 4]) // biome-ignore format: short

  it('are read in their own order', () => {
    expect(read(base)).toEqual({ data: Float32Array.from({ length: 12 }, (_, i) => i), shape: [3, 4], dtype: 'float32' })
  })

  it('that are transposed, cut, flipped or thinned are read through their strides', () => {
    expect(Array.from(read(base.transpose(1, 0)).data)).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
    expect(read(base.lo(1, 1).hi(2, 2))).toEqual({ data: Float32Array.of(5, 6, 9, 10), shape: [2, 2], dtype: 'float32' })
    expect(Array.from(read(base.step(1, -2)).data)).toEqual([3, 1, 7, 5, 11, 9])
    expect(read(base.pick(1, null))).toEqual({ data: Float32Array.of(4, 5, 6, 7), shape: [4], dtype: 'float32' })
  })

  it('of plain arrays are float32, of a store with get() too', () => {
    expect(read(ndarray([1, 2, 3, 4], [2, 2])).dtype).toBe('float32')
    const data = { length: 2, get: (i: number) => i + 0.5, set: () => {} }
    expect(read(ndarray(data, [2])).data).toEqual(Float32Array.of(0.5, 1.5))
  })

  it('of 64-bit integers and halves are read as such', () => {
    expect(read(ndarray(BigInt64Array.of(1n, 2n), [2], [-1], 1)).data).toEqual(Int32Array.of(2, 1))
    expect(read(ndarray(Uint16Array.of(0x3c00, 0x4000), [2], [-1], 1), { dtype: 'float16' }).data).toEqual(Uint16Array.of(0x4000, 0x3c00))
  })

  it('that are 0-d or empty are read', () => {
    expect(read(ndarray(Float32Array.of(7), [])).data).toEqual(Float32Array.of(7))
    expect(read(ndarray(new Float32Array(0), [0, 3])).shape).toEqual([0, 3])
  })
})

describe('reading back', () => {
  it('gives halves as numbers, everything else as a copy of its own type', () => {
    expect(fromStorage(Uint16Array.of(toHalf(0.1)), 'float16')).toEqual(Float32Array.of(fromHalf(toHalf(0.1))))
    expect(fromStorage(Uint16Array.of(0x3dcd, 0xff80), 'bfloat16')).toEqual(Float32Array.of(0.10009765625, Number.NEGATIVE_INFINITY))
    const bytes = Uint8Array.of(0, 1)
    const copy = fromStorage(bytes, 'bool')
    expect(copy).toEqual(bytes)
    expect(copy).not.toBe(bytes)
  })

  it('nests by shape, with booleans for bool', () => {
    expect(nest(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], 'float32')).toEqual([[1, 2, 3], [4, 5, 6]]) // biome-ignore format: rows
    expect(nest(Uint8Array.of(1, 0), [2], 'bool')).toEqual([true, false])
    expect(nest(Int32Array.of(7), [], 'int32')).toBe(7)
    expect(nest(new Float32Array(0), [2, 0], 'float32')).toEqual([[], []])
  })

  it('gives ndarrays', async () => {
    const a = await toNdarray(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])
    expect([a.shape, a.get(1, 2), a.dtype]).toEqual([[2, 3], 6, 'float32'])
  })
})
