/** @file Samples to batches: tensors are stacked, numbers become tensors, tuples and records are gone through. */
import { ANYTHING, ArgumentError, dtypeInfo, listOf, ShapeError, sameShape, showShape, signature, type TypedArray } from '../base/index.ts'
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
  return collate(samples, '') as Collated<S>
}

function collate(samples: readonly unknown[], path: string): unknown {
  const first = samples[0]
  const where = path === '' ? 'a sample' : `${path} of a sample`
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
    return first.map((_, i) =>
      collate(
        samples.map((s) => (s as readonly unknown[])[i]),
        `${path}[${i}]`,
      ),
    )
  }
  if (typeof first === 'object' && first !== null && !ArrayBuffer.isView(first)) {
    return Object.fromEntries(
      Object.keys(first).map((key) => [
        key,
        collate(
          samples.map((s) => (s as Record<string, unknown>)[key]),
          `${path}.${key}`,
        ),
      ]),
    )
  }
  const kind = first === null ? 'null' : ArrayBuffer.isView(first) ? `a ${(first as object).constructor.name}` : `a ${typeof first}`
  throw new ArgumentError(
    'collate',
    `${where} is ${kind}; tensors, numbers, booleans, and tuples and records of them make a batch. Give the loader a collateFn for others`,
  )
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
