/** @file More training images out of those that there are. */
import { arange, nn, rand, randint, type Tensor, where } from '../../src/index.ts'
import { SIDE } from './data.ts'

const F = nn.functional
/** The side of an image with a frame of one pixel. */
const FRAMED = SIDE + 2
/** Where in a framed image the image itself begins, counted row by row. */
const UNMOVED = FRAMED + 1

/**
 * Every second image, by chance, moved by up to a pixel along each side; what moves in is 0: [n, 1, 8, 8] → [n, 1, 8, 8]. The numbers come
 * from the default generator, whose state is in the checkpoint.
 */
export function augment(images: Tensor): Tensor {
  const one = [images.shape[0] as number, 1]
  const moved = randint(0, 3, one)
    .mul(FRAMED)
    .add(randint(0, 3, one))
  const corner = where(rand(one).lt(0.5), moved, UNMOVED) // [n, 1]
  const window = arange(SIDE).unsqueeze(1).mul(FRAMED).add(arange(SIDE)).flatten() // [64], from the corner
  return F.pad(images, [1, 1, 1, 1]).flatten(1).gather(1, corner.add(window)).reshape(images.shape)
}
