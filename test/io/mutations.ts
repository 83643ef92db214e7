/** @file Damaged safetensors files, made by chance from whole ones: each part of the format is lied about in every way that it can be. */

/** Choices that are the same in each run. */
export function chooser(seed: number): { word: (n: number) => number; pick: <T>(list: readonly T[]) => T } {
  let state = seed
  const word = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  return { word, pick: (list) => list[word(list.length)] as (typeof list)[number] }
}

/** A file in parts, each as its text in JSON. */
interface Parts {
  /** Names, and their entries as fields. */
  entries: [name: string, fields: [key: string, value: string][]][]
  /** The entry of the metadata, if any. */
  metadata: string
  /** What stands before and behind the header's braces. */
  around: [before: string, after: string]
  data: number[]
  length: (header: number, all: number) => bigint
}

type Choice = ReturnType<typeof chooser>

const NUMBERS = [
  ...['-1', '-0', '1.0', '1e0', '0.5', '1e400', '9007199254740991', '9007199254740992', '4294967296', '18446744073709551615', '01', '+1'],
  ...['.5', '1.', 'NaN', 'Infinity', 'null', 'true', '"1"', '{}', '[]', '', '1'.repeat(1000), '0', '1', '2', '4', '8', '2147483648'],
]
const DTYPES = [
  'F32',
  'F64',
  'F16',
  'BF16',
  'I32',
  'I64',
  'U64',
  'U32',
  'I16',
  'U16',
  'I8',
  'U8',
  'BOOL',
  'F8_E4M3',
  'f32',
  'F32 ',
  'toString',
  '',
]
const NAMES = [
  ...[
    '"__proto__"',
    '"constructor"',
    '"toString"',
    '"hasOwnProperty"',
    '""',
    '"__metadata__"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"a"',
    '"\\u0061"',
  ],
  ...['"b"', '"\u0000"', '"\\u0000"', '"\\x"', 'a', '5', 'null', '"ключ"', '"𝒳"', `"${'n'.repeat(5000)}"`, '"a.b"', '"\ufeff"', '"\\n"'],
]
const METADATA = [
  '5',
  'null',
  '"x"',
  '[]',
  '{}',
  '{"a":5}',
  '{"a":null}',
  '{"a":{}}',
  '{"a":"x","a":"y"}',
  '{"format":"pt"}',
  '{"__proto__":"x"}',
  '{"":""}',
]
const TREES = [
  ...[
    '{"version":1,"state":{}}',
    '{"version":1,"state":{"a":{"$tensor":"a"},"b":[{"$tensor":"b"}]}}',
    '{"version":{"toString":1},"state":{}}',
  ],
  ...[
    '{"version":1,"state":{"a":{"$tensor":"a"},"a":{"$tensor":"b"}}}',
    '{"version":[[]],"state":{}}',
    '{"version":"1","state":{}}',
    '[]',
    '5',
    '{',
  ],
  ...[
    '{"version":1,"state":[{"$tensor":"none"}]}',
    '{"version":1,"state":[{"$tensor":{"toString":1}}]}',
    '{"version":1,"state":[{"$number":"NaN"}]}',
  ],
  ...[
    '{"version":1,"state":[{"$number":"toString"}]}',
    '{"version":1,"state":[{"$bigint":"12"}]}',
    '{"version":1,"state":[{"$bigint":"0x1"}]}',
  ],
  ...[
    '{"version":1,"state":[{"$bigint":5}]}',
    '{"version":1,"state":{"$object":{"$tensor":"x"}}}',
    '{"version":1,"state":{"$object":[]}}',
    'null',
  ],
  ...[
    '{"version":1,"state":{"__proto__":{"polluted":1}}}',
    '{"version":1,"state":{"constructor":{"prototype":{"polluted":1}}}}',
    '""',
    '{"version":1}',
  ],
  `{"version":1,"state":[{"$bigint":"${'7'.repeat(100_000)}"}]}`,
  `{"version":1,"state":${'['.repeat(9000)}${']'.repeat(9000)}}`,
]
const DEPTHS = [1, 2, 3, 64, 519, 521, 9000]

function nested({ word, pick }: Choice): string {
  const depth = pick(DEPTHS)
  const closed = word(2) === 0
  return pick([
    `${'['.repeat(depth)}${closed ? ']'.repeat(depth) : ''}`,
    `${'{"a":'.repeat(depth)}1${closed ? '}'.repeat(depth) : ''}`,
    `${'[{"a":'.repeat(depth)}0${closed ? '}]'.repeat(depth) : ''}`,
  ])
}

/** A file that is as it should be: some tensors, one behind the other. */
function whole({ word, pick }: Choice): Parts {
  const entries: Parts['entries'] = []
  let end = 0
  for (let i = 0, n = 1 + word(4); i < n; i++) {
    const [dtype, width] = pick([
      ['F32', 4],
      ['F64', 8],
      ['BF16', 2],
      ['I64', 8],
      ['U8', 1],
      ['BOOL', 1],
      ['I16', 2],
      ['F16', 2],
    ] as const)
    const shape = Array.from({ length: word(3) }, () => word(4))
    const begin = end
    end += shape.reduce((a, b) => a * b, width)
    const fields: [string, string][] = [
      ['"dtype"', `"${dtype}"`],
      ['"shape"', JSON.stringify(shape)],
      ['"data_offsets"', JSON.stringify([begin, end])],
    ]
    entries.push([`"${'abcd'[i]}"`, fields])
  }
  const data = Array.from({ length: end }, () => (word(2) === 0 ? 0 : word(256)))
  return { entries, metadata: '', around: ['', ''], data, length: (header) => BigInt(header) }
}

type Lie = (file: Parts, choice: Choice) => void
const entry = ({ entries }: Parts, { pick }: Choice): Parts['entries'][number] => pick(entries)
const field = (file: Parts, choice: Choice, key: string): [string, string] =>
  entry(file, choice)[1].find(([k]) => k === `"${key}"`) ?? [key, '']

/** Ways to lie, by the part of the format. */
export const LIES: Readonly<Record<string, Lie>> = {
  'the length of the header': (file, { pick, word }) => {
    const lie = pick<(header: number, all: number) => bigint>([
      () => 0n,
      () => 1n,
      (header) => BigInt(header) - 1n,
      (header) => BigInt(header) + 1n,
      (_, all) => BigInt(all - 8),
      (_, all) => BigInt(all - 7),
      (_, all) => BigInt(all),
      () => 100_000_001n,
      () => 2n ** 31n,
      () => 2n ** 32n + 2n,
      () => 2n ** 53n,
      () => 2n ** 63n,
      () => 2n ** 64n - 1n,
    ])
    const near = BigInt(word(40))
    file.length = word(3) === 0 ? (header) => BigInt(header) - near : lie
  },
  nesting: (file, choice) => {
    field(file, choice, choice.pick(['dtype', 'shape', 'data_offsets']))[1] = nested(choice)
  },
  'a field that nobody knows': (file, choice) => {
    entry(file, choice)[1].push([
      choice.pick(['"more"', '"__proto__"', '"dtype"', '"shape"']),
      choice.pick([nested(choice), '5', '{"a":[1.5]}']),
    ])
  },
  'a number': (file, choice) => {
    const place = field(file, choice, choice.pick(['shape', 'data_offsets']))
    const numbers = place[1].slice(1, -1).split(',')
    numbers[choice.word(numbers.length + 1)] = choice.pick(NUMBERS)
    place[1] = `[${numbers.join(',')}]`
  },
  'the rank': (file, choice) => {
    field(file, choice, 'shape')[1] = `[${'1,'.repeat(choice.pick([63, 64, 65, 100_000]))}1]`
  },
  'a key that stands twice': (file, choice) => {
    const [name, fields] = entry(file, choice)
    if (choice.word(2) === 0) file.entries.push([name, fields])
    else fields.push([...choice.pick(fields)])
  },
  'the places of tensors': (file, choice) => {
    const place = field(file, choice, 'data_offsets')
    const other = field(file, choice, 'data_offsets')
    const by = choice.pick([-8, -1, 1, 4, 2 ** 32])
    const moved = (place[1].match(/\d+/g) ?? []).slice(0, 2).map((n) => Number(n) + by)
    ;[place[1], other[1]] = choice.pick([
      [other[1], place[1]],
      [place[1], place[1]],
      [JSON.stringify(moved), other[1]],
      [JSON.stringify(moved.reverse()), other[1]],
    ])
  },
  'the order of entries': (file) => {
    file.entries.reverse()
  },
  'the dtype': (file, choice) => {
    field(file, choice, 'dtype')[1] = choice.pick([
      ...DTYPES.map((d) => JSON.stringify(d)),
      'null',
      '5',
      '{"toString":1}',
      `"${'F'.repeat(5000)}"`,
    ])
  },
  'a field that is left out': (file, choice) => {
    entry(file, choice)[1].splice(choice.word(3), 1)
  },
  'a name': (file, choice) => {
    entry(file, choice)[0] = choice.pick(NAMES)
  },
  metadata: (file, choice) => {
    file.metadata = `"__metadata__":${choice.pick(METADATA)}`
  },
  'the tree': (file, choice) => {
    const all = file.entries.map(([name]) => `{"$tensor":${name}}`).join(',')
    const right = `{"version":1,"state":{"all":[${all}],"n":{"$number":"NaN"},"b":{"$bigint":"-12"},"o":{"$object":{"$x":null}}}}`
    const text = choice.word(3) === 0 ? right : choice.pick(TREES)
    file.metadata = `"__metadata__":{"tapegrad":${JSON.stringify(text)}}`
  },
  'what stands around the header': (file, choice) => {
    file.around[choice.word(2)] = choice.pick(['\ufeff', ' ', '\n\t ', '\u0000', 'x', '{}', ',', '   '])
  },
  'bytes behind the data': (file, { word }) => {
    file.data.push(...Array.from({ length: 1 + word(9) }, () => 0))
  },
}

function built({ entries, metadata, around: [before, after], data, length }: Parts): Uint8Array {
  const record = (list: readonly (readonly [string, string])[]): string => list.map(([key, value]) => `${key}:${value}`).join(',')
  const tensors = record(entries.map(([name, fields]) => [name, `{${record(fields)}}`]))
  const header = `${before}{${metadata}${metadata && tensors ? ',' : ''}${tensors}}${after}`
  const json = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, length(json.length, bytes.length)), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

/** Damage to bytes of which nothing is known. */
function damaged(bytes: Uint8Array, { word, pick }: Choice): Uint8Array {
  const at = word(bytes.length)
  const header = 8 + word(Math.max(1, bytes.length - 8))
  return pick<() => Uint8Array>([
    () => bytes,
    () => bytes.slice(0, at),
    () => bytes.slice(at),
    () => new Uint8Array(),
    () => bytes.map((b, i) => (i === header ? pick([0, 0x80, 0xc0, 0xed, 0xff, 0x22, 0x7b, b ^ (1 << word(8))]) : b)),
    () => new Uint8Array(Buffer.concat([bytes.slice(0, header), bytes.slice(at, at + 9), bytes.slice(header)])),
    () => bytes.map((b, i) => (i < 8 && word(4) === 0 ? word(256) : b)),
  ])()
}

/** `count` files, most of them wrong in one to three ways, with what was done to each. */
export function* mutations(count: number, seed: number): Generator<{ readonly how: string; readonly bytes: Uint8Array }> {
  const choice = chooser(seed)
  for (let i = 0; i < count; i++) {
    const file = whole(choice)
    const how = Array.from({ length: choice.word(4) }, () => choice.pick(Object.keys(LIES)))
    for (const lie of how) (LIES[lie] as Lie)(file, choice)
    const bytes = built(file)
    yield choice.word(5) === 0 ? { how: [...how, 'bytes'].join(', '), bytes: damaged(bytes, choice) } : { how: how.join(', '), bytes }
  }
}
