/** @file Backward by value: accumulation, shared graphs, freeing, versions, second order, depth, and its errors by text. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  AutogradError,
  add,
  backward,
  cdist,
  grad,
  linalg,
  matmul,
  maximum,
  mul,
  noGrad,
  ones,
  setDefaultDevice,
  stack,
  type Tensor,
  tensor,
  zeros,
} from '../../src/index.ts'
import { device, wide } from '../support/device.ts'

beforeAll(() => setDefaultDevice(device))

const leaf = (values: number | number[] | number[][]): Tensor => tensor(values, { requiresGrad: true, dtype: wide })
const gradOf = async (x: Tensor): Promise<unknown> => x.grad?.toArray()

describe('backward', () => {
  it('brings the derivative of a chain to the leaf', async () => {
    const x = leaf([1, 2, 3])
    x.mul(x).sum().backward()
    expect(await gradOf(x)).toEqual([2, 4, 6])
  })

  it('sums over the ways by which a value is used', async () => {
    const x = leaf(3)
    const y = x.mul(2)
    add(y.mul(y), y).backward() // 4x² + 2x
    expect(await gradOf(x)).toBe(26)
  })

  it('accumulates over several backwards until grad is cleared', async () => {
    const x = leaf([1, 1])
    x.mul(2).sum().backward()
    x.mul(3).sum().backward()
    expect(await gradOf(x)).toEqual([5, 5])
    x.grad = null
    x.sum().backward()
    expect(await gradOf(x)).toEqual([1, 1])
  })

  it('sums what was broadcast back to the shape of each operand', async () => {
    const a = leaf([[1], [2]])
    const b = leaf([10, 20, 30])
    a.mul(b).sum().backward()
    expect(await gradOf(a)).toEqual([[60], [60]])
    expect(await gradOf(b)).toEqual([3, 3, 3])
  })

  it('casts a gradient back to the dtype of its leaf', async () => {
    const h = tensor([1, 2], { dtype: 'float16', requiresGrad: true })
    h.float().mul(3).sum().backward()
    expect(h.grad?.dtype).toBe('float16')
    expect(await gradOf(h)).toEqual([3, 3])
  })

  it('takes a gradient for results of more than one element', async () => {
    const x = leaf([1, 2])
    x.mul(x).backward(tensor([10, 1], { dtype: wide }))
    expect(await gradOf(x)).toEqual([20, 4])
  })

  it('starts from several results at once', async () => {
    const x = leaf(2)
    backward([x.mul(3), x.mul(x)], [null, tensor(10, { dtype: wide })])
    expect(await gradOf(x)).toBe(43)
  })

  it('finds an extreme of computed values again, whether its value was read before or not', async () => {
    const extremes = { amax: (x: Tensor) => x.amax(), amin: (x: Tensor) => x.amin(), norm: (x: Tensor) => x.norm(Number.POSITIVE_INFINITY), vectorNorm: (x: Tensor) => linalg.vectorNorm(x, Number.NEGATIVE_INFINITY), cdist: (x: Tensor) => cdist(x.reshape([1, 3]), zeros([1, 3]), Number.POSITIVE_INFINITY), maximum: (x: Tensor) => maximum(x, x.add(1)).amax() } // biome-ignore format: a table
    for (const [name, extreme] of Object.entries(extremes)) {
      for (const isRead of [false, true]) {
        const x = tensor([0.1, 0.7, 0.3], { requiresGrad: true })
        const y = extreme(x.mul(0.3).div(7).add(0.01)).sum()
        if (isRead) await y.item()
        y.backward()
        expect(await x.grad?.sum().item(), name).toBeCloseTo(0.3 / 7, 6)
      }
    }
  })

  it('follows ordinary control flow', async () => {
    const power = (x: Tensor, n: number): Tensor => (n === 0 ? ones([], { dtype: wide }) : mul(x, power(x, n - 1)))
    const x = leaf(2)
    power(x, 4).backward()
    expect(await gradOf(x)).toBe(32)
  })

  it('gives each leaf a gradient of its own', async () => {
    const a = leaf([1])
    const b = leaf([1])
    add(a, b).sum().backward()
    a.grad?.mul_(5)
    expect(await gradOf(b)).toEqual([1])
  })

  it('differentiates a list of tensors through stack', async () => {
    const parts = [leaf([1, 2]), leaf([3, 4])]
    stack(parts)
      .mul(
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { dtype: wide },
        ),
      )
      .sum()
      .backward()
    expect(await gradOf(parts[1] as Tensor)).toEqual([3, 4])
  })
})

describe('what is kept and what is freed', () => {
  it('a second backward names the op whose values are gone, and retainGraph', () => {
    const x = leaf([1, 2])
    const y = x.mul(x).sum()
    y.backward()
    expect(() => y.backward()).toThrow(/Mul saved has been freed.*retainGraph: true/)
  })

  it('retainGraph allows a second backward', async () => {
    const x = leaf([1, 2])
    const y = x.mul(x).sum()
    y.backward({ retainGraph: true })
    y.backward()
    expect(await gradOf(x)).toEqual([4, 8])
  })

  it('ops that save nothing may be walked again', async () => {
    const x = leaf([1, 2])
    const y = x.add(1).sum()
    y.backward()
    y.backward()
    expect(await gradOf(x)).toEqual([2, 2])
  })

  it('a tensor that was changed after it was saved is an error that names op and versions', () => {
    const x = leaf([1, 2])
    const y = x.mul(2)
    const z = y.exp().sum()
    const w = y.mul(y).sum()
    y.add_(1)
    expect(() => w.backward()).toThrow(/input [ab] of mul \[2\].*changed in place: it is at version 1, version 0 was saved/)
    expect(() => z.backward()).not.toThrow() // exp reads its result, which nobody changed
  })

  it('what no gradient needs is not kept: changing it is no error', async () => {
    const x = leaf([1, 2])
    const c = tensor([3, 3], { dtype: wide })
    const h = c.mul(2)
    const y = x.add(h)
    h.mul_(100)
    y.sum().backward()
    expect(await gradOf(x)).toEqual([1, 1])
  })
})

describe('in place', () => {
  it('on an interior tensor is differentiated', async () => {
    const x = leaf([1, 2])
    const y = x.mul(3)
    y.mul_(y)
    y.sum().backward()
    expect(await gradOf(x)).toEqual([18, 36])
  })

  it('on a leaf that requires grad is an error outside noGrad, and fine inside', async () => {
    const x = leaf([1, 2])
    expect(() => x.add_(1)).toThrow(/add_: a leaf that requires grad.*noGrad/)
    noGrad(() => x.add_(1))
    expect(await x.toArray()).toEqual([2, 3])
    expect(x.requiresGrad && x.isLeaf).toBe(true)
    expect(x.version).toBe(1)
  })

  it('copy_ takes the values of another tensor, broadcast and converted', async () => {
    const x = zeros([2, 2], { dtype: 'float32' })
    x.copy_(tensor([1, 2], { dtype: 'int32' }))
    expect(await x.toArray()).toEqual([
      [1, 2],
      [1, 2],
    ])
  })

  it('does not change the dtype of its tensor', () => {
    expect(() => tensor([1, 2], { dtype: 'int32' }).add_(0.5)).toThrow(/add_: the result is float32, which int32 does not hold/)
  })
})

describe('gradients of gradients', () => {
  it('createGraph gives the second derivative', async () => {
    const x = leaf([1, 2])
    const [g] = grad(x.pow(3).sum(), x, { createGraph: true })
    const [h] = grad((g as Tensor).sum(), x)
    expect(await h?.toArray()).toEqual([6, 12])
  })

  it('backward with createGraph leaves a differentiable grad', async () => {
    const x = leaf(2)
    x.pow(3).backward({ createGraph: true })
    const first = x.grad as Tensor
    expect(first.requiresGrad).toBe(true)
    x.grad = null
    first.backward()
    expect(await gradOf(x)).toBe(12)
  })

  it('reach through matmul', async () => {
    const a = leaf([
      [1, 2],
      [3, 4],
    ])
    const [g] = grad(matmul(a, a).sum(), a, { createGraph: true })
    const [h] = grad((g as Tensor).mul(g as Tensor).sum(), a)
    // Σ(aa) has gradient J aᵀ + aᵀ J with J all ones; its square's gradient, worked out by hand in integers
    const A = [
      [1, 2],
      [3, 4],
    ]
    const at = (m: number[][], i: number, j: number): number => (m[i] as number[])[j] as number
    const G = [0, 1].map((i) => [0, 1].map((j) => at(A, j, 0) + at(A, j, 1) + at(A, 0, i) + at(A, 1, i)))
    const row = (m: number[][], i: number): number => at(m, i, 0) + at(m, i, 1)
    const column = (m: number[][], j: number): number => at(m, 0, j) + at(m, 1, j)
    // G_ij = Σ_k a_jk + Σ_k a_ki, so ∂Σ G²/∂a_pq = 2 (Σ_i G_ip + Σ_j G_qj)
    expect(await h?.toArray()).toEqual([0, 1].map((p) => [0, 1].map((q) => 2 * (column(G, p) + row(G, q)))))
  })
})

describe('grad', () => {
  it('answers gradients of interior tensors and touches no leaf', async () => {
    const x = leaf([1, 2])
    const h = x.mul(2)
    const [gh, gx] = grad(h.mul(h).sum(), [h, x])
    expect(await gh?.toArray()).toEqual([4, 8])
    expect(await gx?.toArray()).toEqual([8, 16])
    expect(x.grad).toBe(null)
  })

  it('an input that was not used is an error, null or zeros', async () => {
    const x = leaf([1])
    const unused = leaf([2, 3])
    const y = (): Tensor => x.mul(2).sum()
    expect(() => grad(y(), [x, unused])).toThrow(/inputs\[1\] \[2\] was not used.*allowUnused/)
    expect(grad(y(), [x, unused], { allowUnused: true })[1]).toBe(null)
    const [, zero] = grad(y(), [x, unused], { materializeGrads: true })
    expect(await zero?.toArray()).toEqual([0, 0])
  })

  it('computes only what lies on the way to its inputs', () => {
    const x = leaf([1])
    const other = leaf([1])
    let seen = 0
    const side = other.mul(2)
    side.registerHook(() => {
      seen++
    })
    grad(add(x.mul(3), side).sum(), x)
    expect(seen).toBe(0)
  })

  it('takes gradOutputs', async () => {
    const x = leaf([1, 2])
    const [g] = grad(x.mul(x), x, { gradOutputs: tensor([1, 10], { dtype: wide }) })
    expect(await g?.toArray()).toEqual([2, 40])
  })
})

describe('errors', () => {
  it('a result of several elements needs a gradient', () => {
    expect(() => leaf([1, 2]).mul(2).backward()).toThrow(/results of one element; this one is \[2\]/)
  })
  it('a gradient of another shape is refused', () => {
    expect(() =>
      leaf([1, 2])
        .mul(2)
        .backward(ones([3])),
    ).toThrow(/the gradient is \[3\], the tensor \[2\]/)
  })
  it('a tensor without a graph is refused', () => {
    expect(() => tensor([1]).sum().backward()).toThrow(AutogradError)
    expect(() => tensor([1]).sum().backward()).toThrow(/does not require grad/)
  })
  it('integers cannot require grad', () => {
    expect(() => tensor([1], { dtype: 'int32', requiresGrad: true })).toThrow(/float dtype.*int32/)
  })
  it('an interior tensor cannot stop requiring grad', () => {
    const y = leaf([1]).mul(2)
    expect(() => y.requiresGrad_(false)).toThrow(/detach\(\)/)
  })
})
