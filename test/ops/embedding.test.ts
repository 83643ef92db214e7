/** @file Tables of rows: what PyTorch's values do not show. Frequencies, computed offsets, NaN, the table's own change, halves, errors by text. */
import { describe, expect, it } from 'vitest'
import { embeddingBag, grad, manualSeed, nn, noGrad, randint, randn, type Tensor, tensor } from '../../src/index.ts'
import '../support/matchers.ts'
import { device } from '../support/device.ts'

const { embedding } = nn.functional
const ints = (values: number[] | number[][]): Tensor => tensor(values, { dtype: 'int32', device })
const table = (rows = 5, features = 2): Tensor => randn([rows, features], { device, requiresGrad: true })

describe('scaleGradByFreq', () => {
  it.each(['sum', 'mean'] as const)('divides the gradient of a row by how often it is in input: %s', async (mode) => {
    manualSeed(1)
    const [input, offsets] = [
      [1, 1, 2, 1, 4, 2],
      [0, 2, 5],
    ]
    const weight = table()
    const y = embeddingBag(ints(input), weight, ints(offsets), { mode, scaleGradByFreq: true })
    const up = randn([3, 2], { device })
    const [g] = grad(y, [weight], { gradOutputs: [up] }) as [Tensor]
    const seed = (await up.toArray()) as number[][]
    const wanted = Array.from({ length: 5 }, () => [0, 0])
    input.forEach((row, i) => {
      const bag = offsets.filter((o) => o <= i).length - 1
      const size = (offsets[bag + 1] ?? input.length) - (offsets[bag] as number)
      const often = input.filter((other) => other === row).length
      for (const f of [0, 1])
        (wanted[row] as number[])[f] = (wanted[row]?.[f] as number) + (seed[bag]?.[f] as number) / often / (mode === 'mean' ? size : 1)
    })
    await expect(g).toBeCloseToTensor(wanted)
  })
})

describe('offsets', () => {
  it('that are computed are as those that the host has', async () => {
    manualSeed(2)
    const weight = table()
    const input = randint(0, 5, [9], { device })
    const offsets = ints([0, 3, 3, 8])
    for (const mode of ['sum', 'mean', 'max'] as const)
      for (const includeLastOffset of [false, true]) {
        const known = embeddingBag(input, weight, offsets, { mode, includeLastOffset })
        const computed = embeddingBag(input.add(0), weight, offsets.add(0), { mode, includeLastOffset })
        expect(await computed.toArray(), `${mode} ${includeLastOffset}`).toEqual(await known.toArray())
      }
  })

  it('leave what stands behind the last one out, in sums and in what they are divided by', async () => {
    const weight = tensor([[1], [2], [3], [100]], { device })
    const options = { offsets: ints([0, 1, 3]), includeLastOffset: true }
    for (const [mode, wanted] of [
      ['sum', [[1], [5]]],
      ['mean', [[1], [2.5]]],
      ['max', [[1], [3]]],
    ] as const)
      expect(await embeddingBag(ints([0, 1, 2, 3]), weight, { ...options, mode }).toArray()).toEqual(wanted)
  })

  it('may make one bag of many rows, as two dims do', async () => {
    manualSeed(3)
    const weight = table(7, 3)
    const input = randint(0, 7, [4, 25], { device })
    for (const mode of ['sum', 'mean', 'max'] as const) {
      const flat = embeddingBag(input.reshape(-1), weight, ints([0, 25, 50, 75]), { mode })
      const rows = embeddingBag(input, weight, { mode })
      await expect(flat).toBeCloseToTensor(rows)
      const [a, b] = [flat, rows].map((y) => grad(y.square().sum(), [weight])[0] as Tensor)
      await expect(a as Tensor).toBeCloseToTensor(b as Tensor)
    }
  })

  it('may be [1, 0] columns: bags of nothing', async () => {
    for (const mode of ['sum', 'mean', 'max'] as const) {
      const weight = table()
      const y = embeddingBag(ints([[], []]), weight, { mode })
      expect(await y.toArray()).toEqual([
        [0, 0],
        [0, 0],
      ])
      expect(await (grad(y.sum(), [weight])[0] as Tensor).sum().item()).toBe(0)
    }
  })
})

describe('values that are no numbers', () => {
  it('stay out where they are padding', async () => {
    const weight = tensor([[1], [2], [Number.NaN]], { device, requiresGrad: true })
    for (const mode of ['sum', 'mean', 'max'] as const) {
      const rows = embeddingBag(ints([[0, 2]]), weight, { mode, paddingIdx: 2 })
      const bags = embeddingBag(ints([0, 2]), weight, ints([0]), { mode, paddingIdx: 2 })
      expect(await rows.toArray()).toEqual([[1]])
      expect(await bags.toArray()).toEqual([[1]])
      for (const y of [rows, bags]) expect(await (grad(y.sum(), [weight])[0] as Tensor).toArray()).toEqual([[1], [0], [0]])
    }
  })

  it('are the largest, wherever in a bag they stand', async () => {
    const weight = tensor([[1], [2], [Number.NaN]], { device, requiresGrad: true })
    for (const input of [
      [0, 2, 1],
      [2, 0, 1],
    ]) {
      const y = embeddingBag(ints(input), weight, ints([0]), { mode: 'max' })
      expect(await y.toArray()).toEqual([[Number.NaN]])
      expect(await (grad(y.sum(), [weight])[0] as Tensor).toArray()).toEqual([[0], [0], [1]])
      expect(await embeddingBag(ints([input]), weight, { mode: 'max' }).toArray()).toEqual([[Number.NaN]])
    }
  })
})

describe('maxNorm', () => {
  it('changes the table itself, and only rows that are looked up', async () => {
    const rows = [
      [3, 4],
      [0.3, 0.4],
      [6, 8],
    ]
    for (const look of [embedding, (i: Tensor, w: Tensor, o: object) => embeddingBag(i.reshape(1, -1), w, { ...o, mode: 'sum' })]) {
      const weight = tensor(rows, { device, requiresGrad: true })
      const before = weight.mul(2)
      const y = look(ints([0, 1]), weight, { maxNorm: 1 })
      await expect(weight.detach()).toBeCloseToTensor([
        [0.6, 0.8],
        [0.3, 0.4],
        [6, 8],
      ])
      await expect(y.sum().detach()).toBeCloseToTensor(2.1)
      expect(weight.isLeaf && weight.requiresGrad).toBe(true)
      await expect(before.detach().at(0)).toBeCloseToTensor([6, 8])
      y.sum().backward()
      await expect(weight.grad as Tensor).toBeCloseToTensor([
        [1, 1],
        [1, 1],
        [0, 0],
      ])
    }
  })

  it('is noticed by a gradient that was to read the table of before', () => {
    const weight = table()
    const product = weight.mul(weight)
    embedding(ints([0]), weight, { maxNorm: 1e-3 })
    expect(() => product.sum().backward()).toThrow(/changed in place/)
  })

  it('holds in a layer, through its training', async () => {
    manualSeed(4)
    const layer = new nn.Embedding(4, 3, { maxNorm: 1, scaleGradByFreq: true, device })
    noGrad(() => layer.weight.mul_(10))
    layer
      .forward(ints([0, 2, 2]))
      .sum()
      .backward()
    const sizes = (await layer.weight.detach().norm(2, 1).toArray()) as number[]
    expect(sizes.map((s) => s <= 1.0001)).toEqual([true, false, true, false])
    await expect((layer.weight.grad as Tensor).sum(1)).toBeCloseToTensor([3, 0, 3, 0])
    expect(String(layer)).toBe('Embedding(4, 3, maxNorm=1, scaleGradByFreq=true)')
  })
})

it('means of halves are rounded once', async () => {
  const weight = tensor([[60_000], [60_000], [1]], { dtype: 'float16', device, requiresGrad: true })
  for (const y of [embeddingBag(ints([[0, 1, 0]]), weight), embeddingBag(ints([0, 1, 0]), weight, ints([0]))]) {
    expect(y.dtype).toBe('float16')
    expect(await y.toArray()).toEqual([[60_000]])
  }
})

const w = (): Tensor => tensor([[1], [2], [3]], { device })
it.each<[() => unknown, string]>([
  [() => embedding(ints([0]), w(), { paddingIdx: 3 }), 'embedding: paddingIdx 3 is out of range for the 3 rows of weight'],
  [() => embedding(ints([0]), w(), { maxNorm: -1 }), 'embedding: maxNorm must be a number ≥ 0, or null, got -1'],
  [() => embedding(ints([0]), w().int(), { maxNorm: 1 }), 'embedding: weight must be of a float dtype, got int32. Convert with .float()'],
  [() => embeddingBag(ints([0]), w()), 'embeddingBag: offsets must say where the bags of input [1] begin. One bag? tensor([0])'],
  [
    () => embeddingBag(ints([[0]]), w(), ints([0])),
    'embeddingBag: offsets are for an input of one dim: the rows of input [1, 1] are its bags',
  ],
  [() => embeddingBag(ints([[0]]).reshape(1, 1, 1), w()), 'embeddingBag: input must be [n], or [bags, n], got [1, 1, 1]'],
  [() => embeddingBag(ints([0, 1]), w(), ints([1])), 'embeddingBag: the first of the offsets must be 0, got 1'],
  [() => embeddingBag(ints([0, 1]), w(), ints([0, 3])), 'embeddingBag: offsets[1] is 3, input has 2 elements'],
  [() => embeddingBag(ints([0, 1]), w(), ints([0, 2, 1])), 'embeddingBag: offsets must ascend, got 2 before 1'],
  [() => embeddingBag(ints([0]), w(), ints([]), { includeLastOffset: true }), 'embeddingBag: offsets must be [bags + 1], got [0]'],
  [() => embeddingBag(ints([0]), w(), ints([[0]])), 'embeddingBag: offsets must be [bags], got [1, 1]'],
  [() => embeddingBag(ints([3]), w(), ints([0])), 'embeddingBag: index 3 is out of range for size 3 (expected 0 to 2)'],
  [() => embeddingBag(ints([[0]]), w().int()), 'embeddingBag: weight must be of a float dtype, got int32. Convert with .float()'],
  [
    () => embeddingBag(ints([[0]]), w(), { mode: 'max', scaleGradByFreq: true }),
    "embeddingBag: scaleGradByFreq is for the modes 'sum' and 'mean'",
  ],
  [() => embeddingBag(ints([[0]]), w(), { perSampleWeights: w() }), "embeddingBag: perSampleWeights are for the mode 'sum', got 'mean'"],
  [
    () => embeddingBag(ints([[0]]), w(), { mode: 'sum', perSampleWeights: ints([[1]]) }),
    'embeddingBag: perSampleWeights must have the dtype of weight (float32), got int32',
  ],
  [
    () => embeddingBag(ints([[0]]), w(), { mode: 'sum', perSampleWeights: w() }),
    'embeddingBag: perSampleWeights [3, 1] must have the shape of input, [1, 1]',
  ],
])('%#: %s', (call, message) => {
  expect(call).toThrow(message)
})

it('changes nothing where something is wrong', async () => {
  const weight = tensor([[30], [40]], { device })
  expect(() => embeddingBag(ints([[0]]), weight, { maxNorm: 1, mode: 'max', scaleGradByFreq: true })).toThrow()
  expect(() => embedding(ints([0, 2]), weight, { maxNorm: 1 })).toThrow()
  expect(await weight.toArray()).toEqual([[30], [40]])
})
