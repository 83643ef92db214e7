/**
 * @file Every public function, with every kind of wrong value in every position and option: each call is right, or an error of the library that names the
 * function. Which calls are wrong by their types is TypeScript's judgement, of the same text; which are wrong by their values (NaN, −1, 2⁴⁰) is seen where a
 * result cannot be read, or something else cannot be read afterwards.
 */
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import * as testing from '../../src/testing/index.ts'
import { allCalls, type Call, PRELUDE, SAME_TYPE, WRONG } from './calls.ts'

const isMethod = (name: string): boolean => name in tg.Tensor.prototype
const CALLS = allCalls(isMethod)

interface Attempt {
  readonly call: Call
  readonly source: string
  /** What TypeScript judges: the same with a value of the same type. */
  readonly typed: string
  /** The argument or option that was replaced. */
  readonly at: string
}

const textOf = (callee: string, args: readonly string[]): string => `${callee}(${args.join(', ')})`

/** For each key of `literal`, what the text is with another value for it. */
function keysOf(literal: string): { readonly key: string; readonly replaced: (value: string) => string }[] {
  const file = ts.createSourceFile('options.ts', `(${literal})`, ts.ScriptTarget.Latest, true)
  const found: { key: string; replaced: (value: string) => string }[] = []
  const visit = (node: ts.Node): void => {
    if (!ts.isObjectLiteralExpression(node)) {
      ts.forEachChild(node, visit)
      return
    }
    for (const property of node.properties) {
      const key = property.name?.getText(file) as string
      const [from, to] = [property.getStart(file) - 1, property.getEnd() - 1]
      found.push({ key, replaced: (value) => `${literal.slice(0, from)}${key}: ${value}${literal.slice(to)}` })
    }
  }
  visit(file)
  return found
}

function attemptsOf(call: Call): Attempt[] {
  const { callee, args } = call
  return args.flatMap((arg, i) => {
    const places = [{ at: `argument ${i}`, replaced: (value: string) => value }]
    if (arg.startsWith('{')) places.push(...keysOf(arg).map(({ key, replaced }) => ({ at: key, replaced })))
    return places.flatMap(({ at, replaced }) => {
      const text = (value: string): string => textOf(callee, args.with(i, replaced(value)))
      return WRONG.map((value) => ({ call, source: text(value), typed: text(SAME_TYPE[value] ?? value), at }))
    })
  })
}

const ATTEMPTS = CALLS.flatMap(attemptsOf)

// ── TypeScript's judgement ──

/** The sources that TypeScript refuses: one call a line. */
function refusedByTypes(sources: readonly string[]): ReadonlySet<string> {
  const name = `${import.meta.dirname}/generated.ts`
  const head = [
    "import * as tg from '../../src/index.ts'",
    "import * as testing from '../../src/testing/index.ts'",
    'export async function calls(): Promise<void> {',
    ...PRELUDE.split('\n'),
  ]
  const text = [...head, ...sources.map((source) => `{ void (${source}) }`), '}'].join('\n')
  const config = ts.readConfigFile(`${import.meta.dirname}/../../tsconfig.json`, ts.sys.readFile).config as { compilerOptions: object }
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, `${import.meta.dirname}/../..`)
  // An option that is undefined is one that was left out
  const settings = { ...options, exactOptionalPropertyTypes: false }
  const host = ts.createCompilerHost(settings, true)
  const read = host.getSourceFile
  host.getSourceFile = (file, ...rest) =>
    file === name ? ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true) : read.call(host, file, ...rest)
  const exists = host.fileExists
  host.fileExists = (file) => file === name || exists.call(host, file)
  const program = ts.createProgram([name], settings, host)
  const file = program.getSourceFile(name) as ts.SourceFile
  const refused = new Set<string>()
  for (const { start, messageText } of [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]) {
    const line = file.getLineAndCharacterOfPosition(start as number).line - head.length
    if (line < 0) throw new Error(`the prelude does not compile: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
    refused.add(sources[line] as string)
  }
  return refused
}

// ── what happens ──

/** Without the types that some of the right arguments have. */
const plain = (source: string): string => source.replaceAll(/: (tg\.Tensor|readonly unknown\[\])(?=\))/g, '')
const PLAIN_PRELUDE = ts.transpileModule(PRELUDE, {
  compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
}).outputText

/** The declarations of the prelude by name, in their order: `const x = …`, `class Cube …`. */
const DECLARATIONS = PLAIN_PRELUDE.split(/\n(?=const |class )/).map((text) => ({
  name: /^(?:const|class) (\w+)/.exec(text)?.[1] as string,
  text,
}))

/** The declarations that a call uses, by themselves or through others. (All of them for each of 30,000 calls would take most of the time.) */
function declarationsFor(source: string): string {
  let text = source
  for (const declaration of DECLARATIONS.toReversed())
    if (new RegExp(`\\b${declaration.name}\\b`).test(text)) text = `${declaration.text}\n${text}`
  return text.slice(0, text.length - source.length)
}

const run = (source: string): unknown => {
  const call = plain(source)
  return new Function('tg', 'testing', `${declarationsFor(call)}; return ${call}`)(tg, testing)
}

/** All tensors in what a call gave. */
function tensorsIn(result: unknown): tg.Tensor[] {
  if (result instanceof tg.Tensor) return [result]
  if (Array.isArray(result)) return result.flatMap(tensorsIn)
  return []
}

interface Outcome {
  readonly error: unknown
  /** Whether the call was accepted, and reading what it gave failed. */
  readonly late: boolean
}

async function outcomeOf(source: string): Promise<Outcome | undefined> {
  let result: unknown
  try {
    result = await run(source)
  } catch (error) {
    return { error, late: false }
  }
  try {
    for (const x of tensorsIn(result)) await x.data()
    return undefined
  } catch (error) {
    return { error, late: true }
  }
}

/** Whom errors name: the last part of the callee. */
const nameOf = ({ callee, name }: Call): string => name ?? (callee.split(/[ .]/).at(-1) as string)

/** What only a device can know is told at the next await. */
const MAY_BE_LATE: readonly unknown[] = [tg.IndexError, tg.ZeroDivisionError]

/** What is wrong with the outcome of an attempt, or undefined. */
function complaint({ call, at, source }: Attempt, outcome: Outcome | undefined, refused: boolean): string | undefined {
  // What a function returns is seen when it is called
  if (outcome === undefined) return refused && !source.includes('() => 1') ? 'is accepted, which its types refuse' : undefined
  const { error, late } = outcome
  if (!(error instanceof tg.TapegradError)) return `ends in ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`
  if (late && !MAY_BE_LATE.includes(error.constructor)) return `is accepted, and fails when its result is read: ${error.message}`
  if (error.op !== nameOf(call)) return `names '${error.op}' instead of '${nameOf(call)}': ${error.message}`
  if (error.message.length > 600) return `has a message of ${error.message.length} characters`
  if (refused && !/^argument/.test(at) && !error.message.includes(at)) return `does not name ${at}: ${error.message}`
  return undefined
}

describe('wrong arguments', () => {
  let refused: ReadonlySet<string>
  beforeAll(() => {
    tg.setDefaultDevice('cpu')
    refused = refusedByTypes([...CALLS.map(({ callee, args }) => textOf(callee, args)), ...new Set(ATTEMPTS.map((a) => a.typed))])
  }, 300_000)

  it('are none where the arguments are right', async () => {
    const failures: string[] = []
    for (const { callee, args } of CALLS) {
      const source = textOf(callee, args)
      const outcome = await outcomeOf(source)
      if (outcome) failures.push(`${source}: ${String(outcome.error)}`)
      if (refused.has(source)) failures.push(`${source} is refused by its types`)
    }
    expect(failures).toEqual([])
  }, 60_000)

  it('cover every public function', () => {
    const callees = new Set(CALLS.map(({ callee }) => callee.replace('new ', '')))
    expect(uncovered(callees)).toEqual([])
  })

  it('are right, or an error that names function and argument, and spoil nothing else', async () => {
    const failures: string[] = []
    for (const attempt of ATTEMPTS) {
      const outcome = await outcomeOf(attempt.source)
      tg.setDetectAnomaly(false) // `true` is one of the values
      const found = complaint(attempt, outcome, refused.has(attempt.typed))
      if (found) failures.push(`${attempt.source} ${found}`)
      await tg.init({ device: 'cpu', memoryLimit: Number.POSITIVE_INFINITY })
      const other = await tg.ones([2]).add(1).sum().item().catch(String)
      if (other !== 4) failures.push(`${attempt.source} spoils another tensor: ${other}`)
    }

    expect(failures, `${failures.length} of ${ATTEMPTS.length} calls`).toEqual([])
  }, 900_000)
})

/** Public functions and methods without a call above. */
function uncovered(callees: ReadonlySet<string>): string[] {
  const spaces = { tg, 'tg.nn': tg.nn, 'tg.nn.functional': tg.nn.functional, 'tg.nn.init': tg.nn.init, 'tg.nn.utils': tg.nn.utils }
  const others = {
    'tg.amp': tg.amp,
    'tg.linalg': tg.linalg,
    'tg.einops': tg.einops,
    'tg.optim': tg.optim,
    'tg.data': tg.data,
    'tg.io': tg.io,
    'tg.autograd': tg.autograd,
    testing,
  }
  const called = new Set<unknown>()
  const missing: string[] = []
  const all = Object.entries<object>({ ...spaces, ...others }).flatMap(([space, members]) =>
    Object.entries(members).flatMap(([key, value]): [string, unknown][] =>
      typeof value === 'function' ? [[`${space}.${key}`, value]] : [],
    ),
  )
  for (const [path, value] of all) if (callees.has(path)) called.add(value)
  for (const [path, value] of all) if (!called.has(value) && !NOT_CALLED.has(path)) missing.push(path)
  const classes = { x: tg.Tensor, linear: tg.nn.BaseModule, sgd: tg.optim.Optimizer, scaler: tg.amp.GradScaler, generator: tg.Generator }
  for (const [variable, { prototype }] of Object.entries(classes)) {
    for (const [key, { value }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const known = [...callees].some((callee) => callee.endsWith(`.${key}`) && !callee.startsWith('tg.'))
      if (typeof value === 'function' && key !== 'constructor' && !key.startsWith('_') && !known && !NOT_CALLED.has(key))
        missing.push(`${variable}.${key}`)
    }
  }
  return missing
}

/** Error classes, abstract classes, and functions with tests of their own (files: test/io). */
const NOT_CALLED: ReadonlySet<string> = new Set([
  ...Object.entries(tg).flatMap(([key, value]) => (typeof value === 'function' && /Error$/.test(value.name) ? [`tg.${key}`] : [])),
  'testing.AssertionError',
  'testing.registerMatchers',
  'tg.Tensor',
  'tg.nn.BaseModule',
  'tg.nn.Module',
  'tg.optim.Optimizer',
  'tg.autograd.Function',
  'tg.autograd.FunctionContext',
  'tg.saveState',
  'tg.loadState',
  'tg.parseState',
  'tg.io.saveState',
  'tg.io.loadState',
  'tg.io.parseState',
  'print',
  'toJSON',
  'forward',
  // internal
  'key',
  'call',
])
