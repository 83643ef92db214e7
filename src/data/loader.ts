/** @file `DataLoader`: batches of a dataset, in order or shuffled, one epoch each time that it is gone through. */
import {
  ArgumentError,
  BOOLEAN,
  options as describe,
  dtypeInfo,
  FUNCTION,
  optional,
  signature,
  type TypedArray,
  whole,
} from '../base/index.ts'
import { GENERATOR, type Generator, Generator as RandomGenerator, SEED, shuffled } from '../ops/index.ts'
import { hostValues, type Tensor, throttle } from '../tensor/index.ts'
import { type Collated, defaultCollate, hostTensor } from './collate.ts'
import { DATASET, type Dataset, TensorDataset } from './dataset.ts'

/** How a dataset becomes batches. */
export interface DataLoaderOptions<S, B> {
  /** Samples in a batch: 1 by default. */
  readonly batchSize?: number
  /** Another order in each epoch: false by default. */
  readonly shuffle?: boolean
  /** Seeds the orders; without it and `generator` they follow `manualSeed`. */
  readonly seed?: number | bigint
  /** Whose numbers make the orders. */
  readonly generator?: Generator
  /** Leaves out a last batch that is not full: false by default. */
  readonly dropLast?: boolean
  /** Makes a batch of samples in place of {@link defaultCollate}. */
  readonly collateFn?: (samples: readonly S[]) => B
}

const LOADER = signature('DataLoader', {
  dataset: DATASET,
  options: optional(
    describe<DataLoaderOptions<unknown, unknown>>({
      batchSize: whole(1),
      shuffle: BOOLEAN,
      seed: SEED,
      generator: GENERATOR,
      dropLast: BOOLEAN,
      collateFn: FUNCTION,
    }),
  ),
})

/**
 * Batches of a dataset: `for await (const [x, y] of loader)`. A `TensorDataset` whose values are on the host is cut there, and every batch is a leaf
 * of its own. Before each batch the loader waits until the device is ready for another step, so memory stays flat however fast the loop is.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader
 * @example
 * const loader = new data.DataLoader(new data.TensorDataset(images, labels), { batchSize: 64, shuffle: true, seed: 0 })
 * for await (const [x, y] of loader) …   // [64, 784], [64]
 */
export class DataLoader<S, B = Collated<S>> implements AsyncIterable<B> {
  /** The samples. */
  readonly dataset: Dataset<S>
  /** Samples in a batch; the last may have fewer. */
  readonly batchSize: number
  /** Whether each pass has an order of its own. */
  readonly shuffle: boolean
  /** Whether a last batch with fewer samples is left out. */
  readonly dropLast: boolean
  readonly #generator: Generator | undefined
  readonly #collate: ((samples: readonly S[]) => B) | undefined

  constructor(dataset: Dataset<S>, options: DataLoaderOptions<S, B> = {}) {
    LOADER.check(dataset, options)
    const { batchSize = 1, shuffle = false, dropLast = false, seed, generator, collateFn } = options
    if (seed !== undefined && generator !== undefined)
      throw new ArgumentError('DataLoader', 'seed and generator are two ways to say the same: give one')
    this.dataset = dataset
    this.batchSize = batchSize
    this.shuffle = shuffle
    this.dropLast = dropLast
    this.#generator = generator ?? (seed === undefined ? undefined : new RandomGenerator(seed))
    this.#collate = collateFn
  }

  /** Batches in an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.batchSize
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches)
  }

  /** One epoch, batch by batch. */
  async *[Symbol.asyncIterator](): AsyncIterator<B> {
    const order = this.shuffle ? shuffled(this.dataset.length, this.#generator) : undefined
    const batch = await this.#cutter()
    for (let i = 0; i < this.length; i++) {
      const start = i * this.batchSize
      const end = Math.min(start + this.batchSize, this.dataset.length)
      const places = Array.from({ length: end - start }, (_, k) => (order ? (order[start + k] as number) : start + k))
      await throttle()
      yield await batch(places)
    }
  }

  /** What makes a batch of the samples at some places. */
  async #cutter(): Promise<(places: readonly number[]) => B | Promise<B>> {
    const { dataset } = this
    if (dataset instanceof TensorDataset && this.#collate === undefined) {
      const columns = await Promise.all((dataset.tensors as readonly Tensor[]).map(columnOf))
      return (places) => columns.map((column) => column(places)) as B
    }
    const collate = this.#collate ?? (defaultCollate as (samples: readonly S[]) => B)
    return async (places) => collate(await Promise.all(places.map((i) => dataset.get(i))))
  }
}

// An everyday slip, which would otherwise end in 'loader is not iterable'. (Not in the type: the compiler refuses it by itself.)
Object.defineProperty(DataLoader.prototype, Symbol.iterator, {
  value(): never {
    throw new ArgumentError('DataLoader', 'batches have to be waited for: for await (const batch of loader)')
  },
})

/** Rows of a tensor by place, cut on the host. Values that a device has are fetched once an epoch. */
async function columnOf(x: Tensor): Promise<(places: readonly number[]) => Tensor> {
  const values: TypedArray = hostValues(x) ?? (await x.data({ raw: true }))
  const row = x.shape.slice(1)
  const size = row.reduce((n, s) => n * s, 1)
  return (places) => {
    const data = dtypeInfo[x.dtype].create(places.length * size)
    for (const [i, place] of places.entries()) data.set(values.subarray(place * size, (place + 1) * size), i * size)
    return hostTensor(data, [places.length, ...row], x)
  }
}
