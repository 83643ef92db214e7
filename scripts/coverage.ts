/**
 * @file Which public names of PyTorch are here: docs/coverage.md, from the names in test/golden/names.json (test/golden/names.py asked PyTorch for them), the
 * reasons in coverage-reasons.ts and what the library exports.
 *
 *   npx tsx scripts/coverage.ts              writes docs/coverage.md
 *   npx tsx scripts/coverage.ts --missing    lists what is not here and has no reason
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as tg from '../src/index.ts'
import { type Module, OTHERWISE, REASONS } from './coverage-reasons.ts'

const NAMES = new URL('../test/golden/names.json', import.meta.url)
export const PAGE = new URL('../docs/coverage.md', import.meta.url)

type State = 'here' | 'missing' | 'later' | 'not applicable'

export interface Entry {
  readonly module: Module
  /** In PyTorch. */
  readonly name: string
  /** Here; what it would be called, where it is missing. */
  readonly ours: string
  readonly state: State
  readonly why?: string
}

/** Where each module's names are looked for, and what its heading is. */
const HOMES: Readonly<Record<Module, { readonly title: string; readonly home: object }>> = {
  torch: { title: 'torch', home: tg },
  Tensor: { title: 'torch.Tensor', home: tg.Tensor.prototype },
  functional: { title: 'torch.nn.functional', home: tg.nn.functional },
  nn: { title: 'torch.nn', home: tg.nn },
  init: { title: 'torch.nn.init', home: tg.nn.init },
  utils: { title: 'torch.nn.utils', home: tg.nn.utils },
  optim: { title: 'torch.optim', home: tg.optim },
  lrScheduler: { title: 'torch.optim.lr_scheduler', home: (tg.optim as { lrScheduler?: object }).lrScheduler ?? {} },
}

/** What is asked of a module: names without a path, and dotted ones from the root. */
function isHere(home: object, path: string): boolean {
  let at: unknown = path.includes('.') ? tg : home
  for (const part of path.split('.')) {
    if ((typeof at !== 'object' && typeof at !== 'function') || at === null || !(part in at)) return false
    // (what a getter of the prototype would give is no matter)
    at = at === tg.Tensor.prototype ? true : (at as Readonly<Record<string, unknown>>)[part]
  }
  return true
}

/** The naming rule: snake_case in camelCase, with an underscore at the end kept. */
export const camel = (name: string): string => name.replace(/(?<=.)_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Whether a module has the name, or a path of the root's. */
export const isThere = (module: Module, path: string): boolean => isHere(HOMES[module].home, path)

function entryOf(module: Module, written: string): Entry {
  const name = written.replace(/ class$/, '')
  const { home } = HOMES[module]
  const other = OTHERWISE[`${module}.${name}`]
  if (other !== undefined) return { module, name, ours: other, state: 'here' }
  const ours = camel(name)
  if (isHere(home, ours)) return { module, name, ours, state: 'here' }
  const reason = REASONS.find(({ names, only }) => (!only || only.includes(module)) && names.test(written))
  return reason ? { module, name, ours, state: reason.state, why: reason.why } : { module, name, ours, state: 'missing' }
}

/** Every public name of PyTorch, module by module. */
export function entries(): readonly Entry[] {
  const names = JSON.parse(readFileSync(NAMES, 'utf8')) as Readonly<Record<Module, readonly string[]>>
  return (Object.keys(HOMES) as Module[]).flatMap((module) => names[module].map((written) => entryOf(module, written)))
}

/** Names that are here, of those that can apply now. */
export function share(of: readonly Entry[]): { readonly here: number; readonly applicable: number } {
  const here = of.filter(({ state }) => state === 'here').length
  return { here, applicable: here + of.filter(({ state }) => state === 'missing').length }
}

const count = (of: readonly Entry[], state: State): number => of.filter((entry) => entry.state === state).length
const percent = ({ here, applicable }: ReturnType<typeof share>): string => `${((100 * here) / Math.max(1, applicable)).toFixed(1)}%`

function byReason(of: readonly Entry[], state: State): string[] {
  const reasons = new Map<string, string[]>()
  for (const entry of of.filter((each) => each.state === state)) {
    const list = reasons.get(entry.why as string) ?? []
    list.push(entry.name)
    reasons.set(entry.why as string, list)
  }
  return [...reasons].map(([why, list]) => `- ${why}: ${list.map((name) => `\`${name}\``).join(' ')}`)
}

function section(title: string, of: readonly Entry[]): string {
  const rows = of
    .filter(({ state }) => state === 'here' || state === 'missing')
    .map((e) => `| \`${e.name}\` | \`${e.ours}\` | ${e.state} |`)
  const more = (['later', 'not applicable'] as const).flatMap((state) => {
    const lines = byReason(of, state)
    return lines.length > 0 ? ['', `${state === 'later' ? 'Later' : 'Not applicable'}:`, '', ...lines] : []
  })
  const table = rows.length > 0 ? ['', '| PyTorch | here | state |', '| --- | --- | --- |', ...rows] : []
  return ['', `## ${title}`, ...table, ...more].join('\n')
}

/** The text of docs/coverage.md. */
export function render(): string {
  const all = entries()
  const modules = (Object.keys(HOMES) as Module[]).map((module) => ({
    title: HOMES[module].title,
    of: all.filter((e) => e.module === module),
  }))
  const summary = modules.map(
    ({ title, of }) =>
      `| \`${title}\` | ${of.length} | ${share(of).applicable} | ${share(of).here} | ${percent(share(of))} | ${count(of, 'later')} | ${count(of, 'not applicable')} |`,
  )
  const { torch } = JSON.parse(readFileSync(NAMES, 'utf8')) as { torch: readonly string[] }
  return `${[
    '# Coverage of PyTorch',
    '',
    `Every public name of PyTorch 1.13 (${torch.length} at the root) and what it is here. \`npx tsx scripts/coverage.ts\` writes this page, a test keeps it true. Names that cannot apply are listed with the reason; \`later\` is what comes in another release.`,
    '',
    '| module | names | applicable | here | share | later | not applicable |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...summary,
    ...modules.map(({ title, of }) => section(title, of)),
  ].join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--missing')) {
    for (const module of Object.keys(HOMES) as Module[]) {
      const of = entries().filter((e) => e.module === module)
      const missing = of.filter((e) => e.state === 'missing').map((e) => e.name)
      console.log(`${HOMES[module].title}: ${share(of).here} of ${share(of).applicable}, ${percent(share(of))}\n  ${missing.join(' ')}\n`)
    }
  } else writeFileSync(PAGE, render())
}
