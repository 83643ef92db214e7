/** @file Loops of templates written out. */
import { expect, it } from 'vitest'
import { nest, unroll } from '../../src/device/webgpu/unroll.ts'

it('writes out loops to named constants and turns their arrays into variables', () => {
  const text = `var x: array<f32, N>;
for (var i = 0u; i < N; i++) { x[i] = f(i); }`
  expect(unroll(text, { N: 2 })).toBe(
    `var x_0: f32; var x_1: f32;
x[0u] = f(0u);
x[1u] = f(1u);`.replace(/x\[(\d)u\]/g, 'x_$1'),
  )
})

it('gives every copy that declares something a scope, and nests', () => {
  const text = `for (var i = 0u; i < N; i++) { let a = i; for (var j = 0u; j < M; j++) { s[i][j] = a; } }`
  const copies = unroll(text, { N: 2, M: 1 })
  expect(copies.match(/let a = \du;/g)).toEqual(['let a = 0u;', 'let a = 1u;'])
  expect(copies.match(/\{ let/g)).toHaveLength(2)
  expect(copies).toContain('s[1u][0u] = a;')
})

it('leaves other loops and arrays as they are', () => {
  const text = `var x: array<f32, 4>;
for (var i = 0u; i < c.k; i++) { x[i] = x[0u]; }
for (var i = 0u; i < SIZE; i++) { x[i] = 1.0; }`
  expect(unroll(text, { N: 2 })).toBe(text)
})

it('folds the places of grouped elements', () => {
  const text = `var x: array<f32, N>;
for (var g = 0u; g < G; g++) { for (var s = 0u; s < S; s++) { x[g * S + s] = f(g, s); } }`
  expect(unroll(text, { N: 4, G: 2, S: 2 })).toContain('x_3 = f(1u, 1u);')
})

it('turns a loop into loops over several axes, or into none', () => {
  const text = 'before for (var k = 0u; k < c.k; k++) { let s = step(k); } after'
  expect(nest(text, 'k', ['3u', 'n'], { step: 'k0 * 4u + k1' })).toBe(
    'before for (var k0 = 0u; k0 < 3u; k0++) { for (var k1 = 0u; k1 < n; k1++) { let s = (k0 * 4u + k1); }} after',
  )
  expect(nest(text, 'k', [], { step: '0u' })).toBe('before { let s = (0u); } after')
  expect(() => nest(text, 'm', [], {})).toThrow('no loop over m')
})
