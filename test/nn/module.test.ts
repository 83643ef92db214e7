import { describe, expect, it } from 'vitest'
import { manualSeed, nn, noGrad, ones, optim, randn, type Tensor, tensor, zeros } from '../../src/index.ts'
import '../support/matchers.ts'
import { device, hasDoubles } from '../support/device.ts'

const F = nn.functional

class Block extends nn.Module {
  readonly fc1 = new nn.Linear(4, 4, { device })
  readonly act = new nn.GELU()
  readonly fc2: nn.Linear
  readonly scale = new nn.Parameter(ones([4], { device }))
  readonly mean = new nn.Buffer(zeros([4], { device }))
  readonly scratch = new nn.Buffer(zeros([2], { device }), { persistent: false })

  constructor(features = 4) {
    super()
    this.fc2 = new nn.Linear(4, features, { device, bias: false })
  }

  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.act.forward(this.fc1.forward(x)).mul(this.scale).sub(this.mean))
  }
}

class Net extends nn.Module {
  readonly encoder = new nn.Sequential(new nn.Flatten(), new nn.Linear(4, 4, { device }), new Block())
  readonly head = new nn.Linear(4, 2, { device })
  readonly hidden = [new nn.Linear(1, 1, { device })]

  forward(x: Tensor): Tensor {
    return this.head.forward(this.encoder.forward(x))
  }
}

describe('what a module owns', () => {
  it('is found from its fields: parameters with their paths, parents first', () => {
    const names = new Net().namedParameters().map(([name]) => name)
    expect(names).toEqual([
      'encoder.1.weight',
      'encoder.1.bias',
      'encoder.2.scale',
      'encoder.2.fc1.weight',
      'encoder.2.fc1.bias',
      'encoder.2.fc2.weight',
      'head.weight',
      'head.bias',
    ])
  })

  it('leaves out plain arrays, which ModuleList is there for', () => {
    class Listed extends nn.Module {
      readonly blocks = new nn.ModuleList(Array.from({ length: 3 }, () => new nn.Linear(2, 2, { device })))
      forward(x: Tensor): Tensor {
        let y = x
        for (const block of this.blocks) y = block.forward(y)
        return y
      }
    }
    expect(new Net().parameters().length).toBe(8)
    const listed = new Listed()
    expect(listed.namedParameters().map(([name]) => name)[2]).toBe('blocks.1.weight')
    expect(listed.blocks.length).toBe(3)
    expect(listed.blocks.push(new nn.Linear(2, 5, { device })).at(-1).outFeatures).toBe(5)
    expect(() => listed.blocks.at(9)).toThrow('ModuleList.at: there is no place 9: there are 4 modules')
    expect(() => listed.blocks.forward()).toThrow('a list has no forward')
  })

  it('lists modules and buffers too', () => {
    const net = new Net()
    expect(net.namedModules().map(([name]) => name)).toEqual([
      '',
      'encoder',
      'encoder.0',
      'encoder.1',
      'encoder.2',
      'encoder.2.fc1',
      'encoder.2.act',
      'encoder.2.fc2',
      'head',
    ])
    expect(net.children().length).toBe(2)
    expect(net.namedBuffers().map(([name]) => name)).toEqual(['encoder.2.mean', 'encoder.2.scratch'])
    expect(net.buffers().every((b) => !b.requiresGrad)).toBe(true)
    expect(net.parameters().every((p) => p.requiresGrad && p.isLeaf)).toBe(true)
  })

  it('names a shared parameter once, and saves it under both names', async () => {
    class Tied extends nn.Module {
      readonly a = new nn.Linear(3, 3, { device, bias: false })
      readonly b = new nn.Linear(3, 3, { device, bias: false })
      constructor() {
        super()
        Object.assign(this.b, { weight: this.a.weight })
      }
      forward(x: Tensor): Tensor {
        return this.b.forward(this.a.forward(x))
      }
    }
    const tied = new Tied()
    expect(tied.parameters().length).toBe(1)
    expect(Object.keys(tied.stateDict())).toEqual(['a.weight', 'b.weight'])
    tied
      .forward(ones([1, 3], { device }))
      .sum()
      .backward()
    expect(tied.a.weight.grad).toBe(tied.b.weight.grad)
  })

  it('is a value of its own: a parameter does not follow the tensor it was made from', async () => {
    const start = tensor([1, 2], { device })
    const p = new nn.Parameter(start)
    noGrad(() => p.add_(1))
    await expect(p).toBeCloseToTensor([2, 3])
    await expect(start).toBeCloseToTensor([1, 2])
    expect(() => new nn.Parameter([1, 2] as unknown as Tensor)).toThrow(
      'Parameter: data must be a Tensor, got [1, 2]. Make one with tensor(…)',
    )
    expect(() => new nn.Parameter(tensor([1], { dtype: 'int32' }))).toThrow('only tensors of a float dtype')
  })
})

describe('state', () => {
  it('goes from one module to another by name', async () => {
    const [from, to] = [new Net(), new Net()]
    const x = randn([3, 4], { device })
    expect(to.loadStateDict(from.stateDict())).toEqual({ missingKeys: [], unexpectedKeys: [] })
    await expect(to.forward(x)).toBeCloseToTensor(from.forward(x))
    expect(Object.keys(from.stateDict())).toContain('encoder.2.mean')
    expect(Object.keys(from.stateDict())).not.toContain('encoder.2.scratch')
  })

  it('is values: later changes do not reach it, nor it the module', async () => {
    const layer = new nn.Linear(2, 1, { device, bias: false })
    const before = Array.from(await layer.weight.data())
    const state = layer.stateDict()
    const optimizer = new optim.SGD(layer.parameters(), { lr: 1 })
    layer
      .forward(ones([1, 2], { device }))
      .sum()
      .backward()
    optimizer.step()
    await expect(state.weight as Tensor).toBeCloseToTensor([before])
    await expect(layer.weight).toBeCloseToTensor([before.map((v) => v - 1)])
    layer.loadStateDict(state)
    noGrad(() => layer.weight.mul_(0))
    await expect(state.weight as Tensor).toBeCloseToTensor([before])
  })

  it('that does not fit is refused with every missing, unexpected and misshapen key at once, and nothing changes', async () => {
    const layer = new nn.Linear(2, 3, { device })
    const before = await layer.bias?.data()
    const state = { weight: zeros([3, 3]), other: zeros([1]), bias: zeros([3]) }
    const { bias: _, ...without } = state
    expect(() => layer.loadStateDict(without)).toThrow(
      'loadStateDict: the state does not fit Linear. missing: bias. unexpected: other. of another shape: weight is [3, 3] there, [3, 2] here',
    )
    expect(() => layer.loadStateDict(state, { strict: false })).toThrow('of another shape: weight is [3, 3] there')
    expect(await layer.bias?.data()).toEqual(before)
    expect(layer.loadStateDict({ other: zeros([1]), bias: zeros([3]) }, { strict: false })).toEqual({
      missingKeys: ['weight'],
      unexpectedKeys: ['other'],
    })
    await expect(layer.bias as Tensor).toBeCloseToTensor([0, 0, 0])
  })

  it('is converted to the dtype of the module', async () => {
    const layer = new nn.Linear(1, 1, { device, bias: false })
    layer.loadStateDict({ weight: tensor([[0.1]], { dtype: 'float64' }) })
    expect(layer.weight.dtype).toBe('float32')
    await expect(layer.weight).toBeCloseToTensor([[0.1]])
  })

  it('loaded in the middle of a training is what the optimizer goes on from', async () => {
    const layer = new nn.Linear(2, 1, { device, bias: false })
    const optimizer = new optim.SGD(layer.parameters(), { lr: 0.5 })
    const step = (): void => {
      optimizer.zeroGrad()
      layer
        .forward(ones([1, 2], { device }))
        .sum()
        .backward()
      optimizer.step()
    }
    step()
    layer.loadStateDict({ weight: tensor([[10, 20]], { device }) })
    step()
    await expect(layer.weight).toBeCloseToTensor([[9.5, 19.5]])
  })
})

describe('modes and places', () => {
  it('train and eval reach every module below', () => {
    const net = new Net()
    expect(net.eval()).toBe(net)
    expect(net.modules().some((m) => m.training)).toBe(false)
    expect(
      net
        .train()
        .modules()
        .every((m) => m.training),
    ).toBe(true)
  })

  it('requiresGrad_ freezes all parameters, and zeroGrad forgets or zeroes', async () => {
    const layer = new nn.Linear(2, 1, { device })
    layer
      .forward(ones([1, 2], { device }))
      .sum()
      .backward()
    layer.zeroGrad({ setToNone: false })
    await expect(layer.weight.grad as Tensor).toBeCloseToTensor([[0, 0]])
    layer.zeroGrad()
    expect(layer.weight.grad).toBeNull()
    layer.requiresGrad_(false)
    expect(layer.forward(ones([1, 2], { device })).requiresGrad).toBe(false)
  })

  it.each(['float16', 'bfloat16'] as const)('to %s changes parameters, results and gradients', (dtype) => {
    const layer = new nn.Sequential(new nn.Linear(2, 3, { device }), new nn.ReLU()).to(dtype)
    const y = layer.forward(ones([1, 2], { device, dtype }))
    y.sum().backward()
    expect([y.dtype, ...layer.parameters().map((p) => `${p.dtype} ${p.grad?.dtype}`)]).toEqual([
      dtype,
      `${dtype} ${dtype}`,
      `${dtype} ${dtype}`,
    ])
  })

  it('to changes float dtypes in place: the parameters stay the same objects, and go on learning', async () => {
    const layer = new nn.Linear(2, 2, { device })
    const { weight } = layer
    const optimizer = new optim.Adam(layer.parameters(), { lr: 0.1 })
    const other = hasDoubles ? 'float64' : 'float16'
    const step = (dtype: 'float32' | typeof other): void => {
      optimizer.zeroGrad()
      layer
        .forward(ones([1, 2], { device, dtype }))
        .sum()
        .backward()
      optimizer.step()
    }
    step('float32')
    expect(layer.to(other)).toBe(layer)
    expect(layer.weight).toBe(weight)
    expect(weight.dtype).toBe(other)
    expect(weight.requiresGrad).toBe(true)
    const before = Array.from(await weight.data())
    step(other)
    // a gradient that is always 1: each step of Adam is lr
    await expect(weight.reshape([4])).toBeCloseToTensor(
      before.map((v) => v - 0.1),
      hasDoubles ? { rtol: 1e-5 } : { rtol: 1e-3, atol: 1e-3 },
    )
    expect(() => layer.to('int32')).toThrow('Module.to: a float dtype is wanted, got int32')
  })

  it('apply visits children before their parents', () => {
    const seen: string[] = []
    new nn.Sequential(new nn.ReLU(), new nn.Sequential(new nn.Flatten())).apply((m) => seen.push(m.constructor.name))
    expect(seen).toEqual(['ReLU', 'Flatten', 'Sequential', 'Sequential'])
  })
})

describe('hooks', () => {
  it('see and change inputs and outputs, in order, until they are removed', async () => {
    const layer = new nn.Identity()
    const seen: string[] = []
    const before = layer.registerForwardPreHook((module, [x]) => {
      seen.push(`before ${module.constructor.name} ${x.shape}`)
      return [x.add(1)]
    })
    const after = layer.registerForwardHook((_, [x], y) => {
      seen.push(`after ${x.shape}`)
      return y.mul(10)
    })
    const silent = layer.registerForwardHook(() => {})
    await expect(layer.forward(tensor([1, 2], { device }))).toBeCloseToTensor([20, 30])
    expect(seen).toEqual(['before Identity 2', 'after 2'])
    before.remove()
    await expect(layer.forward(tensor([1, 2], { device }))).toBeCloseToTensor([10, 20])
    after.remove()
    silent.remove()
    await expect(layer.forward(tensor([1, 2], { device }))).toBeCloseToTensor([1, 2])
  })

  it('run once where a subclass calls the forward of its base', () => {
    class Louder extends nn.ReLU {
      override forward(x: Tensor): Tensor {
        return super.forward(x).mul(2)
      }
    }
    const layer = new Louder()
    let calls = 0
    layer.registerForwardHook(() => {
      calls++
    })
    layer.forward(ones([1], { device }))
    expect(calls).toBe(1)
  })
})

describe('errors inside a forward', () => {
  it('begin with the path of the module, once, and keep their type and stack', () => {
    class Deep extends nn.Module {
      readonly encoder = new nn.Sequential(new nn.Identity(), new nn.Identity(), new Block())
      forward(x: Tensor): Tensor {
        return this.encoder.forward(x)
      }
    }
    const deep = new Deep()
    let error: Error | undefined
    try {
      deep.forward(zeros([2, 7], { device }))
    } catch (e) {
      error = e as Error
    }
    expect(error?.name).toBe('ShapeError')
    expect(error?.message).toMatch(/^encoder\.2\.fc1: linear: .*\[2, 7\].*\[4, 4\]/)
    expect(error?.stack?.split('\n')[0]).toBe(`ShapeError: ${error?.message.split('\n')[0]}`)
  })

  it('of a module that is called by itself are left as they are', () => {
    expect(() => new nn.Linear(2, 2, { device }).forward(zeros([3], { device }))).toThrow(/^linear: /)
  })

  it('do not spoil later calls', () => {
    const layer = new nn.Sequential(new nn.Linear(2, 2, { device }))
    expect(() => layer.forward(zeros([3], { device }))).toThrow(/^0: linear: /)
    expect(layer.forward(zeros([3, 2], { device }))).toHaveShape([3, 2])
    expect(() => layer.forward(zeros([3], { device }))).toThrow(/^0: linear: /)
  })
})

describe('text', () => {
  it('shows the tree as PyTorch does', () => {
    expect(new Net().toString()).toBe(
      `Net(
  (encoder): Sequential(
    (0): Flatten(startDim=1, endDim=-1)
    (1): Linear(inFeatures=4, outFeatures=4, bias=true)
    (2): Block(
      (fc1): Linear(inFeatures=4, outFeatures=4, bias=true)
      (act): GELU(approximate='none')
      (fc2): Linear(inFeatures=4, outFeatures=4, bias=false)
    )
  )
  (head): Linear(inFeatures=4, outFeatures=2, bias=true)
)`,
    )
    expect(String(new nn.Dropout(0.1))).toBe('Dropout(p=0.1)')
    expect(String(new nn.Embedding(5, 3, { paddingIdx: -1, device }))).toBe('Embedding(5, 3, paddingIdx=4)')
  })
})

describe('utilities', () => {
  it('clipGradNorm_ scales all gradients together, and answers the norm before', async () => {
    manualSeed(0)
    const [a, b] = [new nn.Parameter(zeros([2], { device })), new nn.Parameter(zeros([1], { device }))]
    a.grad = tensor([3, 0], { device })
    b.grad = tensor([4], { device })
    expect(await nn.utils.clipGradNorm_([a, b], 1).item()).toBeCloseTo(5, 6)
    await expect(a.grad).toBeCloseToTensor([0.6, 0], { atol: 1e-6 })
    await expect(b.grad).toBeCloseToTensor([0.8], { atol: 1e-6 })
    await nn.utils.clipGradNorm_([a, b], 100).item()
    await expect(b.grad).toBeCloseToTensor([0.8], { atol: 1e-6 })
    nn.utils.clipGradValue_([a, b], 0.7)
    await expect(b.grad).toBeCloseToTensor([0.7], { atol: 1e-6 })
    expect(() => nn.utils.clipGradNorm_([a], Number.NaN)).toThrow('clipGradNorm_: maxNorm must be a number ≥ 0, or Infinity, got NaN')
  })

  it('functional holds the functions of the layers', () => {
    expect(F.relu(tensor([-1, 2], { device }))).toHaveShape([2])
  })
})

describe('a plain tensor put over a parameter', () => {
  class Scale extends nn.Module {
    weight: Tensor | null = new nn.Parameter(ones([1], { device }))
    forward(x: Tensor): Tensor {
      return this.weight ? x.mul(this.weight) : x
    }
  }
  const message = "Scale: cannot assign Tensor as parameter 'weight' (a Parameter or null is wanted)"

  it('is an error where parameters are collected', () => {
    const scale = new Scale()
    expect(scale.parameters()).toHaveLength(1)
    scale.weight = zeros([1], { device })
    expect(() => scale.parameters()).toThrow(message)
    expect(() => scale.stateDict()).toThrow(message)
  })

  it('is an error in the next forward', () => {
    const scale = new Scale()
    scale.forward(ones([1], { device }))
    scale.weight = zeros([1], { device })
    expect(() => scale.forward(ones([1], { device }))).toThrow(message)
  })

  it('is none where it is another parameter, or null', () => {
    const scale = new Scale()
    expect(scale.parameters()).toHaveLength(1)
    const other = new nn.Parameter(zeros([1], { device }))
    scale.weight = other
    expect(scale.parameters()).toEqual([other])
    scale.weight = null
    expect(scale.parameters()).toEqual([])
    expect(() => scale.forward(ones([1], { device }))).not.toThrow()
  })
})
