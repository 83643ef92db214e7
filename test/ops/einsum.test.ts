/** @file einsum: random equations against plain loops, with their gradients; the order of products; its kernels; what its errors say. And those of other products. */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { contractionOrder } from '../../src/ops/contraction-order.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { device } from '../support/device.ts'

// ── random equations ──

/** A generator of numbers from 0 to below n (mulberry32). */
function random(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

interface Drawn {
  readonly equation: string
  readonly shapes: readonly (readonly number[])[]
  /** The labels of each operand and of the result, with those of '...'. */
  readonly inputs: readonly string[][]
  readonly output: readonly string[]
  readonly sizes: ReadonlyMap<string, number>
}

const LETTERS = 'abcdeXYZ'

function draw(seed: number): Drawn {
  const next = random(seed)
  const sizes = new Map<string, number>([...LETTERS, '1', '2'].map((l) => [l, 1 + next(4)]))
  const withDots = next(3) === 0
  const operands = Array.from({ length: 1 + next(4) }, () => {
    const letters = Array.from({ length: next(4) }, () => LETTERS[next(5 + next(3))] as string)
    const rank = withDots ? next(3) : 0
    const at = next(letters.length + 1)
    const dots = Array.from({ length: rank }, (_, i) => String(rank - i))
    return {
      text: withDots ? [...letters.slice(0, at), '...', ...letters.slice(at)].join('') : letters.join(next(4) === 0 ? ' ' : ''),
      labels: withDots ? [...letters.slice(0, at), ...dots, ...letters.slice(at)] : letters,
    }
  })
  const all = [...new Set(operands.flatMap((o) => o.labels))]
  const rank = Math.max(0, ...all.filter((l) => /\d/.test(l)).map(Number))
  const dots = Array.from({ length: rank }, (_, i) => String(rank - i))
  const letters = all.filter((l) => !/\d/.test(l)).filter(() => next(2) === 0)
  letters.sort(() => next(3) - 1)
  // A dim of size 1 in place of another, where its label is not repeated in the operand
  const shapes = operands.map(({ labels }) =>
    labels.map((l) => (next(6) === 0 && labels.indexOf(l) === labels.lastIndexOf(l) ? 1 : (sizes.get(l) as number))),
  )
  for (const [l] of sizes) {
    const found = shapes.flatMap((shape, i) => shape.filter((_, d) => operands[i]?.labels[d] === l))
    sizes.set(l, Math.max(1, ...found))
  }
  const implicit = next(4) === 0
  const flat = operands.flatMap((o) => o.labels)
  const once = flat.filter((l) => !/\d/.test(l) && flat.indexOf(l) === flat.lastIndexOf(l)).sort()
  const left = operands.map((o) => o.text).join(',')
  return {
    equation: implicit ? left : `${left}->${withDots ? '...' : ''}${letters.join('')}`,
    shapes,
    inputs: operands.map((o) => o.labels),
    output: [...dots, ...(implicit ? once : letters)],
    sizes,
  }
}

/** Σ in plain loops, and the gradients for a gradient of the result. */
function plain({ shapes, inputs, output, sizes }: Drawn, values: readonly Float64Array[], g: (i: number) => number) {
  const labels = [...new Set([...output, ...inputs.flat()])]
  const outSizes = output.map((l) => sizes.get(l) as number)
  const y = new Float64Array(outSizes.reduce((a, b) => a * b, 1))
  const grads = values.map((v) => new Float64Array(v.length))
  const at = new Map<string, number>()
  const place = (names: readonly string[], shape: readonly number[]): number =>
    names.reduce((p, l, d) => p * (shape[d] as number) + (shape[d] === 1 ? 0 : (at.get(l) as number)), 0)
  const visit = (depth: number): void => {
    if (depth < labels.length) {
      for (let i = 0; i < (sizes.get(labels[depth] as string) as number); i++) {
        at.set(labels[depth] as string, i)
        visit(depth + 1)
      }
      return
    }
    const places = inputs.map((names, i) => place(names, shapes[i] as readonly number[]))
    const factors = places.map((p, i) => values[i]?.[p] as number)
    const o = place(output, outSizes)
    y[o] = (y[o] as number) + factors.reduce((a, b) => a * b, 1)
    places.forEach((p, i) => {
      const grad = grads[i] as Float64Array
      grad[p] = (grad[p] as number) + g(o) * factors.reduce((a, b, k) => (k === i ? a : a * b), 1)
    })
  }
  visit(0)
  return { y, grads, shape: outSizes }
}

const near = (got: ArrayLike<number>, want: ArrayLike<number>): boolean =>
  got.length === want.length && Array.from(want).every((w, i) => Math.abs((got[i] as number) - w) <= 1e-5 * (1 + Math.abs(w)))

describe('random equations', () => {
  it('give what plain loops give, and so do their gradients', async () => {
    const runs = Array.from({ length: device === 'cpu' ? 150 : 40 }, (_, seed) => {
      const drawn = draw(seed)
      const next = random(seed + 10_000)
      const values = drawn.shapes.map((shape) => Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next(9) / 4 - 1))
      const x = values.map((v, i) =>
        tg.tensor(Float32Array.from(v), { shape: [...(drawn.shapes[i] as number[])], device, requiresGrad: true }),
      )
      const y = tg.einsum(drawn.equation, ...x)
      const weight = (i: number): number => (i % 5) / 2 - 1
      const g = Float32Array.from({ length: y.numel() }, (_, i) => weight(i))
      y.backward(tg.tensor(g, { shape: [...y.shape], device }))
      return { drawn, x, y, want: plain(drawn, values, weight) }
    })
    const wrong: string[] = []
    for (const { drawn, x, y, want } of runs) {
      const text = `${drawn.equation} of ${drawn.shapes.map((s) => `[${s}]`).join(' ')}`
      if (y.shape.join() !== want.shape.join()) wrong.push(`${text}: shape ${y.shape} instead of ${want.shape}`)
      else if (!near(await y.data(), want.y)) wrong.push(text)
      for (const [i, leaf] of x.entries())
        if (!near(await (leaf.grad as tg.Tensor).data(), want.grads[i] as Float64Array)) wrong.push(`${text}: gradient ${i}`)
    }
    expect(wrong).toEqual([])
  }, 120_000)

  it('of many operands, whose order is chosen step by step', async () => {
    const x = Array.from({ length: 12 }, (_, i) =>
      tg.tensor(
        [
          [1, i / 12],
          [0, 1],
        ],
        { device },
      ),
    )
    const letters = 'abcdefghijklm'
    const equation = `${x.map((_, i) => letters.slice(i, i + 2)).join(',')}->am`
    const y = await tg.einsum(equation, ...x).toArray()
    expect((y as number[][])[0]?.[1]).toBeCloseTo(66 / 12, 5)
  })
})

// ── what is computed ──

describe('the order of products', () => {
  const sizesOf = (entries: Readonly<Record<string, number>>): Map<string, number> => new Map(Object.entries(entries))
  it('takes the fewest multiplications', () => {
    const inputs = [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'd'],
    ]
    const last = { inputs, output: ['a', 'd'], sizes: sizesOf({ a: 100, b: 100, c: 100, d: 1 }) }
    const first = { inputs, output: ['a', 'd'], sizes: sizesOf({ a: 1, b: 100, c: 100, d: 100 }) }
    expect(contractionOrder(last)).toEqual([
      [1, 2],
      [0, 1],
    ])
    expect(contractionOrder(first)).toEqual([
      [0, 1],
      [0, 1],
    ])
  })
})

describe('kernels', () => {
  const kernelsOf = async (f: () => tg.Tensor): Promise<number> => {
    await f().data() // settles what is known of the graph
    await f().data()
    const before = deviceCounters(device).dispatches
    await f().data()
    return deviceCounters(device).dispatches - before
  }
  const stored = (...shape: number[]): tg.Tensor => tg.tensor(new Float32Array(shape.reduce((n, s) => n * s, 1)).fill(1), { shape, device })
  const [a, b, c, d] = [stored(3, 8, 4, 16), stored(3, 8, 5, 16), stored(3, 4, 8, 16), stored(3, 5, 8, 16)]
  const [u, v] = [stored(7), stored(9)]
  it.each([
    ['a product of batches', (): tg.Tensor => tg.einsum('bhqd,bhkd->bhqk', a, b)],
    ['one whose batch dims are apart', (): tg.Tensor => tg.einsum('bqhd,bkhd->bhqk', c, d)],
    ['a result in the order of the second operand', (): tg.Tensor => tg.einsum('bhqd,bhkd->bhkq', a, b)],
    ['an outer product', (): tg.Tensor => tg.einsum('i,j->ij', u, v)],
    ['a product and a sum of single elements', (): tg.Tensor => tg.einsum('bhqd,bhqd->bhq', a, a)],
  ])('%s is one', async (_, f) => {
    expect(await kernelsOf(f)).toBe(1)
  })
})

describe('in place', () => {
  it('addmm_ and its kin are their functions, put behind the handle', async () => {
    const make = (...shape: number[]): tg.Tensor =>
      tg
        .arange(
          shape.reduce((n, s) => n * s, 1),
          { device, dtype: 'float32' },
        )
        .reshape(shape)
        .clone()
    const options = { beta: 2, alpha: -1 }
    const pairs: [tg.Tensor, tg.Tensor][] = [
      [tg.addmm(make(2, 3), make(2, 2), make(2, 3), options), make(2, 3).addmm_(make(2, 2), make(2, 3), options)],
      [tg.addmv(make(2), make(2, 3), make(3), options), make(2).addmv_(make(2, 3), make(3), options)],
      [tg.addr(make(2, 3), make(2), make(3), options), make(2, 3).addr_(make(2), make(3), options)],
      [tg.addbmm(make(2, 2), make(3, 2, 2), make(3, 2, 2), options), make(2, 2).addbmm_(make(3, 2, 2), make(3, 2, 2), options)],
      [tg.baddbmm(make(3, 2, 2), make(3, 2, 2), make(3, 2, 2), options), make(3, 2, 2).baddbmm_(make(3, 2, 2), make(3, 2, 2), options)],
    ]
    for (const [want, got] of pairs) expect(await got.toArray()).toEqual(await want.toArray())
    expect(() => make(1, 3).addmm_(make(2, 2), make(2, 3))).toThrow('addmm_: the result is [2, 3], which does not fit x [1, 3]')
  })
})

// ── errors ──

describe('errors', () => {
  const x = tg.ones([2, 3])
  const square = tg.ones([2, 2])
  const bools = tg.ones([2, 2], { dtype: 'bool' })
  it.each<[string, () => unknown, string]>([
    [
      'sizes',
      () => tg.einsum('ij,jk->ik', x, square),
      "einsum: 'ij,jk->ik': label j has size 3 in operand 0 [2, 3] and 2 in operand 1 [2, 2]",
    ],
    [
      "sizes of '...'",
      () => tg.einsum('...i,...i', x.t(), square.t()),
      "einsum: '...i,...i': dim −1 of '...' has size 3 in operand 0 [3, 2] and 2 in operand 1 [2, 2]",
    ],
    ['a diagonal', () => tg.einsum('ii', x), "einsum: 'ii': label i is repeated in operand 0 [2, 3], whose sizes there differ: 2 and 3"],
    ['too many labels', () => tg.einsum('ijk', x), "einsum: 'ijk': operand 0 [2, 3] has 2 dims, its labels 'ijk' are for 3"],
    [
      'too few labels',
      () => tg.einsum('i', x),
      "einsum: 'i': operand 0 [2, 3] has 2 dims, its labels 'i' are for 1. '...' stands for the others",
    ],
    ['another character', () => tg.einsum('i$', x), "einsum: 'i$': '$' of operand 0 is no label: labels are the letters a to z and A to Z"],
    ['a dot', () => tg.einsum('i.j', x), "einsum: 'i.j': a dot of operand 0 is no part of '...'"],
    ['dots twice', () => tg.einsum('...i...', x), "einsum: '...i...': operand 0 has '...' more than once"],
    ['arrows', () => tg.einsum('ij->i->j', x), "einsum: 'ij->i->j': it has more than one '->'"],
    ['a label twice', () => tg.einsum('ij->ii', x), "einsum: 'ij->ii': label i appears twice in the result"],
    ['an unknown label', () => tg.einsum('ij->ik', x), "einsum: 'ij->ik': label k of the result is in no operand"],
    ['operands', () => tg.einsum('ij,jk', x), "einsum: 'ij,jk': it is of 2 operands, got 1"],
    ['bools', () => tg.einsum('ij,jk', bools, bools), "einsum: 'ij,jk': bools have no sum of products. Convert with .float()"],
    [
      'subscripts',
      () => tg.einsum(x, [0, 52]),
      "einsum: the subscripts of operand 0[1] must be a whole number from 0 to 51, or '...', got 52",
    ],
    [
      'no equation',
      () => tg.einsum(3 as never),
      "einsum: equation must be an equation as 'ij,jk->ik', or a Tensor with its list of subscripts, got 3",
    ],
    ['mv', () => tg.mv(x, tg.ones([2])), 'mv: inner sizes differ: x is [2, 3] (dim 1: 3), vector is [2] (dim 0: 2)'],
    ['mv of vectors', () => tg.mv(tg.ones([2]), tg.ones([2])), 'mv: x must have 2 dims: x is [2], vector is [2]'],
    ['inner', () => tg.inner(x, square), 'inner: inner sizes differ: a is [2, 3] (dim 1: 3), b is [2, 2] (dim 1: 2)'],
    ['outer', () => tg.outer(x, x), 'outer: a must have 1 dim: a is [2, 3], b is [2, 3]'],
    ['addmm', () => tg.addmm(tg.ones([5]), square, x), "addmm: input [5] does not broadcast to the product's [2, 3]"],
    ['addmm inner', () => tg.addmm(square, x, x), 'addmm: inner sizes differ: mat1 is [2, 3] (dim 1: 3), mat2 is [2, 3] (dim 0: 2)'],
    [
      'addmm of integers',
      () => tg.addmm(square.int(), square.int(), square.int(), { alpha: 0.5 }),
      'addmm: alpha must be a whole number beside int32, got 0.5. Convert with .float()',
    ],
    [
      'baddbmm',
      () => tg.baddbmm(x, tg.ones([2, 2, 3]), tg.ones([3, 3, 2])),
      'baddbmm: batches differ: batch1 is [2, 2, 3], batch2 is [3, 3, 2]',
    ],
    [
      'tensordot',
      () => tg.tensordot(x, x, 1),
      'tensordot: sizes differ: dim 1 of a and 0 of b, which go together, has size 3 in a [2, 3] and 2 in b [2, 3]',
    ],
    ['tensordot lists', () => tg.tensordot(x, x, [[0, 1], [0]]), 'tensordot: dims must name as many of b as of a, got 1 and 2'],
    [
      'chainMatmul',
      () => tg.chainMatmul(x, x),
      'chainMatmul: inner sizes differ: tensors[0] is [2, 3] (last 3), tensors[1] is [2, 3] (first 2)',
    ],
    ['multiDot', () => tg.linalg.multiDot([x, tg.ones([3]), x]), 'multiDot: tensors[1] must have 2 dims, it is [3]'],
    [
      'matrixPower',
      () => tg.matrixPower(square, -1),
      'matrixPower: n must be ≥ 0, got -1: negative powers need the inverse of x, which is not there yet',
    ],
    ['matrixPower of no square', () => tg.matrixPower(x, 2), 'matrixPower: square matrices [..., m, m] are wanted, x is [2, 3]'],
    ['cdist', () => tg.cdist(x, square), 'cdist: [..., n, k] and [..., m, k] are wanted: x1 is [2, 3], x2 is [2, 2]'],
    ['cdist p', () => tg.cdist(x, x, -1), 'cdist: p must be a number ≥ 0, or Infinity, or options { p, computeMode }, got -1'],
    ['pdist', () => tg.pdist(tg.ones([3])), 'pdist: x must have 2 dims, it is [3]'],
    [
      'bilinear',
      () => tg.bilinear(x, x, tg.ones([2, 3, 4])),
      'bilinear: [..., in1], [..., in2] and [out, in1, in2] are wanted: x1 is [2, 3], x2 is [2, 3], weight is [2, 3, 4]',
    ],
  ])('of %s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
