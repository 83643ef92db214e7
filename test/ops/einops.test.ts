/** @file einops: known results, random patterns against plain loops, gradients, and what errors say. */
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'

const { einops } = tg
const counted = (...shape: number[]): tg.Tensor =>
  tg
    .arange(
      shape.reduce((a, b) => a * b, 1),
      { device, dtype: 'float32' },
    )
    .reshape(shape)

describe('known results', () => {
  // Values of PyTorch's reshape and permute
  it.each<[string, () => tg.Tensor, unknown]>([
    [
      'transposed',
      () => einops.rearrange(counted(2, 3), 'a b -> b a'),
      [
        [0, 3],
        [1, 4],
        [2, 5],
      ],
    ],
    [
      'taken apart',
      () => einops.rearrange(counted(4, 2), '(h w) c -> c h w', { h: 2 }),
      [
        [
          [0, 2],
          [4, 6],
        ],
        [
          [1, 3],
          [5, 7],
        ],
      ],
    ],
    [
      'put together',
      () => einops.rearrange(counted(2, 2, 2), 'a b c -> (c a) b'),
      [
        [0, 2],
        [4, 6],
        [1, 3],
        [5, 7],
      ],
    ],
    ['dims of size 1', () => einops.rearrange(counted(1, 2), '1 a -> a () 1'), [[[0]], [[1]]]],
    [
      "'...'",
      () => einops.rearrange(counted(2, 1, 2), 'a ... -> ... a'),
      [
        [
          [0, 2],
          [1, 3],
        ],
      ],
    ],
    ["'...' in parentheses", () => einops.rearrange(counted(2, 1, 2), 'a ... -> (... a)'), [0, 2, 1, 3]],
    [
      "'(...)'",
      () => einops.rearrange(counted(2, 1, 2), 'a ... -> (...) a'),
      [
        [0, 2],
        [1, 3],
      ],
    ],
    [
      'a list',
      () => einops.rearrange([counted(2), counted(2).add(5)], 'n a -> a n'),
      [
        [0, 5],
        [1, 6],
      ],
    ],
    [
      'pooled',
      () => einops.reduce(counted(4, 4), '(h 2) (w 2) -> h w', 'max'),
      [
        [5, 7],
        [13, 15],
      ],
    ],
    ['a mean of all', () => einops.reduce(counted(2, 3), '... ->', 'mean'), 2.5],
    ['a product', () => einops.reduce(counted(2, 3), 'a b -> b', 'prod'), [0, 4, 10]],
    ['by a function', () => einops.reduce(counted(2, 3), 'a b -> a', (x, dims) => x.sum(dims).mul(2)), [6, 24]],
    [
      'repeated',
      () => einops.repeat(counted(2), 'a -> a 2'),
      [
        [0, 0],
        [1, 1],
      ],
    ],
    ['repeated within a dim', () => einops.repeat(counted(2), 'a -> (r a)', { r: 2 }), [0, 1, 0, 1]],
    ['repeated in place', () => einops.repeat(counted(2), 'a -> (a r)', { r: 2 }), [0, 0, 1, 1]],
  ])('%s', async (_, f, want) => {
    const y = f()
    expect(y.ndim === 0 ? await y.item() : await y.toArray()).toEqual(want)
  })

  it('have their shape where they are empty, and gradients', async () => {
    expect(einops.rearrange(tg.zeros([0, 6]), 'a (b c) -> b a c', { c: 3 }).shape).toEqual([2, 0, 3])
    const x = counted(2, 2).requiresGrad_()
    einops
      .reduce(einops.repeat(x, 'a b -> (a r) b', { r: 3 }), 'a b -> b', 'sum')
      .mul(tg.tensor([1, 10], { device }))
      .sum()
      .backward()
    expect(await (x.grad as tg.Tensor).toArray()).toEqual([
      [3, 30],
      [3, 30],
    ])
  })
})

describe('random patterns', () => {
  it('move elements as plain loops do', async () => {
    const wrong: string[] = []
    for (let seed = 1; seed <= 60; seed++) {
      let state = seed * 7919
      const next = (n: number): number => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
        return (state >> 8) % n
      }
      const sizes = Object.fromEntries([...'abcde'].slice(0, 2 + next(4)).map((name) => [name, 1 + next(3)]))
      const names = Object.keys(sizes)
      const grouped = (list: readonly string[]): string[][] => {
        const groups: string[][] = []
        for (const name of list)
          if (groups.length > 0 && next(3) === 0) groups.at(-1)?.push(name)
          else groups.push([name])
        return groups
      }
      const textOf = (groups: readonly string[][]): string =>
        groups.map((g) => (g.length === 1 ? (g[0] as string) : `(${g.join(' ')})`)).join(' ')
      const product = (list: readonly string[]): number => list.reduce((n, name) => n * (sizes[name] as number), 1)
      const left = grouped(names)
      const all = names.slice().sort(() => next(3) - 1)
      const kept = all.filter(() => next(4) > 0)
      const right = grouped(kept)
      const pattern = `${textOf(left)} -> ${textOf(right)}`
      const x = counted(...left.map(product))
      const y = einops.reduce(x, pattern, 'sum', sizes)
      const want = new Float64Array(product(kept))
      const at: Record<string, number> = {}
      const visit = (d: number, from: number): void => {
        if (d === names.length) {
          const to = kept.reduce((p, name) => p * (sizes[name] as number) + (at[name] as number), 0)
          want[to] = (want[to] as number) + from
          return
        }
        const name = names[d] as string
        for (let i = 0; i < (sizes[name] as number); i++) {
          at[name] = i
          visit(d + 1, from * (sizes[name] as number) + i)
        }
      }
      visit(0, 0)
      if (y.shape.join() !== right.map(product).join() || [...(await y.data())].join() !== [...want].join()) wrong.push(pattern)
    }
    expect(wrong).toEqual([])
  })
})

describe('errors', () => {
  const x = tg.ones([2, 10, 3])
  it.each<[string, () => unknown, string]>([
    [
      'a size that does not divide',
      () => einops.rearrange(x, 'b (h w) c -> b c h w', { h: 4 }),
      "einops.rearrange: 'b (h w) c -> b c h w': dim 1 of x [2, 10, 3] has size 10, which (h w) with h = 4 does not divide",
    ],
    [
      'sizes that do not make it',
      () => einops.rearrange(x, 'b (h w) c -> b c h w', { h: 4, w: 2 }),
      'which (h w) with h = 4, w = 2 does not make',
    ],
    [
      'two open sizes',
      () => einops.rearrange(x, 'b (h w) c -> b c h w'),
      'the sizes of h and w in (h w) do not follow from its size 10: give all but one',
    ],
    ['dims', () => einops.rearrange(x, 'a b -> b a'), "einops.rearrange: 'a b -> b a': 'a b' is for 2 dims, x is [2, 10, 3]"],
    ['a lost axis', () => einops.rearrange(x, 'a b c -> a b'), 'c of the left is not on the right. reduce drops axes'],
    ['a new axis', () => einops.rearrange(x, 'a b c -> a b c d'), 'd of the right is not on the left. repeat adds axes'],
    ['a new axis without a size', () => einops.repeat(x, 'a b c -> a b c d'), 'd is new on the right: give its size, { d: … }'],
    ['a size of no axis', () => einops.rearrange(x, 'a b c -> c b a', { d: 2 }), 'there is no axis d, whose size is given'],
    ['a size that is none', () => einops.rearrange(x, 'a b c -> c b a', { a: 1.5 }), 'the size of a must be a whole number ≥ 0, got 1.5'],
    ['an axis twice', () => einops.rearrange(x, 'a a c -> a c'), "axis a appears twice in 'a a c'"],
    ['arrows', () => einops.rearrange(x, 'a b c'), "one '->' is wanted between what is and what shall be"],
    ['parentheses', () => einops.rearrange(x, '(a (b)) c -> a b c'), 'parentheses stand in parentheses'],
    ['an open parenthesis', () => einops.rearrange(x, '(a b c -> a b c'), "a '(' is not closed"],
    ['an underscore', () => einops.rearrange(x, '_a b c -> b c _a'), "'_a' is no axis: a name neither begins nor ends with an underscore"],
    ['another character', () => einops.rearrange(x, 'a, b c -> a b c'), "',' is no axis"],
    ["'...' on the right", () => einops.rearrange(x, 'a b c -> ... a b c'), "'...' stands on the right, and not on the left"],
    ['a number', () => einops.rearrange(x, '2 b c -> b c'), 'an axis of size 2 without a name'],
    ['a 1 that is none', () => einops.rearrange(x, '1 b c -> b c'), 'dim 0 of x [2, 10, 3] has size 2, and 1 is wanted'],
    [
      'a reduction',
      () => einops.reduce(x, 'a b c -> a', 'median' as never),
      "einops.reduce: reduction must be 'mean', 'max', 'min', 'sum', 'prod', 'any' or 'all', or a function, got 'median'",
    ],
    ['a mean of integers', () => einops.reduce(x.int(), 'a b c -> a', 'mean'), 'einops.reduce: x must be of a float dtype, got int32'],
  ])('of %s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
