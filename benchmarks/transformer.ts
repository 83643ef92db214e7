/** @file A transformer-like model whose memory is measured: pre-norm blocks of attention, made of matrix products and softmax, and a wide layer. */
import { checkpoint, mean, nn, ones, rsqrt, square, sub, type Tensor, zeros } from '../src/index.ts'

/** Its sizes, but for the depth. */
export const SIZES = { width: 256, heads: 4, widening: 4, batch: 32, length: 128 } as const

class LayerNorm extends nn.Module {
  readonly weight: nn.Parameter
  readonly bias: nn.Parameter

  constructor(width: number) {
    super()
    this.weight = new nn.Parameter(ones([width]))
    this.bias = new nn.Parameter(zeros([width]))
  }

  forward(x: Tensor): Tensor {
    const away = sub(x, mean(x, -1, { keepdim: true }))
    const rstd = rsqrt(mean(square(away), -1, { keepdim: true }).add(1e-5))
    return away.mul(rstd).mul(this.weight).add(this.bias)
  }
}

class Attention extends nn.Module {
  readonly all: nn.Linear
  readonly out: nn.Linear
  readonly heads: number

  constructor(width: number, heads: number) {
    super()
    this.heads = heads
    this.all = new nn.Linear(width, 3 * width)
    this.out = new nn.Linear(width, width)
  }

  /** [batch, length, width] → the same */
  forward(x: Tensor): Tensor {
    const [batch, length, width] = x.shape as [number, number, number]
    const each = width / this.heads
    const apart = this.all.forward(x).reshape([batch, length, 3, this.heads, each]).permute([2, 0, 3, 1, 4])
    const [q, k, v] = apart.unbind(0)
    const weights = q.matmul(k.mT).div(Math.sqrt(each)).softmax(-1)
    return this.out.forward(weights.matmul(v).permute([0, 2, 1, 3]).reshape([batch, length, width]))
  }
}

class Block extends nn.Module {
  readonly norm1: LayerNorm
  readonly norm2: LayerNorm
  readonly attention: Attention
  readonly up: nn.Linear
  readonly down: nn.Linear

  constructor(width: number, heads: number, widening: number) {
    super()
    this.norm1 = new LayerNorm(width)
    this.norm2 = new LayerNorm(width)
    this.attention = new Attention(width, heads)
    this.up = new nn.Linear(width, widening * width)
    this.down = new nn.Linear(widening * width, width)
  }

  forward(x: Tensor): Tensor {
    const y = x.add(this.attention.forward(this.norm1.forward(x)))
    return y.add(this.down.forward(nn.functional.gelu(this.up.forward(this.norm2.forward(y)))))
  }
}

export class Transformer extends nn.Module {
  readonly blocks: nn.ModuleList<Block>
  readonly checkpointed: boolean

  constructor(depth: number, checkpointed: boolean) {
    super()
    const { width, heads, widening } = SIZES
    this.checkpointed = checkpointed
    this.blocks = new nn.ModuleList(Array.from({ length: depth }, () => new Block(width, heads, widening)))
  }

  forward(x: Tensor): Tensor {
    let h = x
    for (const block of this.blocks) h = this.checkpointed ? checkpoint((y: Tensor) => block.forward(y), h) : block.forward(h)
    return h
  }
}
