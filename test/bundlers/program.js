/** @file What each bundler bundles: a small training through several entries, which share one library, and each thing that is loaded only when it is wanted. */
import { init, manualSeed, nn, Tensor, tensor } from 'tapegrad'
import * as apart from 'tapegrad/nn'
import * as F from 'tapegrad/nn/functional'
import { AdamW } from 'tapegrad/optim'

export async function train(device) {
  const { adapter } = await init({ device })
  manualSeed(0)
  const x = tensor([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ])
  const y = tensor([[0], [1], [1], [0]])
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.Tanh(), new nn.Linear(8, 1))
  const optimizer = new AdamW(model.parameters(), { lr: 0.05 })
  const losses = []
  for (let step = 0; step < 10; step++) {
    optimizer.zeroGrad()
    const loss = F.mseLoss(model.forward(x), y)
    loss.backward()
    optimizer.step()
    losses.push(await loss.item())
  }
  const one = apart.Linear === nn.Linear && new apart.Linear(2, 1).forward(x) instanceof Tensor
  return { adapter, losses, one }
}
