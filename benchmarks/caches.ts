/**
 * @file `npm run bench -- caches`: 3,000 training steps of 3,000 structures (batches, lengths of a recurrent cell, trees), and what the library holds after 500,
 * 1,500 and 3,000 of them. Where caches are bounded, the last two rows are alike.
 */

import { openDevices } from '../src/device/index.ts'
import { cat, init, memory, nn, optim, synchronize, type Tensor, tensor, zeros } from '../src/index.ts'
import { deviceCounters } from '../src/runtime/index.ts'
import { plansOf } from '../src/runtime/plans.ts'
import { treeOf } from './dynamic-tasks.ts'
import { fill, layer, uniform } from './tasks.ts'
import type { Device } from './worker.ts'

const F = nn.functional
const SHOWN: readonly number[] = [500, 1500, 3000]
const STEPS = Math.max(...SHOWN)
const WIDTH = 16
const LENGTHS = { shortest: 5, count: 40 } as const

type Linear = readonly [weight: nn.Parameter, bias: nn.Parameter]
const next = uniform(71)

function linear(out: number, inputs: number): Linear {
  const [weight, bias] = layer(next, out, inputs)
  return [new nn.Parameter(tensor(weight, { shape: [out, inputs] })), new nn.Parameter(tensor(bias))]
}

const rows = (count: number): Tensor => tensor(fill(count * WIDTH, next, -1, 1), { shape: [count, WIDTH] })

/** What is trained, each with another structure for each n: a batch of n rows, n pairs of batch and length, and the n-th tree. */
function losses(): { readonly parameters: readonly nn.Parameter[]; readonly of: readonly ((n: number) => Tensor)[] } {
  const [up, down] = [linear(2 * WIDTH, WIDTH), linear(1, 2 * WIDTH)]
  const [input, state] = [linear(4 * WIDTH, WIDTH), linear(4 * WIDTH, WIDTH)]
  const node = linear(WIDTH, 2 * WIDTH)
  const batch = (n: number): Tensor => F.linear(F.relu(F.linear(rows(1 + n), ...up)), ...down)
  const cell = (n: number): Tensor => {
    const count = 1 + Math.floor(n / LENGTHS.count)
    let [h, c] = [zeros([count, WIDTH]), zeros([count, WIDTH])] as [Tensor, Tensor]
    for (let t = LENGTHS.shortest + (n % LENGTHS.count); t > 0; t--) {
      const [i, f, g, o] = F.linear(rows(count), ...input)
        .add(F.linear(h, ...state))
        .chunk(4, 1)
      c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
      h = o.sigmoid().mul(c.tanh())
    }
    return h
  }
  const tree = (n: number): Tensor => {
    const { leaves, joins } = treeOf(n)
    const nodes = Array.from({ length: leaves }, () => rows(1))
    for (const at of joins) nodes.splice(at, 2, F.linear(cat([nodes[at] as Tensor, nodes[at + 1] as Tensor], 1), ...node).tanh())
    return nodes[0] as Tensor
  }
  return { parameters: [up, down, input, state, node].flat(), of: [batch, cell, tree] }
}

/** What is held now. A figure that another cache has is a column here. */
function held(): Readonly<Record<string, string>> {
  globalThis.gc?.()
  const { pipelines, bindGroups, buffersCreated } = deviceCounters()
  const { liveBytes, pooledBytes, buffers } = memory()
  const kept = openDevices().map((device) => plansOf(device).sizes)
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  const megabytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)
  return {
    'plans kept': kept.map(({ plans }) => plans).join(),
    'plans of parts kept': kept.map(({ parts }) => parts).join(),
    'pipelines or kernels made': String(pipelines),
    'bind groups made': String(bindGroups),
    'buffers made': String(buffersCreated),
    'buffers live': String(buffers),
    'MiB live': megabytes(liveBytes),
    'MiB pooled': megabytes(pooledBytes),
    'RSS, MiB': megabytes(rss),
    'heap, MiB': megabytes(heapUsed),
    'array buffers, MiB': megabytes(arrayBuffers),
  }
}

/** Trains, and gives each row of the table to `found` as it is there, the head first. */
export async function caches(device: Device, found: (line: string) => void): Promise<void> {
  const { adapter } = await init({ device })
  found(`${adapter}\n`)
  const { parameters, of } = losses()
  const optimizer = new optim.Adam([...parameters], { lr: 1e-4 })
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  let since = performance.now()
  let before = 0
  for (let i = 0; i < STEPS; i++) {
    optimizer.zeroGrad()
    const loss = (of[i % of.length] as (n: number) => Tensor)(Math.floor(i / of.length))
      .square()
      .mean()
    loss.backward()
    optimizer.step()
    const value = await loss.item()
    if (!Number.isFinite(value)) throw new Error(`the loss of step ${i + 1} is ${value}`)
    if (!SHOWN.includes(i + 1)) continue
    await synchronize()
    const ms = (performance.now() - since) / (i + 1 - before)
    const figures = held()
    if (before === 0) {
      const head = ['step', 'ms a step', ...Object.keys(figures)]
      found(`${line(head)}\n${line(head.map(() => '---'))}`)
    }
    found(line([String(i + 1), ms.toFixed(1), ...Object.values(figures)]))
    since = performance.now()
    before = i + 1
  }
}
