/** @file docs/performance.md has the figures of its results files, and reports say who is ahead. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fillPage, markdown, OWN, OWN_ONE_THREAD, OWN_WITH_BLAS } from '../benchmarks/report.ts'
import type { Comparison, Row } from '../benchmarks/results.ts'

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

  it('names the rounds that each table had', () => {
    const tables = [...page.matchAll(/```sh\n.*--rounds (\d+).*\n```\n\n<!-- npm run bench -- --table (\S+) -->/g)]
    expect(tables.length).toBeGreaterThan(3)
    for (const [, rounds, path] of tables) expect(JSON.parse(read(path as string)), path).toMatchObject({ rounds: Number(rounds) })
  })

  it('has no table beside those', () => {
    const outside = fillPage(page, () => JSON.stringify(reportOf([]))).split('\n')
    const rows = outside.filter((line) => line.startsWith('|') && !/^\| (task|goal|---) /.test(line))
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
    expect(text).toContain('| e | tapegrad | 2.00 [2.00–2.00] | 1.00× | 2.0 GFLOP/s | – | – | – |')
  })
})

describe('a report of device cpu', () => {
  const timed = (task: string, library: string, median: number, more: Partial<Row> = {}): Row => ({
    task,
    library,
    ms: { median, lowest: median, highest: median },
    ...more,
  })
  const bytes = 80e6
  const text = markdown({
    ...reportOf([
      timed('mlp', OWN, 2),
      timed('mlp', OWN_ONE_THREAD, 4),
      timed('mlp', OWN_WITH_BLAS, 1),
      timed('mlp', 'jax-js, 1 thread', 3),
      timed('mlp', 'jax-js with workers, 2 threads', 2.5),
      timed('mlp', 'PyTorch, 2 threads', 0.5),
      { task: 'matmul1024', library: OWN, remark: 'no time: the product is off' },
      timed('elementwise', OWN, 8, { bytes }),
      timed('elementwise', 'copy by memmove, 1 thread', 6, { bytes }),
      timed('elementwise', 'copy by memmove, 2 threads', 5, { bytes }),
    ]),
    device: 'cpu',
  })

  it('holds each goal that has figures against the best set-up of others, as they come and with workers', () => {
    expect(text).toContain('| mlp | tapegrad | jax-js, 1 thread | 1.43× | 1.50× | met |')
    expect(text).toContain('| mlp | tapegrad | jax-js with workers, 2 threads | 1.43× | 1.25× | **missed** |')
    expect(text).toContain('| mlp | tapegrad with a system BLAS | PyTorch, 2 threads | 0.50× | 0.50× | met |')
    expect(text).toContain('| elementwise | tapegrad | copy by memmove, 2 threads | 0.60× | 0.63× | met |')
  })

  it('compares like with like in words, and no library with a copy', () => {
    expect(text).toContain('- Against jax-js with workers, 2 threads: ahead in mlp (1.25×); behind in none.')
    expect(text).toContain('- With 1 thread, against jax-js, 1 thread: ahead in none; behind in mlp (0.75×).')
    expect(text).toContain('- With a system BLAS, against PyTorch, 2 threads: ahead in none; behind in mlp (0.50×).')
    expect(text).not.toMatch(/With (1 thread|a system BLAS), against jax-js with|[Aa]gainst copy|[Aa]gainst tapegrad with/)
  })

  it('has bytes per second where a task is about memory', () => {
    expect(text).toContain('| elementwise | tapegrad | 8.00 [8.00–8.00] | 1.00× | 10.0 GB/s | – | – | – |')
  })
})

describe('a report of what recording costs', () => {
  const reading = (every: number, median: number) => ({ every, median, lowest: median, highest: median })
  const { date, adapter, machine, rounds } = reportOf([])
  const text = markdown({ kind: 'overhead', date, adapter, machine, rounds, ops: 100, readings: [reading(1, 5.2), reading(10, 4)] })

  it('says for each way of reading whether the goal is met', () => {
    expect(text).toContain('| every step | 5.20 [5.20–5.20] | 0.52 | **missed** |')
    expect(text).toContain('| every 10 steps | 4.00 [4.00–4.00] | 0.40 | met |')
  })
})
