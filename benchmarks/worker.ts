/** @file A child process with one library in it: it does what run.ts asks, one request at a time, and answers with times. peers/pytorch.py is another. */
import { ensureAdapter } from '../test/support/adapter.ts'
import { type AdapterFacts, countDispatches, describeAdapter } from './gpu.ts'
import type { Peer } from './peers/peer.ts'
import { cnnData, matrix, mlpData, type Network, productError } from './tasks.ts'

export type Request =
  | { readonly kind: 'load'; readonly library: string; readonly device: 'webgpu' | 'cpu' }
  /** First steps of a fresh network: their losses and times, and how many dispatches one more step is. */
  | { readonly kind: 'train-start'; readonly network: Network; readonly steps: number }
  | { readonly kind: 'train'; readonly network: Network; readonly steps: number }
  | { readonly kind: 'matmul-start'; readonly n: number }
  | { readonly kind: 'matmul'; readonly n: number; readonly times: number }

export interface Answer {
  readonly label?: string
  readonly adapter?: AdapterFacts & { readonly text: string }
  readonly losses?: readonly number[]
  /** milliseconds */
  readonly times?: readonly number[]
  /** of the product, in units of sqrt(n) */
  readonly error?: number
  readonly dispatches?: number
}

let peer: Peer | undefined
const steps = new Map<Network, () => Promise<number>>()
const products = new Map<number, () => Promise<ArrayLike<number>>>()

async function timed(times: number, run: () => Promise<unknown>): Promise<number[]> {
  const out: number[] = []
  for (let i = 0; i < times; i++) {
    const start = performance.now()
    await run()
    out.push(performance.now() - start)
  }
  return out
}

function loaded<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('asked out of order')
  return value
}

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'load': {
      if (request.device === 'webgpu') await ensureAdapter()
      const { load } = (await import(`./peers/${request.library}.ts`)) as { load: (device: string) => Promise<Peer> }
      peer = await load(request.device)
      return { label: peer.label, adapter: { ...peer.adapter, text: describeAdapter(peer.adapter) } }
    }
    case 'train-start': {
      const { network } = request
      const train = await (network === 'mlp' ? loaded(peer).mlp(mlpData()) : loaded(peer).cnn(cnnData()))
      steps.set(network, train)
      const losses: number[] = []
      const times = await timed(request.steps, async () => losses.push(await train()))
      return { losses, times, dispatches: await countDispatches(train) }
    }
    case 'train':
      return { times: await timed(request.steps, loaded(steps.get(request.network))) }
    case 'matmul-start': {
      const { n } = request
      const [a, b] = [matrix(n, 2), matrix(n, 3)]
      const multiply = await loaded(peer).matmul(n, a, b)
      products.set(n, multiply)
      return { error: productError(a, b, await multiply(), n) }
    }
    case 'matmul':
      return { times: await timed(request.times, loaded(products.get(request.n))) }
  }
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ value }),
    (error: unknown) => process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.on('disconnect', () => process.exit(0))
