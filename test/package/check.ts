/**
 * @file `npm run test:package`: the package as npm would publish it, installed in a folder of its own, type-checked, imported and required.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { adapterVariables } from '../support/adapter.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc')
const RUN_SECONDS = 120

/** Ways in which a user's compiler may look for the declarations; `node10` knows only the manifest's top-level `main` and `types`. One has no types of Node. */
const COMPILERS: readonly { readonly title: string; readonly file: string; readonly options: readonly string[] }[] = [
  { title: 'nodenext', file: 'train.ts', options: ['--module', 'nodenext', '--lib', 'es2023,esnext.disposable', '--types', 'node'] },
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
  {
    title: 'node10',
    file: 'root.ts',
    options: ['--module', 'commonjs', '--moduleResolution', 'node10', '--esModuleInterop', '--lib', 'es2023'],
  },
]

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-package-'))
try {
  await check()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function check(): Promise<void> {
  const [{ filename, files, size }] = JSON.parse(
    run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], ROOT).replace(/^[^[]*/, ''),
  ) as [Packed]
  const stray = files.map(({ path }) => path).filter((path) => !/^(dist|docs|src)\/|^(package\.json|README\.md|LICENSE)$/.test(path))
  if (stray.length > 0) throw new Error(`the package holds what it should not: ${stray.join(', ')}`)
  console.log(`packed ${files.length} files, ${(size / 1024).toFixed(0)} KB`)

  cpSync(join(ROOT, 'test/package/consumer'), folder, { recursive: true })
  writeFileSync(
    join(folder, 'root.ts'),
    "import { tensor } from 'tapegrad'\nexport const shape: readonly number[] = tensor([1]).relu().shape\n",
  )
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { devDependencies: Record<string, string> }
  const dependencies = { tapegrad: `file:${filename}`, '@types/node': devDependencies['@types/node'] }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies }))
  run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent'])

  for (const { title, file, options } of COMPILERS) {
    // Declarations are checked too (skipLibCheck is off): they are part of what is shipped.
    run(process.execPath, [TSC, '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--target', 'es2023', ...options, file])
    console.log(`types: ${title}`)
  }
  run(process.execPath, [TSC, '--module', 'nodenext', '--target', 'es2023', '--types', 'node', '--skipLibCheck', 'train.ts'])
  const variables = await adapterVariables()
  for (const device of ['webgpu', 'cpu']) console.log(`import: ${run(process.execPath, ['train.js', device], folder, variables).trim()}`)
  console.log(`require: ${run(process.execPath, ['require.cjs']).trim()}`)
}

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

function run(program: string, args: readonly string[], cwd = folder, variables: Readonly<Record<string, string>> = {}): string {
  const env = { ...process.env, ...variables }
  try {
    return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_SECONDS * 1000 })
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${[program, ...args].join(' ')} failed\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}
