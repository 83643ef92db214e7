/** @file What is passed wrongly is an error that names it: devices that do not meet, options that do not exist, operators on tensors. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  add,
  arange,
  cat,
  crossEntropy,
  data,
  empty,
  grad,
  linear,
  matmul,
  mseLoss,
  nn,
  ones,
  optim,
  rand,
  randn,
  setDefaultDevice,
  tensor,
  where,
  zeros,
} from '../../src/index.ts'

beforeAll(() => setDefaultDevice('cpu'))

describe('tensors on two devices', () => {
  const a = ones([2, 3], { device: 'cpu' })
  const b = ones([3], { device: 'webgpu' })

  it('are named with their roles, shapes and devices', () => {
    expect(() => a.add(b)).toThrow("add: a [2, 3] is on cpu, b [3] is on webgpu. Move one with .to('cpu') or .to('webgpu')")
    expect(() => matmul(a, ones([3, 2], { device: 'webgpu' }))).toThrow('matmul: a [2, 3] is on cpu, b [3, 2] is on webgpu')
    expect(() => linear(a, ones([4, 3], { device: 'webgpu' }))).toThrow('linear: x [2, 3] is on cpu, weight [4, 3] is on webgpu')
    expect(() => linear(a, ones([3, 3]), b)).toThrow('linear: x [2, 3] is on cpu, bias [3] is on webgpu')
    expect(() => where(a.gt(0), b, 0)).toThrow('where: test [2, 3] is on cpu, a [3] is on webgpu')
    expect(() => cat([a, ones([2, 3], { device: 'webgpu' })])).toThrow('cat: tensors[0] [2, 3] is on cpu, tensors[1] [2, 3] is on webgpu')
    expect(() => mseLoss(a, ones([2, 3], { device: 'webgpu' }))).toThrow('mseLoss: input [2, 3] is on cpu, target [2, 3] is on webgpu')
    expect(() => crossEntropy(a, zeros(2, { dtype: 'int32', device: 'webgpu' }))).toThrow(
      'crossEntropy: input [2, 3] is on cpu, target [2]',
    )
  })

  it('leave nothing recorded behind', async () => {
    expect(() => add(ones([3], { dtype: 'float64' }), b)).toThrow(/^add: a \[3\] is on cpu, b \[3\] is on webgpu/)
    expect(await ones([2]).add(1).toArray()).toEqual([2, 2])
  })

  it('are no hindrance to copy_, which keeps the device', () => {
    const x = zeros([3])
    x.copy_(b)
    expect(x.device).toBe('cpu')
  })

  it('meet with numbers', async () => {
    expect(await a.add(1).sum().item()).toBe(12)
  })
})

describe('sizes', () => {
  it('go as a list, as one number or as arguments, with options behind them', () => {
    expect(zeros(2, 3).shape).toEqual([2, 3])
    expect(zeros(2, 3, { dtype: 'int32' }).dtype).toBe('int32')
    expect(ones(4).shape).toEqual([4])
    expect(ones(4, { dtype: 'bool' }).shape).toEqual([4])
    expect(empty(1, 2, 3).shape).toEqual([1, 2, 3])
    expect(rand(2, 2).shape).toEqual([2, 2])
    expect(randn(2, 3, 4, { requiresGrad: true }).requiresGrad).toBe(true)
    expect(randn([2, 3], { dtype: 'float64' }).shape).toEqual([2, 3])
  })

  it('of another kind are refused', () => {
    expect(() => zeros(2, '3' as never)).toThrow("zeros: shape[1] must be a whole number ≥ 0, got '3'. Give the number 3")
    expect(() => zeros([2], 3 as never)).toThrow(/^zeros: options go by name/)
    expect(() => zeros(2, 1.5)).toThrow('zeros: shape[1] must be a whole number ≥ 0, got 1.5')
  })
})

describe('an option that does not exist', () => {
  const x = ones([2, 3])
  const labels = zeros([2], { dtype: 'int32' })
  const wrong = (options: object): never => options as never

  it('is named, with the nearest that does', () => {
    expect(() => x.sum(0, wrong({ keepDim: true }))).toThrow("sum: unknown option 'keepDim'. Did you mean 'keepdim'?")
    expect(() => x.var(wrong({ unbiased: true }))).toThrow("var: unknown option 'unbiased'. Known are dim, keepdim, correction")
    expect(() => x.max(1, wrong({ keepDim: true }))).toThrow("max: unknown option 'keepDim'")
    expect(() => x.argmax(wrong({ axis: 1 }))).toThrow("argmax: unknown option 'axis'")
    expect(() => x.softmax(wrong({ Dim: 1 }))).toThrow("softmax: unknown option 'Dim'. Did you mean 'dim'?")
    expect(() => x.logsumexp(1, wrong({ keep_dim: true }))).toThrow("Did you mean 'keepdim'?")
    expect(() => crossEntropy(x, labels, wrong({ label_smoothing: 0.1 }))).toThrow(
      "crossEntropy: unknown option 'label_smoothing'. Did you mean 'labelSmoothing'?",
    )
    expect(() => zeros([2], wrong({ requires_grad: true }))).toThrow("zeros: unknown option 'requires_grad'. Did you mean 'requiresGrad'?")
    expect(() => arange(3, wrong({ type: 'int32' }))).toThrow("arange: unknown option 'type'. Did you mean 'dtype'?")
    expect(() => tensor([1], wrong({ Dtype: 'int32' }))).toThrow("tensor: unknown option 'Dtype'")
    expect(() => x.add(x, wrong({ beta: 2 }))).toThrow("add: unknown option 'beta'")
    expect(() => ones([1], { requiresGrad: true }).backward(null, wrong({ retain_graph: true }))).toThrow("Did you mean 'retainGraph'?")
    expect(() => grad([], [], wrong({ allow_unused: true }))).toThrow("Did you mean 'allowUnused'?")
  })

  it('is named by layers, optimizers and loaders too', () => {
    const w = ones([1], { requiresGrad: true })
    expect(() => new nn.Linear(2, 2, wrong({ Bias: false }))).toThrow("Linear: unknown option 'Bias'. Did you mean 'bias'?")
    expect(() => new nn.CrossEntropyLoss(wrong({ ignore_index: 0 }))).toThrow("Did you mean 'ignoreIndex'?")
    expect(() => new nn.Dropout(0.5, wrong({ inplace: true }))).toThrow("Dropout: unknown option 'inplace'")
    expect(() => new optim.Adam([w], wrong({ learningRate: 3 }))).toThrow("Adam: unknown option 'learningRate'. Known are lr, weightDecay")
    expect(() => new optim.SGD([w], wrong({ weight_decay: 1 }))).toThrow("SGD: unknown option 'weight_decay'. Did you mean 'weightDecay'?")
    expect(() => new optim.SGD([wrong({ params: [w], LR: 1 })])).toThrow("SGD: unknown option 'LR'. Did you mean 'lr'?")
    expect(() => new data.DataLoader(new data.TensorDataset(x), wrong({ batch_size: 3 }))).toThrow(
      "DataLoader: unknown option 'batch_size'. Did you mean 'batchSize'?",
    )
  })

  it('and a value without a name are errors', () => {
    expect(() => x.sum(0, true as never)).toThrow('sum: options go by name, in an object { dim, keepdim, dtype }; got true')
    expect(() => x.sum(true as never)).toThrow(
      'sum: dim must be a whole number or an array of them, or options { dim, keepdim, dtype }, or null, got true',
    )
    expect(() => x.argmax(1, true as never)).toThrow('argmax: options go by name')
    expect(() => new nn.Linear(2, 2, false as never)).toThrow('Linear: options go by name')
    expect(() => new optim.SGD([ones([1])], 0.1 as never)).toThrow('SGD: options go by name')
    expect(() => new optim.SGD([ones([1])], null as never)).toThrow('SGD: options go by name')
  })
})

describe('convolution and pooling', () => {
  const { avgPool2d, conv2d, maxPool2d } = nn.functional
  const wrong = (value: unknown): never => value as never
  const x = zeros([2, 3, 8, 8], { device: 'cpu' })
  const weight = zeros([4, 3, 3, 3], { device: 'cpu' })

  it('say which dims, channels and groups would fit', () => {
    expect(() => conv2d(zeros([8, 8]), weight)).toThrow(
      'conv2d: x must be [batch, channels, height, width] or [channels, height, width], got [8, 8]. For one channel: x.unsqueeze(0)',
    )
    expect(() => conv2d(x, zeros([3, 3]))).toThrow('conv2d: weight must be [out, in / groups, height, width], got [3, 3]')
    expect(() => conv2d(zeros([2, 5, 8, 8]), weight)).toThrow(
      'conv2d: channels differ: x is [2, 5, 8, 8] (channels 5), weight is [4, 3, 3, 3] (3)',
    )
    expect(() => conv2d(zeros([2, 8, 8, 3]), weight)).toThrow('Channels come before height and width: x.permute(0, 3, 1, 2)')
    expect(() => new nn.Conv2d(3, 4, 3).forward(zeros([8, 8, 3]))).toThrow(
      'Conv2d: x [8, 8, 3] has 8 channels (dim 0), the layer was made for 3. Channels come before height and width: x.permute(2, 0, 1)',
    )
    expect(() => conv2d(x, weight, null, { groups: 2 })).toThrow('weight is [4, 3, 3, 3] (3 · 2 groups = 6)')
    expect(() => conv2d(x, zeros([4, 1, 3, 3]), null, { groups: 3 })).toThrow(
      'conv2d: weight [4, 1, 3, 3] has 4 outputs, which do not divide into 3 groups',
    )
    expect(() => conv2d(x, weight, null, { groups: wrong('1') })).toThrow("conv2d: groups must be a whole number ≥ 1, got '1'")
    expect(() => conv2d(x, weight, zeros([3]))).toThrow('conv2d: bias must be [4] for weight [4, 3, 3, 3], got [3]')
  })

  it('say when the window does not fit the input', () => {
    expect(() => conv2d(zeros([1, 3, 2, 2]), weight)).toThrow(
      'conv2d: the window is larger than the input: it spans [3, 3], x is [1, 3, 2, 2] with [2, 2] after padding. Pad it, or take a smaller window',
    )
    expect(() => conv2d(x, weight, null, { dilation: 5, padding: 1 })).toThrow(
      'it spans [11, 11], x is [2, 3, 8, 8] with [10, 10] after padding',
    )
    expect(() => maxPool2d(x, 9)).toThrow('maxPool2d: the window is larger than the input')
    expect(() => conv2d(x, zeros([4, 3, 0, 3]))).toThrow('conv2d: the window is empty: weight is [4, 3, 0, 3]')
    expect(() => avgPool2d(zeros([2, 3, 0, 8]), 2)).toThrow('avgPool2d: the window is larger than the input')
  })

  it('name a number that is none, as it was given', () => {
    const size = (role: string, least: number, got: string): string =>
      `${role} must be a whole number ≥ ${least}, or two of them [height, width], got ${got}`
    expect(() => conv2d(x, weight, null, { stride: 0 })).toThrow(`conv2d: ${size('stride', 1, '0')}`)
    expect(() => conv2d(x, weight, null, { stride: wrong('2') })).toThrow(size('stride', 1, "'2'"))
    expect(() => conv2d(x, weight, null, { stride: wrong([1, 1, 1]) })).toThrow(size('stride', 1, '[1, 1, 1]'))
    expect(() => conv2d(x, weight, null, { dilation: Number.NaN })).toThrow(size('dilation', 1, 'NaN'))
    expect(() => conv2d(x, weight, null, { dilation: wrong({}) })).toThrow(size('dilation', 1, '{}'))
    expect(() => conv2d(x, weight, null, { padding: -1 })).toThrow('conv2d: padding must be a whole number ≥ 0, or two of them')
    expect(() => conv2d(x, weight, null, { padding: wrong('SAME') })).toThrow(
      "conv2d: padding must be a whole number ≥ 0, or two of them [height, width], or 'same' or 'valid', got 'SAME'. Did you mean 'same'?",
    )
    expect(() => conv2d(x, weight, null, { padding: 'same', stride: 2 })).toThrow(
      "conv2d: padding 'same' needs stride 1, got [2, 2]: give the padding as a number",
    )
    expect(() => maxPool2d(x, wrong(undefined))).toThrow(`maxPool2d: ${size('kernelSize', 1, 'undefined')}`)
    expect(() => maxPool2d(x, wrong({ kernelSize: 2 }))).toThrow(size('kernelSize', 1, '{ kernelSize }'))
    expect(() => maxPool2d(x, 2, { padding: wrong('same') })).toThrow(size('padding', 0, "'same'"))
    expect(() => avgPool2d(x, 2, { divisorOverride: wrong('3') })).toThrow(
      "avgPool2d: divisorOverride must be a finite number other than 0, or null, got '3'",
    )
    expect(() => new nn.Conv2d(3, 4, wrong({ padding: 1 }))).toThrow(`Conv2d: ${size('kernelSize', 1, '{ padding }')}`)
    expect(() => new nn.Conv2d(wrong('3'), 4, 3)).toThrow("Conv2d: inChannels must be a whole number ≥ 0, got '3'")
    expect(() => new nn.BatchNorm2d(3, { momentum: wrong('0.1') })).toThrow(
      "BatchNorm2d: momentum must be a finite number, or null, got '0.1'. Give the number 0.1",
    )
  })

  it('refuse padding that a window could lie in alone, layers when they are made', () => {
    const message = 'padding must be at most half of the kernel size: padding is [2, 2], the kernel [2, 2]'
    expect(() => maxPool2d(x, 2, { padding: 2 })).toThrow(`maxPool2d: ${message}`)
    expect(() => new nn.MaxPool2d(2, { padding: 2 })).toThrow(`MaxPool2d: ${message}`)
    expect(() => new nn.AvgPool2d(2, { padding: 2 })).toThrow(`AvgPool2d: ${message}`)
    expect(() => new nn.AvgPool2d(2, { divisorOverride: 0 })).toThrow(
      'AvgPool2d: divisorOverride must be a finite number other than 0, or null, got 0',
    )
  })

  it('refuse whole numbers, other devices, and options in the wrong place or misspelt', () => {
    for (const dtype of ['int32', 'uint8', 'bool'] as const) {
      const whole = zeros([2, 3, 8, 8], { dtype, device: 'cpu' })
      expect(() => conv2d(whole, weight)).toThrow(`conv2d: x must be of a float dtype, got ${dtype}. Convert with .float()`)
      expect(() => maxPool2d(whole, 2)).toThrow(`maxPool2d: x must be of a float dtype, got ${dtype}`)
      expect(() => avgPool2d(whole, 2)).toThrow(`avgPool2d: x must be of a float dtype, got ${dtype}`)
    }
    expect(() => conv2d(x, zeros([4, 3, 3, 3], { dtype: 'int32', device: 'cpu' }))).toThrow(
      'conv2d: weight must be of a float dtype, got int32',
    )
    expect(() => conv2d(x, weight, zeros([4], { dtype: 'int32' }))).toThrow('conv2d: bias must be of a float dtype, got int32')
    expect(() => conv2d(x, zeros([4, 3, 3, 3], { device: 'webgpu' }))).toThrow(
      'conv2d: x [2, 3, 8, 8] is on cpu, weight [4, 3, 3, 3] is on webgpu',
    )
    expect(() => conv2d(x, weight, zeros([4], { device: 'webgpu' }))).toThrow('conv2d: x [2, 3, 8, 8] is on cpu, bias [4] is on webgpu')
    expect(conv2d(x, weight, { padding: 1 }).shape).toEqual([2, 4, 8, 8])
    expect(() => conv2d(x, weight, wrong({ Padding: 1 }))).toThrow("conv2d: unknown option 'Padding'. Did you mean 'padding'?")
    expect(() => conv2d(x, weight, wrong({ padding: 1 }), {})).toThrow('conv2d: bias must be a Tensor, or null, got { padding }')
    expect(() => conv2d(x, weight, null, wrong(1))).toThrow(
      'conv2d: options go by name, in an object { stride, padding, dilation, groups }; got 1',
    )
    expect(() => conv2d(x, weight, null, wrong({ Padding: 1 }))).toThrow("conv2d: unknown option 'Padding'. Did you mean 'padding'?")
    expect(() => maxPool2d(x, 2, wrong({ ceil_mode: true }))).toThrow("maxPool2d: unknown option 'ceil_mode'. Did you mean 'ceilMode'?")
    expect(() => maxPool2d(x, 2, wrong(2))).toThrow('maxPool2d: options go by name')
    expect(() => avgPool2d(x, 2, wrong({ dilation: 2 }))).toThrow("avgPool2d: unknown option 'dilation'")
    expect(() => new nn.MaxPool2d(2, wrong(2))).toThrow('MaxPool2d: options go by name')
  })
})

describe('a tensor in plain JavaScript', () => {
  const x = ones([2, 3])

  it('throws in arithmetic and comparisons, and names the methods', () => {
    // biome-ignore lint/suspicious/noExplicitAny: what TypeScript would refuse
    const y: any = x
    expect(() => y + y).toThrow(/operators do not work on tensors.*a\.add\(b\).*item\(\)/)
    expect(() => +y).toThrow(/operators do not work/)
    expect(() => y < 1).toThrow(/operators do not work/)
  })

  it('is its toString() in texts', () => {
    expect(`${x}`).toBe(x.toString())
    expect(String(x)).toBe(x.toString())
  })

  it('is not gone through or written as JSON, and the errors say what is', () => {
    expect(() => [...(x as unknown as Iterable<unknown>)]).toThrow('Tensor: a tensor is not iterable: its rows are x.unbind()')
    expect(() => JSON.stringify({ x })).toThrow('JSON.stringify: a Tensor is written as its values: JSON.stringify(await x.toArray())')
  })

  it('tells its sizes by size() and dim()', () => {
    expect(x.size()).toEqual([2, 3])
    expect(x.size(-1)).toBe(3)
    expect(x.dim()).toBe(2)
    expect(() => x.size(2)).toThrow(/^size: dim 2 is out of range/)
    expect(() => ones([]).size(0)).toThrow('size: a 0-d tensor has no dims')
  })
})

describe('crossEntropy', () => {
  it('without a reduction is 0, not −0, where the target is ignored', async () => {
    const target = tensor([-100, 1], { dtype: 'int32' })
    const [ignored, counted] = (await crossEntropy(zeros([2, 3]), target, { reduction: 'none' }).toArray()) as [number, number]
    expect(Object.is(ignored, 0)).toBe(true)
    expect(counted).toBeCloseTo(Math.log(3), 6)
    const weighted = await crossEntropy(zeros([2, 3]), target, { reduction: 'none', weight: ones([3]) }).data()
    expect(Object.is(weighted[0], 0)).toBe(true)
  })
})
