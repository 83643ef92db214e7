/**
 * The layers of docs/architecture.md, lowest first: a file may import only from lower layers, and of another folder only its index.ts. Type-only
 * imports count too: a change of the type would change the file.
 */
const LAYERS = [
  ['base'],
  ['kernel', 'device'],
  ['graph'],
  ['compiler'],
  ['runtime'],
  ['tensor'],
  ['ops'],
  ['autograd'],
  ['fluent'],
  ['nn', 'optim', 'amp', 'distributions', 'data', 'io', 'func', 'einops', 'linalg', 'special', 'testing', 'notebook'],
  ['index'],
]

/** A folder of src, or the single file that stands for it. */
const at = (names) => `^src/(${names.join('|')})(/|\\.ts$)`

const upward = LAYERS.slice(0, -1).map((layer, i) => ({
  name: `no-import-upward-from-${layer.length > 2 ? 'composition' : layer.join('-')}`,
  comment: `src/${layer.join(', src/')} must not import from the layers above.`,
  severity: 'error',
  from: { path: at(layer) },
  to: { path: at(LAYERS.slice(i + 1).flat()) },
}))

module.exports = {
  forbidden: [
    { name: 'no-cycles', comment: 'Neither between files nor between folders.', severity: 'error', from: {}, to: { circular: true } },
    ...upward,
    {
      name: 'device-imports-base-and-kernel',
      comment: 'A device runs kernels; it uses neither graphs nor tensors.',
      severity: 'error',
      from: { path: '^src/device/' },
      to: { path: '^src/', pathNot: '^src/(device|base|kernel)/' },
    },
    {
      name: 'kernel-imports-base',
      comment: 'The kernel IR is the same for every device.',
      severity: 'error',
      from: { path: '^src/kernel/' },
      to: { path: '^src/device/' },
    },
    {
      name: 'only-index-of-other-folders',
      comment:
        'The files of another folder are private: import its index.ts. `nn/functional` is an entry of the package, and may be imported too.',
      severity: 'error',
      from: { path: '^src/([^/]+)(/|\\.ts$)' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$', '^src/nn/functional\\.ts$'] },
    },
    {
      name: 'every-file-has-a-layer',
      comment: 'A new folder of src is given its layer in this file first.',
      severity: 'error',
      from: { path: '^src/', pathNot: at(LAYERS.flat()) },
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
