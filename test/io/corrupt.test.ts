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
    ['a header that is no JSON', file('{"x": '), /the header, 'x', character 6: this is no object: the text ends here/],
    ['a header that is no UTF-8', file(X4, four).fill(0xff, 9, 12), /the header is no UTF-8 at byte 9 of the file/],
    ['a header that is a list', file('[]'), /the header, character 0: this is no object: '\[\]'/],
    ['an empty header', file(''), /the header, character 0: this is no object: the text ends here/],
    ['an entry that is no object', file({ x: 5 }), /the header, 'x', character 5: this is no object: '5}'/],
    [
      'an unknown dtype',
      file({ x: { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } }, [0]),
      /'x', character 57: the dtype is 'F8_E4M3'; known are F64, F32/,
    ],
    ['a dtype that objects have', file({ x: { dtype: 'toString', shape: [1], data_offsets: [0, 1] } }, [0]), /the dtype is 'toString'/],
    ['no shape', file({ x: { dtype: 'F32', data_offsets: [0, 4] } }, four), /'x', character 41: there is no shape/],
    [
      'a size below 0',
      file({ x: { dtype: 'F32', shape: [-1], data_offsets: [0, 4] } }, four),
      /'x\.shape', character 31: this is no whole number from 0 to 2\^53 − 1: '-1'/,
    ],
    ['a size with a fraction', file({ x: { dtype: 'F32', shape: [0.5], data_offsets: [0, 2] } }, [0, 0]), /no whole number .*: '0\.5'/],
    [
      'sizes whose product is too large',
      file({ x: { dtype: 'F32', shape: [2 ** 40, 2 ** 40], data_offsets: [0, 4] } }, four),
      /takes Infinity bytes/,
    ],
    [
      'a shape that wants more',
      file({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 4] } }, four),
      /'x', character 53: F32 \[2\] takes 8 bytes, but data_offsets leave 4/,
    ],
    [
      'offsets past the end',
      file({ x: F32(0, 4) }, [1, 2]),
      /'x', character 53: it lies at bytes 0 to 4 of the data, of which there are 2: the file is cut off/,
    ],
    ['offsets that go backwards', file({ x: F32(4, 0) }, four), /not where something begins and ends: \[4, 0\]/],
    [
      'offsets below 0',
      file({ x: F32(-4, 0) }, four),
      /'x\.data_offsets', character 50: this is no whole number from 0 to 2\^53 − 1: '-4'/,
    ],
    [
      'offsets that are texts',
      file({ x: { ...F32(), data_offsets: ['0', '4'] } }, four),
      /'x\.data_offsets', .* this is no number: '"0","4"/,
    ],
    ['no offsets', file({ x: { dtype: 'F32', shape: [1] } }, four), /there is no data_offsets/],
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
      /the header, character 62: 'x' stands twice/,
    ],
    ['a field twice', file('{"x":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', four), /'dtype' stands twice/],
    [
      'a tensor named __proto__',
      file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four),
      /character 12: '__proto__' is no name for a key/,
    ],
    ['a name of half a character', file('{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', four), /'\\ud800' is no Unicode/],
    ['a byte order mark', file(`\ufeff${JSON.stringify(X4)}`, four), /the header, character 0: this is no object: '\\ufeff\{"x":/],
    [
      'a size that is written as a fraction',
      file('{"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', four),
      /no whole number .*: '1\.0'/,
    ],
    [
      '100,000 dims',
      file({ x: { ...F32(0, 4), shape: Array(100_000).fill(1) } }, four),
      /'x\.shape', character \d+: there are more than 64 numbers/,
    ],
    [
      '9,000 levels',
      file(`{"x":{"dtype":${'['.repeat(9000)}${']'.repeat(9000)}}}`),
      /'x\.dtype', character 14: this is no string: '\[{20}'/,
    ],
    [
      '9,000 levels of what nobody knows',
      file(`{"x":{"z":${'['.repeat(9000)}${']'.repeat(9000)}}}`),
      /deeper in each other than 520 levels/,
    ],
    ['a header past the bound', file(' '.repeat(100_000_008), four), /said to take 100000008 bytes; .* at most 100000000: this is none/],
    ['metadata that is a text', file({ __metadata__: 'x', ...X4 }, four), /'__metadata__', character 16: this is no object/],
    [
      'metadata with a number',
      file({ __metadata__: { epoch: 5 }, ...X4 }, four),
      /'__metadata__\.epoch', character 25: this is no string: '5}/,
    ],
    ['a tree that is no JSON', file(tree('{'), four), /the tree of the state, character 1: a key is no string: the text ends here/],
    ['a tree of a later version', file(tree({ $tensor: 'x' }, 2), four), /the tree of the state, version: it is 2, known is 1/],
    ['a tree whose version is an object', file(tree({}, { toString: 1 }), four), /version: it is an object, known is 1/],
    ['a tree with a key twice', file(tree('{"version":1,"state":{"a":1,"a":2}}'), four), /'state', character \d+: 'a' stands twice/],
    ['a tree that leaves a tensor out', file(tree({ a: 1 }), four), /does not name the tensor 'x', which is there/],
    [
      'a bigint of 20,000,000 digits',
      file(tree({ a: { $bigint: '7'.repeat(2e7) } }), four),
      /'a': a bigint has at most 4300 digits, here are 20000000/,
    ],
    ['a tree without a version', file(tree('{}'), four), /version: it is undefined, known is 1/],
    ['a tree that names what is not there', file(tree({ a: { $tensor: 'y' } }), four), /names a tensor 'y', which is not there/],
    [
      'a tree with an unknown mark',
      file(tree({ a: { $date: '2026' } }), four),
      /'a': it is \{ '\$date': '2026' \}, which this version does not know/,
    ],
    ['a tree with a number that is none', file(tree({ a: { $number: '5x' } }), four), /\$number/],
    ['a tree with a bigint that is none', file(tree({ a: { $bigint: '5x' } }), four), /'a': '5x' is no bigint/],
    [
      'a tree with a key __proto__',
      file(tree('{"version":1,"state":{"a":{"__proto__":{"b":1}}}}'), four),
      /the tree of the state, 'state.*', character \d+: '__proto__' is no name for a key/,
    ],
    [
      'a tree with $object __proto__',
      file(tree('{"version":1,"state":{"$object":{"__proto__":{"b":1}}}}'), four),
      /the tree of the state, 'state.*', character \d+: '__proto__' is no name for a key/,
    ],
    ['a tree that is a number', file(tree(5), four), /neither an object nor an array/],
    [
      'a tree without end',
      file(tree(`{"version":1,"state":${'['.repeat(5000)}${']'.repeat(5000)}}`), four),
      /deeper in each other than 520 levels/,
    ],
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

  it.each<[string, (text: string) => Uint8Array]>([
    ['a name', (text) => file({ [text]: 5 })],
    ['a dtype', (text) => file({ x: { ...F32(0, 4), dtype: text } }, four)],
    ['a number', (text) => file(`{"x":{"shape":[${text.replaceAll(/./g, '7')}]}}`)],
    ['a field', (text) => file(`{"x":{"${text}":}}`)],
    ['a broken text', (text) => file(`{"x":"${text}\n"}`)],
    ['two names', (text) => file({ [`${text}a`]: F32(0, 4), [`${text}b`]: F32(0, 4) }, four)],
    ['a version', (text) => file(tree({}, text), four)],
    ['a mark', (text) => file(tree({ [`$${text}`]: text }), four)],
    ['a tensor that is not there', (text) => file(tree({ a: { $tensor: text } }), four)],
    ['a bigint', (text) => file(tree({ [text]: { $bigint: text.slice(0, 4000) } }), four)],
  ])('%s of 4 MB is not repeated', (_, make) => {
    for (const text of ['x'.repeat(4e6), '\u0001'.repeat(1e6), '漢'.repeat(1e6)]) {
      let message = ''
      try {
        parseState(make(text))
      } catch (e) {
        expect(e).toBeInstanceOf(CheckpointError)
        message = (e as Error).message
      }
      expect(message).not.toBe('')
      expect(message.length).toBeLessThan(1200)
    }
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
      'bfloat16',
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
