/** @file In-place forms of what goes along dims: each gives what the op gives, in the dtype of the tensor, with its gradient. */
import { describe, expect, it } from 'vitest'
import { type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

type Form = readonly [name: string, op: (x: Tensor) => Tensor, inPlace: (x: Tensor) => Tensor]
const FORMS: readonly Form[] = [
  ['cumsum_', (x) => x.cumsum(-1), (x) => x.cumsum_(-1)],
  ['cumprod_', (x) => x.cumprod({ dim: 0 }), (x) => x.cumprod_({ dim: 0 })],
  ['renorm_', (x) => x.renorm(2, 0, 1.5), (x) => x.renorm_(2, 0, 1.5)],
]

describe.each(FORMS)('%s', (name, op, inPlace) => {
  it('is the op, with its gradient, behind the same handle', async () => {
    const make = (): Tensor =>
      tensor(
        [
          [1, 2, -0.5],
          [0.25, -1, 0.5],
        ],
        { device, requiresGrad: true },
      )
    const [a, b] = [make(), make()]
    const want = op(a.mul(2))
    const x = b.mul(2)
    expect(inPlace(x)).toBe(x)
    expect(await x.toArray()).toEqual(await want.toArray())
    want.square().sum().backward()
    x.square().sum().backward()
    expect(await b.grad?.toArray()).toEqual(await a.grad?.toArray())
  })

  it('keeps the dtype', () => {
    if (name === 'renorm_') return
    const x = tensor([[1], [2]], { device, dtype: 'uint8' })
    expect(inPlace(x).dtype).toBe('uint8')
  })

  it('is an error of a leaf that requires grad', () => {
    expect(() => inPlace(tensor([[1, 2]], { device, requiresGrad: true }))).toThrow(name)
  })
})
