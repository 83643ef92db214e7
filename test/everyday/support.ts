/** @file Small trainings that the everyday tests share, on the oracle device. */
import { manualSeed, nn, optim, randn, type Tensor, tensor } from '../../src/index.ts'
import { device } from '../support/device.ts'

export const F = nn.functional
export { device }

export const values = async (t: Tensor): Promise<number[]> => Array.from(await t.data(), Number)

/** A line fitted to data by Adam: the same course every time. */
export function regression(): { step: () => Tensor; w: nn.Parameter } {
  const x = tensor(
    Array.from({ length: 24 }, (_, i) => [Math.sin(i), Math.cos(3 * i), Math.sin(7 * i + 1)]),
    { device },
  )
  const y = x.matmul(tensor([[1], [-2], [0.5]], { device }))
  const w = new nn.Parameter(tensor([[0.1], [0.2], [0.3]], { device }))
  const optimizer = new optim.Adam([w], { lr: 0.1 })
  const step = (): Tensor => {
    optimizer.zeroGrad()
    const loss = F.mseLoss(x.matmul(w), y)
    loss.backward()
    optimizer.step()
    return loss
  }
  return { step, w }
}

/** [6] → [8] → [2], with Adam. */
export function mlp(seed: number, width = 8): { model: nn.Sequential; optimizer: optim.Optimizer } {
  manualSeed(seed)
  const model = new nn.Sequential(new nn.Linear(6, width, { device }), new nn.ReLU(), new nn.Linear(width, 2, { device }))
  return { model, optimizer: new optim.AdamW(model.parameters(), { lr: 0.02 }) }
}

/** n samples of a fixed task. */
export function batches(n: number, seed: number): { x: Tensor; y: Tensor } {
  manualSeed(1000 + seed)
  const x = randn([n, 6], { device })
  const y = x.at('...', '0:2').mul(x.at('...', '2:4'))
  return { x: x.detach(), y: y.detach() }
}
