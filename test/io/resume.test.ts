/** @file A training that is saved, loaded into fresh objects and continued ends where the uninterrupted one does, to the bit. */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  defaultGenerator,
  dropout,
  type GeneratorState,
  loadState,
  manualSeed,
  nn,
  optim,
  randn,
  saveState,
  type Tensor,
} from '../../src/index.ts'
import { folder, plain } from './support.ts'

const F = nn.functional
type Device = 'cpu' | 'webgpu'

class Net extends nn.Module {
  readonly first: nn.Linear
  readonly last: nn.Linear
  readonly seen: nn.Buffer
  constructor(device: Device) {
    super()
    this.first = new nn.Linear(5, 16, { device })
    this.last = new nn.Linear(16, 3, { device })
    this.seen = new nn.Buffer(randn([5], { device }).mul(0))
  }
  forward(x: Tensor): Tensor {
    this.seen.copy_(this.seen.mul(0.9).add(x.detach().mean(0).mul(0.1)))
    return this.last.forward(dropout(F.gelu(this.first.forward(x)), 0.25))
  }
}

const optimizers: readonly [string, (net: Net) => optim.Optimizer][] = [
  ['SGD with momentum', (net) => new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9, dampening: 0.1, weightDecay: 0.01 })],
  ['SGD with nesterov', (net) => new optim.SGD(net.parameters(), { lr: 0.05, momentum: 0.9, nesterov: true })],
  ['Adam with amsgrad', (net) => new optim.Adam(net.parameters(), { lr: 0.01, amsgrad: true, weightDecay: 0.02 })],
  [
    'AdamW with three groups',
    (net) =>
      new optim.AdamW(
        [
          { params: [net.first.weight], lr: 0.02, betas: [0.8, 0.95] },
          { params: [net.first.bias as Tensor, net.last.bias as Tensor], weightDecay: 0 },
          { params: [net.last.weight], eps: 1e-6 },
        ],
        { lr: 0.01 },
      ),
  ],
]

const STEPS = 12

/** Trains from `from` to `to`; the batches come from the default generator, as do the dropout masks. */
async function train(net: Net, optimizer: optim.Optimizer, device: Device, from: number, to: number): Promise<number[]> {
  const losses: Tensor[] = []
  for (let step = from; step < to; step++) {
    const x = randn([7, 5], { device })
    const loss = F.mseLoss(net.forward(x), x.at('...', '0:3').tanh())
    optimizer.zeroGrad()
    loss.backward()
    if (step === 8) for (const group of optimizer.paramGroups) group.lr *= 0.5
    optimizer.step()
    losses.push(loss.detach())
  }
  return Promise.all(losses.map((loss) => loss.item()))
}

describe.each<Device>(['cpu', 'webgpu'])('on %s', (device) => {
  it.each(optimizers)('%s', async (_, make) => {
    const path = join(folder(), 'run.safetensors')
    manualSeed(42)
    const straight = new Net(device)
    const optimizer = make(straight)
    const losses = await train(straight, optimizer, device, 0, STEPS / 2)
    // Not awaited before the next steps: what is saved is the state of now.
    const saved = saveState(path, {
      model: straight.stateDict(),
      optimizer: optimizer.stateDict(),
      generator: defaultGenerator.getState(),
      epoch: STEPS / 2,
    })
    losses.push(...(await train(straight, optimizer, device, STEPS / 2, STEPS)))
    await saved

    manualSeed(7) // other first weights
    const resumed = new Net(device)
    const second = make(resumed)
    const state = await loadState<{ model: nn.StateDict; optimizer: optim.OptimizerState; generator: GeneratorState; epoch: number }>(path)
    resumed.loadStateDict(state.model)
    second.loadStateDict(state.optimizer)
    defaultGenerator.setState(state.generator)
    const rest = await train(resumed, second, device, state.epoch, STEPS)

    expect(rest).toEqual(losses.slice(STEPS / 2))
    expect(await plain(resumed.stateDict())).toEqual(await plain(straight.stateDict()))
    expect(await plain(second.stateDict())).toEqual(await plain(optimizer.stateDict()))
    expect(defaultGenerator.getState().seed).toBe(42n)
  })
})
