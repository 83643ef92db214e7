/** @file Samples to batches: tensors are stacked, numbers become tensors, tuples and records are gone through. */
import {
  ANYTHING,
  ArgumentError,
  checkNesting,
  dtypeInfo,
  listOf,
  ShapeError,
  sameShape,
  showShape,
  signature,
  type TypedArray,
} from '../base/index.ts'
import { stack, tensor } from '../ops/index.ts'
import { hostValues, Tensor } from '../tensor/index.ts'

/** What samples of a type become: numbers and tensors a tensor, tuples and records one of these for each place. */
export type Collated<S> = S extends Tensor | number | boolean
  ? Tensor
  : S extends readonly unknown[] | Readonly<Record<string, unknown>>
    ? { -readonly [K in keyof S]: Collated<S[K]> }
    : never

const COLLATE = signature('collate', { samples: listOf(ANYTHING, 1) })

/**
 * One batch of samples of one form. Tensors are stacked along a new first dim; numbers make float32 (a class index is a tensor of dtype int32), booleans bool.
 * @throws ArgumentError or ShapeError that says where samples differ.
 * @see https://pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
 */
export function defaultCollate<S>(samples: readonly S[]): Collated<S> {
  COLLATE.check(samples)
  return new Collation().batch(samples, '') as Collated<S>
}

/** More parts of a sample than this, a tensor each, are no sample but a mistake. */
const MAX_PARTS = 2 ** 17

class Collation {
  /** The arrays and records of the first sample that the present part lies in. */
  readonly #above: object[] = []
  #parts = 0

  batch(samples: readonly unknown[], path: string): unknown {
    const first = samples[0]
    const where = path === '' ? 'a sample' : `${path} of a sample`
    if (++this.#parts > MAX_PARTS) throw new ArgumentError('collate', `a sample has more than ${MAX_PARTS} parts. Make tensors of them`)
    if (first instanceof Tensor) return stacked(samples as readonly Tensor[], where)
    if (typeof first === 'number' || typeof first === 'boolean') {
      const other = samples.find((s) => typeof s !== typeof first)
      if (other !== undefined) throw new ArgumentError('collate', `${where} is a ${typeof first} in one and a ${typeof other} in another`)
      return tensor(samples as readonly number[])
    }
    if (Array.isArray(first)) {
      const other = samples.find((s) => !Array.isArray(s) || s.length !== first.length)
      if (other !== undefined)
        throw new ArgumentError(
          'collate',
          `${where} has ${first.length} parts in one and ${Array.isArray(other) ? other.length : 'none'} in another`,
        )
      return this.#inside(first, where, () => first.map((_, i) => this.#part(samples, i, `${path}[${i}]`)))
    }
    if (typeof first === 'object' && first !== null && !ArrayBuffer.isView(first)) {
      return this.#inside(first, where, () =>
        Object.fromEntries(Object.keys(first).map((key) => [key, this.#part(samples, key, `${path}.${key}`)])),
      )
    }
    const kind = first === null ? 'null' : ArrayBuffer.isView(first) ? `a ${(first as object).constructor.name}` : `a ${typeof first}`
    throw new ArgumentError(
      'collate',
      `${where} is ${kind}; tensors, numbers, booleans, and tuples and records of them make a batch. Give the loader a collateFn for others`,
    )
  }

  #part(samples: readonly unknown[], key: number | string, path: string): unknown {
    return this.batch(
      samples.map((s) => (s as Record<number | string, unknown>)[key]),
      path,
    )
  }

  #inside<T>(first: object, where: string, parts: () => T): T {
    checkNesting('collate', first, this.#above, () => where, 'a sample')
    this.#above.push(first)
    const made = parts()
    this.#above.pop()
    return made
  }
}

function stacked(samples: readonly Tensor[], where: string): Tensor {
  const first = samples[0] as Tensor
  for (const s of samples) {
    if (!(s instanceof Tensor) || !sameShape(s.shape, first.shape) || s.dtype !== first.dtype) {
      const other = s instanceof Tensor ? `${s.dtype} ${showShape(s.shape)}` : `a ${typeof s}`
      throw new ShapeError('collate', `${where} is ${first.dtype} ${showShape(first.shape)} in one and ${other} in another`, [
        first.shape,
        s?.shape ?? [],
      ])
    }
  }
  const values = samples.map(hostValues)
  if (values.some((v) => v === undefined)) return stack(samples)
  const data = joined(values as readonly TypedArray[], first)
  return hostTensor(data, [samples.length, ...first.shape], first)
}

function joined(parts: readonly TypedArray[], like: Tensor): TypedArray {
  const size = like.numel()
  const data = dtypeInfo[like.dtype].create(parts.length * size)
  for (const [i, part] of parts.entries()) data.set(part, i * size)
  return data
}

/** A tensor of values in storage form, of the dtype and on the device of `like`. */
export function hostTensor(data: TypedArray, shape: readonly number[], like: Tensor): Tensor {
  const { device } = like
  return tensor(data, { shape, dtype: like.dtype, ...(device === 'auto' ? {} : { device }) })
}
