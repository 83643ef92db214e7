/** @file Every shape that a kernel can take, against loops in plain JavaScript, in each strategy that can run it. */
import { describe, expect, it } from 'vitest'
import { fromHalf, toHalf } from '../../src/base/index.ts'
import { printKernel } from '../../src/device/webgpu/wgsl-kernel.ts'
import type { Expr, Kernel, ReduceOp } from '../../src/kernel/index.ts'
import { acc, at, axis, binary, cast, distance, flat, kernel, literal, load, mapKernel, noise, runKernel, unary, where } from './kernels.ts'

describe('elementwise kernels', () => {
  it('computes a fused chain', async () => {
    const g = axis(1000)
    const x = load(0, flat([g]))
    const y = load(1, flat([g]))
    const k = mapKernel([g], ['float32', 'float32'], 'float32', unary('tanh', binary('add', binary('mul', x, y), literal(0.5))))
    const a = noise(1000, 1)
    const b = noise(1000, 2)
    const [got] = await runKernel(k, [a, b], [1000])
    expect(
      distance(
        got as Float32Array,
        a.map((v, i) => Math.tanh(v * (b[i] as number) + 0.5)),
      ),
    ).toBeLessThan(1e-6)
  })

  it('names any number of indices and values without meeting a word of WGSL', async () => {
    for (const first of [0, 1]) {
      const g = axis(8)
      // One more name in front moves the numbers, so that indices and values both pass 16 and 32
      let sum: Expr = literal(0)
      if (first) {
        const lone = unary('neg', load(0, flat([g])))
        sum = binary('mul', lone, lone)
      }
      for (let j = 0; j < 45; j++) {
        const index = at(j, [3 + j, g])
        const x = binary('sub', load(0, index), load(1, index))
        sum = binary('add', sum, binary('mul', x, x))
      }
      const k = mapKernel([g], ['float32', 'float32'], 'float32', sum)
      const { code } = printKernel(k, { kind: 'point', workgroup: 64, elements: 1 })
      const names = [...code.matchAll(/\blet (\w+) =/g)].map((m) => m[1] as string)
      expect(names.length).toBeGreaterThan(85)
      for (const name of names) expect(name).not.toMatch(/^([iuf]\d+|vec.*|mat\d.*)$/)
      const [a, b] = [noise(400, 1), noise(400, 2)]
      const [got] = await runKernel(k, [a, b], [8])
      const want = Array.from({ length: 8 }, (_, p) => {
        let total = first ? (a[p] as number) ** 2 : 0
        for (let j = 0; j < 45; j++) total += ((a[j + (3 + j) * p] as number) - (b[j + (3 + j) * p] as number)) ** 2
        return total
      })
      expect(distance(got as Float32Array, want)).toBeLessThan(1e-5)
    }
  })

  it('reads strided, broadcast and flipped operands', async () => {
    const [i, j] = [axis(13), axis(7)]
    const transposed = load(0, at(0, [1, i], [13, j]))
    const row = load(1, at(0, [1, j]))
    const flipped = load(2, at(13 * 7 - 1, [-7, i], [-1, j]))
    const k = mapKernel([i, j], ['float32', 'float32', 'float32'], 'float32', binary('add', binary('mul', transposed, row), flipped))
    const [a, b, c] = [noise(91, 1), noise(7, 2), noise(91, 3)]
    const [got] = await runKernel(k, [a, b, c], [91])
    const want = Array.from({ length: 91 }, (_, p) => {
      const [r, s] = [Math.floor(p / 7), p % 7]
      return (a[r + 13 * s] as number) * (b[s] as number) + (c[90 - p] as number)
    })
    expect(distance(got as Float32Array, want)).toBeLessThan(1e-6)
  })

  it('pads: what lies outside counts as zero, whatever the load gives there', async () => {
    const [i, j] = [axis(6), axis(5)]
    const rows = at(-2, [1, i])
    const columns = at(-1, [1, j])
    const inside = binary(
      'and',
      { kind: 'inside', index: rows, size: 3, type: 'bool' },
      { kind: 'inside', index: columns, size: 2, type: 'bool' },
    )
    const k = mapKernel([i, j], ['float32'], 'float32', where(inside, load(0, at(-5, [2, i], [1, j])), literal(0)))
    const [got] = await runKernel(k, [Float32Array.of(1, 2, 3, 4, 5, 6)], [30])
    expect([...(got as Float32Array)]).toEqual([
      ...[0, 0, 0, 0, 0],
      ...[0, 0, 0, 0, 0],
      ...[0, 1, 2, 0, 0],
      ...[0, 3, 4, 0, 0],
      ...[0, 5, 6, 0, 0],
      ...[0, 0, 0, 0, 0],
    ])
  })

  it('divides and takes remainders of positions', async () => {
    const g = axis(24)
    const index = at(0, [1, { kind: 'div', of: at(3, [1, g]), by: 4 }], [10, { kind: 'mod', of: at(0, [5, g]), by: 7 }])
    const k = mapKernel([g], [], 'int32', { kind: 'position', index, type: 'i32' })
    const [got] = await runKernel(k, [], [24])
    expect([...(got as Int32Array)]).toEqual(Array.from({ length: 24 }, (_, p) => Math.floor((p + 3) / 4) + 10 * ((5 * p) % 7)))
  })

  it('writes several outputs and reads scalars', async () => {
    const g = axis(100)
    const x = load(0, flat([g]))
    const s: Expr = { kind: 'scalar', slot: 0, type: 'float' }
    const n: Expr = { kind: 'scalar', slot: 1, type: 'i32' }
    const index = flat([g])
    const stores = [
      { buffer: 1, index, value: binary('mul', x, s) },
      { buffer: 2, index, value: binary('add', cast(unary('floor', x), 'float32', 'int32'), n) },
    ]
    const k = kernel([g], ['float32'], ['float32', 'int32'], [{ kind: 'store', axes: [], stores }])
    const a = noise(100).map((v) => v * 9)
    const [p, q] = await runKernel(k, [a], [100, 100], [2.5, -7], ['float', 'i32'])
    expect([...(p as Float32Array)]).toEqual([...a.map((v) => v * 2.5)])
    expect([...(q as Int32Array)]).toEqual([...a].map((v) => Math.floor(v) - 7))
  })

  it('folds more than 65,535 workgroups', async () => {
    const [i, j] = [axis(1500), axis(3001)]
    const k = mapKernel([i, j], [], 'int32', { kind: 'position', index: at(0, [1, i], [2000, j]), type: 'i32' })
    const [got] = await runKernel(k, [], [1500 * 3001])
    const values = got as Int32Array
    let wrong = 0
    for (let p = 0; p < values.length; p++) if (values[p] !== Math.floor(p / 3001) + 2000 * (p % 3001)) wrong++
    expect(wrong).toBe(0)
  })

  it('gathers by a checked index', async () => {
    const [i, j] = [axis(5), axis(4)]
    const row: Expr = { kind: 'checked', value: load(1, at(0, [1, i]), 'i32'), size: 10, site: 0, type: 'i32' }
    const k = mapKernel([i, j], ['float32', 'int32'], 'float32', load(0, at(0, [4, { kind: 'value', value: row }], [1, j])), {
      sites: ['embedding'],
    })
    const table = noise(40)
    const [got] = await runKernel(k, [table, Int32Array.of(3, 0, 9, 3, 1)], [20])
    expect([...(got as Float32Array)]).toEqual([3, 0, 9, 3, 1].flatMap((r) => [...table.subarray(r * 4, r * 4 + 4)]))
  })

  it('keeps the batch size out of the text', () => {
    const textOf = (rows: number): string => {
      const [i, j] = [axis(rows), axis(10)]
      const k = mapKernel([i, j], ['float32', 'float32'], 'float32', binary('add', load(0, flat([i, j])), load(1, at(0, [1, j]))))
      return printKernel(k, { kind: 'point', workgroup: 64, elements: 1 }).code
    }
    expect(textOf(64)).toBe(textOf(17))
  })
})

describe('dtypes narrower than a word', () => {
  for (const n of [1, 2, 3, 4, 5, 63, 64, 257]) {
    it(`stores ${n} elements of each in whole words`, async () => {
      const [i, j] = [axis(1), axis(n)]
      const x = load(0, flat([i, j]))
      const index = flat([i, j])
      const stores = [
        { buffer: 1, index, value: binary('lt', x, literal(0)) },
        { buffer: 2, index, value: x },
        { buffer: 3, index, value: cast(binary('mul', x, literal(200)), 'float32', 'int8') },
        { buffer: 4, index, value: cast(binary('mul', x, literal(200)), 'float32', 'uint8') },
        { buffer: 5, index, value: binary('mul', x, literal(2)) },
      ]
      const k = kernel([i, j], ['float32'], ['bool', 'float16', 'int8', 'uint8', 'float32'], [{ kind: 'store', axes: [], stores }])
      const a = noise(n)
      const lengths = [n, n, n, n, n]
      const chosen = await runKernel(k, [a], lengths)
      const [b, h, s, u, f] = await runKernel(k, [a], lengths, [], [], { kind: 'point', workgroup: 64, elements: 4 })
      expect(chosen).toEqual([b, h, s, u, f])
      const whole = [...a].map((v) => Math.trunc(Math.fround(v * 200)))
      expect([...(b as Uint8Array)]).toEqual([...a].map((v) => +(v < 0)))
      expect([...(h as Uint16Array)]).toEqual([...a].map(toHalf))
      expect([...(s as Int8Array)]).toEqual([...Int8Array.from(whole)])
      expect([...(u as Uint8Array)]).toEqual([...Uint8Array.from(whole)])
      expect([...(f as Float32Array)]).toEqual([...a.map((v) => v * 2)])
    })
  }

  it('loads each at any position', async () => {
    const n = 37
    const g = axis(n)
    const back = at(n - 1, [-1, g])
    const sum = binary(
      'add',
      binary('add', cast(load(0, back, 'bool'), 'bool', 'float32'), load(1, back)),
      binary('add', cast(load(2, back, 'i32'), 'int8', 'float32'), cast(load(3, back, 'i32'), 'uint8', 'float32')),
    )
    const k = mapKernel([g], ['bool', 'float16', 'int8', 'uint8'], 'float32', sum)
    const b = Uint8Array.from(noise(n, 1), (v) => +(v > 0))
    const h = Uint16Array.from(noise(n, 2), toHalf)
    const s = Int8Array.from(noise(n, 3), (v) => v * 127)
    const u = Uint8Array.from(noise(n, 4), (v) => v * 255)
    const [got] = await runKernel(k, [b, h, s, u], [n])
    const want = Array.from(
      { length: n },
      (_, p) => (b[n - 1 - p] as number) + fromHalf(h[n - 1 - p] as number) + (s[n - 1 - p] as number) + (u[n - 1 - p] as number),
    )
    expect(distance(got as Float32Array, want)).toBeLessThan(1e-6)
  })
})

describe('random words', () => {
  it('match the known answers of Philox4x32-10', async () => {
    // Random123 1.14, kat_vectors: counter, key, output
    const vectors = [
      { counter: [0, 0, 0, 0], key: [0, 0], out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
      {
        counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
        key: [0xffffffff, 0xffffffff],
        out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
      },
      {
        counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
        key: [0xa4093822, 0x299f31d0],
        out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
      },
    ]
    for (const { counter, key, out } of vectors) {
      const s = (slot: number): Expr => ({ kind: 'scalar', slot, type: 'u32' })
      const word = (w: number): Expr => ({ kind: 'philox', word: w, key: [s(4), s(5)], counter: [s(0), s(1), s(2), s(3)], type: 'u32' })
      const stores = [0, 1, 2, 3].map((w) => ({ buffer: 0, index: at(w), value: word(w) }))
      const k = kernel([], [], ['uint32'], [{ kind: 'store', axes: [], stores }])
      const [got] = await runKernel(k, [], [4], [...counter, ...key], ['u32', 'u32', 'u32', 'u32', 'u32', 'u32'])
      expect([...(got as Uint32Array)]).toEqual(out)
    }
  })
})

/** Runs a kernel in a given strategy, whatever the adapter would choose. */
const runAs = (
  k: Kernel,
  strategy: 'point' | 'group',
  data: readonly Float32Array[],
  lengths: readonly number[],
): Promise<Float32Array[]> =>
  runKernel(
    k,
    data,
    lengths,
    [],
    [],
    strategy === 'group' ? { kind: 'group', workgroup: 64 } : { kind: 'point', workgroup: 8, elements: 1 },
  ) as Promise<Float32Array[]>

function softmaxKernel(rows: number, columns: number): Kernel {
  const r = axis(rows)
  const [c1, c2, c3] = [axis(columns), axis(columns), axis(columns)]
  const x = (c: typeof c1): Expr => load(0, at(0, [columns, r], [1, c]))
  const shifted = (c: typeof c1): Expr => unary('exp', binary('sub', x(c), acc(0, 0)))
  return kernel(
    [r],
    ['float32'],
    ['float32'],
    [
      { kind: 'reduce', axes: [c1], reductions: [{ op: 'max', value: x(c1), type: 'float' }] },
      { kind: 'reduce', axes: [c2], reductions: [{ op: 'sum', value: shifted(c2), type: 'float' }] },
      {
        kind: 'store',
        axes: [c3],
        stores: [{ buffer: 1, index: at(0, [columns, r], [1, c3]), value: binary('div', shifted(c3), acc(1, 0)) }],
      },
    ],
  )
}

for (const strategy of ['point', 'group'] as const) {
  describe(`reductions, one ${strategy === 'point' ? 'invocation' : 'workgroup'} per row`, () => {
    it('softmax of rows short, ragged and long', async () => {
      for (const [rows, columns] of [
        [3, 1],
        [5, 7],
        [17, 64],
        [2, 1000],
      ] as const) {
        const x = noise(rows * columns).map((v) => v * 5)
        const [got] = await runAs(softmaxKernel(rows, columns), strategy, [x], [rows * columns])
        const want: number[] = []
        for (let r = 0; r < rows; r++) {
          const e = [...x.subarray(r * columns, (r + 1) * columns)].map(Math.exp)
          const sum = e.reduce((a, b) => a + b, 0)
          want.push(...e.map((v) => v / sum))
        }
        expect(distance(got as Float32Array, want), `${rows}x${columns}`).toBeLessThan(2e-6)
      }
    })

    it('reduces over several axes, with every operator, NaN included', async () => {
      const sizes = [3, 4, 5, 6] as const
      const x = noise(360)
      x[100] = Number.NaN
      x[7] = Number.NEGATIVE_INFINITY
      for (const op of ['sum', 'prod', 'max', 'min', 'argmax', 'argmin'] as ReduceOp[]) {
        const [a, b, c, d] = sizes.map(axis) as [
          ReturnType<typeof axis>,
          ReturnType<typeof axis>,
          ReturnType<typeof axis>,
          ReturnType<typeof axis>,
        ]
        const isArg = op.startsWith('arg')
        const value = load(0, at(0, [120, a], [30, b], [6, c], [1, d]))
        const k = kernel(
          [a, c],
          ['float32'],
          [isArg ? 'int32' : 'float32'],
          [
            { kind: 'reduce', axes: [b, d], reductions: [{ op, value, type: isArg ? 'i32' : 'float' }] },
            { kind: 'store', axes: [], stores: [{ buffer: 1, index: flat([a, c]), value: acc(0, 0, isArg ? 'i32' : 'float') }] },
          ],
        )
        const [got] = await runAs(k, strategy, [x], [15])
        const want: number[] = []
        for (let i = 0; i < 3; i++)
          for (let m = 0; m < 5; m++) {
            const list: number[] = []
            for (let j = 0; j < 4; j++) for (let n = 0; n < 6; n++) list.push(x[i * 120 + j * 30 + m * 6 + n] as number)
            const nan = list.findIndex(Number.isNaN)
            if (op === 'sum') want.push(list.reduce((p, q) => p + q, 0))
            else if (op === 'prod') want.push(list.reduce((p, q) => p * q, 1))
            else {
              const extreme = op.endsWith('max') ? Math.max(...list) : Math.min(...list)
              want.push(isArg ? (nan >= 0 ? nan : list.indexOf(extreme)) : extreme)
            }
          }
        expect(distance(got as Float32Array, want), op).toBeLessThan(2e-6)
      }
    })

    it('finds the first of equal extremes', async () => {
      const [r, c] = [axis(4), axis(300)]
      const k = kernel(
        [r],
        ['float32'],
        ['int32'],
        [
          { kind: 'reduce', axes: [c], reductions: [{ op: 'argmax', value: load(0, at(0, [300, r], [1, c])), type: 'i32' }] },
          { kind: 'store', axes: [], stores: [{ buffer: 1, index: flat([r]), value: acc(0, 0, 'i32') }] },
        ],
      )
      const x = new Float32Array(1200)
      x[123] = x[200] = x[301] = 1
      x.fill(-1, 600, 900)
      x.fill(Number.NEGATIVE_INFINITY, 900)
      const [got] = await runAs(k, strategy, [x], [4])
      expect([...(got as Float32Array)]).toEqual([123, 1, 0, 0])
    })

    it('computes what does not depend on a loop once, in front of it', async () => {
      const [r, c] = [axis(6), axis(70)]
      const scale = unary('exp', load(1, at(0, [1, r])))
      const k = kernel(
        [r],
        ['float32', 'float32'],
        ['float32'],
        [
          {
            kind: 'reduce',
            axes: [c],
            reductions: [{ op: 'sum', value: binary('mul', load(0, at(0, [70, r], [1, c])), scale), type: 'float' }],
          },
          { kind: 'store', axes: [], stores: [{ buffer: 2, index: flat([r]), value: binary('add', acc(0, 0), scale) }] },
        ],
      )
      const [x, s] = [noise(420, 5), noise(6, 6)]
      const [got] = await runAs(k, strategy, [x, s], [6])
      const want = [...s].map((v, i) => Math.exp(v) * (1 + x.subarray(i * 70, i * 70 + 70).reduce((p, q) => p + q, 0)))
      expect(distance(got as Float32Array, want)).toBeLessThan(3e-6)
      const { code } = printKernel(k, { kind: 'point', workgroup: 8, elements: 1 })
      const main = code.slice(code.indexOf('fn main'))
      expect(main.match(/f_exp\(/g)).toHaveLength(1)
      expect(main.indexOf('f_exp(')).toBeLessThan(main.indexOf('for ('))
    })
  })
}
