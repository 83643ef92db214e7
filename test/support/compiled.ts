/**
 * @file TypeScript of the repository as JavaScript, for processes that tests start. One that compiles what it imports by itself (tsx) needs two seconds of
 * a processor before its first line; here that is done once in a run of tests. Files keep their places towards each other, and find the same packages.
 */
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build, type Plugin } from 'esbuild'

const root = fileURLToPath(new URL('../..', import.meta.url))
const FOLDERS = ['src', 'test', 'examples', 'benchmarks']

const sources = (): string[] =>
  FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /(?<!\.test|\.d)\.ts$/.test(path) && !path.includes('node_modules'))
      .map((path) => join(root, folder, path)),
  )

/** Each file stays one of its own. */
const apart: Plugin = {
  name: 'apart',
  setup(building) {
    building.onResolve({ filter: /./ }, ({ path, kind }) =>
      kind === 'entry-point' ? undefined : { path: path.replace(/^(\..*)\.ts$/, '$1.mjs'), external: true },
    )
  },
}

async function compile(folder: string): Promise<void> {
  const draft = mkdtempSync(`${folder}-`)
  await build({
    entryPoints: sources(),
    outdir: draft,
    outbase: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'warning',
    plugins: [apart],
  })
  symlinkSync(join(root, 'node_modules'), join(draft, 'node_modules'))
  symlinkSync(join(root, 'examples/digits/digits.csv.gz'), join(draft, 'examples/digits/digits.csv.gz'))
  try {
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true })
    if (!existsSync(folder)) throw error // else another worker was first
  }
}

/** The compiled form of a file of the repository. @param url the file's */
export async function compiled(url: URL): Promise<string> {
  const folder = process.env.TAPEGRAD_TEST_COMPILED as string // global-setup.ts
  if (!existsSync(folder)) await compile(folder)
  return join(folder, relative(root, fileURLToPath(url))).replace(/\.ts$/, '.mjs')
}

/** The same as an address that a program may import from. */
export const compiledUrl = async (url: URL): Promise<string> => pathToFileURL(await compiled(url)).href
