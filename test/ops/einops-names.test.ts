/** @file einops: pack, unpack, parseShape and einsum. Values, shapes and what is an error are those of einops 0.8.2. */
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

describe('einsum', () => {
  it.each<[string, tg.Tensor[], number[], number[]]>([
    ['row mid, mid col -> row col', [counted(2, 3), counted(3, 4)], [2, 4], [20, 23, 26, 29, 56, 68, 80, 92]],
    ['i i ->', [counted(3, 3)], [], [12]],
    ['i i -> i', [counted(3, 3)], [3], [0, 4, 8]],
    ['a_1 b2, C b2, C -> C a_1', [counted(2, 3), counted(4, 3), counted(4)], [4, 2], [0, 0, 14, 50, 46, 172, 96, 366]],
    ['... -> ...', [counted(2, 3)], [2, 3], [0, 1, 2, 3, 4, 5]],
    ['_ a -> a _', [counted(2, 3)], [3, 2], [0, 3, 1, 4, 2, 5]],
    ['... a, ... a -> ...', [counted(2, 1, 3), counted(4, 3)], [2, 4], [5, 14, 23, 32, 14, 50, 86, 122]],
    ['…k, out k -> out …', [counted(1, 3), counted(2, 3)], [2, 1], [5, 14]],
    [', b -> b', [counted(1).reshape(), counted(2)], [2], [0, 0]],
  ])('%s', async (pattern, operands, shape, values) => {
    const y = einops.einsum(...operands, pattern)
    expect(y.shape).toEqual(shape)
    expect([...(await y.data())]).toEqual(values)
  })

  it('has the gradients of its products, and the dtype of a product under autocast', async () => {
    const [a, b] = [counted(2, 3).requiresGrad_(), counted(3, 2).requiresGrad_()]
    einops.einsum(a, b, 'row mid, mid col -> row col').sum().backward()
    expect(await (a.grad as tg.Tensor).toArray()).toEqual([
      [1, 5, 9],
      [1, 5, 9],
    ])
    expect(tg.amp.autocast(() => einops.einsum(a, b, 'row mid, mid col -> row col')).dtype).toBe('float16')
  })

  const x = tg.ones([2, 2])
  it.each<[() => unknown, string]>([
    [() => einops.einsum(x, 'i i'), "einops.einsum: 'i i': one '->' is wanted between the operands and the result"],
    [() => einops.einsum(x, 'a b -> a -> b'), "one '->' is wanted"],
    [() => einops.einsum(x, 'a bc -> d'), "einops.einsum: 'a bc -> d': label d of the result is in no operand"],
    [() => einops.einsum(x, '(a b) -> a'), '(a b) is a dim of several axes'],
    [() => einops.einsum(x, '(...) -> ...'), '(...) is a dim of several axes'],
    [() => einops.einsum(x, 'a () -> a'), '1 is no name'],
    [() => einops.einsum(x, '2 a -> a'), '2 is no name'],
    [() => einops.einsum(x, 'a aa -> aa aa'), 'label aa appears twice in the result'],
    [() => einops.einsum(x, 'a, b -> a'), 'it is of 2 operands, got 1'],
    [() => einops.einsum(x, 'a.. -> a'), "'.' is no axis"],
    [() => einops.einsum(x, 'row col mid -> row'), "operand 0 [2, 2] has 2 dims, its labels 'row col mid' are for 3"],
    [
      () => einops.einsum(x, tg.ones([3, 2]), 'row mid, mid col -> row col'),
      'label mid has size 2 in operand 0 [2, 2] and 3 in operand 1 [3, 2]',
    ],
    [() => einops.einsum('a -> a'), 'it is of 1 operand, got 0'],
    [() => einops.einsum(x as never), 'einops.einsum: the last argument must be a string'],
  ])('%#: %s', (call, message) => expect(call).toThrow(message))
})

describe('parseShape', () => {
  it.each<[number[], string, Record<string, number>]>([
    [[2, 3, 5, 7], 'b _ h w', { b: 2, h: 5, w: 7 }],
    [[2, 3], 'a ...', { a: 2 }],
    [[2, 3, 4], '... c', { c: 4 }],
    [[3, 4, 5, 6], 'a … b', { a: 3, b: 6 }],
    [[2, 1, 3], 'a 1 b', { a: 2, b: 3 }],
    [[2, 1, 3], 'a () b', { a: 2, b: 3 }],
    [[2, 3], 'a 3', { a: 2 }],
    [[2, 3], '(a) b', { a: 2, b: 3 }],
    [[2, 3], '_ _', {}],
    [[0, 3], 'none c', { none: 0, c: 3 }],
    [[], '', {}],
    [[], '...', {}],
  ])('of %j by %s', (shape, pattern, sizes) => expect(einops.parseShape(tg.zeros(shape), pattern)).toEqual(sizes))

  it.each<[number[], string, string]>([
    [[2, 3], 'a 4', "einops.parseShape: 'a 4': dim 1 of x [2, 3] has size 3, 4 is wanted"],
    [[2, 3], 'a ()', 'dim 1 of x [2, 3] has size 3, 1 is wanted'],
    [[2, 3], 'a', "einops.parseShape: 'a' is for 1 dim, x is [2, 3]"],
    [[2, 3], 'a b c', 'is for 3 dims'],
    [[2, 3], '... a b c', 'is for at least 3 dims'],
    [[6], '(a b)', '(a b) is a dim of several axes'],
    [[2, 3], '(...) a', '(...) is a dim of several axes'],
    [[2, 2], 'a a', "axis a appears twice in 'a a'"],
    [[2, 3], '... ...', "'...' appears twice"],
    [[2, 2], '_a b', "'_a' is no axis"],
  ])('of %j by %s is an error', (shape, pattern, message) => expect(() => einops.parseShape(tg.zeros(shape), pattern)).toThrow(message))

  it('gives sizes that rearrange takes', () => {
    const sizes = einops.parseShape(tg.zeros([2, 3, 5, 7]), 'b _ h w')
    expect(einops.rearrange(tg.zeros([700]), '(b c h w) -> b c h w', sizes).shape).toEqual([2, 10, 5, 7])
  })
})

describe('pack and unpack', () => {
  it('are each other’s way back, through any dims, with gradients', async () => {
    const inputs = [counted(2, 5), counted(2, 3, 5), counted(2, 2, 2, 5)].map((x) => x.requiresGrad_())
    const [packed, shapes] = einops.pack(inputs, 'i * k')
    expect(packed.shape).toEqual([2, 8, 5])
    expect(shapes).toEqual([[], [3], [2, 2]])
    expect(await packed.at(1, ':', 0).toArray()).toEqual([5, 15, 20, 25, 20, 25, 30, 35])
    const parts = einops.unpack(packed, shapes, 'i * k')
    for (const [i, part] of parts.entries()) expect(await part.toArray()).toEqual(await (inputs[i] as tg.Tensor).toArray())
    ;(parts[1] as tg.Tensor).sum().backward()
    const grads = await Promise.all(inputs.map(async (x) => [...(await (x.grad as tg.Tensor).data())]))
    expect(grads.map((g) => g.every((v) => v === 1))).toEqual([false, true, false])
  })

  it('take dims of any number and size', () => {
    const [packed, shapes] = einops.pack([counted(2), counted(3, 4), counted(1).reshape()], '*')
    expect(packed.shape).toEqual([15])
    expect(shapes).toEqual([[2], [3, 4], []])
    expect(einops.pack([tg.zeros([0, 3]), tg.zeros([2, 3])], '* c')[0].shape).toEqual([2, 3])
    expect(einops.pack([tg.zeros([4, 0])], 'a *')[1]).toEqual([[0]])
  })

  it.each<[number[], number[][], number[][]]>([
    [
      [2, 13],
      [[], [3, 4]],
      [[2], [2, 3, 4]],
    ],
    [
      [2, 13],
      [[-1], [3, 4]],
      [
        [2, 1],
        [2, 3, 4],
      ],
    ],
    [
      [2, 13],
      [[1], [-1, 4]],
      [
        [2, 1],
        [2, 3, 4],
      ],
    ],
    [
      [2, 13],
      [[1], [-1, 3], [3]],
      [
        [2, 1],
        [2, 3, 3],
        [2, 3],
      ],
    ],
    [
      [2, 0],
      [[0, 3], [-1]],
      [
        [2, 0, 3],
        [2, 0],
      ],
    ],
  ])('unpack %j by %j', (shape, packedShapes, wanted) =>
    expect(einops.unpack(tg.zeros(shape), packedShapes, 'i *').map((y) => y.shape)).toEqual(wanted),
  )

  const x = (...shape: number[]): tg.Tensor => tg.zeros(shape)
  it.each<[() => unknown, string]>([
    [() => einops.pack([x(2, 3)], 'i k'), "einops.pack: 'i k': '*' is wanted where the dims stand that are packed"],
    [() => einops.pack([x(2, 3)], 'i * *'), "'*' appears twice"],
    [() => einops.pack([x(2, 3)], 'i i *'), 'axis i appears twice'],
    [() => einops.pack([x(2, 3), x(2)], 'i * k'), "einops.pack: 'i * k' names 2 dims, tensors[1] is [2]"],
    [() => einops.pack([x(2, 3)], '_a *'), "'_a' is no axis"],
    [() => einops.pack([x(2, 3)], 'a * (b c)'), "'(b' is no axis"],
    [() => einops.pack([], '*'), 'einops.pack: tensors must'],
    [() => einops.pack([x(2, 3), x(3, 3)], 'a *'), 'einops.pack: '],
    [() => einops.unpack(x(2, 13), [[2], [-1, 4]], 'i *'), "packedShapes [[2], [-1, 4]] do not make the size 13 of '*'"],
    [() => einops.unpack(x(2, 13), [[-1], [-1]], 'i *'), 'one size of packedShapes may be -1, got [[-1], [-1]]'],
    [() => einops.unpack(x(2, 13), [[-1, -1]], 'i *'), 'one size of packedShapes may be -1'],
    [() => einops.unpack(x(2, 13), [[20], [-1]], 'i *'), 'do not make the size 13'],
    [() => einops.unpack(x(2, 13), [[12]], 'i *'), 'do not make the size 13'],
    [() => einops.unpack(x(2, 0), [[0, -1]], 'i *'), 'do not make the size 0'],
    [() => einops.unpack(x(2, 13), [[13]], 'i * k'), "einops.unpack: 'i * k' is for 3 dims, x is [2, 13]"],
    [() => einops.unpack(x(2, 13), [13] as never, 'i *'), 'einops.unpack: packedShapes must be shapes'],
  ])('%#: %s', (call, message) => expect(call).toThrow(message))
})
