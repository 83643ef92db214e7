/** @file Datasets: things with a length and a sample for each place. */
import { ArgumentError, COUNT, ITERABLE, type Kind, listOf, ShapeError, showShape, signature, WHOLE } from '../base/index.ts'
import { select } from '../ops/index.ts'
import { TENSOR, Tensor } from '../tensor/index.ts'

/** What a `DataLoader` takes: samples by place. `get` may be async. */
export interface Dataset<S> {
  /** How many samples there are. */
  readonly length: number
  /** The sample at a place from 0 to below `length`, or a promise of it. */
  get(index: number): S | Promise<S>
}

/** Something with a length and samples. */
export const DATASET: Kind = {
  fits: 'a dataset, with a length and get(index)',
  accepts: (x) => {
    const { length, get } = (x ?? {}) as Partial<Dataset<unknown>>
    return COUNT.accepts(length) && typeof get === 'function'
  },
  hint: (x) => (x instanceof Tensor || Array.isArray(x) ? 'Tensors make one with new TensorDataset(x, y)' : undefined),
}
const TENSOR_DATASET_GET = signature('TensorDataset.get', { index: WHOLE })
const SUBSET = signature('Subset', { dataset: DATASET, indices: listOf(COUNT) })
const SUBSET_GET = signature('Subset.get', { index: COUNT })
const TENSOR_DATASET = signature('TensorDataset', { tensors: listOf(TENSOR, 1) })

/**
 * Tensors whose first dim counts the samples: sample i is the i-th row of each.
 * @throws ShapeError when the tensors differ in their first size.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.TensorDataset
 * @example new data.TensorDataset(images, labels)   // [1797, 64], [1797]
 */
export class TensorDataset<T extends readonly Tensor[] = readonly Tensor[]> implements Dataset<T> {
  /** The tensors, whose rows are the samples. */
  readonly tensors: T
  readonly length: number

  constructor(...tensors: T) {
    TENSOR_DATASET.check(tensors)
    tensors.forEach((t, i) => {
      if (t.ndim === 0) throw new ShapeError('TensorDataset', `tensor ${i} has no dims; the first dim counts the samples`, [t.shape])
      if (t.shape[0] !== tensors[0]?.shape[0]) {
        const [first, other] = [(tensors[0] as Tensor).shape, t.shape]
        throw new ShapeError(
          'TensorDataset',
          `the tensors differ in their number of samples: tensor 0 is ${showShape(first)}, tensor ${i} is ${showShape(other)}`,
          [first, other],
        )
      }
    })
    this.tensors = tensors
    this.length = (tensors[0] as Tensor).shape[0] as number
  }

  get(index: number): T {
    TENSOR_DATASET_GET.check(index)
    if (index < -this.length || index >= this.length)
      throw new ArgumentError('TensorDataset.get', `index ${index} is out of range for ${this.length} samples`)
    return this.tensors.map((t) => select(t, 0, index)) as unknown as T
  }
}

/** Some places of another dataset, in an order of their own. @see https://pytorch.org/docs/stable/data.html#torch.utils.data.Subset */
export class Subset<S> implements Dataset<S> {
  /** The dataset that samples are taken from. */
  readonly dataset: Dataset<S>
  /** Their places there. */
  readonly indices: readonly number[]

  constructor(dataset: Dataset<S>, indices: Iterable<number>) {
    SUBSET.check(dataset, ITERABLE.accepts(indices) && !(indices instanceof Tensor) ? [...indices] : indices)
    this.dataset = dataset
    this.indices = [...indices]
    for (const i of this.indices) {
      if (i >= dataset.length) throw new ArgumentError('Subset', `place ${i} is not in a dataset of ${dataset.length} samples`)
    }
  }

  get length(): number {
    return this.indices.length
  }

  get(index: number): S | Promise<S> {
    SUBSET_GET.check(index)
    const at = this.indices[index]
    if (at === undefined) throw new ArgumentError('Subset.get', `index ${index} is not in a subset of ${this.length} samples`)
    return this.dataset.get(at)
  }
}
