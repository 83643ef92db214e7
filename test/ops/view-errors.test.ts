/** @file What a wrong call of a view, or of what moves and joins elements, says, whole: the function, the argument, the shapes, and what would fit. */
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'

beforeAll(() => tg.setDefaultDevice(device))

const z = (...shape: number[]): tg.Tensor => tg.zeros(shape)
const i = (values: readonly number[]): tg.Tensor => tg.tensor(values, { dtype: 'int32' })

/** A call by its text in the table, and the whole message. */
const WRONG: readonly (readonly [call: () => unknown, message: string])[] = [
  [() => z(2, 6).reshape(5, -1), 'reshape: 12 elements of [2, 6] do not fill [5, -1]'],
  [() => z(1).reshape(2), 'reshape: [1] has 1 element, [2] has 2'],
  [() => z(1).reshape(2, -1), 'reshape: 1 element of [1] does not fill [2, -1]'],
  [() => z(3).view(-1, -1), 'reshape: only one size may be −1: got [-1, -1]'],
  [() => z(2, 3).viewAs(z(5)), 'viewAs: [2, 3] has 6 elements, [5] has 5'],
  [() => z(2, 3).reshapeAs(z(7)), 'reshapeAs: [2, 3] has 6 elements, [7] has 7'],
  [() => z(2, 3).flatten(1, 0), 'flatten: startDim 1 lies behind endDim 0'],
  [() => z(2).flatten(1), 'flatten: startDim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(2, 6).unflatten(1, [4, -1]), 'unflatten: 6 elements of [6] do not fill [4, -1]'],
  [() => z(2, 6).unflatten(2, [2, 3]), 'unflatten: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z(2).squeeze(1), 'squeeze: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(2, 3).squeeze([0, 0]), 'squeeze: a dim appears twice in [0, 0]'],
  [() => z(2).unsqueeze(2), 'unsqueeze: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z(2, 3).permute(0, 0), 'permute: the order [0, 0] must name each of the 2 dims of [2, 3] once'],
  [() => z(2).permute(0, 1), 'permute: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(2).transpose(0, 1), 'transpose: dim1 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(2, 2, 2).t(), 't: at most 2 dims are wanted, x is [2, 2, 2]. Use transpose(dim0, dim1) or x.mT'],
  [() => z(2).mT, 'mT: at least 2 dims are wanted, x is [2]'],
  [() => z(2).adjoint(), 'adjoint: at least 2 dims are wanted, x is [2]'],
  [() => z(2, 3).movedim([0, 1], [0]), 'movedim: source names 2 dims and destination 1: each dim needs its place'],
  [() => z(2, 3).movedim(0, [0, 1]), 'movedim: source names 1 dim and destination 2: each dim needs its place'],
  [() => z(2, 3).movedim([0, 0], [0, 1]), 'movedim: a dim appears twice in source [0, 0]'],
  [() => z(2, 3).movedim(2, 0), 'movedim: source 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z(2, 3).expand(2), 'expand: [2, 3] does not expand to [2]: only dims of size 1 grow, and new dims stand in front'],
  [() => z(2, 3).expand(3, 3), 'expand: [2, 3] does not expand to [3, 3]: only dims of size 1 grow, and new dims stand in front'],
  [() => z(2, 3).expandAs(z(4, 3)), 'expandAs: [2, 3] does not expand to [4, 3]: only dims of size 1 grow, and new dims stand in front'],
  [() => z(3).broadcastTo([2, 4]), 'broadcastTo: [3] does not expand to [2, 4]: only dims of size 1 grow, and new dims stand in front'],
  [
    () => tg.broadcastTensors(z(2), z(3)),
    'broadcastTensors: shapes do not broadcast: [2] and [3] differ at dim −1 (2 and 3), and neither is 1',
  ],
  [() => tg.narrow(z(2, 3), 1, 2, 2), 'narrow: start 2 and length 2 do not fit dim 1 of [2, 3] (size 3)'],
  [() => tg.narrow(z(), 0, 0, 1), 'narrow: a tensor with dims is wanted, x is 0-d'],
  [() => tg.narrow(z(2), 1, 0, 1), 'narrow: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => tg.narrow(z(2), 0, 0, -1), 'narrow: length must be a whole number ≥ 0, got -1'],
  [() => z(2, 3).select(1, 3), 'select: index 3 is out of range for dim 1 of [2, 3] (size 3)'],
  [() => z().select(0, 0), 'select: a tensor with dims is wanted, x is 0-d'],
  [() => z(2, 3).select(2, 0), 'select: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z(5).split([2, 2]), 'split: the sizes [2, 2] sum to 4, dim 0 of [5] has 5'],
  [() => z(5).split(0), 'split: size must be a whole number ≥ 1, or a shape (an array of whole numbers ≥ 0), got 0'],
  [() => z(5).split(2, 1), 'split: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => tg.splitWithSizes(z(5), [2, 4]), 'splitWithSizes: the sizes [2, 4] sum to 6, dim 0 of [5] has 5'],
  [() => z(5).chunk(0), 'chunk: chunks must be a whole number ≥ 1, got 0'],
  [() => z(5).chunk(2, 1), 'chunk: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(5).unbind(1), 'unbind: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [
    () => z(2, 3).tensorSplit(0),
    'tensorSplit: indicesOrSections must be a whole number ≥ 1, or an array (each element a whole number), got 0',
  ],
  [() => z().tensorSplit(2), 'tensorSplit: a tensor with dims is wanted, x is 0-d'],
  [() => z(2, 3).tensorSplit(2, 2), 'tensorSplit: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z(5).hsplit(2), 'hsplit: dim 0 of [5] (size 5) has no 2 equal parts. Use tensorSplit'],
  [() => z(5).vsplit(1), 'vsplit: at least 2 dims are wanted, x is [5]'],
  [() => z(5, 2).dsplit(1), 'dsplit: at least 3 dims are wanted, x is [5, 2]'],
  [() => z(2).diagonal(), 'diagonal: at least 2 dims are wanted, x has 1'],
  [() => z(2, 3).diagonal(0, 1, 1), 'diagonal: dim1 and dim2 must be two dims, both are 1'],
  [() => z(2, 3).diagonal(0, 0, 2), 'diagonal: dim2 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z().diagEmbed(), 'diagEmbed: a tensor with dims is wanted, x is 0-d'],
  [() => z(2).diagEmbed(0, 1, 1), 'diagEmbed: dim1 and dim2 must be two dims, both are 1'],
  [() => z(2, 2, 2).diag(), 'diag: a vector or a matrix is wanted, x is [2, 2, 2]. Use diagonal or diagEmbed'],
  [() => z(2, 3).diagonalScatter(z(3)), 'diagonalScatter: src [3] must have the shape of the diagonal, [2]'],
  [() => z(2).tril(), 'tril: at least 2 dims are wanted, x is [2]'],
  [() => z(5).unfold(0, 6, 1), 'unfold: a window of 6 is longer than dim 0 of [5] (size 5)'],
  [() => z(5).unfold(0, 2, 0), 'unfold: step must be a whole number ≥ 1, got 0'],
  [() => z(5).unfold(1, 2, 1), 'unfold: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(2, 3).at(0, 0, 0), 'at: 3 indices for a tensor of 2 dims, [2, 3]'],
  [() => z(2).at(0, 0), 'at: 2 indices for a tensor of 1 dim, [2]'],
  [() => z(2).at(2), 'at: index 2 is out of range for dim 0 of [2] (size 2)'],
  [() => z(2).at('0:1:0'), "at: the step of '0:1:0' is 0"],
  [() => z(2).flip(1), 'flip: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z(2).fliplr(), 'fliplr: at least 2 dims are wanted, x is [2]'],
  [() => z().flipud(), 'flipud: at least 1 dim is wanted, x is 0-d'],
  [() => z(2).rot90(), 'rot90: two dims of at least 2 are wanted, got dims [0, 1] and x [2]'],
  [() => z(2, 3).rot90(1, [0]), 'rot90: two dims of at least 2 are wanted, got dims [0] and x [2, 3]'],
  [() => z(2, 3).rot90(1, [1, 1]), 'rot90: the two dims of a plane differ, got [1, 1]'],
  [() => z(2, 3).rot90(1, [0, 2]), 'rot90: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => z(2, 3).roll([1, 2], 0), 'roll: 2 shifts for 1 dim: there is one for each'],
  [() => z(2, 3).roll(1, [0, 1]), 'roll: 1 shift for 2 dims: there is one for each'],
  [() => z(2, 3).roll([1, 2]), 'roll: without dims there is one shift, got 2'],
  [() => z(2).roll(1, 1), 'roll: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => z().roll(1, 0), 'roll: dim 0 is out of range: x is 0-d'],
  [() => z(2, 3).repeat(2), 'repeat: 2 or more counts are wanted for [2, 3], got [2]'],
  [() => z(2, 3).repeat(2, -1), 'repeat: sizes[1] must be a whole number ≥ 0, got -1'],
  [() => z(2).tile(-1), 'tile: sizes[0] must be a whole number ≥ 0, got -1'],
  [() => z(2).repeatInterleave(-1), 'repeatInterleave: repeats must be a whole number ≥ 0, or a Tensor, got -1. Make one with tensor(…)'],
  [() => z(2, 3).repeatInterleave(2, 2), 'repeatInterleave: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [
    () => z(2).repeatInterleave(i([1, 2, 3])),
    'repeatInterleave: repeats [3] must have one element, or one for each of the 2 along dim 0 of [2]',
  ],
  [() => z(2).repeatInterleave(i([1, -2])), 'repeatInterleave: repeats must be ≥ 0, got -2'],
  [() => z(2).repeatInterleave(i([1, 2]), { outputSize: 4 }), 'repeatInterleave: outputSize is 4, repeats sum to 3'],
  [() => z(2).repeatInterleave(2, { outputSize: 5 }), 'repeatInterleave: outputSize is 5, the result has 4 along dim 0'],
  [() => z(2).repeatInterleave(z(2)), "repeatInterleave: repeats must be integers, got float32. Make them with { dtype: 'int32' }"],
  [() => tg.repeatInterleave(z(2, 2).int()), 'repeatInterleave: repeats must have one dim, got [2, 2]'],
  [() => z(2).repeatInterleave(undefined as never, 0), 'repeatInterleave: repeats must be given beside dim'],
  [() => tg.cat([]), 'cat: tensors must have at least 1 element, got []'],
  [() => tg.cat([z(), z()]), 'cat: 0-d tensors have no dim to be joined along. Use stack'],
  [() => tg.cat([z(2, 3), z(2, 4)]), 'cat: sizes other than dim 0 differ: tensors[1] is [2, 4], the first is [2, 3]'],
  [() => tg.cat([z(2), z(2)], 1), 'cat: dim 1 is out of range for a tensor of 1 dim (expected -1 to 0)'],
  [() => tg.stack([]), 'stack: tensors must have at least 1 element, got []'],
  [() => tg.stack([z(2), z(3)]), 'stack: all shapes must agree: tensors[1] is [3], the first is [2]'],
  [() => tg.stack([z(2), z(2)], 2), 'stack: dim 2 is out of range for a tensor of 2 dims (expected -2 to 1)'],
  [() => tg.hstack([z(2, 3), z(3, 3)]), 'hstack: sizes other than dim 1 differ: tensors[1] is [3, 3], the first is [2, 3]'],
  [() => tg.vstack([z(2), z(3)]), 'vstack: sizes other than dim 0 differ: tensors[1] is [1, 3], the first is [1, 2]'],
  [() => tg.dstack([z(2), z(3)]), 'dstack: sizes other than dim 2 differ: tensors[1] is [1, 3, 1], the first is [1, 2, 1]'],
  [() => tg.columnStack([z(2), z(3)]), 'columnStack: sizes other than dim 1 differ: tensors[1] is [3, 1], the first is [2, 1]'],
  [
    () => tg.atleast1d(1 as never),
    'atleast1d: tensors[0] must be a Tensor, or an array (each element a Tensor), got 1. Make one with tensor(…)',
  ],
  [() => tg.meshgrid(z(2, 2), z(2)), 'meshgrid: vectors are wanted, tensors[0] is [2, 2]'],
  [() => tg.meshgrid(z(2), z(2), { indexing: 'yx' as never }), "meshgrid: indexing must be 'ij' or 'xy', got 'yx'"],
  [() => tg.cartesianProd(z(2, 2)), 'cartesianProd: vectors are wanted, tensors[0] is [2, 2]'],
  [() => tg.combinations(z(2, 2)), 'combinations: a vector is wanted, x is [2, 2]'],
  [() => tg.combinations(z(2), -1), 'combinations: r must be a whole number ≥ 0, or options { r, withReplacement }, got -1'],
  [() => tg.blockDiag(z(2, 2, 2)), 'blockDiag: at most two dims are wanted, tensors[0] is [2, 2, 2]'],
  [() => tg.blockDiag(3 as never), 'blockDiag: tensors[0] must be a Tensor, got 3. Make one with tensor(…)'],
]

function messageOf(call: () => unknown): string {
  try {
    call()
  } catch (error) {
    if (error instanceof tg.TapegradError) return error.message
    throw error
  }
  return 'no error'
}

describe('a wrong call', () => {
  it.each(WRONG.map(([call, message]) => [String(call).replace('() => ', ''), call, message] as const))('%s', (_name, call, message) => {
    expect(messageOf(call)).toBe(message)
  })
})

describe('repeatInterleave with repeats that only the device has', () => {
  /** Not on the host, which would find what is wrong at the call. */
  const computed = (values: readonly number[]): tg.Tensor => i(values).add(i(values.map(() => 0)))
  const x = (): tg.Tensor => tg.tensor([10, 20, 30])
  const data = async (repeats: readonly number[], outputSize: number): Promise<number[]> => [
    ...(await x().repeatInterleave(computed(repeats), { outputSize }).data()),
  ]

  it('gives the positions where outputSize is their sum', async () => {
    expect(await data([2, 0, 1], 3)).toEqual([10, 10, 30])
    expect(await data([0, 0, 0], 0)).toEqual([])
  })

  it('refuses another outputSize, and numbers below 0, when it is read', async () => {
    for (const [repeats, outputSize] of [
      [[2, 0, 1], 2],
      [[2, 0, 1], 4],
      [[2, 0, 1], 1],
      [[3, -1, 1], 3],
      [[-1, 2, 2], 3],
      [[0, 0, 0], 2],
    ] as const)
      await expect(data(repeats, outputSize), `${repeats} as ${outputSize}`).rejects.toThrow(
        /^repeatInterleave: outputSize is not the sum of repeats, or one of them is below 0$/,
      )
    const alone = computed([2, 0, 1])
    expect([...(await tg.repeatInterleave(alone, undefined, { outputSize: 3 }).data())]).toEqual([0, 0, 2])
    await expect(tg.repeatInterleave(computed([2, 0, 1]), undefined, { outputSize: 4 }).data()).rejects.toThrow(
      /^repeatInterleave: outputSize/,
    )
  })

  it('asks for outputSize', () => {
    expect(messageOf(() => x().repeatInterleave(computed([1, 1, 1])))).toBe(
      'repeatInterleave: outputSize must be given where only the device has repeats: the shape of the result follows from their sum. Read them first: tensor(await repeats.data())',
    )
  })
})
