/** @file Every golden case of PyTorch in the floats of the device, optimizer paths, printed text, and that no op is without a case. */
import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as tg from '../src/index.ts'
import { opRegistry } from '../src/ops/index.ts'
import { device, hasDoubles } from './support/device.ts'
import {
  casesByOp,
  expectSpan,
  families,
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
import { DOUBLE, PER_CASE, PER_OP, PER_OP_DOUBLE, SINGLE } from './support/tolerances.ts'

interface Accuracy {
  readonly setting: Setting
  readonly tolerance: Tolerance
  readonly perOp: Readonly<Record<string, Tolerance>>
  /** A layer is a product and more. */
  readonly layers: Tolerance
  /** Five steps of an optimizer. */
  readonly path: Tolerance
}

const FLOAT64: Accuracy = {
  setting: { device: 'cpu', float: 'float64' },
  tolerance: DOUBLE,
  perOp: PER_OP_DOUBLE,
  layers: DOUBLE,
  path: DOUBLE,
}
const FLOAT32: Accuracy = {
  setting: { device, float: 'float32' },
  tolerance: SINGLE,
  perOp: PER_OP,
  layers: { rtol: 1e-5, atol: 1e-5 },
  path: { rtol: 2e-5, atol: 2e-6 },
}
const ACCURACIES: readonly Accuracy[] = hasDoubles ? [FLOAT64, FLOAT32] : [FLOAT32]
/** Digits of a loss behind the point. */
const DIGITS = { float64: 10, float32: 5 } as const

/** Registered ops that have no PyTorch value to compare with, and what tests them instead. */
const WITHOUT_GOLDEN: Readonly<Record<string, string>> = {
  overwrite: 'the identity, and zeros: tested with functions in place (test/ops/inplace.test.ts)',
  clone: 'the identity: tested with its gradient in the autograd tests',
  logGammaSample: 'random: tested by its distribution function, and the gradient by differences of its inverse',
  dropout: 'random: tested by property (kept share, scale, gradient through the mask)',
  dropout1d: 'as dropout',
  dropout2d: 'as dropout',
  dropout3d: 'as dropout',
  alphaDropout: 'random: tested by property (mean and variance kept)',
  featureAlphaDropout: 'random: tested by property (mean and variance kept)',
  gumbelSoftmax: 'random: tested by property (shares of classes, one-hot, gradient)',
  toDevice: 'moves values between devices: tested where both are there',
}

/** Ops that users do not call by name: the cases of which op run them. */
const WITHIN: Readonly<Record<string, string>> = {
  contraction: 'einsum',
  distance: 'cdist',
  logOdds: 'logit',
  normalHazard: 'logNdtr',
  roundDecimals: 'round',
  divFloor: 'div',
  divTrunc: 'div',
  maxDim: 'max',
  minDim: 'min',
  slice: 'narrow',
  padAround: 'pad',
  scaleGradByFreq: 'embedding', // its gradient
  embeddingBagMax: 'embeddingBag',
  padZeros: 'pad',
  scatterSum: 'gather', // its gradient
  takeAlong: 'indexSelect',
  scatterAlong: 'indexSelect', // its gradient
  scatterLast: 'scatter',
  scatterCount: 'scatterReduce',
  scatterProd: 'scatterReduce',
  scatterExtreme: 'scatterReduce',
  pickClass: 'nllLoss',
  normalizeRows: 'layerNorm',
  probabilityLoss: 'binaryCrossEntropy',
  batchMean: 'batchNorm', // for its second gradient
  batchRstd: 'batchNorm',
  convolution: 'conv2d',
  convolutionInput: 'conv2d', // its gradients
  convolutionWeight: 'conv2d',
  windows: 'maxPool2d',
  resample: 'interpolate',
  maxUnpool: 'maxUnpool2d',
  windowMax: 'maxPool2d',
  foldWindows: 'maxPool2d', // its gradient
  linearRecurrence: 'cumprod', // its gradient
  gammapdf: 'igamma', // its gradient
}

const byOp = casesByOp()

describe.each(ACCURACIES)('PyTorch golden values on $setting.device in $setting.float', ({ setting, tolerance, perOp }) => {
  for (const [op, cases] of byOp) {
    describe(op, () => {
      for (const c of cases) {
        const allowed = (setting.float === 'float32' ? PER_CASE[c.name] : undefined) ?? perOp[op] ?? tolerance
        if (freeName(c) !== null) it(c.name, () => runCase(c, 'function', setting, allowed))
        if (c.method !== undefined) it(`${c.name}, as a method`, () => runCase(c, 'method', setting, allowed))
      }
    })
  }
})

describe('coverage of the golden cases', () => {
  it('every registered op has cases or a reason', () => {
    const missing = [...opRegistry.keys()].filter((op) => !byOp.has(WITHIN[op] ?? op) && !(op in WITHOUT_GOLDEN))
    expect(missing).toEqual([])
  })

  it('every family is called as its file in src/ops, and has the module that made it', () => {
    const there = (path: string): boolean => existsSync(new URL(path, import.meta.url))
    expect(families.filter((family) => !there(`../src/ops/${family}.ts`) || !there(`golden/ops/${family}.py`))).toEqual([])
  })

  it('no reason outlives its cause', () => {
    const stale = [...Object.keys(WITHOUT_GOLDEN), ...Object.keys(WITHIN)].filter((op) => byOp.has(op) || !opRegistry.has(op))
    expect(stale).toEqual([])
  })
})

describe.each(ACCURACIES)('optimizers follow PyTorch for five steps on $setting.device in $setting.float', ({ setting, path: allowed }) => {
  const { x, y, start, paths } = golden('optimizers')

  async function follow(path: OptimizerPath): Promise<void> {
    const params = start.map((span) => new tg.nn.Parameter(tensorOf(span, setting)))
    const groups = path.groups?.map((group) => ({ ...group, params: group.params.map((i) => params[i] as tg.Tensor) }))
    const Optimizer = tg.optim[path.optimizer] as unknown as new (params: unknown, options: unknown) => tg.optim.Optimizer
    const optimizer = new Optimizer(groups ?? params, { lr: 1e-3, ...path.options })
    const [w1, b1, w2, b2] = params as [tg.Tensor, tg.Tensor, tg.Tensor, tg.Tensor]
    const [input, target] = [tensorOf(x, setting), tensorOf(y, setting)]
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
        await expectSpan(`step ${step + 1}, parameter ${i}`, params[i] as tg.Tensor, span, setting, allowed)
    }
    for (const [i, loss] of losses.entries()) {
      const wanted = stored(path.losses)[i] as number
      // Digits in front of the point count: a loss that is maximised grows
      const scale = Math.max(1, Math.abs(wanted))
      expect(loss / scale, `loss ${i + 1}`).toBeCloseTo(wanted / scale, DIGITS[setting.float])
    }
  }

  for (const path of paths) it(path.name, () => follow(path))
})

describe.each(ACCURACIES)(
  'layers on $setting.device in $setting.float compute, keep and print what PyTorch does',
  ({ setting, layers }) => {
    for (const c of golden('layers').layers) it(c.name, () => runModule(c, setting, layers))
  },
)

describe('toText prints as PyTorch does', () => {
  // Formatted on the host, where values of every device look the same: some are enough
  const { texts } = golden('texts')
  for (const printed of hasDoubles ? texts : texts.filter((_, i) => i % 8 === 0)) {
    it(printed.name, async () => {
      const values = stored(printed)
      const source = tg.tensor(Float64Array.from(values), { shape: [...printed.shape], dtype: 'float64', device: 'cpu' })
      const x = printed.dtype === 'float64' ? source : source.to(printed.dtype)
      const here = x.dtype === 'float64' ? x : x.to(device)
      const leaf = printed.requiresGrad ? here.detach().requiresGrad_() : here
      expect((await leaf.toText()).replace(/(,\s+)device='webgpu'(, )?/, (_, before: string, more?: string) => (more ? before : ''))).toBe(
        printed.text.replaceAll('torch.int64', 'int32').replaceAll('torch.', ''),
      )
    })
  }
})
