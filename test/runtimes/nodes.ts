/**
 * @file `npm run test:nodes`: tests of device cpu on newer Nodes, side by side. They are npm packages, installed for this alone. `npm test` runs all tests on the Node that
 * is there; here are those for which another Node may be another machine: its engine of WebAssembly, its collector, its files, threads and processes. (Layers and
 * optimizers are among the golden cases.)
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installRuntime } from '../support/runtimes.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const NODES = ['node@22', 'node@24']
const MINUTES = 20
/** Slow, and of nothing that another Node does otherwise: the BLAS, and a memory of 4 GiB that is filled. */
const EXCLUDED = ['blas-choice.test.ts', 'wasm-blas.test.ts', 'wasm-memory.test.ts']
/** What the paths of tests begin with. (vitest's own --exclude does nothing to projects.) */
const TESTS = [
  ...readdirSync(join(ROOT, 'test/device'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !EXCLUDED.includes(basename(file)))
    .map((file) => `test/device/${file}`),
  'test/autograd/',
  'test/data/',
  'test/everyday/',
  'test/golden.test.ts',
  'test/graph/random-graph.test.ts',
  'test/graph/runtime.test.ts',
  'test/host.test.ts',
  'test/io/corrupt.test.ts',
  'test/io/files.test.ts',
  'test/io/json.test.ts',
  'test/io/kill.test.ts',
  'test/io/opening.test.ts',
  'test/io/places.test.ts',
  'test/io/state.test.ts',
]
/** Fewer of what is done many times: steps of test/everyday/leak.test.ts, random graphs of each kind, ends of a program in the middle of work (one of each kind). */
const FEWER = { TAPEGRAD_LEAK_STEPS: '400', TAPEGRAD_GRAPHS: '15', TAPEGRAD_EXITS: '3' }

interface Ran {
  readonly failed: boolean
  readonly output: string
  readonly seconds: number
}

const work = mkdtempSync(join(tmpdir(), 'tapegrad-nodes-'))
try {
  const programs = new Map<string, string>()
  for (const spec of NODES)
    try {
      programs.set(spec, installRuntime(work, spec))
    } catch (e) {
      console.log(`NOT TESTED: ${spec} (${(e as Error).message.split('\n')[0]})`)
    }
  const runs = await Promise.all([...programs].map(async ([spec, program]) => [spec, await test(program)] as const))
  for (const [spec, { failed, output, seconds }] of runs) {
    console.log(failed ? output : output.replace(/^(?!\s*(Test Files|Tests) ).*\n?/gm, '').trimEnd())
    console.log(`${spec}: ${failed ? 'FAILED' : 'passed'}, ${seconds.toFixed(0)} s`)
    if (failed) process.exitCode = 1
  }
} finally {
  rmSync(work, { recursive: true, force: true })
}

/** Runs the tests on the Node that is this program, and their children on it too. */
function test(program: string): Promise<Ran> {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'cpu', '--maxWorkers=1', ...TESTS]
  const env = { ...process.env, ...FEWER, PATH: `${dirname(program)}:${process.env.PATH}`, NO_COLOR: '1' }
  const from = performance.now()
  return new Promise((resolve) => {
    execFile(program, args, { cwd: ROOT, env, maxBuffer: 2 ** 26, timeout: MINUTES * 60_000 }, (error, stdout, stderr) =>
      resolve({ failed: error !== null, output: stdout + stderr, seconds: (performance.now() - from) / 1000 }),
    )
  })
}
