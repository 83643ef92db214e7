/** @file The incomplete gamma functions and their slope against values of 60 digits, over a wide grid: the arithmetic of doubles, and float32 on each device. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { gammapdf, igamma, igammac } from '../../src/device/cpu/incomplete-gamma.ts'
import * as tg from '../../src/index.ts'
import { device } from '../support/device.ts'

const file = readFileSync(new URL('../golden/incomplete-gamma.json', import.meta.url), 'utf8')
const table = (JSON.parse(file) as { values: readonly (readonly [number, number, number, number, number])[] }).values
const column = (i: 0 | 1 | 2 | 3 | 4): number[] => table.map((row) => row[i])
const [a, x] = [column(0), column(1)]

const COLUMNS = { igamma: column(2), igammac: column(3), slope: column(4) } as const
const DOUBLE = { igamma, igammac, slope: gammapdf } as const
const names = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]

/** The largest error, as a part of what is allowed: `relative` of the value, and below `least` no more than what is allowed there. */
function worst(got: ArrayLike<number>, wanted: readonly number[], relative: number, least: number): { error: number; at: unknown } {
  let found: { error: number; at: unknown } = { error: 0, at: undefined }
  wanted.forEach((value, i) => {
    const off = got[i] === value ? 0 : Math.abs((got[i] as number) - value) / (relative * Math.max(Math.abs(value), least))
    if (!(off <= found.error)) found = { error: off, at: { a: a[i], x: x[i], value, got: got[i] } }
  })
  return found
}

function expectWithin(got: ArrayLike<number>, wanted: readonly number[], relative: number, least: number): void {
  const { error, at } = worst(got, wanted, relative, least)
  expect(error, JSON.stringify(at)).toBeLessThanOrEqual(1)
}

describe('incomplete gamma functions', () => {
  it.each(names)('%s of doubles is right to 3e-13 of its value, however small', (name) => {
    const got = a.map((shape, i) => DOUBLE[name](shape, x[i] as number))
    expectWithin(got, COLUMNS[name], 3e-13, 1e-290)
  })

  it.each(names)('%s of float32 is right to 1e-6 of its value, or of 0.5', async (name) => {
    const shape = tg.tensor(a, { device })
    const at = tg.tensor(x, { device, requiresGrad: true })
    const y = name === 'igammac' ? tg.igammac(shape, at) : tg.igamma(shape, at)
    if (name === 'slope') y.sum().backward()
    const got = await (name === 'slope' ? (at.grad as tg.Tensor) : y.detach()).data()
    expectWithin(got, COLUMNS[name], 1e-6, 0.5)
    // Small values keep their digits, but for those that the exponential of a large number costs
    expectWithin(got, COLUMNS[name], 2e-5, 1e-30)
  })
})

describe('gradients of the incomplete gamma functions', () => {
  it('are limits at the ends', async () => {
    const [shapes, at] = [
      [1, 1, 0.5, 2, 3, 0, 1e30],
      [0, Infinity, 0, 0, Infinity, 2, 3],
    ]
    const leaf = tg.tensor(at, { device, requiresGrad: true })
    tg.igamma(tg.tensor(shapes, { device }), leaf).sum().backward()
    expect([...(await (leaf.grad as tg.Tensor).data())]).toEqual([1, 0, Infinity, 0, 0, 0, 0])
  })

  it('do not reach a, and the second ones do', async () => {
    const [shape, at] = [2.5, 1.75].map((v) => tg.tensor(v, { device, requiresGrad: true })) as [tg.Tensor, tg.Tensor]
    expect(tg.igamma(shape, 2).requiresGrad).toBe(false)
    const [slope] = tg.grad(tg.igammac(shape, at), [at], { createGraph: true }) as [tg.Tensor]
    const [inShape, inX] = tg.grad(slope, [shape, at]) as [tg.Tensor, tg.Tensor]
    const y = gammapdf(2.5, 1.75)
    expect(await inShape.item()).toBeCloseTo(-y * (Math.log(1.75) - 0.7031566406452432), 5) // ψ(2.5)
    expect(await inX.item()).toBeCloseTo(-y * (1.5 / 1.75 - 1), 5)
  })
})
