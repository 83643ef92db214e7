import { describe, expect, it } from 'vitest'
import {
  ArgumentError,
  defaultGenerator,
  io,
  manualSeed,
  memory,
  nn,
  optim,
  parseState,
  randn,
  serializeState,
  synchronize,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.ts'
import { headerOf, plain } from './support.ts'

const device = 'cpu'
const again = async (state: object): Promise<object> => parseState<object>(await serializeState(state))

/** Comes back as it went, to the bit, and makes the same bytes again. */
async function expectRoundTrip(state: object): Promise<void> {
  const bytes = await serializeState(state)
  const back = parseState<object>(bytes)
  expect(await plain(back)).toEqual(await plain(state))
  expect(Buffer.from(await serializeState(back)).equals(bytes)).toBe(true)
}

describe('tensors', () => {
  const float32 = new Float32Array(Uint32Array.of(0x7fc00001, 0xff800000, 0x80000000, 1, 0x3f800000, 0x7f7fffff).buffer)
  it.each<[string, Tensor, string]>([
    ['float64', tensor(Float64Array.of(Math.PI, Number.NaN, -0, 5e-324), { device }), 'F64'],
    ['float32, with NaN payloads, −0 and subnormals', tensor(float32, { shape: [2, 3], device }), 'F32'],
    ['float16 by its bits', tensor(Uint16Array.of(0x3c00, 0x7e01, 0xfc00, 0x8001), { dtype: 'float16', device }), 'F16'],
    ['bfloat16 by its bits', tensor(Uint16Array.of(0x3f80, 0x7fc1, 0xff80, 0x8001), { dtype: 'bfloat16', device }), 'BF16'],
    ['int32', tensor(Int32Array.of(-2147483648, 2147483647, 0), { device }), 'I32'],
    ['uint32', tensor(Uint32Array.of(4294967295, 0), { device }), 'U32'],
    ['int8', tensor(Int8Array.of(-128, 127, 3), { shape: [3, 1], device }), 'I8'],
    ['uint8', tensor(Uint8Array.of(255, 0, 7), { device }), 'U8'],
    ['bool', tensor([[true, false, true]], { device }), 'BOOL'],
    ['a 0-d tensor', tensor(2.5, { device }), 'F32'],
    ['an empty tensor', zeros([3, 0, 2], { device }), 'F32'],
    ['a view', tensor([1, 2, 3, 4, 5, 6], { device }).reshape(2, 3).t(), 'F32'],
    ['a parameter', new nn.Parameter(tensor([1, 2], { device })), 'F32'],
  ])('%s', async (_, x, name) => {
    expect(headerOf(await serializeState({ x }))).toEqual({
      x: { dtype: name, shape: [...x.shape], data_offsets: [0, x.numel() * (x.dtype === 'bool' ? 1 : Number(/\d+/.exec(x.dtype)) / 8)] },
    })
    await expectRoundTrip({ x })
    await expectRoundTrip({ deep: [{ x }, x] })
  })

  it('are aligned to their elements, whatever their order', async () => {
    const state = {
      a: tensor([true], { device }),
      b: tensor([1.5], { dtype: 'float16', device }),
      c: tensor([2, 3], { device }),
      d: tensor(Float64Array.of(4), { device }),
      e: tensor(Int8Array.of(5, 6, 7), { device }),
    }
    const bytes = await serializeState(state)
    const header = headerOf(bytes)
    const sizes = { a: 1, b: 2, c: 4, d: 8, e: 1 } as Record<string, number>
    for (const [name, { data_offsets: offsets }] of Object.entries(header)) expect(offsets[0] % (sizes[name] as number)).toBe(0)
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
    expect(length % 8).toBe(0)
    await expectRoundTrip(state)
    // Bytes that do not begin at a multiple of anything are read all the same.
    const shifted = new Uint8Array(bytes.length + 3)
    shifted.set(bytes, 3)
    expect(await plain(parseState(shifted.subarray(3)))).toEqual(await plain(state))
  })

  it('come back as leaves that want no gradient', async () => {
    const { w } = parseState(await serializeState({ w: new nn.Parameter(tensor([1, 2])) })) as { w: Tensor }
    expect([w.requiresGrad, w.isLeaf, String(w).includes('[1., 2.]')]).toEqual([false, true, true])
  })

  it('of two devices go into one state', async () => {
    const x = { a: tensor([1, 2], { device: 'webgpu' }).add(1), b: tensor([3], { dtype: 'float64' }) }
    expect(await plain(await again(x))).toEqual(await plain(x))
  })
})

describe('trees', () => {
  it('of everything that a state may hold', async () => {
    const x = tensor([1, 2], { device })
    await expectRoundTrip({
      numbers: [0, -0, 1e-320, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 53, 0.1],
      texts: ['', 'ä\u0000"\\\n', '𝒳', '\ud800', '__metadata__', '$tensor'],
      others: [true, false, null, 0n, -(2n ** 80n)],
      nested: [[], {}, [[]], [{}], { a: { b: [x] } }],
    })
  })

  it.each<[string, object]>([
    ['no keys', {}],
    ['an array', [1, tensor([1], { device })]],
    [
      'keys with dots that would meet',
      { 'a.b': tensor([1], { device }), a: { b: tensor([2], { device }) }, 'a.b~2': tensor([3], { device }) },
    ],
    ['keys like marks of the format', { $tensor: 'x', b: { $number: 'NaN' }, c: { $object: { $bigint: '1' } }, d: { $x: 1, y: 2 } }],
    ['a lone key like a mark', { $tensor: 'x' }],
    ['the name of the metadata', { __metadata__: tensor([1], { device }), '__metadata__~': tensor([2], { device }) }],
    ['names of what objects have', { constructor: tensor([1], { device }), toString: 1, hasOwnProperty: [null] }],
    [
      'odd keys',
      {
        '': tensor([1], { device }),
        ' ': 1,
        '\n"\\': tensor([2], { device }),
        '\ud800': tensor([3], { device }),
        7: tensor([4], { device }),
      },
    ],
  ])('with %s', async (_, state) => {
    await expectRoundTrip(state)
  })

  it('by chance: 200 trees of random shape, keys and leaves', { timeout: 60_000 }, async () => {
    let seed = 11
    const word = (n: number): number => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
      return Math.floor((seed / 2 ** 32) * n)
    }
    const keys = [
      'a',
      'b',
      'a.b',
      '.',
      '',
      '0',
      '1',
      '$tensor',
      '$object',
      '$number',
      '~2',
      'a~2',
      'ключ',
      '\u0000',
      '__metadata__',
      'constructor',
    ]
    const pick = <T>(list: readonly T[]): T => list[word(list.length)] as T
    let tensors = 0
    const counted = (x: Tensor): Tensor => {
      tensors++
      return x
    }
    const floats = (): Float32Array => Float32Array.from({ length: word(5) }, () => word(1000) / 7)
    const leaves: (() => unknown)[] = [
      () => counted(tensor(floats(), { device })),
      () => counted(tensor(Int32Array.of(word(9)), { shape: [1, 1, 1], device })),
      () => word(1e6) / 3,
      () => pick([Number.NaN, -0, Number.NEGATIVE_INFINITY, 5n, null, true, '', 'x']),
    ]
    const make = (depth: number): unknown => {
      const kind = word(depth > 4 ? 3 : 8)
      if (kind < 3) return pick(leaves)()
      const size = word(5)
      if (kind < 5) return Array.from({ length: size }, () => make(depth + 1))
      return Object.fromEntries(Array.from({ length: size }, () => [pick(keys), make(depth + 1)]))
    }
    for (let i = 0; i < 200; i++) {
      const state = { [pick(keys)]: make(0), [pick(keys)]: make(1) }
      await expectRoundTrip(state)
    }
    expect(tensors).toBeGreaterThan(500)
  })

  it('tensors bear their dotted paths', async () => {
    const model = new nn.Sequential(new nn.Linear(2, 3, { device }), new nn.Linear(3, 1, { device }))
    const names = Object.keys(headerOf(await serializeState({ model: model.stateDict(), list: [tensor([1])], epoch: 3 })))
    expect(names.sort()).toEqual(['__metadata__', 'list.0', 'model.0.bias', 'model.0.weight', 'model.1.bias', 'model.1.weight'])
    // A flat record is a file as anybody writes it: no metadata.
    expect(Object.keys(headerOf(await serializeState(model.stateDict()))).sort()).toEqual(['0.bias', '0.weight', '1.bias', '1.weight'])
  })

  it.each<[string, unknown, RegExp]>([
    ['undefined', { a: [1, undefined] }, /'a\.1' is undefined; a state is made of .*Leave the key out/],
    ['a function', { f: () => 1 }, /'f' is a function/],
    ['a module', { net: { model: new nn.ReLU() } }, /'net\.model' is a ReLU; .*Give its stateDict\(\)/],
    ['an optimizer', [new optim.SGD([new nn.Parameter(zeros([1]))])], /'0' is a SGD; .*stateDict/],
    ['a generator', { g: defaultGenerator }, /'g' is a Generator; .*Give its getState\(\)/],
    ['a TypedArray', { x: new Float32Array(2) }, /'x' is a Float32Array; .*tensor\(…\)/],
    ['a Map', { m: new Map() }, /'m' is a Map/],
    ['a Date', new Date(), /^serializeState: a state is a plain object or an array.* got a Date/],
    ['a number alone', 5, /got a number/],
    ['a tensor alone', zeros([1]), /got a Tensor/],
    ['a module alone', new nn.ReLU(), /got a ReLU\. Give its stateDict\(\)/],
    ['a symbol', { a: { b: [Symbol('s')] } }, /'a\.b\.0' is a symbol; a state is made of/],
    ['a key that is a symbol', { a: [{ [Symbol('s')]: 1 }] }, /'a\.0' has a key that is a symbol/],
    ['an object of a class', { a: [new (class Settings {})()] }, /'a\.0' is a Settings; a state is made of/],
    ['an array of a class', { a: new (class Stack extends Array {})() }, /'a' is a Stack; a state is made of/],
    ['a boxed number', { '': { n: Object(5) } }, /'\.n' is a Number; /],
    ['a RegExp', { 'ключ.𝒳': /x/ }, /'ключ\.𝒳' is a RegExp; /],
    ['an error', { e: new Error('x') }, /'e' is a Error; /],
    ['an array that has a key', { a: [Object.assign([1, 2], { more: 3 })] }, /'a\.0' is an array with a key 'more' beside its elements/],
    ['an array with a hole', { a: Array(3) }, /'a\.0' is undefined/],
    ['a bigint without end', { big: [10n ** 4300n] }, /'big\.0' is a bigint of more than 4300 digits/],
    ['65 dims', { deep: [tensor([1], { shape: Array(65).fill(1) })] }, /'deep\.0' is a tensor of 65 dims; a file takes up to 64/],
    [
      'a key of a million letters',
      { ['k'.repeat(1e6)]: () => 1 },
      /^serializeState: 'k{60}…' \(1000000 characters\) is a function; a state is made/,
    ],
    ['null', null, /got null/],
    ['a key __proto__', JSON.parse('{"a": {"__proto__": {"polluted": 1}}}'), /'a' has a key '__proto__'/],
  ])('refuse %s, naming the place', async (_, state, message) => {
    await expect(serializeState(state as object)).rejects.toThrow(message)
    await expect(serializeState(state as object)).rejects.toBeInstanceOf(ArgumentError)
  })

  it('refuse themselves within, and what is too deep', async () => {
    const loop: Record<string, unknown> = { a: {} }
    ;(loop.a as Record<string, unknown>).back = loop
    await expect(serializeState(loop)).rejects.toThrow("'a.back' is a part of itself")
    const list: unknown[] = [[]]
    ;(list[0] as unknown[]).push(list)
    await expect(serializeState(list)).rejects.toThrow("'0.0' is a part of itself")
    const same = { x: 1 }
    expect(await again({ a: same, b: same })).toEqual({ a: same, b: same })
    for (const wrap of [(x: unknown) => ({ d: x }), (x: unknown) => [x], (x: unknown) => ({ $object: x })]) {
      const deep = (levels: number): object => Array.from({ length: levels }).reduce<object>(wrap, {})
      for (const levels of [256, 10_000, 100_000])
        await expect(serializeState(deep(levels))).rejects.toThrow(/^serializeState: '.*' \(\d+ characters\) lies deeper than 256 levels$/)
      await expectRoundTrip(deep(255))
    }
  })

  it('hold as much as a file does, and no more', { timeout: 120_000 }, async () => {
    const bytes = (n: number): string => 'x'.repeat(n)
    const refused = async (state: object, message: RegExp): Promise<void> => {
      const error = await serializeState(state).catch((e: unknown) => e)
      expect(error).toBeInstanceOf(ArgumentError)
      expect((error as Error).message).toMatch(message)
    }
    let twice: object = {}
    for (let i = 0; i < 100; i++) twice = { l: twice, r: twice }
    await refused(twice, /is past the 2097152 keys and values that a file holds; a tensor holds long lists/)
    // four keys and values are around the state; an object, a key and the list are the rest
    const most = 2 ** 21 - 4 - 3
    const { list } = (await again({ list: Array(most).fill(7) })) as { list: number[] }
    expect([list.length, list.at(-1)]).toEqual([most, 7])
    await refused({ list: Array(most + 1).fill(7) }, /'list\.\d+' is past the 2097152 keys/)
    await refused({ a: { text: bytes(1e8) } }, /'a\.text' is past the 100000000 bytes that a file holds beside its tensors/)
    await refused({ [bytes(6e7)]: 1, [`${bytes(6e7)}y`]: 1 }, /the state is past the 100000000 bytes/)
    await refused({ a: ['\u0000'.repeat(4e7)] }, /'a\.0' is past|names, shapes and plain values of the state are past the 100000000 bytes/)
    const text = bytes(9.9e7)
    expect(((await again({ text })) as { text: string }).text === text).toBe(true)
    const big = -(10n ** 4300n - 1n)
    expect(await again({ big })).toEqual({ big })
  })
})

describe.each(['cpu', 'webgpu'] as const)('the moment of a state on %s', (place) => {
  /** A training that is saved after `steps`, and goes on: at once, or when the bytes are there. */
  async function course(steps: number, atOnce: boolean, keepPrevious: boolean): Promise<{ saved: unknown; later: unknown }> {
    manualSeed(5)
    const model = new nn.Sequential(new nn.Linear(64, 96, { device: place }), new nn.Linear(96, 1, { device: place }))
    const optimizer = new optim.Adam(model.parameters(), { lr: 0.1, keepPrevious })
    const x = randn([8, 64], { device: place })
    const step = (): void => {
      optimizer.zeroGrad()
      model.forward(x).square().mean().backward()
      optimizer.step()
    }
    for (let i = 0; i < steps; i++) step()
    const counts = { steps, list: [1, 2] }
    const saved = serializeState({ model: model.stateDict(), optimizer: optimizer.stateDict(), direct: model.parameters(), counts })
    if (!atOnce) await saved
    counts.list.push(3)
    for (let i = 0; i < 4; i++) step()
    return { saved: await plain(parseState(await saved)), later: await plain(model.parameters()) }
  }

  it.each([true, false])('is the call: steps that follow at once change nothing (keepPrevious: %s)', async (keepPrevious) => {
    for (const steps of [0, 1, 3]) {
      const [awaited, not] = [await course(steps, false, keepPrevious), await course(steps, true, keepPrevious)]
      expect(not).toEqual(awaited)
      const { model, direct, counts } = not.saved as { model: Record<string, unknown>; direct: unknown[]; counts: unknown }
      expect(direct).toEqual(Object.values(model))
      expect(direct).not.toEqual(not.later)
      expect(counts).toEqual({ steps, list: [1, 2] })
    }
  })
})

it('saves leave no memory behind on the device, however large what they save', async () => {
  const device = 'webgpu'
  const weights = [1, 2].map(() => new nn.Parameter(randn([1200, 1200], { device }))) // 5.8 MB each: too large to move to the host
  const optimizer = new optim.SGD(weights, { lr: 0.1 })
  const live: number[] = []
  for (let i = 0; i < 6; i++) {
    optimizer.zeroGrad()
    for (const w of weights) w.square().sum().backward()
    optimizer.step()
    await serializeState(weights)
    await synchronize()
    live.push(memory(device).liveBytes)
  }
  // (what earlier steps dropped may go between two counts)
  expect(Math.max(...live.slice(3))).toBeLessThanOrEqual(live[2] as number)
})

it('the namespace io has what the root has', () => {
  expect(Object.keys(io).sort()).toEqual(['loadState', 'parseState', 'saveState', 'serializeState'])
  expect(io.parseState).toBe(parseState)
})
