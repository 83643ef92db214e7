/** @file Loops of templates written out. */
import { expect, it } from 'vitest'
import { decide, nest, unroll } from '../../src/device/webgpu/unroll.ts'

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
  const parts = 'for (var part = 0u; part < c.k; part += c.part) {'
  const text = `before ${parts} for (var k = part; k < min(part + c.part, c.k); k++) { let s = step(k); } settle(); } after`
  const [k0, k1, k2] = ['3u', 'n', '2u'].map((size, i) => `for (var k${i} = 0u; k${i} < ${size}; k${i}++) {`)
  expect(nest(text, ['3u', 'n'], { step: 'k0 * 4u + k1' })).toBe(`before { ${k0} ${k1} let s = (k0 * 4u + k1); }} settle(); } after`)
  expect(nest(text, [], { step: '0u' })).toBe('before { { let s = (0u); } settle(); } after')
  const cut = nest(text, ['3u', 'n', '2u'], { step: 'k1' }, { axis: 1, part: '64u' })
  const part = 'for (var part = 0u; part < n; part += 64u) {'
  const terms = 'for (var k1 = part; k1 < min(part + 64u, n); k1++) {'
  expect(cut).toBe(`before ${k0} ${part} ${terms} ${k2} let s = (k1); }} settle(); }} after`)
  expect(() => nest('', [], {})).toThrow('no loops over parts')
})

it('decides branches on constants, and leaves others', () => {
  const text = 'if (YES) { a; if (NO) { b; } else { c; } } if (NO) { d; } if (x) { e; } else { f; }'
  expect(decide(text, { YES: true, NO: false }).replace(/ +/g, ' ')).toBe('a; c;  if (x) { e; } else { f; }'.replace(/ +/g, ' '))
})

it('leaves out arrays that nothing uses', () => {
  expect(unroll('var s: array<array<f32, N>, N>; x();', { N: 2 })).toBe(' x();')
})
