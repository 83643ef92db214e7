/** @file What the compiler knows of modules: what they take, what they give, and what stands at a place of a list. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { grad, nn, ones, type Tensor, zeros } from '../../src/index.ts'

class Residual extends nn.Module {
  readonly body: nn.Module
  readonly shortcut: nn.Module
  constructor(body: nn.Module, shortcut: nn.Module = new nn.Identity()) {
    super()
    this.body = body
    this.shortcut = shortcut
  }
  forward(x: Tensor): Tensor {
    return this.body.forward(x).add(this.shortcut.forward(x))
  }
}

class Attention extends nn.Module {
  forward(query: Tensor, key: Tensor): [Tensor, Tensor] {
    return [query, key]
  }
}

describe('a module', () => {
  it('as a field takes a tensor and gives one', () => {
    const block = new Residual(new nn.Linear(3, 3))
    expect(block.forward(zeros([2, 3])).shape).toEqual([2, 3])
    expectTypeOf<nn.Module['forward']>().toBeCallableWith(zeros([1]))
    expectTypeOf(block.shortcut.forward(zeros([2, 3]))).toEqualTypeOf<Tensor>()
  })

  it('that takes or gives something else says so', () => {
    const attention: nn.Module<[Tensor, Tensor], [Tensor, Tensor]> = new Attention()
    expectTypeOf(attention.forward(ones([1]), ones([1]))).toEqualTypeOf<[Tensor, Tensor]>()
    // @ts-expect-error it takes two tensors
    const wrong: nn.Module = attention
    const any: nn.BaseModule = attention
    expect([wrong, any].map((m) => m.parameters().length)).toEqual([0, 0])
  })

  it('in a list is of its kind', () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU(), new nn.Linear(4, 2))
    expectTypeOf(model.at(0)).toEqualTypeOf<nn.Linear>()
    expectTypeOf(model.at(1)).toEqualTypeOf<nn.ReLU>()
    expectTypeOf(model.at(-1)).toEqualTypeOf<nn.Linear | nn.ReLU>()
    expectTypeOf(model.forward).parameters.toEqualTypeOf<[x: Tensor]>()
    expectTypeOf(model.forward(zeros([1, 3]))).toEqualTypeOf<Tensor>()
    const plain: nn.Sequential = model
    expectTypeOf(plain.forward(zeros([1, 3]))).toEqualTypeOf<Tensor>()
    const listed = new nn.Sequential(...[1, 2].map((): nn.Module => new nn.Linear(3, 3)))
    expectTypeOf(listed.forward(zeros([1, 3]))).toEqualTypeOf<Tensor>()
    expectTypeOf(new nn.ModuleList([new nn.Linear(1, 1)]).at(0)).toEqualTypeOf<nn.Linear>()
    for (const block of new nn.ModuleList([new Residual(new nn.ReLU())])) expectTypeOf(block.shortcut).toExtend<nn.Module>()
    expect(model.at(0).inFeatures).toBe(3)
  })

  it('that begins a sequence says what the sequence takes, and the last what it gives', () => {
    const pair = new nn.Sequential(new Attention())
    expectTypeOf(pair.forward(ones([1]), ones([1]))).toEqualTypeOf<[Tensor, Tensor]>()
    expect(pair.forward(ones([1]), zeros([2]))[1].shape).toEqual([2])
  })
})

describe('lists of tensors', () => {
  it('are taken apart into tensors, also where the compiler counts every place as perhaps absent', () => {
    const x = ones([4, 2], { requiresGrad: true })
    const [a, b] = x.chunk(2)
    const [c] = x.split(1)
    const [d] = x.unbind()
    const [g] = grad(a.mul(b).sum().add(c.sum()).add(d.sum()), [x])
    for (const part of [a, b, c, d, g]) expectTypeOf(part).toEqualTypeOf<Tensor>()
    expect([a, b, c, d, g].map((part) => part.shape)).toEqual([[2, 2], [2, 2], [1, 2], [2], [4, 2]])
    const [perhaps] = grad(x.sum(), [x], { allowUnused: true })
    expectTypeOf(perhaps).toEqualTypeOf<Tensor | null>()
  })
})
