/**
 * @file Checks that no table forgets a new member of a union. Each union below gets one more member, in memory; then every table listed for it must fail to
 * compile, and so must every `switch` over it. What compiles all the same is printed, and the script fails.
 */
import ts from 'typescript'

interface Union {
  readonly file: string
  readonly name: string
  /** What is added. An object has the fields of the other members, so that nothing but its kind tells it apart. */
  readonly member: string
  /** Names of what must fail, by file: variables, functions, methods. */
  readonly tables: Readonly<Record<string, readonly string[]>>
}

const DUMMY = 'dummy'
const LITERAL = `'${DUMMY}'`
const IR = 'src/kernel/ir.ts'
const STRATEGY = 'src/device/webgpu/strategy.ts'

const UNIONS: readonly Union[] = [
  { file: 'src/device/place.ts', name: 'DeviceKind', member: LITERAL, tables: { 'src/device/place.ts': ['providers'] } },
  {
    file: IR,
    name: 'UnaryOp',
    member: LITERAL,
    tables: {
      'src/kernel/operators.ts': ['unaryOps'],
      'src/device/cpu/arithmetic.ts': ['UNARY'],
      'src/device/cpu/wasm/codegen/operators.ts': ['UNARY'],
      'src/device/webgpu/arithmetic.ts': ['UNARY'],
    },
  },
  {
    file: IR,
    name: 'BinaryOp',
    member: LITERAL,
    tables: {
      'src/kernel/operators.ts': ['binaryOps'],
      'src/device/cpu/arithmetic.ts': ['BINARY'],
      'src/device/cpu/wasm/codegen/operators.ts': ['BINARY'],
      'src/device/webgpu/arithmetic.ts': ['BINARY'],
    },
  },
  { file: IR, name: 'ReduceOp', member: LITERAL, tables: { 'src/kernel/operators.ts': ['reduceOps'] } },
  {
    file: 'src/kernel/operators.ts',
    name: 'Join',
    member: LITERAL,
    tables: { 'src/kernel/identity.ts': ['identityOf'] },
  },
  {
    file: IR,
    name: 'ValueType',
    member: LITERAL,
    tables: {
      'src/kernel/operators.ts': ['TYPES'],
      'src/kernel/identity.ts': ['dtypeOfValue'],
      'src/device/cpu/arithmetic.ts': ['wrap'],
      'src/device/cpu/wasm/codegen/expressions.ts': ['splat', 'constant'],
      'src/device/cpu/wasm/codegen/operators.ts': ['signOfType', 'toFloat', 'toInt', 'toBool'],
      'src/device/cpu/wasm/codegen/codegen-context.ts': ['scalarType'],
      'src/device/cpu/wasm/codegen/reductions.ts': ['NUMBER'],
      'src/device/webgpu/arithmetic.ts': ['wgslType', 'constantText', 'CONVERT'],
      'src/device/webgpu/wgsl-reductions.ts': ['better'],
    },
  },
  {
    file: IR,
    name: 'Expr',
    member: `{ readonly kind: ${LITERAL}; readonly type: ValueType; readonly index: Index; readonly buffer: number; readonly x: Expr; readonly a: Expr; readonly b: Expr; readonly test: Expr }`,
    tables: {
      'src/kernel/walk.ts': ['indexOf', 'bufferOf', 'childrenOf'],
      'src/kernel/cost.ts': ['WORK'],
      'src/kernel/value-numbering.ts': ['info'],
      'src/kernel/rename.ts': ['#expr'],
      'src/device/cpu/interpreter.ts': ['#compute'],
      'src/device/cpu/wasm/codegen/expressions.ts': ['compute'],
      'src/device/cpu/wasm/cost.ts': ['INSTRUCTIONS'],
      'src/device/webgpu/wgsl-expressions.ts': ['#print'],
    },
  },
  {
    file: IR,
    name: 'Atom',
    member: `{ readonly kind: ${LITERAL}; readonly axis: Axis; readonly of: Index; readonly by: number; readonly value: Expr }`,
    tables: {
      'src/kernel/walk.ts': ['insideAtom', 'atomRange'],
      'src/kernel/value-numbering.ts': ['atomKey'],
      'src/kernel/affine.ts': ['atomKey', 'atomRange'],
      'src/kernel/rename.ts': ['#atom'],
      'src/device/cpu/interpreter.ts': ['#term'],
      'src/device/cpu/wasm/codegen/indices.ts': ['atom', 'atoms'],
      'src/device/cpu/wasm/codegen/lane-strides.ts': ['atomPattern'],
      'src/device/webgpu/wgsl-expressions.ts': ['#atom'],
    },
  },
  {
    file: IR,
    name: 'Stage',
    member: `{ readonly kind: ${LITERAL}; readonly axes: readonly Axis[]; readonly reductions: readonly Reduction[]; readonly stores: readonly Store[] }`,
    tables: {
      'src/kernel/walk.ts': ['reductionsOf', 'storesOf'],
      'src/kernel/rename.ts': ['stage'],
      'src/device/cpu/interpreter.ts': ['#stage'],
      'src/device/cpu/wasm/codegen/kernel.ts': ['#stage', '#rowStage'],
      'src/device/webgpu/wgsl-kernel.ts': ['printPoint', 'print'],
    },
  },
  {
    file: IR,
    name: 'ReductionOrder',
    member: `{ readonly kind: ${LITERAL}; readonly vectors: 1; readonly terms: number; readonly compensated: boolean }`,
    tables: { 'src/kernel/reduction-order.ts': ['orderKey', 'foldSchedule'] },
  },
  {
    file: 'src/base/dtype.ts',
    name: 'DType',
    member: LITERAL,
    tables: {
      'src/base/dtype.ts': ['dtypeInfo', 'RANK'],
      'src/base/numbers.ts': ['RANGE'],
      'src/kernel/ir.ts': ['valueTypeOf'],
      'src/kernel/identity.ts': ['RANGE'],
      'src/device/cpu/arithmetic.ts': ['cast', 'loaded', 'stored'],
      'src/device/cpu/wasm/codegen/elements.ts': ['ELEMENTS'],
      'src/device/cpu/wasm/codegen/operators.ts': ['convert'],
      'src/device/webgpu/arithmetic.ts': ['ROUND', 'WORDS'],
      'src/io/safetensors.ts': ['NAME_OF'],
      'src/testing/close.ts': ['TOLERANCE'],
    },
  },
  {
    file: 'src/base/dtype.ts',
    name: 'HalfDType',
    member: LITERAL,
    tables: {
      'src/base/half.ts': ['halfFormats'],
      'src/device/cpu/wasm/codegen/operators.ts': ['HALF_HELPERS'],
      'src/device/cpu/wasm/contraction/gemm.ts': ['PACK', 'ELEMENT'],
    },
  },
  {
    file: 'src/device/device.ts',
    name: 'SlotKind',
    member: LITERAL,
    tables: { 'src/device/device.ts': ['isWritten'], 'src/device/cpu/index.ts': ['#provide', '#bind'] },
  },
  {
    file: STRATEGY,
    name: 'ContractStrategy',
    member: `{ readonly kind: ${LITERAL}; readonly exchange: boolean }`,
    tables: { 'src/device/webgpu/print.ts': ['print'], 'src/device/webgpu/contract-templates.ts': ['TEMPLATES'] },
  },
  {
    file: STRATEGY,
    name: 'LoopStrategy',
    member: `{ readonly kind: ${LITERAL}; readonly workgroup: number; readonly elements: number; readonly sweep: number }`,
    tables: { 'src/device/webgpu/print.ts': ['print'], 'src/device/webgpu/wgsl-kernel.ts': ['printKernel'] },
  },
  {
    file: 'src/device/webgpu/wgsl-kernel.ts',
    name: 'Binding',
    member: `{ readonly kind: ${LITERAL}; readonly bytes: number }`,
    tables: { 'src/device/webgpu/pipelines.ts': ['typeOf'], 'src/device/webgpu/executable.ts': ['resourceOf'] },
  },
  {
    file: 'src/graph/primitive.ts',
    name: 'Primitive',
    member: `{ readonly kind: ${LITERAL} }`,
    tables: { 'src/graph/primitive-table.ts': ['PRIMITIVES'] },
  },
  {
    file: 'src/kernel/routine.ts',
    name: 'Routine',
    member: `{ readonly kind: ${LITERAL} }`,
    tables: {
      'src/kernel/routine.ts': ['ROUTINES'],
      'src/compiler/routines.ts': ['FUSED'],
      'src/device/cpu/routines.ts': ['ROUTINES'],
      'src/device/cpu/wasm/routines/index.ts': ['ROUTINES'],
      'src/device/webgpu/routines/index.ts': ['ROUTINES'],
    },
  },
  {
    file: 'src/kernel/routine.ts',
    name: 'ScanOp',
    member: LITERAL,
    tables: {
      'src/device/cpu/routines.ts': ['RUNNING'],
      'src/device/cpu/wasm/routines/scan-state.ts': ['formOf', 'stepsOf'],
      'src/device/webgpu/routines/scan-state.ts': ['scanState'],
    },
  },
  {
    file: 'src/device/device.ts',
    name: 'ProgramStep',
    member: `{ readonly kind: ${LITERAL}; readonly slots: readonly number[] }`,
    tables: { 'src/device/device.ts': ['labelOf', 'sitesOf', 'buffersOf'], 'src/device/routine-plan.ts': ['place'] },
  },
  { file: 'src/compiler/roles.ts', name: 'FusionKind', member: LITERAL, tables: { 'src/compiler/schedule.ts': ['RANK'] } },
  { file: 'src/graph/primitive-table.ts', name: 'Role', member: LITERAL, tables: { 'src/compiler/roles.ts': ['ROLES'] } },
]

const config = ts.getParsedCommandLineOfConfigFile('tsconfig.json', {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (d) => fail(d) })
const files = (config?.fileNames ?? []).filter((file) => file.includes('/src/'))
const options = { ...config?.options, noEmit: true }

function fail(diagnostic: ts.Diagnostic): never {
  throw new Error(ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n'))
}

const plain = ts.createCompilerHost(options)
const parsed = new Map<string, ts.SourceFile | undefined>()
const parse = (file: string, language: ts.ScriptTarget | ts.CreateSourceFileOptions): ts.SourceFile | undefined => {
  if (!parsed.has(file)) parsed.set(file, plain.getSourceFile(file, language))
  return parsed.get(file)
}
const isOf = (file: string, path: string): boolean => file.endsWith(`/${path}`)

/** The sources with one union longer by a member. */
function withMember({ file: path, name, member }: Union, before: ts.Program | undefined): ts.Program {
  if (!files.some((file) => isOf(file, path))) throw new Error(`${path} is not there`)
  const host: ts.CompilerHost = {
    ...plain,
    getSourceFile: (file, language) => {
      const source = parse(file, language)
      if (!source || !isOf(file, path)) return source
      const alias = source.statements.filter(ts.isTypeAliasDeclaration).find((s) => s.name.text === name)
      if (!alias) throw new Error(`${path} has no type ${name}`)
      const { text } = source
      return ts.createSourceFile(file, `${text.slice(0, alias.type.end)} | ${member}${text.slice(alias.type.end)}`, language, true)
    },
  }
  return ts.createProgram(files, options, host, before)
}

/** Whether a table need not have the member: one for any string, or with properties that may be left out. */
function mayLackMember(table: ts.Type): boolean {
  const property = table.getProperty(DUMMY)
  return property ? (property.flags & ts.SymbolFlags.Optional) !== 0 : table.getStringIndexType() !== undefined
}

/** What of one file compiles although it has nothing for the member. */
function quietIn(program: ts.Program, source: ts.SourceFile, tables: readonly string[]): string[] {
  const checker = program.getTypeChecker()
  const errors = program.getSemanticDiagnostics(source).map(({ start = 0 }) => start)
  const hasError = (node: ts.Node): boolean => errors.some((at) => at >= node.getStart(source) && at < node.end)
  const where = (node: ts.Node): string => `line ${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
  const knows = (node: ts.Node): boolean => {
    const type = checker.getTypeAtLocation(node)
    return (type.isUnion() ? type.types : [type]).some((t) => t.isStringLiteral() && t.value === DUMMY)
  }
  const declared = new Map<string, boolean>()
  const quiet: string[] = []
  const visit = (node: ts.Node): void => {
    const { name } = node as ts.NamedDeclaration
    if (name && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name)))
      declared.set(name.text, (declared.get(name.text) ?? false) || hasError(node))
    if (ts.isSwitchStatement(node) && knows(node.expression) && !hasError(ts.findAncestor(node, ts.isFunctionLike) ?? node))
      quiet.push(`the switch in ${where(node)}`)
    if (ts.isElementAccessExpression(node) && knows(node.argumentExpression) && mayLackMember(checker.getTypeAtLocation(node.expression)))
      quiet.push(`the lookup in ${where(node)}`)
    ts.forEachChild(node, visit)
  }
  visit(source)
  for (const table of tables) {
    if (!declared.has(table)) quiet.push(`${table}, which is not there,`)
    else if (!declared.get(table)) quiet.push(table)
  }
  return quiet
}

/** Where switches and lookups are looked for besides the tables that are listed: the layers that know of kernels and primitives. */
const LAYERS = /\/src\/(base|kernel|device|graph|compiler|runtime)\//
const BRANCHES = /\bswitch \(|\bRecord<string|\bPartial<|\]\?:/

/** Says what of the sources compiles with one member more. */
function check(union: Union, program: ts.Program): string[] {
  const sources = program.getSourceFiles().filter(({ isDeclarationFile }) => !isDeclarationFile)
  const tablesOf = (source: ts.SourceFile): readonly string[] =>
    Object.entries(union.tables).find(([path]) => isOf(source.fileName, path))?.[1] ?? []
  const missing = Object.keys(union.tables).filter((path) => !sources.some(({ fileName }) => isOf(fileName, path)))
  return [
    ...missing.map((path) => `${path}, where tables over ${union.name} are looked for, is not there`),
    ...sources.flatMap((source) => {
      const tables = tablesOf(source)
      if (tables.length === 0 && !(LAYERS.test(source.fileName) && BRANCHES.test(source.text))) return []
      const path = source.fileName.replace(/^.*?\/(?=src\/)/, '')
      return quietIn(program, source, tables).map((what) => `${path}: ${what} compiles with a new ${union.name}`)
    }),
  ]
}

const quiet: string[] = []
let program: ts.Program | undefined
for (const union of UNIONS) {
  program = withMember(union, program)
  quiet.push(...check(union, program))
}
const tables = UNIONS.reduce((n, union) => n + Object.values(union.tables).flat().length, 0)
if (quiet.length > 0) {
  console.error(quiet.join('\n'))
  process.exitCode = 1
} else console.log(`${tables} tables and every switch over ${UNIONS.map((u) => u.name).join(', ')} fail to compile with a new member`)
