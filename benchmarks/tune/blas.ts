/**
 * @file Whether device cpu is ever slower with a BLAS than without: training steps and products with the choice that it makes by itself, without the BLAS, and with it,
 * in turns.
 *
 *   tsx benchmarks/tune/blas.ts [core]      core: an OPENBLAS_CORETYPE, such as Prescott for the kernels that an old OpenBLAS runs on a new processor
 */
import { availableParallelism } from 'node:os'
import { Worker } from '../library.ts'
import { median } from '../report.ts'
import { MATMUL_SIZES } from '../tasks.ts'
import type { Request } from '../worker.ts'

const ROUNDS = 9
const WAYS = ['off', 'on', ''] as const

interface Task {
  readonly name: string
  readonly start: Request
  /** Steps in a turn. */
  readonly times: number
}

const core = process.argv[2]
const tasks: readonly Task[] = [
  { name: 'cnn', start: { kind: 'train-start', task: 'cnn', steps: 5 }, times: 4 },
  ...MATMUL_SIZES.map((n) => {
    const name = `matmul${n}`
    return { name, start: { kind: 'product-start', task: name, shape: { batch: 1, m: n, k: n, n } }, times: Math.ceil(3072 / n) } as const
  }),
]

const workers: Worker[] = []
try {
  for (const way of WAYS) {
    const env = { TAPEGRAD_BLAS: way, ...(core && { OPENBLAS_CORETYPE: core }) }
    const worker = new Worker({ library: 'tapegrad', threads: availableParallelism(), label: way || 'by itself', env })
    workers.push(worker)
    await worker.load('cpu')
    console.log(`${worker.label}: ${worker.adapter}`)
  }
  for (const { name, start, times } of tasks) {
    const turn: Request = { kind: 'turn', task: name, times }
    for (const worker of workers) for (const request of [start, turn]) await worker.ask(request)
    const found = new Map<Worker, number[]>(workers.map((worker) => [worker, []]))
    for (let round = 0; round < ROUNDS; round++)
      for (let i = 0; i < workers.length; i++) {
        const worker = workers[(round + i) % workers.length] as Worker
        const answer = await worker.ask(turn)
        found.get(worker)?.push(median(answer.times ?? []))
      }
    const [off, on, own] = workers.map((worker) => median(found.get(worker) ?? [])) as [number, number, number]
    const best = workers.map((worker) => Math.min(...(found.get(worker) ?? []))) as [number, number, number]
    console.log(
      `${name.padEnd(10)} off ${off.toFixed(2)} ms, on ${on.toFixed(2)}, by itself ${own.toFixed(2)}: ${(own / off).toFixed(2)} of off, ${(own / on).toFixed(2)} of on; best rounds ${(best[2] / best[0]).toFixed(2)}, ${(best[2] / best[1]).toFixed(2)}`,
    )
  }
} finally {
  for (const worker of workers) worker.close()
}
