/** @file The benchmark of single ops compares results before it reports times, and names where tapegrad is slowest. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { CASES, type OpTask, passesOf, printOf, type ReferencePrint, taskName, wrongIn } from '../benchmarks/ops-tasks.ts'
import { opOf } from '../benchmarks/peers/ops-tapegrad.ts'
import { opsTable } from '../benchmarks/report-ops.ts'
import type { OpRow } from '../benchmarks/results.ts'
import { init } from '../src/index.ts'

const reference = JSON.parse(readFileSync(new URL('../benchmarks/reference-ops.json', import.meta.url), 'utf8')) as Record<
  string,
  ReferencePrint[]
>
const tasks = CASES.flatMap((task) => passesOf(task).map((pass): OpTask => ({ task, pass })))
/** Those that a test has time for. */
const SMALL = ['embedding', 'unique', 'einsum abc', 'antialias', 'conv3d', 'topk 10 of [']

describe('results of ops', () => {
  it('have a reference, all of them', () => expect(Object.keys(reference)).toEqual(tasks.map(taskName)))

  it.each(tasks.filter(({ task }) => SMALL.some((name) => task.name.includes(name))).map((task) => [taskName(task), task] as const))(
    'agree with PyTorch: %s',
    async (name, task) => {
      await init({ device: 'cpu' })
      const run = opOf(task)
      expect(wrongIn((await run.read()).map(printOf), reference[name] as ReferencePrint[])).toBeUndefined()
      run.close()
    },
  )

  const values = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i))
  const want: ReferencePrint = { ...printOf(values), exact: false, magnitude: 1000 }
  const changed = (at: number, by: number): Float32Array => values.map((v, i) => (i === at ? v + by : v))

  it.each([
    ['in no number', values, undefined],
    ['in the first', changed(0, 0.01), 'result 1 has'],
    ['in the last', changed(999, 0.01), 'result 1 has'],
    ['in one that is not in the sample', changed(5, 3), 'result 1 adds up to'],
    ['as NaN', changed(5, Number.NaN), 'result 1 adds up to NaN'],
    ['in how many there are', values.subarray(1), 'result 1 has 999 numbers'],
  ])('are seen to be wrong %s', (_, found, words) => {
    const wrong = wrongIn([printOf(found)], [want])
    if (words === undefined) expect(wrong).toBeUndefined()
    else expect(wrong).toContain(words)
  })

  it('are equal where they are integers', () => {
    const places = Int32Array.from({ length: 1000 }, (_, i) => 1000 * i)
    const exact: ReferencePrint = { ...printOf(places), exact: true, magnitude: 1e9 }
    expect(wrongIn([printOf(places)], [exact])).toBeUndefined()
    expect(wrongIn([printOf(places.map((v, i) => v + Number(i === 500)))], [exact])).toContain('adds up to')
  })
})

it('names the worst ratios in order, for each library that has the op', () => {
  const ms = (median: number) => ({ median, lowest: median, highest: median })
  const row = (op: string, own: number, torch: number, tfjs?: number): OpRow => ({
    op,
    pass: 'forward',
    cells: [
      { library: 'tapegrad', ms: ms(own) },
      { library: 'tfjs', ...(tfjs === undefined ? {} : { ms: ms(tfjs) }) },
      { library: 'PyTorch', ms: ms(torch) },
    ],
  })
  const wrong: OpRow = { op: 'd', pass: 'backward', cells: [{ library: 'tapegrad', remark: 'wrong: 3' }, { library: 'tfjs' }, { library: 'PyTorch', ms: ms(1) }] } // biome-ignore format: short
  expect(opsTable([row('a', 2, 1), row('b', 8, 2, 16), row('c', 1, 5, 0.5), wrong])).toMatchInlineSnapshot(`
    [
      "| op | pass | tapegrad | tfjs | PyTorch |",
      "| --- | --- | --- | --- | --- |",
      "| a | forward | 2.00 [2.00–2.00] | – | 1.00 [1.00–1.00] 0.50× |",
      "| b | forward | 8.00 [8.00–8.00] | 16.0 [16.0–16.0] 2.00× | 2.00 [2.00–2.00] 0.25× |",
      "| c | forward | 1.00 [1.00–1.00] | 0.50 [0.50–0.50] 0.50× | 5.00 [5.00–5.00] 5.00× |",
      "| d | backward | no time | – | 1.00 [1.00–1.00] |",
      "",
      "- d, backward, tapegrad: wrong: 3",
      "",
      "tapegrad takes 1.25 times as long as tfjs in the median of 2, and is faster in 1 of them; in these it takes so many times its time:",
      "",
      "- 2.00× c, forward",
      "",
      "tapegrad takes 2.00 times as long as PyTorch in the median of 3, and is faster in 1 of them; in these it takes so many times its time:",
      "",
      "- 4.00× b, forward",
      "- 2.00× a, forward",
    ]
  `)
})
