/**
 * @file `npm run build`: dist/, as it is published.
 *
 * JavaScript in few files, because Node opens each by itself and a page waits for each: `core.js`, which all entries import, so that they share one
 * state; one file for each device, loaded when the device is wanted; and the entries. Declarations are one per source file: through their maps, which the
 * published src/ belongs to, an editor leads from a name to its source.
 */
import { rmSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Plugin, rolldown } from 'rolldown'
import { writeDeclarations } from './declarations.ts'
import { entries } from './entries.ts'
import { pureInitializers } from './pure.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const inSource = (id: string): string => relative(resolve(ROOT, 'src'), id).replaceAll('\\', '/')

/** What is not in `core.js`: what is composed of ops, and the devices. Whether there can be a GPU at all is asked before that device is loaded. */
const APART = /^(?:(?:nn|optim|data|io|testing|device\/cpu|device\/webgpu(?!\/hardware\.ts))\/|device\/(?:native|cache)\.ts$|index\.ts$)/

/** An entry that another entry exports as a whole stays a file of its own: bundlers can then take `export * as nn` apart. */
const entriesStayApart: Plugin = {
  name: 'entries-stay-apart',
  resolveId(source, importer) {
    if (!importer || !source.startsWith('.')) return null
    const both = [importer, resolve(importer, '..', source)].map(inSource)
    return both.every((path) => entries.includes(path)) ? { id: source.replace(/\.ts$/, '.js'), external: true } : null
  },
}

async function bundle(): Promise<void> {
  const build = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(entries.map((path) => [path.replace(/\.ts$/, ''), `src/${path}`])),
    platform: 'neutral',
    external: ['ndarray'],
    plugins: [entriesStayApart, pureInitializers],
    treeshake: { moduleSideEffects: () => true }, // the manifest's `sideEffects` is about dist/, and left alone it counts for src/ too
    onLog(_level, { message }) {
      throw new Error(message)
    },
  })
  await build.write({
    dir: resolve(ROOT, 'dist'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    codeSplitting: { groups: [{ name: 'core', test: (id) => !APART.test(inSource(id)) }] },
    comments: { jsdoc: false }, // an editor shows those of the declarations
    sourcemap: true,
    sourcemapExcludeSources: true, // src/ is published
  })
}

rmSync(resolve(ROOT, 'dist'), { recursive: true, force: true })
await bundle()
writeDeclarations(ROOT, entries)
