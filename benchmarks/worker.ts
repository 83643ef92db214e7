/** @file A child process with one library in it: it does what run.ts asks, one request at a time, and answers with times. peers/pytorch.py is another. */
import type { Loop } from './dynamic-tasks.ts'
import type { AdapterFacts } from './gpu.ts'
import { type OpRun, type OpTask, type Print, printOf } from './ops-tasks.ts'
import type { Peer } from './peers/peer.ts'
import { CHAIN, chainData, chainError, cnnData, entries, mlpData, type Network, type ProductShape, productError } from './tasks.ts'

export type Device = 'webgpu' | 'cpu'

export type Request =
  | { readonly kind: 'load'; readonly library: string; readonly device: Device }
  /** First steps of a fresh network: their losses and times, and on WebGPU how many dispatches one more step is. */
  | { readonly kind: 'train-start'; readonly task: Network; readonly steps: number }
  /** First iterations of a loop whose graph changes: their losses and times. */
  | { readonly kind: 'loop-start'; readonly task: Loop; readonly steps: number }
  | { readonly kind: 'product-start'; readonly task: string; readonly shape: ProductShape }
  | { readonly kind: 'chain-start'; readonly task: string; readonly chain: typeof CHAIN }
  /** Sets an op up and computes its results once, by prints of which they are compared. */
  | { readonly kind: 'op-start'; readonly task: string; readonly op: OpTask }
  /** Does a task that was started, some times, or fewer where that takes long. */
  | { readonly kind: 'turn'; readonly task: string; readonly times: number; readonly long?: LongTurn }

/** After so many milliseconds a turn ends, once it has done the task so often. */
interface LongTurn {
  readonly ms: number
  readonly times: number
}

export interface Answer {
  readonly label?: string
  readonly adapter?: AdapterFacts
  readonly features?: readonly string[]
  readonly losses?: readonly number[]
  /** milliseconds */
  readonly times?: readonly number[]
  /** of an op's results */
  readonly prints?: readonly Print[]
  /** of a product, in units of sqrt(k); of the chain */
  readonly error?: number
  readonly dispatches?: number
  /** Set where the library has no such task. */
  readonly cannot?: true
}

/** peers/pytorch.py has the same. */
const LONG_TURN: LongTurn = { ms: 1500, times: 3 }

let device: Device = 'webgpu'
let peer: Peer | undefined
let openOp: OpRun | undefined
const turns = new Map<string, () => Promise<unknown>>()

async function timed(times: number, run: () => Promise<unknown>, long = LONG_TURN): Promise<number[]> {
  const out: number[] = []
  const from = performance.now()
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    if (i >= long.times && start - from > long.ms) break
    await run()
    out.push(performance.now() - start)
  }
  return out
}

function loaded<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('asked out of order')
  return value
}

/** The first steps, all of them, however long they take: their losses are compared. */
async function first({ task, steps }: { readonly task: string; readonly steps: number }, step: () => Promise<number>): Promise<Answer> {
  turns.set(task, step)
  const losses: number[] = []
  const times: number[] = []
  for (let i = 0; i < steps; i++) times.push(...(await timed(1, async () => losses.push(await step()))))
  return { losses, times }
}

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'load': {
      device = request.device
      const { load } = (await import(`./peers/${request.library}.ts`)) as { load: (device: Device) => Promise<Peer> }
      peer = await load(device)
      const { label, adapter, features = [] } = peer
      return { label, adapter, features }
    }
    case 'train-start': {
      const own = loaded(peer)
      const train = await (request.task === 'mlp' ? own.mlp?.(mlpData()) : own.cnn?.(cnnData()))
      if (!train) return { cannot: true }
      return {
        ...(await first(request, train)),
        ...(device === 'webgpu' && { dispatches: await (await import('./gpu.ts')).countDispatches(train) }),
      }
    }
    case 'loop-start': {
      const iterate = await loaded(peer).loop?.(request.task)
      return iterate ? first(request, iterate) : { cannot: true }
    }
    case 'product-start': {
      const { batch, m, k, n } = request.shape
      const [a, b] = [entries(batch * m * k, 2), entries(batch * k * n, 3)]
      const multiply = await loaded(peer).matmul?.(request.shape, a, b)
      if (!multiply) return { cannot: true }
      turns.set(request.task, multiply)
      return { error: productError(a, b, await multiply(), request.shape) }
    }
    case 'chain-start': {
      const own = loaded(peer)
      const x = chainData()
      const { run, read } = (await own.elementwise?.(x, CHAIN)) ?? {}
      if (!run || !read) return { cannot: true }
      turns.set(request.task, run)
      await run()
      return { error: chainError(x, await read(), own.copies) }
    }
    case 'op-start': {
      // Only one at a time: some hold much memory.
      turns.clear()
      openOp?.close()
      openOp = await loaded(peer).op?.(request.op)
      const op = openOp
      if (!op) return { cannot: true }
      turns.set(request.task, op.run)
      return { prints: (await op.read()).map(printOf) }
    }
    case 'turn':
      return { times: await timed(request.times, loaded(turns.get(request.task)), request.long) }
  }
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
