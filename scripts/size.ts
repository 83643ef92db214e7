/**
 * @file `npm run size`: what a page loads of the built package, as esbuild bundles and minifies it, each file by gzip -9. Fails above the budgets below.
 *
 * Counted are the files that the program's run loads: its own, what these import, and the device that it computes on. test/browser/check.ts sees to it that
 * a browser loads these and no others.
 */

import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

const STEP = `
  const x = tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
  const y = tensor([[0], [1], [1], [0]])
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1))
  const optimizer = new optim.AdamW(model.parameters(), { lr: 0.05 })
  optimizer.zeroGrad()
  const loss = F.mseLoss(model.forward(x), y)
  loss.backward()
  optimizer.step()
  console.log(await loss.item())`

interface Case {
  readonly title: string
  readonly program: string
  readonly device: 'webgpu' | 'cpu'
  /** bytes */
  readonly budget: number
}

const FROM_ENTRIES = `
  import { tensor } from 'tapegrad'
  import * as nn from 'tapegrad/nn'
  import * as F from 'tapegrad/nn/functional'
  import * as optim from 'tapegrad/optim'
  ${STEP}`
const FROM_ROOT = `
  import { nn, optim, tensor } from 'tapegrad'
  const F = nn.functional
  ${STEP}`
const TENSOR = `
  import { tensor } from 'tapegrad'
  console.log(await tensor([1, 2, 3]).mul(2).sum().item())`

const CASES: readonly Case[] = [
  { title: 'an MLP training step, from the entries', program: FROM_ENTRIES, device: 'webgpu', budget: 80_000 },
  { title: 'the same, from the root (esbuild keeps all of nn)', program: FROM_ROOT, device: 'webgpu', budget: 95_000 },
  { title: 'a tensor and a sum', program: TENSOR, device: 'webgpu', budget: 75_000 },
  { title: 'an MLP training step, from the entries', program: FROM_ENTRIES, device: 'cpu', budget: 95_000 },
]

async function measure({ program, device }: Case): Promise<{ readonly files: number; readonly bytes: number; readonly zipped: number }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: program, resolveDir: ROOT, sourcefile: 'program.js' }, // which finds the package by its own name
    tsconfigRaw: {}, // that of the repository leads to src/
    bundle: true,
    splitting: true,
    minify: true,
    format: 'esm',
    outdir: 'out',
    absWorkingDir: ROOT,
    write: false,
    metafile: true,
    logLevel: 'error',
  })
  const { outputs } = metafile
  const loaded = new Set<string>()
  const load = (path: string): void => {
    if (loaded.has(path)) return
    loaded.add(path)
    for (const { path: other, kind } of outputs[path]?.imports ?? [])
      if (kind === 'import-statement' || outputs[other]?.entryPoint === `dist/${device}.js`) load(other)
  }
  load(Object.keys(outputs).find((path) => outputs[path]?.entryPoint === 'program.js') as string)
  const contents = outputFiles.filter(({ path }) => [...loaded].some((name) => path.endsWith(`/${name}`))).map((file) => file.contents)
  if (contents.length !== loaded.size || ![...loaded].some((path) => outputs[path]?.entryPoint === `dist/${device}.js`))
    throw new Error(`size: the files of ${device} are not where they are looked for`)
  const sum = (list: readonly number[]): number => list.reduce((n, bytes) => n + bytes, 0)
  return {
    files: contents.length,
    bytes: sum(contents.map((content) => content.length)),
    zipped: sum(contents.map((content) => gzipSync(content, { level: 9 }).length)),
  }
}

const kilo = (bytes: number): string => (bytes / 1000).toFixed(1).padStart(6)
console.log('minified   gzip -9   budget   files (KB = 1000 bytes)')
for (const one of CASES) {
  const { files, bytes, zipped } = await measure(one)
  const over = zipped > one.budget
  console.log(
    `${kilo(bytes)} KB ${kilo(zipped)} KB ${kilo(one.budget)} KB   ${files}: ${one.title}, on ${one.device}${over ? '  TOO LARGE' : ''}`,
  )
  if (over) process.exitCode = 1
}
