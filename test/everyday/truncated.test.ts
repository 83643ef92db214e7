/**
 * @file Truncated back-propagation in PyTorch's usual order: backward, step, and then the state is detached. By values and by dispatches against the same loop
 * that detaches before the step, where nothing is left to be computed again.
 */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDevices } from '../../src/device/index.ts'
import { init, manualSeed, memory, nn, optim, synchronize, type Tensor, tensor, zeros } from '../../src/index.ts'
import { deviceCounters } from '../../src/runtime/index.ts'
import { cleanSlate } from '../support/collect.ts'
import '../support/matchers.ts'
import { device } from './support.ts'

const HERE = { device } as const
const ROUNDED = { rtol: 1e-4, atol: 1e-5 }
const [INPUTS, WIDTH] = [6, 8]

beforeAll(() => init({ device }))
beforeEach(cleanSlate)

type State = readonly Tensor[]

interface Net {
  readonly parameters: readonly nn.Parameter[]
  readonly begin: (rows: number) => State
  readonly cell: (x: Tensor, state: State) => State
}

const parametersOf = (...modules: readonly nn.Module[]): nn.Parameter[] => modules.flatMap((module) => [...module.parameters()])

/** Recurrent nets: what they output is the first part of their state. */
const NETS: Readonly<Record<string, () => Net>> = {
  'a plain net': () => {
    const [input, state] = [new nn.Linear(INPUTS, WIDTH, HERE), new nn.Linear(WIDTH, WIDTH, HERE)]
    return {
      parameters: parametersOf(input, state),
      begin: (rows) => [zeros([rows, WIDTH], HERE)],
      cell: (x, [h]) => [
        input
          .forward(x)
          .add(state.forward(h as Tensor))
          .tanh(),
      ],
    }
  },
  'an LSTM': () => {
    const [input, state] = [new nn.Linear(INPUTS, 4 * WIDTH, HERE), new nn.Linear(WIDTH, 4 * WIDTH, HERE)]
    return {
      parameters: parametersOf(input, state),
      begin: (rows) => [zeros([rows, WIDTH], HERE), zeros([rows, WIDTH], HERE)],
      cell: (x, [h, c]) => {
        const [i, f, g, o] = input
          .forward(x)
          .add(state.forward(h as Tensor))
          .chunk(4, 1)
        const next = f
          .sigmoid()
          .mul(c as Tensor)
          .add(i.sigmoid().mul(g.tanh()))
        return [o.sigmoid().mul(next.tanh()), next]
      },
    }
  },
  'two layers': () => {
    const [input, between] = [new nn.Linear(INPUTS, WIDTH, HERE), new nn.Linear(WIDTH, WIDTH, HERE)]
    const [lower, upper] = [new nn.Linear(WIDTH, WIDTH, HERE), new nn.Linear(WIDTH, WIDTH, HERE)]
    return {
      parameters: parametersOf(input, between, lower, upper),
      begin: (rows) => [zeros([rows, WIDTH], HERE), zeros([rows, WIDTH], HERE)],
      cell: (x, [above, below]) => {
        const first = input
          .forward(x)
          .add(lower.forward(below as Tensor))
          .tanh()
        const second = between
          .forward(first)
          .add(upper.forward(above as Tensor))
          .tanh()
        return [second, first]
      },
    }
  },
}

const OPTIMIZERS: Readonly<Record<string, (parameters: readonly nn.Parameter[]) => optim.Optimizer>> = {
  SGD: (parameters) => new optim.SGD(parameters, { lr: 0.05, momentum: 0.9 }),
  Adam: (parameters) => new optim.Adam(parameters, { lr: 0.01 }),
}

interface Choice {
  readonly net: () => Net
  readonly optimizer: (parameters: readonly nn.Parameter[]) => optim.Optimizer
  /** The steps of each chunk. */
  readonly lengths: readonly number[]
  /** Whether the loss is of each output, or of the last one. */
  readonly each: boolean
  /** Whether the state is detached after the step. */
  readonly late: boolean
  /** Structures of a loop are its own by their rows, of which each has the same values. */
  readonly rows: number
}

/** A loop: its losses, and how many kernels ran in each turn. */
async function train({ net, optimizer: make, lengths, each, late, rows }: Choice) {
  manualSeed(5)
  const { parameters, begin, cell } = net()
  const decoder = new nn.Linear(WIDTH, 2, HERE)
  const optimizer = make([...parameters, ...decoder.parameters()])
  let state = begin(rows)
  await synchronize()
  let time = 0
  const input = (): Tensor => {
    const t = time++
    return tensor(
      Float32Array.from({ length: rows * INPUTS }, (_, i) => Math.sin((i % INPUTS) + 0.7 * t)),
      { shape: [rows, INPUTS], ...HERE },
    )
  }
  const losses: Tensor[] = []
  const dispatches: number[] = []
  const live: number[] = []
  for (const steps of lengths) {
    const before = deviceCounters(device).dispatches
    optimizer.zeroGrad()
    const outputs: Tensor[] = []
    for (let t = 0; t < steps; t++) {
      state = cell(input(), state)
      outputs.push(state[0] as Tensor)
    }
    const loss = (each ? outputs : outputs.slice(-1)).map((y) => decoder.forward(y).sub(0.3).square().mean()).reduce((a, b) => a.add(b))
    loss.backward()
    if (!late) state = state.map((x) => x.detach())
    optimizer.step()
    if (late) state = state.map((x) => x.detach())
    losses.push(loss)
    // (kernels that are being compiled are dispatched later; nothing else is computed meanwhile)
    for (const each of openDevices()) await each.synchronize()
    dispatches.push(deviceCounters(device).dispatches - before)
    live.push(memory(device).liveBytes)
  }
  const last = await Promise.all(state.map(async (x) => Array.from((await x.data()).subarray(0, WIDTH), Number)))
  return { losses: await Promise.all(losses.map((loss) => loss.item())), last: last.flat(), dispatches, live }
}

let rows = 2

// (a software adapter compiles for minutes)
const CASES = (device === 'cpu' ? Object.keys(NETS) : ['an LSTM']).flatMap((net) =>
  Object.keys(OPTIMIZERS).map((optimizer) => [net, optimizer] as const),
)

describe.each(CASES)('%s, trained by %s', (net, optimizer) => {
  // (lengths that vary come first: what the others learn is of no help)
  it.each([
    ['lengths that vary', [4, 6, 3, 5, 2, 7], 'each output', true],
    ['one length', [4, 4, 4, 4, 4, 4, 4, 4], 'the last output', false],
  ] as const)(
    'on chunks of %s %j with a loss of %s computes the forward pass of no turn but the first again',
    async (kind, lengths, _, each) => {
      const choice = { net: NETS[net], optimizer: OPTIMIZERS[optimizer], lengths, each } as Omit<Choice, 'late' | 'rows'>
      const early = await train({ ...choice, late: false, rows: rows++ })
      const late = await train({ ...choice, late: true, rows: rows++ })
      await expect(tensor(late.losses)).toBeCloseToTensor(early.losses, ROUNDED)
      await expect(tensor(late.last)).toBeCloseToTensor(early.last, ROUNDED)
      const [wanted, got] = [early.dispatches.slice(2), late.dispatches.slice(2)]
      if (kind === 'lengths that vary') expect(got).toEqual(wanted)
      else {
        // (a graph is planned as a whole when it has come before, here one turn later)
        expect(Math.max(...got)).toBeLessThanOrEqual(early.dispatches[1] as number)
        // A forward pass is more than one dispatch. (What is stored besides may need one, where a kernel binds few buffers)
        expect(got.at(-1)).toBeLessThanOrEqual((wanted.at(-1) as number) + (device === 'cpu' ? 0 : 1))
      }
      expect(Math.max(...late.live.slice(3))).toBeLessThanOrEqual(Math.max(...late.live.slice(0, 3)))
    },
  )
})
