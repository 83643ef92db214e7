/** @file docs/ops.md is what scripts/ops-table.ts writes, and there are as many cases from PyTorch as it should have. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { DIFFERENCES } from '../scripts/op-differences.ts'
import { PAGE, render } from '../scripts/ops-table.ts'
import { casesByOp } from './support/golden-data.ts'

it('docs/ops.md is what npx tsx scripts/ops-table.ts writes', { timeout: 120_000 }, async () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(await render())
})

it('differences are of ops that are there', () => {
  const ops = casesByOp()
  expect(Object.keys(DIFFERENCES).filter((op) => !ops.has(op))).toEqual([])
})

it('there are at least 2,500 cases', () => {
  const total = [...casesByOp().values()].reduce((sum, cases) => sum + cases.length, 0)
  expect(total).toBeGreaterThanOrEqual(2500)
})
