/** @file Loops of templates written out. */
import { expect, it } from 'vitest'
import { unroll } from '../../src/device/webgpu/unroll.ts'

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
