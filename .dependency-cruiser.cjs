/**
 * The floors of docs/architecture.md: an import may only point down, and only to a folder's door (its index.ts). Type-only imports count too,
 * since a type is knowledge. A rule names a floor by the folders above it that it must not know.
 */
const FLOORS = [
  ['base'],
  ['kernel', 'device'],
  ['graph'],
  ['tensor'],
  ['ops'],
  ['autograd'],
  ['fluent'],
  ['nn', 'optim', 'amp', 'data', 'io', 'func', 'testing', 'notebook'],
  ['index'],
]

/** A folder of src, or the single file that stands for it. */
const at = (names) => `^src/(${names.join('|')})(/|\\.ts$)`

const upward = FLOORS.slice(0, -1).map((floor, i) => ({
  name: `no-way-up-from-${floor.length > 2 ? 'composition' : floor.join('-')}`,
  comment: `src/${floor.join(', src/')} must not know the floors above.`,
  severity: 'error',
  from: { path: at(floor) },
  to: { path: at(FLOORS.slice(i + 1).flat()) },
}))

module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'Neither between files nor between folders.', severity: 'error', from: {}, to: { circular: true } },
    ...upward,
    {
      name: 'device-knows-base-and-kernel',
      comment: 'A device runs kernels; it knows neither graphs nor tensors.',
      severity: 'error',
      from: { path: '^src/device/' },
      to: { path: '^src/', pathNot: '^src/(device|base|kernel)/' },
    },
    {
      name: 'kernel-knows-base',
      comment: 'The kernel IR is the same for every device.',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^src/device/' },
    },
    {
      name: 'only-through-the-door',
      comment:
        "Another folder's rooms are private: import from its index.ts. `nn/functional` is an entry of the package, so it is a door too.",
      severity: 'error',
      from: { path: '^src/([^/]+)(/|\\.ts$)' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/nn/functional\\.ts$'] },
    },
    {
      name: 'every-file-has-a-floor',
      comment: 'A new folder of src is given its floor in this file first.',
      severity: 'error',
      from: { path: '^src/', pathNot: at(FLOORS.flat()) },
      to: {},
    },
    {
      name: 'unresolved',
      comment: 'An import that leads nowhere.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'src-stands-alone',
      comment: 'The library uses nothing of its tests, examples or tools, and no development dependency.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: ['^(test|examples|benchmarks|scripts)/'] },
    },
    {
      name: 'no-development-dependency',
      comment: 'What the library imports, its users must be given. (@types/ndarray is a dependency for this reason.)',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
