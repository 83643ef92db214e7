/**
 * @file `npm run test:package`: the package as npm would publish it, installed in a folder of its own: type-checked by several compilers, imported, required, run by
 * tsx and vitest, bundled for Node; once more without the optional dependencies; and from
 * git and from a folder.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { adapterVariables } from '../support/adapter.ts'
import { BUNDLERS, bundle, bundlersFolder } from '../support/bundlers.ts'
import { pack, project, runIn } from '../support/packed.ts'
import { checkSources } from './sources.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FROM_TEST = createRequire(import.meta.url)

interface Compiler {
  readonly title: string
  readonly file: string
  readonly options: readonly string[]
}

/** Ways in which a user's compiler may look for the declarations; `node10` knows only the manifest's top-level `main` and `types`. One has no types of Node. */
const COMPILERS: readonly Compiler[] = [
  { title: 'nodenext', file: 'train.ts', options: ['--module', 'nodenext', '--lib', 'es2023,esnext.disposable', '--types', 'node'] },
  { title: 'nodenext, CommonJS', file: 'root.cts', options: ['--module', 'nodenext', '--lib', 'es2023,dom'] },
  { title: 'node16', file: 'root.mts', options: ['--module', 'node16', '--lib', 'es2023,dom'] },
  {
    title: 'bundler, with the DOM',
    file: 'root.ts',
    options: ['--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2023,dom'],
  },
  {
    title: "bundler, without Node's types",
    file: 'root.ts',
    options: ['--module', 'esnext', '--moduleResolution', 'bundler', '--lib', 'es2023,dom', '--typeRoots', 'none'],
  },
  { title: 'node10', file: 'root.ts', options: ['--module', 'commonjs', '--moduleResolution', 'node10', '--lib', 'es2023'] },
]
/** An old TypeScript, which the notebook kernel tslab brings along, knows the ways of its time. */
const OLD_COMPILERS: readonly Compiler[] = [
  { title: 'node16', file: 'root.mts', options: ['--module', 'node16', '--moduleResolution', 'node16'] },
  { title: 'bundler', file: 'root.ts', options: ['--module', 'esnext', '--moduleResolution', 'bundler'] },
  { title: 'node10', file: 'root.ts', options: ['--module', 'commonjs', '--moduleResolution', 'node10'] },
]

const work = mkdtempSync(join(tmpdir(), 'tapegrad-package-'))
process.env.TAPEGRAD_CACHE = join(work, 'cache')
/** Beside one another: Node looks for packages in the folders above, too. */
const [folder, bare] = ['whole', 'bare'].map((name) => join(work, name)) as [string, string]
for (const path of [folder, bare]) mkdirSync(path)
const node = (...args: readonly string[]): string => runIn(folder, process.execPath, args)
try {
  const filename = checkManifest()
  prepareProject(filename)
  checkTypes()
  await checkRuns()
  await checkBundles()
  checkWithoutOptional(filename)
  checkSources(work)
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** What is in the package, and that its README leads nowhere else. @returns the package's file */
function checkManifest(): string {
  const { filename, files, size } = pack(folder)
  const paths = files.map(({ path }) => path)
  const stray = paths.filter((path) => !/^(dist|docs|src)\/|^(package\.json|README\.md|LICENSE)$/.test(path))
  if (stray.length > 0) throw new Error(`the package holds what it should not: ${stray.join(', ')}`)
  for (const [, link] of readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g))
    if (!paths.includes(link as string)) throw new Error(`README.md links to ${link}, which is not in the package`)
  console.log(`packed ${files.length} files, ${(size / 1024).toFixed(0)} KB`)
  return join(folder, filename)
}

function prepareProject(filename: string): void {
  for (const source of ['package/consumer', 'bundlers/program.js', 'bundlers/node.js']) {
    const from = join(ROOT, 'test', source)
    cpSync(from, source.endsWith('.js') ? join(folder, basename(source)) : folder, { recursive: true })
  }
  const text =
    "import { tensor } from 'tapegrad'\nimport { Linear } from 'tapegrad/nn'\nimport * as F from 'tapegrad/nn/functional'\nexport const shape: readonly number[] = F.relu(new Linear(1, 1).forward(tensor([1]).relu())).shape\n"
  for (const extension of ['ts', 'mts', 'cts']) writeFileSync(join(folder, `root.${extension}`), text)
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> }
  project(folder, { tapegrad: `file:${filename}`, '@types/node': devDependencies['@types/node'] as string })
}

/** Declarations are checked too (skipLibCheck is off): they are part of what is shipped. */
function checkTypes(): void {
  const tsc = FROM_TEST.resolve('typescript/bin/tsc')
  const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes']
  for (const { title, file, options } of COMPILERS) {
    node(tsc, ...strict, '--target', 'es2023', ...options, file)
    console.log(`types: ${title}`)
  }
  const old = join(bundlersFolder(), 'node_modules/typescript/bin/tsc')
  for (const { title, file, options } of OLD_COMPILERS) {
    node(old, ...strict, '--target', 'es2022', '--lib', 'es2022,dom', '--typeRoots', 'none', ...options, file)
    console.log(`types: ${title}, TypeScript 5.0`)
  }
  node(tsc, '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck', 'train.ts')
}

async function checkRuns(): Promise<void> {
  const variables = await adapterVariables()
  for (const device of ['webgpu', 'cpu']) console.log(`import: ${runIn(folder, process.execPath, ['train.js', device], variables)}`)
  console.log(`import: ${node('entries.mjs')}`)
  console.log(`require: ${node('require.cjs')}`)
  console.log(`tsx: ${node('--import', pathToFileURL(FROM_TEST.resolve('tsx')).href, 'train.ts', 'cpu')}`)
  node(join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--globals', '--root', folder)
  console.log('vitest: ran')
}

/** Bundles for Node hold all but the native packages, and nothing of the machine that made them; they compute what the package computes as it is. */
async function checkBundles(): Promise<void> {
  const variables = await adapterVariables()
  const devices = ['cpu', 'webgpu'] as const
  const whole = Object.fromEntries(devices.map((device) => [device, runIn(folder, process.execPath, ['node.js', device], variables)]))
  for (const bundler of BUNDLERS)
    for (const target of ['node', 'node-cjs'] as const) {
      const out = join(folder, 'bundles', `${bundler}-${target}`)
      await bundle(bundler, target, join(folder, 'node.js'), out)
      const files = readdirSync(out)
      for (const name of files) {
        const text = readFileSync(join(out, name), 'utf8')
        for (const path of [folder, ROOT.slice(0, -1)])
          if (text.includes(path)) throw new Error(`${bundler} for ${target}: ${name} holds the path ${path}`)
      }
      const main = files.find((name) => /^main\.[mc]js$/.test(name)) as string
      for (const device of devices) {
        const printed = runIn(out, process.execPath, [main, device], variables)
        if (printed !== whole[device]) throw new Error(`${bundler} for ${target} on ${device}: ${printed}, not ${whole[device]}`)
      }
      console.log(`bundled: ${bundler}, ${target}, ${files.length} files`)
    }
  console.log(`bundles print ${whole.cpu}`)
}

/** Without the packages that hold native code: device cpu, and an error that says what is missing. */
function checkWithoutOptional(filename: string): void {
  for (const name of ['program.js', 'node.js']) cpSync(join(folder, name), join(bare, name))
  project(bare, { tapegrad: `file:${filename}` }, '--omit=optional')
  const installed = readdirSync(join(bare, 'node_modules'))
  for (const name of ['webgpu', 'koffi']) if (installed.includes(name)) throw new Error(`--omit=optional has installed ${name}`)
  const { losses } = JSON.parse(runIn(bare, process.execPath, ['node.js', 'cpu'])) as { losses: number[] }
  if (!((losses.at(-1) as number) < (losses[0] as number))) throw new Error(`no learning without the optional dependencies: ${losses}`)
  const script = "import('tapegrad').then((tg) => tg.init({ device: 'webgpu' })).catch((e) => console.log(e.name + ': ' + e.message))"
  const said = runIn(bare, process.execPath, ['-e', script])
  if (
    !/^DeviceError: webgpu: the npm package webgpu, .* is not installed\. .* npm install webgpu\. Device cpu works everywhere$/.test(said)
  )
    throw new Error(`init({ device: 'webgpu' }) without the package webgpu says: ${said}`)
  console.log(`without optional dependencies: ${said}`)
}
