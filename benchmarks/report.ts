/** @file What a run found, as a file in results/ keeps it, and the tables that are made of it: on the screen, and in docs/performance.md. */

export interface Row {
  readonly task: string
  readonly library: string
  /** Milliseconds: the median of the rounds' medians, the lowest and the highest of them. Absent where the numbers were wrong or nothing ran. */
  readonly ms?: { readonly median: number; readonly lowest: number; readonly highest: number }
  /** Floating-point operations of one turn, where that is worth a figure. */
  readonly flop?: number
  readonly firstStepMs?: number
  readonly dispatches?: number
  /** Why there is no time. */
  readonly remark?: string
}

export interface Circumstances {
  readonly date: string
  readonly adapter: string
  readonly machine: string
  /** The machine's load average (one minute) when the run began: what other work there was. */
  readonly load?: number
  readonly rounds: number
}

export interface Comparison extends Circumstances {
  readonly kind: 'comparison'
  /** What the losses were compared with, and how closely they agree. */
  readonly torch: string
  readonly steps: number
  readonly tolerance: number
  readonly rows: readonly Row[]
}

export interface Overhead extends Circumstances {
  readonly kind: 'overhead'
  /** Primitive ops recorded in a step. */
  readonly ops: number
  /** Host time per op in µs, by how often the loss is read. */
  readonly readings: readonly { readonly every: number; readonly median: number; readonly lowest: number; readonly highest: number }[]
}

export type Report = Comparison | Overhead

export const OWN = 'tapegrad'

/** Ratios nearer to 1 than this are no difference. */
const EVEN = 1.05

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

export function spread(values: readonly number[]): { median: number; lowest: number; highest: number } {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

const withRange = ({ median, lowest, highest }: { median: number; lowest: number; highest: number }): string =>
  `${figure(median)} [${figure(lowest)}–${figure(highest)}]`

/** How many times as long as tapegrad a library took, where both have a time. */
function ratio(row: Row, rows: readonly Row[]): number | undefined {
  const own = rows.find((r) => r.task === row.task && r.library === OWN)
  return row.ms && own?.ms ? row.ms.median / own.ms.median : undefined
}

export function headOf(report: Report): string[] {
  const { adapter, machine, load, rounds, date } = report
  const lines = [
    `adapter: ${adapter}`,
    `machine: ${machine}; ${date}${load === undefined ? '' : `, load average ${load.toFixed(1)} before`}`,
  ]
  if (report.kind === 'overhead') return [...lines, `medians of ${rounds} rounds; an MLP step records ${report.ops} primitive ops`]
  const agree = `losses 1 and ${report.steps} agree with PyTorch ${report.torch} to ${report.tolerance}`
  return [...lines, `medians of ${rounds} rounds in milliseconds [lowest–highest round]; ${agree}`]
}

export const COMPARISON_HEAD = [
  '| task | library | ms | against tapegrad | GFLOP/s | first step, ms | dispatches | remark |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
]

export function rowLine(row: Row, rows: readonly Row[]): string {
  const times = ratio(row, rows)
  const cells = [
    row.task,
    row.library,
    row.ms && withRange(row.ms),
    times && `${times.toFixed(2)}×`,
    row.ms && row.flop && (row.flop / row.ms.median / 1e6).toFixed(1),
    row.firstStepMs && figure(row.firstStepMs),
    row.dispatches,
    row.remark,
  ]
  return `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`
}

/** Against each library: the tasks in which tapegrad is ahead, about even, behind, or cannot be compared. */
function verdicts(rows: readonly Row[]): string[] {
  const libraries = [...new Set(rows.map((r) => r.library))].filter((library) => library !== OWN)
  return libraries.map((library) => {
    const found: Record<string, string[]> = { ahead: [], even: [], behind: [], 'no comparison': [] }
    for (const row of rows.filter((r) => r.library === library)) {
      const times = ratio(row, rows)
      const group = times === undefined ? 'no comparison' : times > EVEN ? 'ahead' : times < 1 / EVEN ? 'behind' : 'even'
      found[group]?.push(times === undefined ? row.task : `${row.task} (${times.toFixed(2)}×)`)
    }
    const parts = Object.entries(found).filter(([group, tasks]) => tasks.length > 0 || group === 'ahead' || group === 'behind')
    return `- Against ${library}: ${parts.map(([group, tasks]) => `${group} in ${tasks.join(', ') || 'none'}`.replace('no comparison in', 'no comparison:')).join('; ')}.`
  })
}

/** A report as markdown: where and when, the table, and for a comparison who is ahead in what. */
export function markdown(report: Report): string {
  const head = headOf(report).map((line) => `- ${line}`)
  if (report.kind === 'overhead') {
    const lines = report.readings.map(
      (r) => `| every ${r.every === 1 ? 'step' : `${r.every} steps`} | ${withRange(r)} | ${((r.median * report.ops) / 1000).toFixed(2)} |`,
    )
    return [...head, '', '| loss read | µs per op | ms a step |', '| --- | --- | --- |', ...lines].join('\n')
  }
  const rows = report.rows.map((row) => rowLine(row, report.rows))
  return [...head, '', ...COMPARISON_HEAD, ...rows, '', ...verdicts(report.rows)].join('\n')
}

const TABLE = /(<!-- npm run bench -- --table (\S+) -->\n)[\s\S]*?(<!-- end of table -->)/g

/** A page with each table between its marks as the results file named there gives it. */
export function fillPage(page: string, read: (path: string) => string): string {
  return page.replace(
    TABLE,
    (_, from: string, path: string, to: string) => `${from}\n${markdown(JSON.parse(read(path)) as Report)}\n\n${to}`,
  )
}
