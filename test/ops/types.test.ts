/** @file What the compiler promises: typed methods, and no op without a rule for every input. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Shape, Tensor, ValuesIndices } from '../../src/index.ts'
import { tensor } from '../../src/index.ts'
import { defineOp } from '../../src/ops/define.ts'
import { opRegistry } from '../../src/ops/index.ts'

describe('methods', () => {
  it('have the types of their functions', () => {
    const x = tensor([[1, 2]])
    expectTypeOf(x.add).parameters.toEqualTypeOf<[b: Tensor | number | boolean, options?: { readonly alpha?: number }]>()
    expectTypeOf(x.reshape(2, 1)).toEqualTypeOf<Tensor>()
    expectTypeOf(x.reshape([2, 1])).toEqualTypeOf<Tensor>()
    expectTypeOf(x.at('1:', null, [0])).toEqualTypeOf<Tensor>()
    expectTypeOf(x.max()).toEqualTypeOf<Tensor>()
    expectTypeOf(x.max(1)).toEqualTypeOf<ValuesIndices>()
    expectTypeOf(x.var({ correction: 0 })).toEqualTypeOf<Tensor>()
    expectTypeOf(x.shape).toEqualTypeOf<Shape>()
    // @ts-expect-error a dtype is one of the names
    expect(() => x.to('float')).toThrow(/^to: target must be a dtype/)
  })
})

describe('a definition', () => {
  it('without a rule for an input does not compile', () => {
    const name = 'withoutRule'
    // @ts-expect-error the rule of b is missing
    defineOp(name, { inputs: ['a', 'b'], forward: (a, _b, _: undefined) => a, vjp: { a: 'none' } })
    expect(opRegistry.get(name)?.differentiable).toEqual([])
  })

  it('of one name twice is refused', () => {
    expect(() => defineOp('mul', { inputs: ['x'], forward: (x, _: undefined) => x, vjp: { x: 'none' } })).toThrow(/defined twice/)
  })
})
