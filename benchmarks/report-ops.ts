/** @file What `npm run bench -- ops` found: its table, and where tapegrad is slowest beside each of the others. */
import { COMPARED, figure, median, OWN } from './report.ts'
import type { OpRow } from './results.ts'

/** How many of the worst are named. */
const WORST = 12

export const opsHead = (libraries: readonly string[]): string[] => [
  `| op | pass | ${libraries.join(' | ')} |`,
  `| --- | --- | ${libraries.map(() => '---').join(' | ')} |`,
]

const timeOf = ({ cells }: OpRow, library: string): number | undefined => cells.find((cell) => cell.library === library)?.ms?.median

/** Times, with how many times tapegrad's the others' are. */
export function opLine(row: OpRow): string {
  const own = timeOf(row, OWN)
  const cells = row.cells.map(({ library, ms, remark }) => {
    if (!ms) return remark ? 'no time' : '–'
    const range = `${figure(ms.median)} [${figure(ms.lowest)}–${figure(ms.highest)}]`
    return own && library !== OWN ? `${range} ${(ms.median / own).toFixed(2)}×` : range
  })
  return `| ${[row.op, row.pass, ...cells].join(' | ')} |`
}

/** Why libraries have no time. */
const remarks = (rows: readonly OpRow[]): string[] =>
  rows.flatMap(({ op, pass, cells }) => cells.flatMap(({ library, remark }) => (remark ? [`- ${op}, ${pass}, ${library}: ${remark}`] : [])))

/** Against each library: in how many tapegrad is faster, the median of the ratios, and where it takes longest for its time. */
export function worstRatios(rows: readonly OpRow[]): string[] {
  const libraries = rows[0]?.cells.map(({ library }) => library) ?? []
  const others = libraries.filter((library) => !COMPARED.some(([own]) => own === library))
  return COMPARED.filter(([own]) => libraries.includes(own)).flatMap(([own, , against]) =>
    others.filter(against).flatMap((other) => {
      const ratios = rows.flatMap((row) => {
        const [mine, theirs] = [timeOf(row, own), timeOf(row, other)]
        return mine && theirs ? [{ name: `${row.op}, ${row.pass}`, ratio: mine / theirs }] : []
      })
      if (ratios.length === 0) return []
      const slower = ratios.filter(({ ratio }) => ratio > 1).sort((a, b) => b.ratio - a.ratio)
      const middle = median(ratios.map(({ ratio }) => ratio)).toFixed(2)
      const faster = ratios.length - slower.length
      const head = `${own} takes ${middle} times as long as ${other} in the median of ${ratios.length}, and is faster in ${faster} of them`
      return [
        '',
        `${head}${slower.length > 0 ? '; in these it takes so many times its time:' : ''}`,
        '',
        ...slower.slice(0, WORST).map(({ name, ratio }) => `- ${ratio.toFixed(2)}× ${name}`),
        ...(slower.length > WORST ? [`- and less in ${slower.length - WORST} more`] : []),
      ]
    }),
  )
}

export const opsConclusions = (rows: readonly OpRow[]): string[] => ['', ...remarks(rows), ...worstRatios(rows)]

/** The table and what it amounts to. */
export const opsTable = (rows: readonly OpRow[]): string[] => [
  ...opsHead(rows[0]?.cells.map(({ library }) => library) ?? []),
  ...rows.map(opLine),
  ...opsConclusions(rows),
]
