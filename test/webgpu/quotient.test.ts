/** @file Division by a reciprocal, as shaders/lib/bits.wgsl does it, in float32 arithmetic on the host. */
import { expect, it } from 'vitest'
import { inverseBits } from '../../src/device/webgpu/uniforms.ts'

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

function quotient(x: number, by: number): number {
  u32[0] = inverseBits(by)
  const q = Math.floor(Math.fround(Math.fround(x) * (f32[0] as number)))
  return x - q * by >= by ? q + 1 : q
}

it('is exact below 2²⁴ for quotients below 2²¹, above all next to multiples', () => {
  for (let by = 9; by < 5000; by = Math.ceil(by * 1.01)) {
    const most = Math.min(2 ** 24, by * 2 ** 21) - 1
    const last = Math.floor(most / by)
    for (const q of [0, 1, 2, 3, 1000, last >> 1, last - 1, last]) {
      for (const x of [q * by - 1, q * by, q * by + 1])
        if (x >= 0 && x <= most) expect(quotient(x, by), `${x} / ${by}`).toBe(Math.floor(x / by))
    }
  }
  for (const by of [2 ** 20, 2 ** 23, 2 ** 24 - 1, 12_345_677])
    for (const x of [0, by - 1, by, 2 ** 24 - 1]) if (x < 2 ** 24) expect(quotient(x, by), `${x} / ${by}`).toBe(Math.floor(x / by))
})
