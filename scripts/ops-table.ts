/**
 * @file docs/ops.md: every op with its dtypes, gradients, class under autocast and tolerance, asked of the library and of the golden cases.
 *
 *   npx tsx scripts/ops-table.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as tg from '../src/index.ts'
import { autocastClasses } from '../src/ops/index.ts'
import { casesByOp, freeFunction, freeName, type GoldenCase, revive, stored, tensorOf } from '../test/support/golden-data.ts'
import { toleranceOf } from '../test/support/tolerances.ts'
import { DIFFERENCES } from './op-differences.ts'

export const PAGE = new URL('../docs/ops.md', import.meta.url)

const DTYPES = ['float32', 'float16', 'bfloat16', 'float64', 'int32', 'uint32', 'int8', 'uint8', 'bool'] as const
const SETTING = { device: 'cpu', float: 'float64' } as const

/** Calls a case with its float inputs, or else its integers, in another dtype: what a dtype is refused for is settled at the call, mostly without computing anything. */
async function accepts(c: GoldenCase, dtype: tg.DType): Promise<boolean> {
  const replaced = c.inputs.some((span) => span.dtype === 'float') ? 'float' : 'int32'
  try {
    const inputs = c.inputs.map((span) => {
      const x = tg.tensor(Float64Array.from(stored(span)), { shape: [...span.shape], dtype: 'float64', device: 'cpu' })
      return x.to(span.dtype === replaced ? dtype : span.dtype === 'float' ? 'float64' : span.dtype)
    })
    await callOf(c, inputs)
    return true
  } catch (e) {
    // What is wrong with values is no matter of dtypes; it may be an earlier call's, since some errors come with the next promise.
    if (e instanceof tg.TapegradError) return !(e instanceof tg.DTypeError)
    throw e
  }
}

function callOf(c: GoldenCase, inputs: readonly tg.Tensor[]): unknown {
  const name = freeName(c)
  if (name !== null) return freeFunction(name)?.(...c.args.map((a) => revive(a, inputs, SETTING)))
  const [self, ...rest] = (c.methodArgs ?? c.args).map((a) => revive(a, inputs, SETTING))
  return (self as Readonly<Record<string, (...args: unknown[]) => unknown>>)[c.method as string]?.apply(self, rest)
}

/** Whether a result of one of the cases requires grad where its inputs do. */
async function hasGradient(cases: readonly GoldenCase[]): Promise<boolean> {
  // Errors of values that calls before have left
  await tg.synchronize().catch(() => undefined)
  for (const c of cases) {
    const inputs = c.inputs.map((span) => tensorOf({ ...span, requiresGrad: span.dtype === 'float' }, SETTING))
    const result = await tg.enableGrad(() =>
      callOf(
        c,
        inputs.map((x) => (x.requiresGrad ? x.clone() : x)),
      ),
    )
    const outputs =
      result instanceof tg.Tensor
        ? [result]
        : result !== null && typeof result === 'object' && Symbol.iterator in result
          ? [...(result as Iterable<unknown>)]
          : []
    if (outputs.some((y) => y instanceof tg.Tensor && y.requiresGrad)) return true
  }
  return false
}

/** The dtypes for which one of the first cases is no error. */
async function dtypesOf(cases: readonly GoldenCase[]): Promise<string> {
  const some = cases.filter((c) => c.inputs.length > 0).slice(0, 4)
  if (some.length === 0) return 'as `dtype` says'
  const taken: tg.DType[] = []
  for (const dtype of DTYPES) if ((await Promise.all(some.map((c) => accepts(c, dtype)))).includes(true)) taken.push(dtype)
  if (taken.length === DTYPES.length) return 'all'
  const floats = DTYPES.slice(0, 4)
  const numbers = DTYPES.slice(0, 8)
  const same = (list: readonly string[]): boolean =>
    list.length === taken.length && list.every((d) => (taken as readonly string[]).includes(d))
  if (same(floats)) return 'floats'
  if (same(numbers)) return 'floats, integers'
  if (same(DTYPES.slice(4, 8))) return 'integers'
  if (same(DTYPES.slice(4))) return 'integers, bool'
  return taken.map((d) => `\`${d}\``).join(' ')
}

const PAGES = 'https://pytorch.org/docs/stable/generated/torch'
const snake = (name: string): string => name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Where PyTorch keeps the function: the root, unless it is in one of these. */
function twinOf(c: GoldenCase): string {
  const name = snake(c.op)
  if (freeName(c) === null) return `[\`Tensor.${name}\`](${PAGES}.Tensor.${name}.html)`
  if (c.op in tg || c.op === 'var') return `[\`${name}\`](${PAGES}.${name}.html)`
  if (c.op in tg.nn.functional) return `[\`nn.functional.${name}\`](${PAGES}.nn.functional.${name}.html)`
  if (c.op in tg.special) return `[\`special.${name}\`](https://pytorch.org/docs/stable/special.html#torch.special.${name})`
  if (c.op in tg.linalg) return `[\`linalg.${name}\`](${PAGES}.linalg.${name}.html)`
  throw new Error(`${c.op} is in no namespace`)
}

function classOf(op: string): string {
  const its = autocastClasses.get(op)
  return its === undefined ? '' : typeof its === 'object' ? 'refused' : its
}

/** One row an op: its name, dtypes, gradient, class, tolerance and twin. */
async function rowOf(op: string, cases: readonly GoldenCase[]): Promise<string> {
  const [first] = cases as readonly [GoldenCase]
  const gradient = await hasGradient(cases)
  const name = freeName(first) ?? `x.${first.method}`
  const { rtol, atol } = toleranceOf(op)
  return `| \`${name}\` | ${await dtypesOf(cases)} | ${gradient ? 'yes' : ''} | ${classOf(op)} | ${rtol.toExponential()} · ${atol.toExponential()} | ${cases.length} | ${twinOf(first)} | ${DIFFERENCES[op] ?? ''} |`
}

/** The text of docs/ops.md. */
export async function render(): Promise<string> {
  const byOp = [...casesByOp()].sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
  const rows: string[] = []
  for (const [op, cases] of byOp) rows.push(await rowOf(op, cases))
  const total = byOp.reduce((sum, [, cases]) => sum + cases.length, 0)
  return `${[
    '# Ops',
    '',
    `The ${byOp.length} ops that have cases from PyTorch, ${total} in all. Each is on both devices, in float64 on \`cpu\` only; each gradient is made of ops, so that it has a gradient itself, and gradcheck and gradgradcheck run on the same cases. \`npx tsx scripts/ops-table.ts\` writes this page, a test keeps it true.`,
    '',
    'dtypes: those of which one of the first cases is no error (integers are computed as float32 where the function is one of reals). autocast: the class ([amp.md](amp.md)). error: what is allowed between float32 on either device and PyTorch in float64, relative · absolute (float64 on cpu: 1e-10 · 1e-12). cases: how many there are from PyTorch.',
    '',
    '| op | dtypes | gradient | autocast | error | cases | PyTorch | difference |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, await render())
