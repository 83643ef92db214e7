/** @file The loops of dynamic-tasks.ts in tapegrad, as its users write them. */
import { arange, cat, nn, noGrad, optim, stack, type Tensor, tensor, zeros } from '../../src/index.ts'
import {
  CELL,
  cellData,
  episodeOf,
  HAND,
  handData,
  type Iteration,
  type Layers,
  type Loop,
  lengthOf,
  POLICY,
  policyData,
  SLICES,
  slicesData,
  TREE,
  treeData,
  treeOf,
  UPDATES,
} from '../dynamic-tasks.ts'
import { ADAM } from '../tasks.ts'

const F = nn.functional
const parameter = (values: Float32Array, shape: number[]): nn.Parameter => new nn.Parameter(tensor(values, { shape }))
const adam = (params: nn.Parameter[]): optim.Adam => new optim.Adam(params, { lr: ADAM.lr })

function twoLayers({ w1, b1, w2, b2 }: Layers, inputs: number, hidden: number, outputs: number): nn.Parameter[] {
  return [parameter(w1, [hidden, inputs]), parameter(b1, [hidden]), parameter(w2, [outputs, hidden]), parameter(b2, [outputs])]
}

function minibatches(byPosition: boolean): Iteration {
  const data = slicesData()
  const { places, batch, inputs, hidden, classes } = SLICES
  const params = twoLayers(data, inputs, hidden, classes)
  const [w1, b1, w2, b2] = params as [nn.Parameter, nn.Parameter, nn.Parameter, nn.Parameter]
  const x = tensor(data.x, { shape: [places * batch, inputs] })
  const y = tensor(data.y)
  const optimizer = adam(params)
  const rows = arange(batch, { dtype: 'int32' })
  let i = 0
  return () => {
    const at = (i++ % places) * batch
    const place = byPosition ? undefined : rows.add(at)
    const [images, targets] = place ? [x.indexSelect(0, place), y.indexSelect(0, place)] : [x.narrow(0, at, batch), y.narrow(0, at, batch)]
    optimizer.zeroGrad()
    const loss = F.crossEntropy(F.linear(F.relu(F.linear(images, w1, b1)), w2, b2), targets)
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

function updates(byHand: boolean): Iteration {
  const data = handData()
  const params = twoLayers(data, HAND.inputs, HAND.hidden, 1)
  const [w1, b1, w2, b2] = params as [nn.Parameter, nn.Parameter, nn.Parameter, nn.Parameter]
  const x = tensor(data.x, { shape: [HAND.batch, HAND.inputs] })
  const y = tensor(data.y, { shape: [HAND.batch, 1] })
  const optimizer = new optim.SGD(params, { lr: HAND.lr })
  const step = (): Tensor => {
    const loss = F.mseLoss(F.linear(F.linear(x, w1, b1).tanh(), w2, b2), y)
    loss.backward()
    if (byHand)
      noGrad(() => {
        for (const w of params) {
          w.sub_((w.grad as Tensor).mul(HAND.lr))
          w.grad = null
        }
      })
    else {
      optimizer.step()
      optimizer.zeroGrad()
    }
    return loss
  }
  return () => {
    for (let i = 1; i < UPDATES; i++) step()
    return step().item()
  }
}

function unrolled(length: (i: number) => number): Iteration {
  const data = cellData()
  const { hidden, inputs, batch, longest } = CELL
  const wi = parameter(data.wi, [4 * hidden, inputs])
  const bi = parameter(data.bi, [4 * hidden])
  const wh = parameter(data.wh, [4 * hidden, hidden])
  const bh = parameter(data.bh, [4 * hidden])
  const wo = parameter(data.wo, [1, hidden])
  const bo = parameter(data.bo, [1])
  const step = batch * inputs
  const x = Array.from({ length: longest }, (_, t) => tensor(data.x.subarray(t * step, (t + 1) * step), { shape: [batch, inputs] }))
  const y = tensor(data.y, { shape: [batch, 1] })
  const optimizer = adam([wi, bi, wh, bh, wo, bo])
  let i = 0
  return () => {
    const n = length(i++)
    optimizer.zeroGrad()
    let h: Tensor = zeros([batch, hidden])
    let c: Tensor = zeros([batch, hidden])
    for (let t = 0; t < n; t++) {
      const [ig, fg, gg, og] = F.linear(x[t] as Tensor, wi, bi)
        .add(F.linear(h, wh, bh))
        .chunk(4, 1)
      c = fg.sigmoid().mul(c).add(ig.sigmoid().mul(gg.tanh()))
      h = og.sigmoid().mul(c.tanh())
    }
    const loss = F.mseLoss(F.linear(h, wo, bo), y)
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

function trees(): Iteration {
  const data = treeData()
  const { width } = TREE
  const w = parameter(data.w, [width, 2 * width])
  const b = parameter(data.b, [width])
  const vectors = Array.from({ length: TREE.most }, (_, k) =>
    tensor(data.leaves.subarray(k * width, (k + 1) * width), { shape: [1, width] }),
  )
  const optimizer = adam([w, b])
  let i = 0
  return () => {
    const { leaves, joins } = treeOf(i++)
    optimizer.zeroGrad()
    const nodes: Tensor[] = vectors.slice(0, leaves)
    for (const at of joins) nodes.splice(at, 2, F.linear(cat([nodes[at] as Tensor, nodes[at + 1] as Tensor], 1), w, b).tanh())
    const loss = (nodes[0] as Tensor).square().mean()
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

function episodes(): Iteration {
  const { inputs, hidden, actions: kinds } = POLICY
  const params = twoLayers(policyData(), inputs, hidden, kinds)
  const [w1, b1, w2, b2] = params as [nn.Parameter, nn.Parameter, nn.Parameter, nn.Parameter]
  const optimizer = adam(params)
  let i = 0
  return async () => {
    const { states, actions, returns } = episodeOf(i++)
    const logs: Tensor[] = []
    for (const [t, action] of actions.entries()) {
      const state = tensor(states.subarray(t * inputs, (t + 1) * inputs))
      const log = F.logSoftmax(F.linear(F.linear(state, w1, b1).tanh(), w2, b2), 0)
      await log.data() // what an action is drawn from
      logs.push(log.select(0, action))
    }
    optimizer.zeroGrad()
    const loss = stack(logs).mul(tensor(returns)).sum().neg()
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

/** Sets a loop up. */
export const loops: Readonly<Record<Loop, () => Iteration>> = {
  slices: () => minibatches(true),
  rows: () => minibatches(false),
  handwritten: () => updates(true),
  sgd: () => updates(false),
  lengths: () => unrolled(lengthOf),
  length: () => unrolled(() => CELL.length),
  trees,
  episodes,
}
