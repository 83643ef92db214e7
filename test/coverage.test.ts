/** @file docs/coverage.md is true, and says that at least nine of ten names of PyTorch that can apply are here. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { entries, isThere, PAGE, render, share } from '../scripts/coverage.ts'
import { OTHERWISE, REASONS } from '../scripts/coverage-reasons.ts'

describe('docs/coverage.md', () => {
  it('is what npx tsx scripts/coverage.ts writes', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(render())
  })

  it.each(['torch', 'Tensor', 'functional'] as const)('of %s at least nine of ten applicable names are here', (module) => {
    const { here, applicable } = share(entries().filter((entry) => entry.module === module))
    expect(here / applicable).toBeGreaterThanOrEqual(0.9)
  })

  it('what stands for another name is there', () => {
    const named = Object.entries(OTHERWISE).filter(([, ours]) => /^[\w.]+$/.test(ours) && !/^(Math\.|Infinity|NaN)/.test(ours))
    const types = ['DType', 'DeviceName', 'Shape']
    expect(named.length).toBeGreaterThan(5)
    expect(named.filter(([name, ours]) => !types.includes(ours) && !isThere(name.split('.')[0] as 'torch', ours))).toEqual([])
  })

  it('each reason is given for some name', () => {
    const given = new Set(entries().map(({ why }) => why))
    expect(REASONS.filter(({ why }) => !given.has(why)).map(({ why }) => why)).toEqual([])
  })
})
