/** @file The tables that are made of what a run found: on the screen, and in docs/performance.md. */

import { FACTS, LOOPS, type Loop } from './dynamic-tasks.ts'
import { FIRST_FACTS } from './first-tasks.ts'
import { opsTable } from './report-ops.ts'
import type {
  CheckpointRow,
  Comparison,
  CustomRow,
  Dynamic,
  DynamicRow,
  FirstStepRow,
  GrowthRow,
  LookupRow,
  Lookups,
  Misses,
  MissRow,
  Report,
  Row,
} from './results.ts'

export const OWN = 'tapegrad'
/** The other set-ups on device cpu, where OWN is WebAssembly alone on all cores. */
export const OWN_ONE_THREAD = 'tapegrad, 1 thread'
export const OWN_WITH_BLAS = 'tapegrad with a system BLAS'
/** How the machine's memory is called in the table. */
export const COPY = 'copy'
const PYTORCH = 'PyTorch'

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

export const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2))

const withRange = ({ median, lowest, highest }: { median: number; lowest: number; highest: number }): string =>
  `${figure(median)} [${figure(lowest)}–${figure(highest)}]`

/** How many times as long as tapegrad a library took, where both have a time. */
function ratio(row: Row, rows: readonly Row[], to = OWN): number | undefined {
  const own = rows.find((r) => r.task === row.task && r.library === to)
  return row.ms && own?.ms ? row.ms.median / own.ms.median : undefined
}

export function headOf(report: Report): string[] {
  const { adapter, machine, load, rounds, date } = report
  const lines = [
    `adapter: ${adapter}`,
    `machine: ${machine}; ${date}${load === undefined ? '' : `, load average ${load.toFixed(1)} before`}`,
  ]
  if (report.kind === 'custom') return [...lines, `medians of ${rounds} rounds in milliseconds, of 4,194,304 elements; values agree`]
  if (report.kind === 'checkpoint')
    return [...lines, `the third step of each model${report.amp ? ', under autocast' : ''}; losses are equal with and without, to the bit`]
  if (report.kind === 'growth')
    return [...lines, `least of ${rounds} rounds in milliseconds of the process, over all of its threads; results agree with float64`]
  if (report.kind === 'misses')
    return [
      ...lines,
      `least of ${rounds} rounds in microseconds of the host, ${report.device === 'cpu' ? 'over all threads of the process' : 'by the clock'}; losses and slopes agree with float64`,
    ]
  if (report.kind === 'dynamic')
    return [...lines, `medians of ${rounds} rounds in milliseconds [lowest–highest]; first losses agree with PyTorch ${report.torch}`]
  if (report.kind === 'ops')
    return [...lines, `medians of ${rounds} rounds in milliseconds [lowest–highest]; results agree with PyTorch ${report.torch}`]
  if (report.kind === 'lookups')
    return [
      ...lines,
      `medians of ${rounds} rounds in milliseconds [lowest–highest]${report.torch === undefined ? '' : `; PyTorch ${report.torch}`}`,
    ]
  if (report.kind === 'overhead')
    return [
      ...lines,
      `medians of ${rounds} rounds; an MLP step${report.device === 'cpu' ? ' on tiny tensors' : ''} records ${report.ops} primitive ops`,
    ]
  const agree = `losses 1 and ${report.steps} agree with PyTorch ${report.torch} to ${report.tolerance}`
  return [...lines, `medians of ${rounds} rounds in milliseconds [lowest–highest round]; ${agree}`]
}

export const COMPARISON_HEAD = [
  '| task | library | ms | against tapegrad | rate | first step, ms | dispatches | remark |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
]

function rate({ flop, bytes }: Row, ms: number): string | undefined {
  if (flop) return `${(flop / ms / 1e6).toFixed(1)} GFLOP/s`
  return bytes === undefined ? undefined : `${(bytes / ms / 1e6).toFixed(1)} GB/s`
}

export function rowLine(row: Row, rows: readonly Row[]): string {
  const times = ratio(row, rows)
  const cells = [
    row.task,
    row.library,
    row.ms && withRange(row.ms),
    times && `${times.toFixed(2)}×`,
    row.ms && rate(row, row.ms.median),
    row.firstStepMs && figure(row.firstStepMs),
    row.dispatches,
    row.remark,
  ]
  return `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`
}

/** Which libraries tapegrad is compared with in words: WebAssembly alone with all; one thread with one thread; a system BLAS with PyTorch, which has one. */
export const COMPARED: readonly (readonly [own: string, opening: string, against: (library: string) => boolean])[] = [
  [OWN, 'Against', () => true],
  [OWN_ONE_THREAD, 'With 1 thread, against', (library) => library.endsWith(', 1 thread')],
  [OWN_WITH_BLAS, 'With a system BLAS, against', (library) => library.startsWith(PYTORCH)],
]

/** Against each library: the tasks in which tapegrad is ahead, about even, behind, or cannot be compared. */
function verdicts(rows: readonly Row[]): string[] {
  const libraries = [...new Set(rows.map((r) => r.library))]
  const others = libraries.filter((library) => !library.startsWith(COPY) && !COMPARED.some(([own]) => own === library))
  return COMPARED.filter(([own]) => libraries.includes(own)).flatMap(([own, opening, against]) =>
    others.filter(against).map((library) => {
      const found: Record<string, string[]> = { ahead: [], even: [], behind: [], 'no comparison': [] }
      for (const row of rows.filter((r) => r.library === library)) {
        const times = ratio(row, rows, own)
        const group = times === undefined ? 'no comparison' : times > EVEN ? 'ahead' : times < 1 / EVEN ? 'behind' : 'even'
        found[group]?.push(times === undefined ? row.task : `${row.task} (${times.toFixed(2)}×)`)
      }
      const parts = Object.entries(found).filter(([group, tasks]) => tasks.length > 0 || group === 'ahead' || group === 'behind')
      return `- ${opening} ${library}: ${parts.map(([group, tasks]) => `${group} in ${tasks.join(', ') || 'none'}`.replace('no comparison in', 'no comparison:')).join('; ')}.`
    }),
  )
}

/** Libraries as they come; and with what a browser would give them. */
const [BOTH, JAX, JAX_WITH_WORKERS, TORCH] = [/^(tfjs|jax-js).*, 1 thread$/, /^jax-js.*, 1 thread$/, /^jax-js.* with workers/, /^PyTorch/]

/** What device cpu is meant to reach: how many times as fast as the fastest set-up of others at a task, at least. */
const GOALS: readonly { readonly task: string; readonly own: string; readonly others: RegExp; readonly speed: number }[] = [
  { task: 'matmul1024', own: OWN, others: BOTH, speed: 1.3 },
  { task: 'matmul1024', own: OWN, others: JAX_WITH_WORKERS, speed: 1.3 },
  { task: 'mlp', own: OWN, others: JAX, speed: 1 / 0.7 },
  { task: 'mlp', own: OWN, others: JAX_WITH_WORKERS, speed: 1 / 0.7 },
  { task: 'cnn', own: OWN, others: JAX, speed: 1 / 0.03 },
  { task: 'cnn', own: OWN, others: JAX_WITH_WORKERS, speed: 1 / 0.03 },
  { task: 'elementwise', own: OWN, others: /^copy/, speed: 0.6 },
  { task: 'matmul1024', own: OWN_WITH_BLAS, others: TORCH, speed: 0.8 },
  { task: 'mlp', own: OWN_WITH_BLAS, others: TORCH, speed: 0.5 },
  { task: 'cnn', own: OWN_WITH_BLAS, others: TORCH, speed: 0.5 },
]

/** Host time per primitive op of a cached step, in µs. */
const HOST_GOAL = 5

const times = (speed: number): string => `${speed.toFixed(2)}×`

/** Each goal that can be looked at here, what was found, and whether that meets it. */
function goals(rows: readonly Row[]): string[] {
  const lines = GOALS.flatMap(({ task, own, others, speed }) => {
    const ms = rows.find((r) => r.task === task && r.library === own)?.ms?.median
    const rivals = rows.flatMap((r) => (r.task === task && r.ms && others.test(r.library) ? [{ name: r.library, ms: r.ms.median }] : []))
    const best = rivals.sort((a, b) => a.ms - b.ms)[0]
    if (!ms || !best) return []
    const reached = best.ms / ms
    return [`| ${[task, own, best.name, times(speed), times(reached), reached >= speed ? 'met' : '**missed**'].join(' | ')} |`]
  })
  const head = ['| goal | of | as fast as | at least | found | |', '| --- | --- | --- | --- | --- | --- |']
  return lines.length > 0 ? ['', ...head, ...lines] : []
}

/** What the rows of a comparison amount to: who is ahead in what, and whether goals are met, where there are any. */
export const conclusions = ({ device, rows }: Comparison): string[] => [...verdicts(rows), ...(device === 'cpu' ? goals(rows) : [])]

/** The slope of log y over log x by least squares: y grows as x to this power. */
export function exponentOf(xs: readonly number[], ys: readonly number[]): number {
  const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
  const [x, y] = [xs.map(Math.log), ys.map(Math.log)]
  const [mx, my] = [mean(x), mean(y)]
  const covariance = x.reduce((sum, v, i) => sum + (v - mx) * ((y[i] as number) - my), 0)
  return covariance / x.reduce((sum, v) => sum + (v - mx) ** 2, 0)
}

/** Exponents up to this are linear growth. */
const LINEAR = 1.1

export const GROWTH_HEAD = [
  '| program | n | ms at n | 2n | 4n | 8n | exponent | goal |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
]

export function growthLine({ program, sizes, ms }: GrowthRow): string {
  const exponent = exponentOf(sizes, ms)
  const goal = exponent <= LINEAR ? 'met' : '**missed**'
  return `| ${[program, sizes[0], ...ms.map((t) => t.toFixed(0)), exponent.toFixed(2), `≤ ${LINEAR}: ${goal}`].join(' | ')} |`
}

export const CHECKPOINT_HEAD = [
  '| blocks | parameters, MB | AdamW slots | peak without, MB | peak with | with / without | ms a step without | with |',
  '| --- | --- | --- | --- | --- | --- | --- | --- |',
]

export function checkpointLine({ depth, parameters, without, within }: CheckpointRow): string {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(0)
  const share = (within.peak / without.peak).toFixed(2)
  return `| ${[depth, mb(parameters), mb(2 * parameters), mb(without.peak), mb(within.peak), share, without.ms.toFixed(0), within.ms.toFixed(0)].join(' | ')} |`
}

export const CUSTOM_HEAD = ["| SwiGLU | an op of one's own | composed | composed / own |", '| --- | --- | --- | --- |']

export const customLine = ({ what, own, composed }: CustomRow): string =>
  `| ${[what, withRange(own), withRange(composed), (composed.median / own.median).toFixed(2)].join(' | ')} |`

export const MISSES_HEAD = [
  '| graph | nodes | µs a node, recording | computing, not seen before | again | kernels made |',
  '| --- | --- | --- | --- | --- | --- |',
]

export function missLine({ program, size, recording, unseen, again, kernels }: MissRow): string {
  return `| ${[program, size, ...[recording, unseen, again].map((us) => us.toFixed(1)), kernels].join(' | ')} |`
}

/** Computing a graph of known kernels that was not seen before, in microseconds a node. */
const MISS_GOAL = 10

/** For each program how time grows, and the size at which a node costs most. */
export function missGoals({ rows, tree }: Pick<Misses, 'rows' | 'tree'>): string[] {
  const most = MISS_GOAL * (tree === undefined ? 1 : tree / TORCH_TREE_MS)
  const head = [
    `| graph | grows with nodes to the power of | goal ≤ ${LINEAR} | µs a node at most | goal ≤ ${MISS_GOAL}, here ${most.toFixed(1)} |`,
    '| --- | --- | --- | --- | --- |',
  ]
  const met = (reached: boolean): string => (reached ? 'met' : '**missed**')
  const lines = [...new Set(rows.map(({ program }) => program))].map((program) => {
    const own = rows.filter((row) => row.program === program)
    const sizes = own.map(({ size }) => size)
    const exponent = exponentOf(
      sizes,
      own.map(({ size, unseen }) => size * unseen),
    )
    const found = Math.max(...own.map(({ unseen }) => unseen))
    return `| ${[program, exponent.toFixed(2), met(exponent <= LINEAR), found.toFixed(1), met(found <= most)].join(' | ')} |`
  })
  return ['', ...head, ...lines, ...scaleLine(tree)]
}

export const LOOKUPS_HEAD = ['| lookup | ms a step | PyTorch | of its time | goal |', '| --- | --- | --- | --- | --- |']
/** At most so many times PyTorch's time. */
const LOOKUP_GOAL = { cpu: 1, webgpu: 2 } as const

export function lookupLine({ task, ms, torchMs }: LookupRow, device: Lookups['device']): string {
  const ratio = torchMs && ms.median / torchMs.median
  const goal = LOOKUP_GOAL[device]
  const cells =
    torchMs && ratio ? [withRange(torchMs), ratio.toFixed(2), `≤ ${goal}: ${ratio <= goal ? 'met' : '**missed**'}`] : ['', '', '']
  return `| ${[task, withRange(ms), ...cells].join(' | ')} |`
}

/** How time grows with rows · features + indices · features. */
export function lookupGrowth(rows: readonly LookupRow[]): string {
  const doubling = rows.filter((row) => row.work !== undefined)
  const exponent = exponentOf(doubling.map((row) => row.work as number), doubling.map((row) => row.ms.median)) // biome-ignore format: two lists
  return `time grows as (rows · features + indices · features)^${exponent.toFixed(2)}; goal ≤ ${LINEAR}: ${exponent <= LINEAR ? 'met' : '**missed**'}`
}

export const DYNAMIC_HEAD = [
  '| loop | library | ms per | | against tapegrad | first iteration, ms | remark |',
  '| --- | --- | --- | --- | --- | --- | --- |',
]

export function dynamicLine({ loop, what, unit, library, ms, firstMs, remark }: DynamicRow, rows: readonly DynamicRow[]): string {
  const own = rows.find((r) => r.loop === loop && r.library === OWN)?.ms?.median
  const cells = [
    `${loop}: ${what}`,
    library,
    unit,
    ms && `${ms.median.toPrecision(3)} [${ms.lowest.toPrecision(3)}–${ms.highest.toPrecision(3)}]`,
    ms && own && `${(ms.median / own).toFixed(2)}×`,
    firstMs && figure(firstMs),
    remark,
  ]
  return `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`
}

/** The milliseconds that a node of the tree takes in PyTorch on the machine that goals in milliseconds are said for. */
const TORCH_TREE_MS = 0.035

/** Each goal of the loops, and what was found. */
export function dynamicGoals(rows: readonly DynamicRow[], device: Dynamic['device']): string[] {
  const median = (loop: Loop, library: RegExp | string): number | undefined => {
    const found = rows.flatMap((r) =>
      r.loop === loop && r.ms && (typeof library === 'string' ? r.library === library : library.test(r.library)) ? [r.ms.median] : [],
    )
    return found.length > 0 ? Math.min(...found) : undefined
  }
  const lines = LOOPS.flatMap((loop) => {
    const { against, mostOfTorch } = FACTS[loop]
    const own = median(loop, OWN)
    const line = (of: string, other: number | undefined, most: number): string[] => {
      if (own === undefined || other === undefined) return []
      return [`| ${[loop, of, times(most), times(own / other), own / other <= most ? 'met' : '**missed**'].join(' | ')} |`]
    }
    return [
      ...(against ? line(`${against.loop} of tapegrad`, median(against.loop, OWN), against.most) : []),
      ...(mostOfTorch && device === 'cpu' ? line(PYTORCH, median(loop, TORCH), mostOfTorch) : []),
      ...(loop === 'trees' ? line('tfjs', median(loop, /^tfjs/), 1) : []),
    ]
  })
  const scale = scaleLine(median('trees', TORCH))
  return lines.length > 0 ? ['', '| goal | of | at most | found | |', '| --- | --- | --- | --- | --- |', ...lines, ...scale] : []
}

/** How much more time than on the machine that goals are said for. @param tree milliseconds of a node of PyTorch's tree */
function scaleLine(tree: number | undefined): string[] {
  if (tree === undefined) return []
  const times = (tree / TORCH_TREE_MS).toFixed(2)
  return ['', `PyTorch's tree takes ${(1000 * tree).toFixed(1)} µs a node here: goals in units of time count ${times} times.`]
}

export const FIRST_STEP_HEAD = [
  '| first step | library | ms, first [lowest–highest] | ms, later | remark |',
  '| --- | --- | --- | --- | --- |',
]

export function firstStepLine({ task, what, library, firstMs, steadyMs, remark }: FirstStepRow): string {
  const cells = [`${task}: ${what}`, library, firstMs && withRange(firstMs), steadyMs && figure(steadyMs), remark]
  return `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`
}

/** The goals of first steps, scaled as those of the loops are: by the tree of PyTorch, or as they are where that was not measured. */
export function firstStepGoals(first: readonly FirstStepRow[], rows: readonly DynamicRow[]): string[] {
  const tree = rows.flatMap((r) => (r.loop === 'trees' && TORCH.test(r.library) && r.ms ? [r.ms.median] : []))
  const scale = tree.length > 0 ? Math.min(...tree) / TORCH_TREE_MS : 1
  const lines = first.flatMap(({ task, device, library, firstMs }) => {
    if (library !== OWN || !firstMs) return []
    const goal = FIRST_FACTS[task].most[device]
    const most = goal * scale
    const found = firstMs.median / 1000
    return [`| ${[task, `${goal} s`, `${figure(most)} s`, `${figure(found)} s`, found <= most ? 'met' : '**missed**'].join(' | ')} |`]
  })
  return lines.length > 0 ? ['', '| first step | goal | here | found | |', '| --- | --- | --- | --- | --- |', ...lines] : []
}

/** The line of an error that says what is wrong; a module that does not load has its place first. */
export function firstLine(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n')
  return lines.find((line) => /error/i.test(line)) ?? lines[0] ?? ''
}

/** A report as markdown: where and when, the table, and what it amounts to. */
export function markdown(report: Report): string {
  const head = headOf(report).map((line) => `- ${line}`)
  if (report.kind === 'overhead') {
    const lines = report.readings.map((r) => {
      const every = `every ${r.every === 1 ? 'step' : `${r.every} steps`}`
      const step = ((r.median * report.ops) / 1000).toFixed(2)
      return `| ${every} | ${withRange(r)} | ${step} | ${r.median <= HOST_GOAL ? 'met' : '**missed**'} |`
    })
    return [...head, '', `| loss read | µs per op | ms a step | goal: ${HOST_GOAL} µs |`, '| --- | --- | --- | --- |', ...lines].join('\n')
  }
  if (report.kind === 'dynamic') {
    const { rows } = report
    return [
      ...head,
      '',
      ...DYNAMIC_HEAD,
      ...rows.map((row) =>
        dynamicLine(
          row,
          rows.filter((r) => r.loop === row.loop),
        ),
      ),
      ...dynamicGoals(rows, report.device),
      ...(report.first ? ['', ...FIRST_STEP_HEAD, ...report.first.map(firstStepLine), ...firstStepGoals(report.first, rows)] : []),
    ].join('\n')
  }
  if (report.kind === 'lookups')
    return [...head, '', ...LOOKUPS_HEAD, ...report.rows.map((row) => lookupLine(row, report.device)), '', lookupGrowth(report.rows)].join(
      '\n',
    )
  if (report.kind === 'ops') return [...head, '', ...opsTable(report.rows)].join('\n')
  if (report.kind === 'misses') return [...head, '', ...MISSES_HEAD, ...report.rows.map(missLine), ...missGoals(report)].join('\n')
  if (report.kind === 'custom') return [...head, '', ...CUSTOM_HEAD, ...report.rows.map(customLine)].join('\n')
  if (report.kind === 'checkpoint') return [...head, '', ...CHECKPOINT_HEAD, ...report.rows.map(checkpointLine)].join('\n')
  if (report.kind === 'growth') return [...head, '', ...GROWTH_HEAD, ...report.rows.map(growthLine)].join('\n')
  const rows = report.rows.map((row) => rowLine(row, report.rows))
  return [...head, '', ...COMPARISON_HEAD, ...rows, '', ...conclusions(report)].join('\n')
}

const TABLE = /(<!-- npm run bench -- --table (\S+) -->\n)[\s\S]*?(<!-- end of table -->)/g

/** A page with each table between its marks as the results file named there gives it. */
export function fillPage(page: string, read: (path: string) => string): string {
  return page.replace(
    TABLE,
    (_, from: string, path: string, to: string) => `${from}\n${markdown(JSON.parse(read(path)) as Report)}\n\n${to}`,
  )
}
