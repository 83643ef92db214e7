/** @file Channels and places exchanged: pixelShuffle, pixelUnshuffle, channelShuffle. They move elements only. */
import { ArgumentError, type Shape, ShapeError, showShape, signature, whole } from '../base/index.ts'
import { TENSOR, type Tensor } from '../tensor/index.ts'
import { defineComposition } from './define.ts'
import { ownShape } from './indexing.ts'
import { permute, reshape } from './view.ts'

const FACTOR = whole(1)
const PIXEL_SHUFFLE = signature('pixelShuffle', { x: TENSOR, upscaleFactor: FACTOR })
const PIXEL_UNSHUFFLE = signature('pixelUnshuffle', { x: TENSOR, downscaleFactor: FACTOR })
const CHANNEL_SHUFFLE = signature('channelShuffle', { x: TENSOR, groups: FACTOR })

/** The leading dims of an image, and its last three. */
function imageOf(op: string, x: Tensor): { readonly lead: Shape; readonly image: readonly [number, number, number] } {
  if (x.ndim < 3) throw new ShapeError(op, `x must be [..., channels, height, width], got ${showShape(x.shape)}`, [x.shape])
  return { lead: x.shape.slice(0, -3), image: x.shape.slice(-3) as unknown as [number, number, number] }
}

/** The last five dims in another order, behind those in `lead`. */
const lastFive = (x: Tensor, lead: number, order: readonly number[]): Tensor =>
  permute(x, [...Array.from({ length: lead }, (_, d) => d), ...order.map((d) => lead + d)])

/**
 * Channels spread over places: of every r² channels one, r times as high and as wide, where r is the factor.
 * @param x [..., C · r², H, W]
 * @returns [..., C, H · r, W · r]
 * @throws ShapeError where the channels do not divide by r².
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_shuffle.html
 * @example pixelShuffle(zeros([1, 9, 4, 4]), 3).shape // [1, 1, 12, 12]
 */
export const pixelShuffle: (x: Tensor, upscaleFactor: number) => Tensor = defineComposition(
  'pixelShuffle',
  (x: Tensor, upscaleFactor: number) => {
    const op = 'pixelShuffle'
    PIXEL_SHUFFLE.check(x, upscaleFactor)
    const { lead, image } = imageOf(op, x)
    const [channels, h, w] = image
    const r = upscaleFactor
    if (channels % (r * r) !== 0)
      throw new ShapeError(op, `x ${showShape(x.shape)} has ${channels} channels, which do not divide by ${r}² = ${r * r}`, [x.shape])
    const c = channels / (r * r)
    const apart = lastFive(reshape(x, [...lead, c, r, r, h, w]), lead.length, [0, 3, 1, 4, 2])
    return ownShape(apart, [...lead, c, h * r, w * r])
  },
  { half: 'keep' },
)

/**
 * Places gathered into channels: the inverse of {@link pixelShuffle}.
 * @param x [..., C, H · r, W · r]
 * @returns [..., C · r², H, W]
 * @throws ShapeError where height or width do not divide by r.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.functional.pixel_unshuffle.html
 * @example pixelUnshuffle(zeros([1, 1, 12, 12]), 3).shape // [1, 9, 4, 4]
 */
export const pixelUnshuffle: (x: Tensor, downscaleFactor: number) => Tensor = defineComposition(
  'pixelUnshuffle',
  (x: Tensor, downscaleFactor: number) => {
    const op = 'pixelUnshuffle'
    PIXEL_UNSHUFFLE.check(x, downscaleFactor)
    const { lead, image } = imageOf(op, x)
    const [c, height, width] = image
    const r = downscaleFactor
    if (height % r !== 0 || width % r !== 0)
      throw new ShapeError(op, `x ${showShape(x.shape)} is ${height} high and ${width} wide, which do not divide by ${r}`, [x.shape])
    const [h, w] = [height / r, width / r]
    const apart = lastFive(reshape(x, [...lead, c, h, r, w, r]), lead.length, [0, 2, 4, 1, 3])
    return ownShape(apart, [...lead, c * r * r, h, w])
  },
  { half: 'keep' },
)

/**
 * Channels of all groups in turn: channel i of group g becomes channel i · groups + g.
 * @param x [batch, channels, ...]
 * @returns as x
 * @throws ShapeError for fewer than 3 dims; ArgumentError where channels do not divide into the groups.
 * @see https://pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
 * @example channelShuffle(arange(4).reshape(1, 4, 1), 2) // channels 0, 2, 1, 3
 */
export const channelShuffle: (x: Tensor, groups: number) => Tensor = defineComposition(
  'channelShuffle',
  (x: Tensor, groups: number) => {
    const op = 'channelShuffle'
    CHANNEL_SHUFFLE.check(x, groups)
    if (x.ndim < 3) throw new ShapeError(op, `x must be [batch, channels, ...] of at least 3 dims, got ${showShape(x.shape)}`, [x.shape])
    const [n, channels, ...rest] = x.shape as readonly number[] as [number, number, ...number[]]
    if (channels % groups !== 0) throw new ArgumentError(op, `channels must be divisible by groups, got ${channels} and ${groups}`)
    const apart = reshape(x, [n, groups, channels / groups, ...rest])
    return ownShape(permute(apart, [0, 2, 1, ...rest.map((_, i) => 3 + i)]), x.shape)
  },
  { half: 'keep' },
)
