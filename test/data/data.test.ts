import { describe, expect, it } from 'vitest'
import { arange, data, Generator, manualSeed, ones, type Tensor, tensor, zeros } from '../../src/index.ts'
import '../support/matchers.ts'
import { device } from '../support/device.ts'

const numbers = async (t: Tensor): Promise<number[]> => Array.from(await t.data(), Number)

/** Ten samples: row i is [i, i + 0.5], label i. */
const x = tensor(
  Array.from({ length: 10 }, (_, i) => [i, i + 0.5]),
  { device },
)
const y = tensor(
  Int32Array.from({ length: 10 }, (_, i) => i),
  { device },
)
const dataset = new data.TensorDataset(x, y)

/** The labels of all batches of an epoch, and a check that rows and labels belong together. */
async function epoch(loader: AsyncIterable<[Tensor, Tensor]>): Promise<number[][]> {
  const batches: number[][] = []
  for await (const [rows, labels] of loader) {
    const list = await numbers(labels)
    expect(await numbers(rows)).toEqual(list.flatMap((i) => [i, i + 0.5]))
    batches.push(list)
  }
  return batches
}

describe('DataLoader over tensors', () => {
  it('cuts batches in order, the last one smaller', async () => {
    const loader = new data.DataLoader(dataset, { batchSize: 4 })
    expect(loader.length).toBe(3)
    expect(await epoch(loader)).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
  })

  it('leaves the last one out with dropLast', async () => {
    const loader = new data.DataLoader(dataset, { batchSize: 4, dropLast: true })
    expect(loader.length).toBe(2)
    expect((await epoch(loader)).map((b) => b.length)).toEqual([4, 4])
  })

  it('shuffles: every sample once, another order in each epoch, the same under the same seed', async () => {
    const make = (): data.DataLoader<[Tensor, Tensor]> => new data.DataLoader(dataset, { batchSize: 3, shuffle: true, seed: 5 })
    const [one, two] = [make(), make()]
    const [first, second] = [(await epoch(one)).flat(), (await epoch(one)).flat()]
    expect([...first].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(first).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(second).not.toEqual(first)
    expect((await epoch(two)).flat()).toEqual(first)
    const same = new data.DataLoader(dataset, { batchSize: 10, shuffle: true, generator: new Generator(5) })
    expect((await epoch(same)).flat()).toEqual(first)
    manualSeed(5)
    expect((await epoch(new data.DataLoader(dataset, { shuffle: true }))).flat()).toEqual(first)
  })

  it('keeps dtypes, devices and further dims', async () => {
    const images = ones([6, 2, 3], { device, dtype: 'float16' }).mul(1.5)
    const masks = tensor([true, false, true, true, false, false], { device })
    const loader = new data.DataLoader(new data.TensorDataset(images, masks), { batchSize: 2 })
    const batches: [Tensor, Tensor][] = []
    for await (const batch of loader) batches.push(batch)
    const [image, mask] = batches[1] as [Tensor, Tensor]
    expect(image).toHaveShape([2, 2, 3])
    expect([image.dtype, image.device, mask.dtype]).toEqual(['float16', device, 'bool'])
    await expect(image).toBeCloseToTensor(ones([2, 2, 3], { dtype: 'float16' }).mul(1.5))
    expect(await mask.toArray()).toEqual([true, true])
  })

  it('makes batches that are values of their own', async () => {
    const source = Float32Array.from([1, 2, 3, 4])
    const loader = new data.DataLoader(new data.TensorDataset(tensor(source, { device })), { batchSize: 2 })
    const kept: Tensor[] = []
    for await (const [batch] of loader) kept.push(batch)
    source.fill(0)
    expect(await Promise.all(kept.map(numbers))).toEqual([
      [1, 2],
      [3, 4],
    ])
  })

  it('refuses what is no dataset or no batch size', () => {
    expect(() => new data.DataLoader(dataset, { batchSize: 0 })).toThrow('DataLoader: batchSize must be a whole number ≥ 1, got 0')
    expect(() => new data.DataLoader(x as never)).toThrow('Tensors make one with new TensorDataset(x, y)')
    expect(() => new data.DataLoader(dataset, { seed: 1, generator: new Generator(1) })).toThrow('give one')
    expect(() => new data.TensorDataset(x, zeros([9]))).toThrow(
      'TensorDataset: the tensors differ in their number of samples: tensor 0 is [10, 2], tensor 1 is [9]',
    )
    expect(() => new data.TensorDataset(zeros([]))).toThrow('tensor 0 has no dims')
    expect(() => new data.TensorDataset()).toThrow('TensorDataset: tensors must have at least 1 element, got []')
  })
})

describe('datasets of one’s own', () => {
  const squares: data.Dataset<{ x: number; label: Tensor; pair: [Tensor, boolean] }> = {
    length: 5,
    get: (i) => ({ x: i / 2, label: tensor(i, { dtype: 'int32', device }), pair: [arange(i, i + 2, { device }), i > 2] }),
  }

  it('are collated by place: numbers, tensors, tuples and records', async () => {
    const loader = new data.DataLoader(squares, { batchSize: 3 })
    const batches = []
    for await (const batch of loader) batches.push(batch)
    expect(batches.length).toBe(2)
    const first = batches[0] as NonNullable<(typeof batches)[0]>
    await expect(first.x).toBeCloseToTensor([0, 0.5, 1])
    expect(first.label.dtype).toBe('int32')
    expect(await numbers(first.label)).toEqual([0, 1, 2])
    expect(await first.pair[0].toArray()).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ])
    expect(await batches[1]?.pair[1].toArray()).toEqual([true, true])
  })

  it('may be async, and may have a collateFn', async () => {
    const slow: data.Dataset<number> = { length: 4, get: async (i) => i * 10 }
    const seen: number[][] = []
    for await (const batch of new data.DataLoader(slow, { batchSize: 2, collateFn: (samples) => [...samples] })) seen.push(batch)
    expect(seen).toEqual([
      [0, 10],
      [20, 30],
    ])
  })

  it('are stacked on the device where the host does not have the values', async () => {
    const lazy: data.Dataset<Tensor> = { length: 3, get: (i) => ones([2], { device }).mul(i) }
    for await (const batch of new data.DataLoader(lazy, { batchSize: 3 })) expect(await numbers(batch)).toEqual([0, 0, 1, 1, 2, 2])
  })

  it('with samples that differ are told where', () => {
    expect(() => data.defaultCollate([zeros([2]), zeros([3])])).toThrow(
      'collate: a sample is float32 [2] in one and float32 [3] in another',
    )
    expect(() => data.defaultCollate([{ a: 1 }, { a: true }])).toThrow('.a of a sample is a number in one and a boolean in another')
    expect(() => data.defaultCollate([[1, 2], [1]])).toThrow('a sample has 2 parts in one and 1 in another')
    expect(() => data.defaultCollate([['text']])).toThrow('[0] of a sample is a string')
  })

  it('can be parts of others', async () => {
    const part = new data.Subset(dataset, [7, 1, 4])
    expect(part.length).toBe(3)
    const batches = await epoch(new data.DataLoader(part, { batchSize: 2 }) as unknown as AsyncIterable<[Tensor, Tensor]>)
    expect(batches).toEqual([[7, 1], [4]])
    expect(() => new data.Subset(dataset, [10])).toThrow('Subset: place 10 is not in a dataset of 10 samples')
  })
})
