/** @file Every golden case of PyTorch on the oracle device in float64, optimizer paths, printed text, and that no op is without a case. */
import { describe, expect, it } from 'vitest'
import * as tg from '../src/index.ts'
import { opRegistry } from '../src/ops/index.ts'
import {
  casesByOp,
  expectSpan,
  freeName,
  golden,
  type OptimizerPath,
  runCase,
  runModule,
  type Setting,
  stored,
  type Tolerance,
  tensorOf,
} from './support/golden.ts'

const CPU: Setting = { device: 'cpu', float: 'float64' }
const TOLERANCE: Tolerance = { rtol: 1e-10, atol: 1e-12 }

/** Registered ops that have no PyTorch value to compare with, and what tests them instead. */
const WITHOUT_GOLDEN: Readonly<Record<string, string>> = {
  clone: 'the identity: tested with its gradient in the autograd tests',
  dropout: 'random: tested by property (kept share, scale, gradient through the mask)',
  toDevice: 'moves values between devices: tested where both are there',
}

/** Ops that users do not call by name: the cases of which op run them. */
const WITHIN: Readonly<Record<string, string>> = {
  clampMin: 'clamp',
  clampMax: 'clamp',
  maxDim: 'max',
  minDim: 'min',
  slice: 'narrow',
  padZeros: 'pad',
  scatterSum: 'gather', // its gradient
  pickClass: 'nllLoss',
  batchMean: 'batchNorm', // for its second gradient
  batchRstd: 'batchNorm',
  convolution: 'conv2d',
  convolutionInput: 'conv2d', // its gradients
  convolutionWeight: 'conv2d',
  windows: 'maxPool2d',
  windowMax: 'maxPool2d',
  foldWindows: 'maxPool2d', // its gradient
}

const byOp = casesByOp()

describe('PyTorch golden values on cpu in float64', () => {
  for (const [op, cases] of byOp) {
    describe(op, () => {
      for (const c of cases) {
        if (freeName(c) !== null) it(c.name, () => runCase(c, 'function', CPU, TOLERANCE))
        if (c.method !== undefined) it(`${c.name}, as a method`, () => runCase(c, 'method', CPU, TOLERANCE))
      }
    })
  }
})

describe('coverage of the golden cases', () => {
  it('every registered op has cases or a reason', () => {
    const missing = [...opRegistry.keys()].filter((op) => !byOp.has(WITHIN[op] ?? op) && !(op in WITHOUT_GOLDEN))
    expect(missing).toEqual([])
  })

  it('no reason outlives its cause', () => {
    const stale = [...Object.keys(WITHOUT_GOLDEN), ...Object.keys(WITHIN)].filter((op) => byOp.has(op) || !opRegistry.has(op))
    expect(stale).toEqual([])
  })
})

describe('optimizers follow PyTorch for five steps', () => {
  const { x, y, start, paths } = golden.optimizers

  async function follow(path: OptimizerPath): Promise<void> {
    const params = start.map((span) => new tg.nn.Parameter(tensorOf(span, CPU)))
    const groups = path.groups?.map((group) => ({ ...group, params: group.params.map((i) => params[i] as tg.Tensor) }))
    const Optimizer = tg.optim[path.optimizer] as unknown as new (params: unknown, options: unknown) => tg.optim.Optimizer
    const optimizer = new Optimizer(groups ?? params, { lr: 1e-3, ...path.options })
    const [w1, b1, w2, b2] = params as [tg.Tensor, tg.Tensor, tg.Tensor, tg.Tensor]
    const [input, target] = [tensorOf(x, CPU), tensorOf(y, CPU)]
    const losses: number[] = []
    for (const [step, after] of path.after.entries()) {
      if (path.later && step === path.later.step) for (const group of optimizer.paramGroups) group.lr = path.later.lr
      optimizer.zeroGrad()
      const F = tg.nn.functional
      const loss = F.mseLoss(F.linear(tg.tanh(F.linear(input, w1, b1)), w2, b2), target)
      loss.backward()
      optimizer.step()
      losses.push(await loss.item())
      for (const [i, span] of after.entries())
        await expectSpan(`step ${step + 1}, parameter ${i}`, params[i] as tg.Tensor, span, CPU, TOLERANCE)
    }
    for (const [i, loss] of losses.entries()) expect(loss, `loss ${i + 1}`).toBeCloseTo(stored(path.losses)[i] as number, 10)
  }

  for (const path of paths) it(path.name, () => follow(path))
})

describe('layers compute, keep and print what PyTorch does', () => {
  for (const c of golden.modules) it(c.name, () => runModule(c, CPU, TOLERANCE))
})

describe('toText prints as PyTorch does', () => {
  for (const printed of golden.texts) {
    it(printed.name, async () => {
      const values = stored(printed)
      const source = tg.tensor(Float64Array.from(values), { shape: [...printed.shape], dtype: 'float64', device: 'cpu' })
      const x = printed.dtype === 'float64' ? source : source.to(printed.dtype)
      const leaf = printed.requiresGrad ? x.detach().requiresGrad_() : x
      expect(await leaf.toText()).toBe(printed.text.replaceAll('torch.int64', 'int32').replaceAll('torch.', ''))
    })
  }
})
