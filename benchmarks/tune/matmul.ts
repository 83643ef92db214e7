/**
 * @file Times the contraction templates over tile sizes on this machine's adapter, results checked: the figures behind src/device/webgpu/strategy.ts.
 *
 *   tsx benchmarks/tune/matmul.ts [register|tiled] [m n k layout]…      layouts: nn, nt, tn, tt
 *
 * On adapters in software it takes CPU time, not wall time, so that other work on the machine disturbs little: GFLOP/s are per core times 2.
 */
import { webgpuProvider } from '../../src/device/index.ts'
import type { GpuComputeDevice } from '../../src/device/webgpu/device.ts'
import { type ContractStrategy, register, TILES, tiled } from '../../src/device/webgpu/strategy.ts'
import { type Axis, type Expr, type Index, type Kernel, shapeOf } from '../../src/kernel/index.ts'

type Layout = 'nn' | 'nt' | 'tn' | 'tt'
type Shape = readonly [number, number, number, Layout]

const [template = 'register', ...rest] = process.argv.slice(2)
const shapes: Shape[] = []
for (let i = 0; i + 3 < rest.length; i += 4) shapes.push([Number(rest[i]), Number(rest[i + 1]), Number(rest[i + 2]), rest[i + 3] as Layout])
if (shapes.length === 0) {
  shapes.push(
    [512, 512, 512, 'nn'],
    [512, 512, 512, 'nt'],
    [64, 256, 784, 'nt'],
    [784, 256, 64, 'tn'],
    [64, 10, 256, 'nn'],
    [256, 10, 64, 'tn'],
    [64, 256, 10, 'nt'],
  )
}

let ids = 0
const axis = (size: number): Axis => ({ id: ids++, size })
const index = (...terms: [number, Axis][]): Index => ({
  offset: 0,
  terms: terms.map(([coef, a]) => ({ coef, atom: { kind: 'axis', axis: a } })),
})

function product([m, n, k, layout]: Shape): Kernel {
  const [i, j, l] = [axis(m), axis(n), axis(k)]
  const a = { kind: 'load', buffer: 0, index: layout[0] === 'n' ? index([k, i], [1, l]) : index([1, i], [m, l]), type: 'float' } as const
  const b = { kind: 'load', buffer: 1, index: layout[1] === 'n' ? index([n, l], [1, j]) : index([1, l], [k, j]), type: 'float' } as const
  const value: Expr = { kind: 'binary', op: 'mul', a, b, type: 'float' }
  return {
    label: 'matmul',
    grid: [i, j],
    sites: [],
    buffers: [
      { dtype: 'float32', access: 'read' },
      { dtype: 'float32', access: 'read' },
      { dtype: 'float32', access: 'write' },
    ],
    contract: { batch: [], m: [i], n: [j], k: [l], a, b },
    stages: [
      { kind: 'reduce', axes: [l], reductions: [{ op: 'sum', value, type: 'float' }] },
      {
        kind: 'store',
        axes: [],
        stores: [{ buffer: 2, index: index([n, i], [1, j]), value: { kind: 'acc', stage: 0, slot: 0, type: 'float' } }],
      },
    ],
  }
}

function candidates(): ContractStrategy[] {
  const list: ContractStrategy[] = []
  for (const exchange of [false, true]) {
    if (template === 'tiled') {
      for (const { time: _, ...tile } of TILES) list.push({ kind: 'tiled', ...tile, exchange })
    } else {
      for (const share of new Set([1, subgroup]))
        for (const rows of [4, 8, 16, 32])
          for (const columns of [1, 2, 4, 8])
            if (rows * columns <= 64 && rows % share === 0) list.push({ kind: 'register', rows, columns, lanes: 8, share, exchange })
    }
  }
  return list
}

const opened = await webgpuProvider.open()
if ('unavailable' in opened) throw new Error(opened.unavailable)
const device = opened.device as GpuComputeDevice
const { software } = opened.info
const { subgroup } = device
console.log(opened.info.adapter)
const pause = new Int32Array(new SharedArrayBuffer(4))

/** Milliseconds for `runs` runs, waiting without spinning. */
async function time(run: () => void, runs: number): Promise<number> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < runs; i++) run()
  let done = false
  device.gpu.queue.onSubmittedWorkDone().then(() => {
    done = true
  })
  while (!done) {
    if (software) Atomics.wait(pause, 0, 0, 4)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const used = process.cpuUsage(cpu)
  return software ? (used.user + used.system) / 2000 : performance.now() - start
}

for (const shape of shapes) {
  const [m, n, k, layout] = shape
  const x = Float32Array.from({ length: m * k }, (_, i) => ((i * 7919) % 101) / 101 - 0.5)
  const y = Float32Array.from({ length: k * n }, (_, i) => ((i * 7907) % 97) / 97 - 0.5)
  const [a, b, c] = [device.upload('float32', x), device.upload('float32', y), device.allocate('float32', m * n)]
  const kernel = product(shape)
  const chosen = template === 'tiled' ? tiled(shapeOf(kernel)) : register(shapeOf(kernel), subgroup, 2)
  const rows: string[] = []
  for (const strategy of candidates()) {
    device.choose = () => strategy
    const slot = (kind: 'input' | 'output', length: number) => ({ kind, dtype: 'float32' as const, length })
    const program = {
      steps: [{ kind: 'kernel' as const, kernel, slots: [0, 1, 2], scalars: [] }],
      slots: [slot('input', m * k), slot('input', k * n), slot('output', m * n)],
      scalars: [],
    }
    const executable = device.compile(program)
    let out = c
    const run = (): void => {
      device.release(out)
      out = device.allocate('float32', m * n)
      device.run(executable, { inputs: [a, b], outputs: [out], scalars: [], evacuate: [] })
    }
    run()
    await device.synchronize()
    const runs = Math.max(1, Math.min(50, Math.round(1e8 / (2 * m * n * k))))
    let best = Number.POSITIVE_INFINITY
    for (let r = 0; r < 4; r++) best = Math.min(best, (await time(run, runs)) / runs)
    const got = (await device.read(out)) as Float32Array
    device.release(out)
    for (let t = 0; t < 64; t++) {
      const [i, j] = [(t * 7919) % m, (t * 31337) % n]
      let s = 0
      for (let l = 0; l < k; l++)
        s += (x[layout[0] === 'n' ? i * k + l : l * m + i] as number) * (y[layout[1] === 'n' ? l * n + j : j * k + l] as number)
      if (Math.abs(s - (got[i * n + j] as number)) > 1e-3) throw new Error(`wrong: ${JSON.stringify({ shape, strategy })}`)
    }
    const { kind, ...numbers } = strategy
    const mark = JSON.stringify(strategy) === JSON.stringify(chosen) ? '  ← chosen' : ''
    rows.push(
      `${best.toFixed(3).padStart(9)} ms ${((2 * m * n * k) / best / 1e6).toFixed(1).padStart(7)} GFLOP/s  ${kind} ${JSON.stringify(numbers)}${mark}`,
    )
  }
  console.log(`\n${m} × ${n}, k ${k}, ${layout}`)
  console.log(rows.sort().join('\n'))
}
