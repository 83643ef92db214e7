/** @file docs/performance.md has the figures of its results files, and reports say who is ahead. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Comparison, fillPage, markdown, type Row } from '../benchmarks/report.ts'

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')

describe('docs/performance.md', () => {
  const page = read('docs/performance.md')

  it('has the tables that its results files give', () => {
    const used: string[] = []
    const filled = fillPage(page, (path) => {
      used.push(path)
      return read(path)
    })
    expect(used.length).toBeGreaterThan(0)
    expect(page, '`npm run bench -- --page` writes them').toBe(filled)
  })

  it('has no table beside those', () => {
    const outside = fillPage(page, () => JSON.stringify(reportOf([]))).split('\n')
    const rows = outside.filter((line) => line.startsWith('|') && !/^\| (task|---) /.test(line))
    expect(rows).toEqual([])
  })
})

const reportOf = (rows: Row[]): Comparison => ({
  kind: 'comparison',
  date: '2026-01-01',
  adapter: 'some adapter',
  machine: 'some machine',
  rounds: 3,
  torch: '1.0',
  steps: 10,
  tolerance: 1e-4,
  rows,
})

describe('a report', () => {
  const timed = (task: string, library: string, median: number): Row => ({ task, library, ms: { median, lowest: median, highest: median } })
  const text = markdown(
    reportOf([
      { ...timed('a', 'tapegrad', 10), firstStepMs: 1234, dispatches: 7 },
      timed('a', 'other', 25),
      timed('b', 'tapegrad', 10),
      timed('b', 'other', 4),
      timed('c', 'tapegrad', 10),
      timed('c', 'other', 10.4),
      timed('d', 'tapegrad', 10),
      { task: 'd', library: 'other', remark: 'no time: loss 10 is 3' },
      { ...timed('e', 'tapegrad', 2), flop: 4e6 },
      { task: 'e', library: 'other', remark: 'failed' },
    ]),
  )

  it('says against each library where tapegrad is ahead, even or behind, and what had no time', () => {
    expect(text).toContain('- Against other: ahead in a (2.50×); even in c (1.04×); behind in b (0.40×); no comparison: d, e.')
  })

  it('has times, ratios, rates and remarks in its rows, and a dash for what is not there', () => {
    expect(text).toContain('| a | tapegrad | 10.0 [10.0–10.0] | 1.00× | – | 1234 | 7 | – |')
    expect(text).toContain('| d | other | – | – | – | – | – | no time: loss 10 is 3 |')
    expect(text).toContain('| e | tapegrad | 2.00 [2.00–2.00] | 1.00× | 2.0 | – | – | – |')
  })
})
