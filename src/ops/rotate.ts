/** @file The same elements in other places: flip, fliplr, flipud, roll, rot90. They are copies, as in PyTorch, whose elements are found by index arithmetic. */
import { counted, listOf, normalizeDim, oneOf, ShapeError, showShape, signature, underName, WHOLE } from '../base/index.ts'
import { DIM, DIMS, NamedArguments, TENSOR, type Tensor } from '../tensor/index.ts'
import { clone } from './convert.ts'
import { cat } from './join.ts'
import { flip, narrowTo } from './slice.ts'
import { reshapeTo, transpose } from './view.ts'

const FLIPLR = signature('fliplr', { x: TENSOR })
const FLIPUD = signature('flipud', { x: TENSOR })

/** The columns in reverse. @throws ShapeError for less than 2 dims. @see https://pytorch.org/docs/stable/generated/torch.fliplr.html */
export function fliplr(x: Tensor): Tensor {
  FLIPLR.check(x)
  if (x.ndim < 2) throw new ShapeError('fliplr', `at least 2 dims are wanted, x is ${showShape(x.shape)}`, [x.shape])
  return underName('fliplr', () => flip(x, 1))
}

/** The rows in reverse. @throws ShapeError for a 0-d tensor. @see https://pytorch.org/docs/stable/generated/torch.flipud.html */
export function flipud(x: Tensor): Tensor {
  FLIPUD.check(x)
  if (x.ndim < 1) throw new ShapeError('flipud', 'at least 1 dim is wanted, x is 0-d', [x.shape])
  return underName('flipud', () => flip(x, 0))
}

/** By how much, and along which dims. */
export interface RollOptions {
  /** By how many places towards higher positions: one number, or one for each of `dims`. */
  readonly shifts?: number | readonly number[]
  /** One dim for each shift; without any, the elements in row-major order. */
  readonly dims?: number | readonly number[]
}
/** (shifts, dims), the last by name where that is wanted. */
export type RollArguments = [shifts: number | readonly number[], dims?: number | readonly number[] | RollOptions] | [options: RollOptions]

const ROLL = new NamedArguments<RollOptions>('roll', { x: TENSOR }, { shifts: oneOf(WHOLE, listOf(WHOLE, 1)), dims: DIMS })

const listOfOne = (x: number | readonly number[] | undefined): readonly number[] => (x === undefined ? [] : typeof x === 'number' ? [x] : x)

/**
 * The elements moved on by `shifts` along `dims`; what leaves at the end comes in at the front.
 * @throws ShapeError where there is not one shift for each dim.
 * @see https://pytorch.org/docs/stable/generated/torch.roll.html
 * @example tensor([1, 2, 3]).roll(1) // [3, 1, 2]
 */
export function roll(x: Tensor, ...args: RollArguments): Tensor {
  const given = ROLL.read(x, ...args)
  return underName('roll', () => {
    const [shifts, dims] = [listOfOne(given.shifts), listOfOne(given.dims)]
    if (dims.length === 0) {
      if (shifts.length !== 1) throw new ShapeError('roll', `without dims there is one shift, got ${shifts.length}`)
      return own(reshapeTo(rolled(reshapeTo(x, [x.numel()]), shifts[0] as number, 0), x.shape))
    }
    if (shifts.length !== dims.length)
      throw new ShapeError('roll', `${counted(shifts.length, 'shift')} for ${counted(dims.length, 'dim')}: there is one for each`)
    if (x.ndim === 0) throw new ShapeError('roll', `dim ${dims[0]} is out of range: x is 0-d`, [x.shape])
    return own(dims.reduce((y, dim, i) => rolled(y, shifts[i] as number, normalizeDim('roll', dim, x.ndim)), x))
  })
}

function rolled(x: Tensor, shift: number, d: number): Tensor {
  const n = x.shape[d] as number
  const by = n === 0 ? 0 : ((shift % n) + n) % n
  return by === 0 ? x : cat([narrowTo(x, d, n - by, by), narrowTo(x, d, 0, n - by)], d)
}

/** As a copy, also where nothing moved. */
function own(y: Tensor): Tensor {
  const copied = clone(y)
  return copied
}

/** How often, and in which plane. */
export interface Rot90Options {
  /** How many quarter turns, from the first dim towards the second: 1 by default. */
  readonly k?: number
  /** The two dims of the plane: [0, 1] by default. */
  readonly dims?: readonly number[]
}
/** (k, dims), the last by name where that is wanted. */
export type Rot90Arguments = [k?: number, dims?: readonly number[] | Rot90Options] | [options: Rot90Options]

const ROT90 = new NamedArguments<Rot90Options>('rot90', { x: TENSOR }, { k: WHOLE, dims: listOf(DIM) })

/**
 * `x` turned by k · 90° in the plane of two dims.
 * @throws ShapeError for other than two different dims.
 * @see https://pytorch.org/docs/stable/generated/torch.rot90.html
 */
export function rot90(x: Tensor, ...args: Rot90Arguments): Tensor {
  const { k = 1, dims = [0, 1] } = ROT90.read(x, ...args)
  return underName('rot90', () => {
    if (dims.length !== 2 || x.ndim < 2)
      throw new ShapeError('rot90', `two dims of at least 2 are wanted, got dims ${showShape(dims)} and x ${showShape(x.shape)}`, [x.shape])
    const [a, b] = dims.map((d) => normalizeDim('rot90', d, x.ndim)) as [number, number]
    if (a === b) throw new ShapeError('rot90', `the two dims of a plane differ, got ${showShape(dims)}`, [x.shape])
    const turns = ((k % 4) + 4) % 4
    if (turns === 0) return clone(x)
    if (turns === 2) return flip(x, a, b)
    const turned = turns === 1 ? transpose(flip(x, b), a, b) : transpose(flip(x, a), a, b)
    turned._owned()
    return turned
  })
}
