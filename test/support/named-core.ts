/**
 * @file Loads a BLAS with a core named, and prints what came of it: `named-core.ts process|thread PATH CORE`. A library that is loaded chooses no core any more, so each
 * case is a process of its own.
 */
import { spawnSync } from 'node:child_process'
import { isMainThread, Worker } from 'node:worker_threads'
import { loadLibrary } from '../../src/device/cpu/wasm/contraction/blas.ts'
import { importKoffi } from '../../src/device/native.ts'

const [where, path, core] = process.argv.slice(2) as [string, string, string]

async function main(): Promise<void> {
  const koffi = await importKoffi()
  if (!koffi) throw new Error('koffi is not installed')
  let asked = 0
  const library = loadLibrary(koffi, path, () => {
    asked++
    return core
  })
  const [a, b, c] = [Float32Array.of(1, 2), Float32Array.of(3, 4), new Float32Array(1)].map((x) => x) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  const at = (x: Float32Array): number => Number(koffi.address(x))
  library.func('void cblas_sgemm(int, int, int, int, int, int, float, uintptr_t, int, uintptr_t, int, float, uintptr_t, int)')(
    101,
    111,
    111,
    1,
    1,
    2,
    1,
    at(a),
    2,
    at(b),
    1,
    0,
    at(c),
    1, // biome-ignore format: one call
  )
  const said = {
    core: library.func('const char *openblas_get_corename()')(),
    asked,
    left: koffi.load(null).func('const char *getenv(const char *)')('OPENBLAS_CORETYPE'),
    inherited: spawnSync('printenv', ['OPENBLAS_CORETYPE'], { encoding: 'utf8' }).stdout.trim(),
    right: c[0] === 11,
  }
  console.log(JSON.stringify(said))
}

// Worker threads read no TypeScript by themselves
const program = `import('tsx/esm/api').then(({ register }) => { register(); return import(${JSON.stringify(import.meta.url)}) })`
if (where === 'thread' && isMainThread) new Worker(program, { eval: true, argv: process.argv.slice(2) })
else await main()
