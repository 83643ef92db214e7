import { describe, expect, it } from 'vitest'
import { CheckpointError, Generator, parseState, serializeState, type Tensor, tensor } from '../../src/index.ts'
import { file, plain } from './support.ts'

const F32 = (...places: number[]): object => ({ dtype: 'F32', shape: [1], data_offsets: places })
const X4 = { x: F32(0, 4) }
const four = [0, 0, 128, 63]
const tree = (state: unknown, version: unknown = 1): object => ({
  __metadata__: { tapegrad: typeof state === 'string' ? state : JSON.stringify({ version, state }) },
  ...X4,
})

describe('refused, with what is wrong', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing at all', new Uint8Array(), /begins with 8 bytes that count its header; there are 0 in all/],
    ['seven bytes', new Uint8Array(7), /there are 7 in all/],
    ['a header past the end', file(X4, four, 1000), /the header is said to take 1000 bytes, but only \d+ follow: the file is cut off/],
    ['a header of 2⁶⁴ − 1 bytes', file(X4, four, 2n ** 64n - 1n), /18446744073709551615 bytes/],
    ['a picture', Uint8Array.from([137, 80, 78, 71, 13, 10, 26, 10, 0, 0]), /no safetensors file/],
    ['a header that is no JSON', file('{"x": '), /the header is no JSON text/],
    ['a header that is no UTF-8', file(X4, four).fill(0xff, 9, 12), /the header is no JSON text/],
    ['a header that is a list', file('[]'), /the header is no JSON object/],
    ['an empty header', file(''), /the header is no JSON text/],
    ['an entry that is no object', file({ x: 5 }), /entry of 'x' is no object/],
    [
      'an unknown dtype',
      file({ x: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } }, [0]),
      /'x' is of dtype "F8_E4M3"; known are F64, F32/,
    ],
    ['a dtype that objects have', file({ x: { dtype: 'toString', shape: [1], data_offsets: [0, 1] } }, [0]), /dtype "toString"/],
    ['no shape', file({ x: { dtype: 'F32', data_offsets: [0, 4] } }, four), /the shape of 'x' is no list of sizes: undefined/],
    ['a size below 0', file({ x: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, four), /no list of sizes: \[-1\]/],
    ['a size with a fraction', file({ x: { dtype: 'F32', shape: [0.5], data_offsets: [0, 2] } }, [0, 0]), /no list of sizes/],
    [
      'sizes whose product is too large',
      file({ x: { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 4] } }, four),
      /takes 4\.8.*e\+24 bytes/,
    ],
    [
      'a shape that wants more',
      file({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, four),
      /'x' is F32 \[2\], which takes 8 bytes, but its offsets leave 4/,
    ],
    [
      'offsets past the end',
      file({ x: F32(0, 4) }, [1, 2]),
      /'x' lies at bytes 0 to 4 of the data, of which there are 2: the file is cut off/,
    ],
    ['offsets that go backwards', file({ x: F32(4, 0) }, four), /not where something begins and ends: \[4,0\]/],
    ['offsets below 0', file({ x: F32(-4, 0) }, four), /begins and ends: \[-4,0\]/],
    ['offsets that are texts', file({ x: { ...F32(), data_offsets: ['0', '4'] } }, four), /begins and ends/],
    ['no offsets', file({ x: { dtype: 'F32', shape: [1] } }, four), /begins and ends: undefined/],
    [
      'tensors that overlap',
      file({ x: F32(0, 4), y: F32(2, 6) }, [...four, 0, 0]),
      /'x' and 'y' overlap: one ends at byte 4, the other begins at 2/,
    ],
    ['tensors in one place', file({ x: F32(0, 4), y: F32(0, 4) }, four), /'x' and 'y' overlap/],
    ['a gap', file({ x: F32(0, 4), y: F32(8, 12) }, [...four, ...four, ...four]), /bytes 4 to 8 of the data belong to no tensor/],
    ['bytes behind the last tensor', file(X4, [...four, 1]), /bytes 4 to 5 of the data belong to no tensor/],
    [
      'a name twice',
      file('{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
      /'x' stands twice in the header/,
    ],
    ['a field twice', file('{"x":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', four), /'dtype' stands twice/],
    ['a tensor named __proto__', file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four), /named '__proto__'/],
    ['metadata that is a text', file({ __metadata__: 'x', ...X4 }, four), /__metadata__ is no record of texts/],
    ['metadata with a number', file({ __metadata__: { epoch: 5 }, ...X4 }, four), /__metadata__ is no record of texts/],
    ['a tree that is no JSON', file(tree('{'), four), /the tree of the state is no JSON text/],
    ['a tree of a later version', file(tree({ $tensor: 'x' }, 2), four), /of version 2, known is 1/],
    ['a tree without a version', file(tree('{}'), four), /of version undefined/],
    ['a tree that names what is not there', file(tree({ a: { $tensor: 'y' } }), four), /names a tensor 'y', which is not there/],
    [
      'a tree with an unknown mark',
      file(tree({ a: { $date: '2026' } }), four),
      /says \{"\$date":"2026"\}, which this version does not know/,
    ],
    ['a tree with a number that is none', file(tree({ a: { $number: '5x' } }), four), /\$number/],
    ['a tree with a bigint that is none', file(tree({ a: { $bigint: '5x' } }), four), /\$bigint/],
    [
      'a tree with a key __proto__',
      file(tree('{"version":1,"state":{"a":{"__proto__":{"b":1}}}}'), four),
      /the tree has a key '__proto__'/,
    ],
    [
      'a tree with $object __proto__',
      file(tree('{"version":1,"state":{"$object":{"__proto__":{"b":1}}}}'), four),
      /the tree has a key '__proto__'/,
    ],
    ['a tree that is a number', file(tree(5), four), /neither an object nor an array/],
    ['a tree without end', file(tree(`{"version":1,"state":${'['.repeat(5000)}${']'.repeat(5000)}}`), four), /deeper than/],
    [
      'I64 past int32',
      file({ n: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, [0, 0, 0, 0, 1, 0, 0, 0]),
      /'n': .*4294967296, which int32 cannot hold/,
    ],
    [
      'U64 past int32',
      file({ n: { dtype: 'U64', shape: [1], data_offsets: [0, 8] } }, [0, 0, 0, 128, 0, 0, 0, 0]),
      /'n': .*2147483648, which int32 cannot hold/,
    ],
  ])('%s', (_, bytes, message) => {
    expect(() => parseState(bytes)).toThrow(message)
    expect(() => parseState(bytes)).toThrow(CheckpointError)
    expect(({} as { b?: unknown }).b).toBeUndefined()
  })

  it('a checkpoint that is cut off anywhere, or has a byte changed in its header: an error of ours, or other values, never a crash', async () => {
    const bytes = await serializeState({ model: { w: tensor([1, 2, 3]), b: tensor([true]) }, epoch: 3, seed: 5n })
    for (let n = 0; n < bytes.length; n++) expect(() => parseState(bytes.subarray(0, n)), `cut off at ${n}`).toThrow(CheckpointError)
    const generator = new Generator(3)
    const header = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))
    let refused = 0
    for (let at = 0; at < header; at++) {
      const changed = bytes.slice()
      changed[at] = (changed[at] as number) ^ (1 << (generator.call()[0] % 8))
      try {
        parseState(changed)
      } catch (e) {
        expect(e).toBeInstanceOf(CheckpointError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(header / 4)
  })

  it('no bytes', () => {
    expect(() => parseState('x' as unknown as Uint8Array)).toThrow('parseState: bytes are a Uint8Array, got a string')
    expect(() => parseState(new ArrayBuffer(8) as unknown as Uint8Array)).toThrow('got a ArrayBuffer')
  })
})

describe('files of another origin', () => {
  const read = async (dtype: string, bytes: number[], size: number, shape = [bytes.length / size]): Promise<unknown> => {
    const { x } = parseState(file({ x: { dtype, shape, data_offsets: [0, bytes.length] }, __metadata__: { format: 'pt' } }, bytes)) as {
      x: Tensor
    }
    return [x.dtype, await x.toArray()]
  }

  it('give the flat record of their tensors', async () => {
    const bytes = file({ 'a.weight': F32(4, 8), b: F32(0, 4), __metadata__: { format: 'pt' } }, [...four, 0, 0, 0, 64])
    const state = parseState(bytes)
    expect(Object.keys(state)).toEqual(['a.weight', 'b'])
    expect(await Promise.all(Object.values(state).map((x) => x.toArray()))).toEqual([[2], [1]])
    expect(parseState(file({}))).toEqual({})
  })

  it('may have dtypes that are converted', async () => {
    expect(await read('BF16', [0x80, 0x3f, 0xc0, 0xff, 0x80, 0x7f, 0x01, 0x80], 2)).toEqual([
      'float32',
      [1, Number.NaN, Number.POSITIVE_INFINITY, expect.closeTo(-9.2e-41, 42)],
    ])
    expect(await read('I16', [0xff, 0xff, 0x00, 0x80], 2)).toEqual(['int32', [-1, -32768]])
    expect(await read('U16', [0xff, 0xff], 2)).toEqual(['int32', [65535]])
    expect(await read('I64', [0xfe, 255, 255, 255, 255, 255, 255, 255, 7, 0, 0, 0, 0, 0, 0, 0], 8)).toEqual(['int32', [-2, 7]])
    expect(await read('U64', [9, 0, 0, 0, 0, 0, 0, 0], 8, [])).toEqual(['int32', 9])
    expect(await read('BOOL', [0, 1, 2], 1)).toEqual(['bool', [false, true, true]])
  })

  it('may have places that are aligned to nothing, and tensors without elements anywhere', async () => {
    const bytes = file(
      { a: { dtype: 'U8', shape: [1], data_offsets: [0, 1] }, b: F32(1, 5), none: { dtype: 'F64', shape: [0, 2], data_offsets: [1, 1] } },
      [7, ...four],
    )
    expect(await plain(parseState(bytes))).toEqual({
      a: { dtype: 'uint8', shape: [1], bytes: '07' },
      b: { dtype: 'float32', shape: [1], bytes: '0000803f' },
      none: { dtype: 'float64', shape: [0, 2], bytes: '' },
    })
  })
})
