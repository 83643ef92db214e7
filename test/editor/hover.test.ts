/** @file What an editor shows of the published declarations: documentation wherever one hovers, no private name, and a name for every type. */
import { dirname, resolve } from 'node:path'
import ts from 'typescript'
import { beforeAll, describe, expect, it } from 'vitest'
import { declarations } from '../../scripts/declarations.ts'
import { entries } from '../../scripts/entries.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const DIST = resolve(ROOT, 'dist')
/** A file of a user's, in which everything is named once. */
const USER = resolve(ROOT, 'user.ts')

/** `tapegrad`, `tapegrad/nn`, … and their declarations. */
const packages = new Map(
  entries.map((entry) => [
    `tapegrad/${entry.replace(/\/?(index)?\.ts$/, '')}`.replace(/\/$/, ''),
    resolve(DIST, entry.replace(/\.ts$/, '.d.ts')),
  ]),
)

let files: Map<string, string>
let service: ts.LanguageService
let program: ts.Program
let checker: ts.TypeChecker

/** The user's file is `text` from now on. */
function write(text: string): void {
  files.set(USER, text)
  const again = service.getProgram()
  if (!again) throw new Error('no program')
  program = again
  checker = again.getTypeChecker()
}

beforeAll(() => {
  files = new Map(declarations(ROOT, entries))
  files.set(USER, '')
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    types: ['@webgpu/types'],
    noEmit: true,
    paths: Object.fromEntries([...packages].map(([name, path]) => [name, [path]])),
  }
  service = ts.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [USER, ...packages.values()],
    getScriptVersion: (path) => `${path}${files.get(path)?.length ?? 0}`,
    getScriptSnapshot(path) {
      const text = files.get(path) ?? ts.sys.readFile(path)
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
    },
    getCurrentDirectory: () => ROOT,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (path) => files.has(path) || (!path.startsWith(DIST) && ts.sys.fileExists(path)),
    readFile: (path) => files.get(path) ?? ts.sys.readFile(path),
    directoryExists: (path) => path.startsWith(DIST) || ts.sys.directoryExists(path),
  })
  write('')
}, 120_000)

const textOf = (parts: readonly ts.SymbolDisplayPart[] | undefined): string =>
  ts.displayPartsToString(parts as ts.SymbolDisplayPart[]).trim()

const target = (symbol: ts.Symbol): ts.Symbol => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)

/** What a package exports, with the contents of its namespaces (`nn.init.normal_`). */
function exportsOf(path: string, prefix = ''): [string, ts.Symbol][] {
  const file = program.getSourceFile(path)
  const module = file && checker.getSymbolAtLocation(file)
  if (!module) throw new Error(`${path} is no module`)
  return checker.getExportsOfModule(module).flatMap((symbol): [string, ts.Symbol][] => {
    const name = `${prefix}${symbol.name}`
    const space = target(symbol).declarations?.find(ts.isSourceFile)
    return space ? exportsOf(space.fileName, `${name}.`) : [[name, target(symbol)]]
  })
}

/** Every public symbol, by one of its names. */
function publicSymbols(): Map<ts.Symbol, string> {
  const found = new Map<ts.Symbol, string>()
  for (const [name, path] of packages)
    for (const [key, symbol] of exportsOf(path)) if (!found.has(symbol)) found.set(symbol, `${name}: ${key}`)
  return found
}

const ours = (node: ts.Node): boolean => node.getSourceFile().fileName.startsWith(DIST)

/** An alias that an editor shows as what it stands for: `typeof ops`, or the outcome of a conditional type. */
const isExpanded = (node: ts.Node): boolean =>
  ts.isTypeAliasDeclaration(node) && (ts.isTypeQueryNode(node.type) || ts.isConditionalTypeNode(node.type))

/** Members that a user sees by completion: of classes, of instances, of options. */
function membersOf(symbol: ts.Symbol): ts.Symbol[] {
  const found: ts.Symbol[] = []
  if (symbol.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) {
    const type = checker.getDeclaredTypeOfSymbol(symbol)
    if (!type.isUnion()) found.push(...type.getProperties())
  }
  if (symbol.flags & ts.SymbolFlags.Class) found.push(...(symbol.exports?.values() ?? []))
  return found.filter(
    (member) =>
      !(member.flags & ts.SymbolFlags.Prototype) && !/#/.test(member.name) && member.declarations?.some((declaration) => ours(declaration)),
  )
}

/** A property that a function has the name of, and methods that are not the function with its first argument in front: they have words of their own. */
const OWN_WORDS: ReadonlySet<string> = new Set(['grad', 'max', 'min', 'where', 'backward'])

describe('an editor', () => {
  it('shows documentation over every exported name', () => {
    const bare = [...publicSymbols()].filter(([symbol]) => textOf(symbol.getDocumentationComment(checker)) === '')
    expect(bare.map(([, name]) => name)).toEqual([])
  })

  it('shows documentation over every member and every option', () => {
    const bare = [...publicSymbols()].flatMap(([symbol, name]) =>
      membersOf(symbol)
        .filter((member) => textOf(member.getDocumentationComment(checker)) === '')
        .map((member) => `${name}.${member.name}`),
    )
    expect(bare).toEqual([])
  })

  it('shows over a method what it shows over the function, and over both the definition', () => {
    const root = exportsOf(packages.get('tapegrad') as string)
    const tensor = root.find(([name]) => name === 'Tensor')?.[1] as ts.Symbol
    const functions = new Set(root.map(([name]) => name))
    const names = checker
      .getDeclaredTypeOfSymbol(tensor)
      .getProperties()
      .map(({ name }) => name)
      .filter((name) => /^\w+$/.test(name) && !name.startsWith('__'))
    expect(names.length).toBeGreaterThan(140)
    // Each name on a line of its own: as a method, and as a function where there is one.
    const places = new Map<string, number>()
    let text = "import * as t from 'tapegrad'\ndeclare const x: t.Tensor\n"
    for (const name of names)
      for (const owner of functions.has(name) ? ['x', 't'] : ['x']) {
        text += `void ${owner}.`
        places.set(`${owner}.${name}`, text.length)
        text += `${name}\n`
      }
    write(text)
    expect(service.getSemanticDiagnostics(USER).map(({ messageText }) => messageText)).toEqual([])

    const hover = (name: string) => textOf(service.getQuickInfoAtPosition(USER, places.get(name) as number)?.documentation)
    const wrong = names.filter((name) => {
      const shown = hover(`x.${name}`)
      if (shown === '' || !service.getDefinitionAtPosition(USER, places.get(`x.${name}`) as number)?.length) return true
      return functions.has(name) && !OWN_WORDS.has(name) && shown !== hover(`t.${name}`)
    })
    expect(wrong).toEqual([])
  })

  it('completes no private name', () => {
    const hidden = [...publicSymbols()].flatMap(([symbol, name]) =>
      membersOf(symbol)
        .filter((member) => /^_/.test(member.name) && !member.name.startsWith('__@'))
        .map((member) => `${name}.${member.name}`),
    )
    expect(hidden).toEqual([])
  })

  it('knows every type in a public signature by an exported name', () => {
    const known = publicSymbols()
    const missing = new Set<string>()
    const bases = new Set<ts.Symbol>()
    /** A base class or interface without a name of its own counts as a part of what extends it. */
    const look = (node: ts.Node, name: string): void => {
      const isBase = ts.isExpressionWithTypeArguments(node)
      const named = ts.isTypeReferenceNode(node) ? node.typeName : isBase ? node.expression : undefined
      const symbol = named && checker.getSymbolAtLocation(named)
      if (symbol && !known.has(target(symbol))) {
        const declared =
          target(symbol).declarations?.filter((declaration) => ours(declaration) && !ts.isTypeParameterDeclaration(declaration)) ?? []
        if (!isBase && !declared.every(isExpanded) && declared.length > 0) missing.add(`${symbol.name} (${name})`)
        if (isBase && !bases.has(target(symbol))) for (const declaration of declared) look(declaration, name)
        bases.add(target(symbol))
      }
      node.forEachChild((child) => look(child, name))
    }
    for (const [symbol, name] of known) for (const declaration of symbol.declarations ?? []) if (ours(declaration)) look(declaration, name)
    expect([...missing]).toEqual([])
  })
})

it('takes its files from the entries of the package', () => {
  expect([...packages.values()].map((path) => dirname(path).startsWith(DIST))).not.toContain(false)
  expect([...packages.keys()]).toContain('tapegrad/nn/functional')
})
