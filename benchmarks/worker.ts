/** @file A child process with one library in it: it does what run.ts asks, one request at a time, and answers with times. */
import { ensureAdapter } from '../test/support/adapter.ts'
import { type AdapterFacts, describeAdapter } from './gpu.ts'
import type { Peer } from './peers/peer.ts'
import { matrix, mlpData, productError } from './tasks.ts'

export type Request =
  | { readonly kind: 'load'; readonly library: string; readonly device: 'webgpu' | 'cpu' }
  /** First steps of a fresh network: their losses, and how long the very first took. */
  | { readonly kind: 'mlp-start'; readonly steps: number }
  | { readonly kind: 'mlp'; readonly steps: number }
  | { readonly kind: 'matmul-start'; readonly n: number }
  | { readonly kind: 'matmul'; readonly n: number; readonly times: number }

export interface Answer {
  readonly label?: string
  readonly adapter?: AdapterFacts & { readonly text: string }
  readonly losses?: readonly number[]
  /** milliseconds */
  readonly times?: readonly number[]
  readonly error?: number
}

let peer: Peer | undefined
let step: (() => Promise<number>) | undefined
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
    case 'mlp-start': {
      const train = await loaded(peer).mlp(mlpData())
      step = train
      const losses: number[] = []
      const times = await timed(request.steps, async () => losses.push(await train()))
      return { losses, times }
    }
    case 'mlp':
      return { times: await timed(request.steps, loaded(step)) }
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
