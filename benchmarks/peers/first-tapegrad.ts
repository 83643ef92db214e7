/** @file The networks of first-tasks.ts in tapegrad, as its users write them. */
import { cat, full, nn, oneHot, ones, optim, type Tensor, tensor, triu, zeros } from '../../src/index.ts'
import type { Iteration } from '../dynamic-tasks.ts'
import { type First, GPT, gptData, type Linear, LSTM, lstmData } from '../first-tasks.ts'
import { ADAM } from '../tasks.ts'

const F = nn.functional
type Layer = readonly [weight: nn.Parameter, bias: nn.Parameter]

const layerOf = ([weight, bias, out, inputs]: Linear): Layer => [
  new nn.Parameter(tensor(weight, { shape: [out, inputs] })),
  new nn.Parameter(tensor(bias, { shape: [out] })),
]

function lstm(): Iteration {
  const { vocabulary, hidden, steps, batch } = LSTM
  const data = lstmData()
  const layers = data.layers.map(layerOf) as [Layer, Layer, Layer]
  const [input, state, output] = layers
  const x = oneHot(tensor(data.letters), vocabulary).float().reshape(steps, batch, vocabulary)
  const targets = tensor(data.targets)
  const optimizer = new optim.Adam(layers.flat(), { lr: ADAM.lr })
  return () => {
    let h: Tensor = zeros([batch, hidden])
    let c: Tensor = zeros([batch, hidden])
    const outputs: Tensor[] = []
    for (const letter of x.unbind()) {
      const [i, f, g, o] = F.linear(letter, ...input)
        .add(F.linear(h, ...state))
        .chunk(4, 1)
      c = f.sigmoid().mul(c).add(i.sigmoid().mul(g.tanh()))
      h = o.sigmoid().mul(c.tanh())
      outputs.push(h)
    }
    optimizer.zeroGrad()
    const loss = F.crossEntropy(F.linear(cat(outputs), ...output), targets)
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

class Norm {
  readonly weight = new nn.Parameter(ones([GPT.width]))
  readonly bias = new nn.Parameter(zeros([GPT.width]))

  forward(x: Tensor): Tensor {
    const away = x.sub(x.mean(-1, { keepdim: true }))
    const scale = away.square().mean(-1, { keepdim: true }).add(GPT.eps).rsqrt()
    return away.mul(scale).mul(this.weight).add(this.bias)
  }
}

function gpt(): Iteration {
  const { vocabulary, width, heads, layers, length, batch } = GPT
  const data = gptData()
  const tokens = new nn.Parameter(tensor(data.tokens, { shape: [vocabulary, width] }))
  const positions = new nn.Parameter(tensor(data.positions, { shape: [length, width] }))
  const blocks = data.blocks.map((block) => block.map(layerOf) as [Layer, Layer, Layer, Layer])
  const head = layerOf(data.head)
  const norms = Array.from({ length: 2 * layers + 1 }, () => new Norm())
  const x = tensor(data.x, { shape: [batch, length] })
  const y = tensor(data.y)
  const mask = triu(full([length, length], Number.NEGATIVE_INFINITY), 1)
  const optimizer = new optim.Adam([tokens, positions, ...blocks.flat(2), ...head, ...norms.flatMap((n) => [n.weight, n.bias])], {
    lr: ADAM.lr,
  })
  return () => {
    let h = F.embedding(x, tokens).add(positions)
    for (const [b, [qkv, projection, up, down]] of blocks.entries()) {
      const parts = F.linear((norms[2 * b] as Norm).forward(h), ...qkv).reshape(batch, length, 3, heads, width / heads)
      const [q, k, v] = [0, 1, 2].map((i) => parts.select(2, i).transpose(1, 2)) as [Tensor, Tensor, Tensor]
      const scores = q
        .matmul(k.transpose(-1, -2))
        .div(Math.sqrt(width / heads))
        .add(mask)
      const seen = scores.softmax(-1).matmul(v).transpose(1, 2).reshape(batch, length, width)
      h = h.add(F.linear(seen, ...projection))
      const inner = F.gelu(F.linear((norms[2 * b + 1] as Norm).forward(h), ...up), { approximate: 'tanh' })
      h = h.add(F.linear(inner, ...down))
    }
    optimizer.zeroGrad()
    const loss = F.crossEntropy(F.linear((norms[2 * layers] as Norm).forward(h), ...head).reshape(-1, vocabulary), y)
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

/** Sets a network up. */
export const firsts: Readonly<Record<First, () => Iteration>> = { lstm, gpt }
