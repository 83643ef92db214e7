/** @file The layers: what each computes is a function of `nn.functional`; here are their parameters, and how those begin. */
import { ArgumentError, BOOLEAN, COUNT, checkElements, options as describe, optional, signature, WHOLE, within } from '../base/index.ts'
import * as F from '../ops/index.ts'
import type { Tensor } from '../tensor/index.ts'
import * as init from './init.ts'
import { Module } from './module.ts'
import { from, LAYER, type LayerOptions, place } from './options.ts'
import { Parameter } from './parameter.ts'

/** Options of {@link Linear}. */
export interface LinearOptions extends LayerOptions {
  /** Whether a bias is learned: true by default. */
  readonly bias?: boolean
}

const LINEAR = signature('Linear', {
  inFeatures: COUNT,
  outFeatures: COUNT,
  options: optional(describe<LinearOptions>({ ...LAYER, bias: BOOLEAN })),
})

/**
 * x · weightᵀ + bias. Weight and bias begin uniform in ±1/√inFeatures.
 *
 * weight: [outFeatures, inFeatures]; bias: [outFeatures]
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Linear.html
 * @example new nn.Linear(784, 10).forward(zeros([32, 784])).shape // [32, 10]
 */
export class Linear extends Module {
  /** The last size of what it takes. */
  readonly inFeatures: number
  /** The last size of what it gives. */
  readonly outFeatures: number
  /** [outFeatures, inFeatures] */
  readonly weight: Parameter
  /** [outFeatures], or null without one. */
  readonly bias: Parameter | null

  constructor(inFeatures: number, outFeatures: number, options: LinearOptions = {}) {
    super()
    LINEAR.check(inFeatures, outFeatures, options)
    checkElements('Linear', [outFeatures, inFeatures])
    this.inFeatures = inFeatures
    this.outFeatures = outFeatures
    // √5 as the slope gives the bound 1/√fanIn, as in PyTorch
    const bound = inFeatures > 0 ? 1 / Math.sqrt(inFeatures) : 0
    this.weight = new Parameter(
      init.kaimingUniform_(F.empty([outFeatures, inFeatures], place(options)), { a: Math.sqrt(5), ...from(options) }),
    )
    this.bias =
      (options.bias ?? true)
        ? new Parameter(init.uniform_(F.empty([outFeatures], place(options)), { a: -bound, b: bound, ...from(options) }))
        : null
  }

  /** [..., inFeatures] → [..., outFeatures] */
  forward(x: Tensor): Tensor {
    return F.linear(x, this.weight, this.bias)
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, bias=${this.bias !== null}`
  }
}

/** The input itself: stands in for a layer that is left out. @see https://pytorch.org/docs/stable/generated/torch.nn.Identity.html */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x
  }
}

/** max(x, 0). @see https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return F.relu(x)
  }
}

/** tanh x. @see https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return F.tanh(x)
  }
}

/** 1 / (1 + e⁻ˣ). @see https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return F.sigmoid(x)
  }
}

const GELU_LAYER = signature('GELU', { options: optional(F.GELU_OPTIONS) })

/** x · Φ(x), exactly (`none`) or by `tanh`. @see https://pytorch.org/docs/stable/generated/torch.nn.GELU.html */
export class GELU extends Module {
  /** By which formula: `none` by erf, `tanh` by Hendrycks and Gimpel's. */
  readonly approximate: 'none' | 'tanh'

  constructor(options: F.GeluOptions = {}) {
    super()
    GELU_LAYER.check(options)
    this.approximate = options.approximate ?? 'none'
  }

  forward(x: Tensor): Tensor {
    return F.gelu(x, { approximate: this.approximate })
  }

  override extraRepr(): string {
    return `approximate='${this.approximate}'`
  }
}

const FLATTEN = signature('Flatten', { startDim: optional(WHOLE), endDim: optional(WHOLE) })

/** The dims `startDim` to `endDim` as one: all but the first by default. @see https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html */
export class Flatten extends Module {
  /** The first dim that is joined. */
  readonly startDim: number
  /** The last dim that is joined. */
  readonly endDim: number

  constructor(startDim = 1, endDim = -1) {
    super()
    FLATTEN.check(startDim, endDim)
    this.startDim = startDim
    this.endDim = endDim
  }

  forward(x: Tensor): Tensor {
    return F.flatten(x, this.startDim, this.endDim)
  }

  override extraRepr(): string {
    return `startDim=${this.startDim}, endDim=${this.endDim}`
  }
}

const DROPOUT = signature('Dropout', {
  p: optional(within(0, 1)),
  options: optional(describe<F.GeneratorOptions>({ generator: F.GENERATOR })),
})

/** In training, each element 0 with probability `p`, the others divided by 1 − p. @see https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html */
export class Dropout extends Module {
  /** The probability of 0. */
  readonly p: number
  readonly #generator: F.Generator | undefined

  constructor(p = 0.5, options: F.GeneratorOptions = {}) {
    super()
    DROPOUT.check(p, options)
    this.p = p
    this.#generator = options.generator
  }

  forward(x: Tensor): Tensor {
    return F.dropout(x, this.p, { training: this.training, ...(this.#generator ? { generator: this.#generator } : {}) })
  }

  override extraRepr(): string {
    return `p=${this.p}`
  }
}

/** Options of {@link Embedding}. */
export interface EmbeddingLayerOptions extends LayerOptions, F.EmbeddingOptions {}

const EMBEDDING = signature('Embedding', {
  numEmbeddings: COUNT,
  embeddingDim: COUNT,
  options: optional(describe<EmbeddingLayerOptions>({ ...LAYER, ...F.EMBEDDING_KINDS })),
})

/**
 * Rows of a table by number. They begin standard normal; the row `paddingIdx` begins 0 and gets no gradient. The other options are those of `functional.embedding`.
 *
 * weight: [numEmbeddings, embeddingDim]
 * @see https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
 * @example new nn.Embedding(100, 16).forward(tensor([[1, 2]], { dtype: 'int32' })).shape // [1, 2, 16]
 */
export class Embedding extends Module {
  /** How many rows the table has. */
  readonly numEmbeddings: number
  /** The size of a row. */
  readonly embeddingDim: number
  /** The row that gets no gradient, counted from the front, or null. */
  readonly paddingIdx: number | null
  /** The largest norm of a row, or null. */
  readonly maxNorm: number | null
  /** The order of that norm. */
  readonly normType: number
  /** Whether the gradient of a row is divided by how often it is looked up. */
  readonly scaleGradByFreq: boolean
  /** The table, [numEmbeddings, embeddingDim]. */
  readonly weight: Parameter

  constructor(numEmbeddings: number, embeddingDim: number, options: EmbeddingLayerOptions = {}) {
    super()
    EMBEDDING.check(numEmbeddings, embeddingDim, options)
    checkElements('Embedding', [numEmbeddings, embeddingDim])
    this.numEmbeddings = numEmbeddings
    this.embeddingDim = embeddingDim
    const padding = options.paddingIdx ?? null
    if (padding !== null && (padding < -numEmbeddings || padding >= numEmbeddings)) {
      throw new ArgumentError('Embedding', `paddingIdx ${padding} is out of range for ${numEmbeddings} rows`)
    }
    this.paddingIdx = padding !== null && padding < 0 ? padding + numEmbeddings : padding
    this.maxNorm = options.maxNorm ?? null
    this.normType = options.normType ?? 2
    this.scaleGradByFreq = options.scaleGradByFreq ?? false
    let weight = init.normal_(F.empty([numEmbeddings, embeddingDim], place(options)), from(options))
    if (this.paddingIdx !== null) {
      const rows = F.reshape(F.arange(numEmbeddings, weight.device === 'auto' ? {} : { device: weight.device }), [numEmbeddings, 1])
      weight = F.where(F.eq(rows, this.paddingIdx), 0, weight)
    }
    this.weight = new Parameter(weight)
  }

  /** integers [...] → [..., embeddingDim] */
  forward(x: Tensor): Tensor {
    const { paddingIdx, maxNorm, normType, scaleGradByFreq } = this
    return F.embedding(x, this.weight, { paddingIdx, maxNorm, normType, scaleGradByFreq })
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, paddingIdx=${this.paddingIdx}`
    const norm = this.maxNorm === null ? '' : `, maxNorm=${this.maxNorm}${this.normType === 2 ? '' : `, normType=${this.normType}`}`
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}${norm}${this.scaleGradByFreq ? ', scaleGradByFreq=true' : ''}`
  }
}

const CROSS_ENTROPY_LOSS = signature('CrossEntropyLoss', { options: optional(F.CROSS_ENTROPY_OPTIONS) })
const MSE_LOSS = signature('MSELoss', { options: optional(F.LOSS_OPTIONS) })

/** −Σ ln softmax(input)[target], averaged. @see https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html */
export class CrossEntropyLoss extends Module {
  readonly #options: F.CrossEntropyOptions

  constructor(options: F.CrossEntropyOptions = {}) {
    super()
    CROSS_ENTROPY_LOSS.check(options)
    this.#options = options
  }

  /** [N, C, …] and [N, …] → 0-d */
  forward(input: Tensor, target: Tensor): Tensor {
    return F.crossEntropy(input, target, this.#options)
  }
}

/** (input − target)², averaged. @see https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html */
export class MSELoss extends Module {
  readonly #options: F.LossOptions

  constructor(options: F.LossOptions = {}) {
    super()
    MSE_LOSS.check(options)
    this.#options = options
  }

  forward(input: Tensor, target: Tensor): Tensor {
    return F.mseLoss(input, target, this.#options)
  }
}
