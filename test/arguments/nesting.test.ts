/** @file What contains itself, nests without end, or spreads without end: an error of the library that names the function, at the call; never a hang or an abort. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { data, nn, optim, type Tensor, tensor, zeros } from '../../src/index.ts'
import { gradcheck } from '../../src/testing/index.ts'

/** Levels that exhaust the stack of whoever goes through them one call each. */
const LEVELS = 100_000

const itself: unknown[] = []
itself.push(itself)
const later: unknown[] = [1]
later.push(later)
const ring: unknown[] = [[[]]]
;((ring[0] as unknown[])[0] as unknown[]).push(ring)
let deep: unknown = [1]
for (let i = 0; i < LEVELS; i++) deep = [deep]
/** 2⁶⁰ elements in 60 arrays. */
let wide: unknown = [1, 1]
for (let i = 1; i < 60; i++) wide = [wide, wide]
const record: Record<string, unknown> = { a: 1 }
record.self = record
let records: unknown = { x: 1 }
for (let i = 0; i < LEVELS; i++) records = { records }
const mixed: unknown[] = [{ x: 1 }]
;(mixed[0] as Record<string, unknown>).x = mixed

const VALUES: Readonly<Record<string, unknown>> = { itself, later, ring, deep, wide, record, records, mixed }
const parameter = (): Tensor => zeros([1], { requiresGrad: true })

/** What goes through values of users: every function gets each of them in the places where nested ones may stand. */
const CALLS: Readonly<Record<string, (v: never) => unknown>> = {
  tensor: (v) => tensor(v),
  'tensor, inside': (v) => tensor([v]),
  Parameter: (v) => new nn.Parameter(v),
  zeros: (v) => zeros(v),
  at: (v) => tensor([1, 2]).at([v]),
  'at, as the list': (v) => tensor([[1, 2]]).at(0, v, 0),
  cat: (v) => tg.cat(v),
  'stack, inside': (v) => tg.stack([zeros([1]), v]),
  reshape: (v) => zeros([2]).reshape(v),
  add: (v) => zeros([2]).add(v),
  'sum of dims': (v) => zeros([2]).sum(v),
  grad: (v) => tg.grad(parameter().sum(), v),
  backward: (v) => tg.backward(v),
  SGD: (v) => new optim.SGD(v, { lr: 1 }),
  'SGD, a group': (v) => new optim.SGD([{ params: v }], { lr: 1 }),
  'Adam, betas': (v) => new optim.Adam([parameter()], { betas: v }),
  'optimizer state': (v) => new optim.Adam([parameter()]).loadStateDict(v),
  'optimizer state, params': (v) => new optim.Adam([parameter()]).loadStateDict({ state: {}, paramGroups: [{ params: v }] }),
  'optimizer state, number': (v) => new optim.Adam([parameter()]).loadStateDict({ state: {}, paramGroups: [{ params: [v] }] }),
  'optimizer state, slot': (v) =>
    new optim.Adam([parameter()]).loadStateDict({ state: { 0: { exp_avg: v } }, paramGroups: [{ params: [0] }] }),
  'module state': (v) => new nn.Linear(1, 1).loadStateDict(v),
  'module state, value': (v) => new nn.Linear(1, 1).loadStateDict({ weight: v, bias: v }),
  Sequential: (v) => new nn.Sequential(v),
  ModuleList: (v) => new nn.ModuleList([v]),
  clipGradNorm_: (v) => nn.utils.clipGradNorm_(v, 1),
  collate: (v) => data.defaultCollate([v, v]),
  loader: async (v) => {
    const samples: data.Dataset<unknown> = { length: 2, get: () => v }
    for await (const _ of new data.DataLoader(samples, { batchSize: 2 })) break
  },
  serializeState: (v) => tg.serializeState([v]),
  saveState: (v) => tg.saveState(join(tmpdir(), 'tapegrad-nesting.safetensors'), [v]),
  parseState: (v) => tg.parseState(v),
  gradcheck: (v) => gradcheck((x: Tensor) => x, v),
  'Function, result': (v) => {
    class Fn extends tg.autograd.Function {
      static forward(_: tg.autograd.FunctionContext, _x: Tensor): Tensor {
        return v
      }
      static backward(_: tg.autograd.FunctionContext, g: Tensor): Tensor {
        return g
      }
    }
    Fn.apply(parameter())
  },
  hook: (v) => {
    const x = parameter()
    x.registerHook(() => v)
    x.sum().backward()
  },
}

describe.each(Object.keys(VALUES))('an argument that is or holds %s', (kind) => {
  it.each(Object.keys(CALLS))('is refused by %s', { timeout: 60_000 }, async (name) => {
    const error = await Promise.resolve()
      .then(() => CALLS[name]?.(VALUES[kind] as never))
      .then(
        () => undefined,
        (e: unknown) => e,
      )
    expect(error).toBeInstanceOf(tg.TapegradError)
    const { message, op } = error as tg.TapegradError
    expect(op).not.toBe('')
    expect(message.length).toBeLessThan(600)
  })
})

it('says which part contains what', () => {
  expect(() => tensor(itself as never)).toThrow('tensor: data contains itself: data[0] is data')
  expect(() => tensor([ring] as never)).toThrow('tensor: data contains itself: data[0][0][0][0] is what lies 3 levels above it')
  expect(() => tensor(deep as never)).toThrow('tensor: data nests deeper than 64 levels')
  expect(() => tensor(wide as never)).toThrow('a tensor has at most 2³¹ − 1')
  expect(() => data.defaultCollate([record, record])).toThrow('collate: a sample contains itself: .self of a sample is a sample')
  expect(() => zeros([1]).at(itself as never)).toThrow('at: an index list contains itself: an index list[0] is an index list')
})

class Holder extends nn.Module {
  weight = new nn.Parameter(zeros([2]))
  part: nn.BaseModule | undefined
  forward(x: Tensor): Tensor {
    return x
  }
}

describe('a module that contains itself', () => {
  const made = (): Holder[] => {
    const [alone, parent, child] = [new Holder(), new Holder(), new Holder()]
    alone.part = alone
    parent.part = child
    child.part = parent
    return [alone, parent]
  }

  it('has its parameters and modes once, and shows itself once', () => {
    for (const [i, module] of made().entries()) {
      expect(module.parameters()).toHaveLength(1 + i)
      expect(module.train().modules()).toHaveLength(1 + i)
      expect(module.to('float16').eval().requiresGrad_(false).training).toBe(false)
      const seen: nn.BaseModule[] = []
      module.apply((m) => void seen.push(m))
      expect(seen).toHaveLength(1 + i)
      expect(module.toString().match(/Holder\(…\)/g)).toHaveLength(1)
    }
  })

  it('has no state, and is told where', () => {
    const [alone, parent] = made() as [Holder, Holder]
    expect(() => alone.stateDict()).toThrow("stateDict: 'part' of Holder is a module that contains itself")
    expect(() => parent.stateDict()).toThrow("stateDict: 'part.part' of Holder is a module that contains itself")
    expect(() => parent.loadStateDict({})).toThrow("loadStateDict: 'part.part' of Holder is a module that contains itself")
  })
})

it('modules that lie in each other too deep are refused, whatever is asked of them', () => {
  let model: nn.BaseModule = new nn.Linear(1, 1)
  for (let i = 0; i < LEVELS / 10; i++) {
    const holder = new Holder()
    holder.part = model
    model = holder
  }
  const asked: Readonly<Record<string, () => unknown>> = {
    parameters: () => model.parameters(),
    stateDict: () => model.stateDict(),
    loadStateDict: () => model.loadStateDict({}),
    train: () => model.train(),
    apply: () => model.apply(() => {}),
    to: () => model.to('cpu'),
    zeroGrad: () => model.zeroGrad(),
  }
  for (const ask of Object.values(asked)) expect(ask).toThrow('Holder: modules lie in each other deeper than 1000 levels')
  expect(model.toString().length).toBeLessThan(100_000)
})
