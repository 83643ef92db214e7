/** @file Runs one golden case as a function call or as a method call, and compares everything that comes out. */
import { expect } from 'vitest'
import * as tg from '../../src/index.ts'
import {
  type Callable,
  freeFunction,
  freeName,
  type GoldenCase,
  type ModuleCase,
  revive,
  type Setting,
  type Span,
  stored,
  type Tolerance,
  tensorOf,
  tensorsOf,
} from './golden-data.ts'

export * from './golden-data.ts'

const EXACT: Tolerance = { rtol: 0, atol: 0 }

/** Compares shape, dtype and values. The message names the worst element. */
export async function expectSpan(what: string, actual: tg.Tensor, expected: Span, { float }: Setting, tolerance: Tolerance): Promise<void> {
  expect([...actual.shape], `${what}: shape`).toEqual(expected.shape)
  const dtype = expected.dtype === 'float' ? float : expected.dtype
  expect(actual.dtype, `${what}: dtype`).toBe(dtype)
  const { rtol, atol } = expected.dtype === 'float' ? tolerance : EXACT
  const got = await actual.data()
  const want = stored(expected)
  expect(got.length, `${what}: length of data()`).toBe(want.length)
  let worst = -1
  let worstExcess = 0
  for (let i = 0; i < want.length; i++) {
    const g = Number(got[i])
    const w = dtype === 'float32' ? Math.fround(want[i] as number) : (want[i] as number)
    if (Object.is(g, w) || g === w || (Number.isNaN(g) && Number.isNaN(w))) continue
    const excess = Number.isFinite(w) ? Math.abs(g - w) - (atol + rtol * Math.abs(w)) : Number.POSITIVE_INFINITY
    if (!(excess <= worstExcess)) {
      worst = i
      worstExcess = Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess
    }
  }
  if (worst >= 0) {
    const near = (values: ArrayLike<number | bigint>): string =>
      Array.from(values)
        .slice(Math.max(0, worst - 1), worst + 3)
        .join(', ')
    expect.fail(
      `${what}: element ${worst} of [${expected.shape}] is ${got[worst]}, PyTorch has ${want[worst]} (rtol ${rtol}, atol ${atol}); near it [${near(got)}], PyTorch [${near(want)}]`,
    )
  }
}

/** Runs a case, and its gradient where PyTorch has one, and compares everything that comes out. */
export async function runCase(c: GoldenCase, form: 'function' | 'method', setting: Setting, tolerance: Tolerance): Promise<void> {
  const inputs = c.inputs.map((span) => tensorOf(span, setting))
  let result: unknown
  if (form === 'function') {
    const name = freeName(c) as string
    const call = freeFunction(name)
    if (call === undefined) expect.fail(`there is no function ${name}`)
    result = await call(...c.args.map((a) => revive(a, inputs, setting)))
  } else {
    const [self, ...rest] = (c.methodArgs ?? c.args).map((a) => revive(a, inputs, setting))
    const method = (self as Record<string, Callable>)[c.method as string]
    if (method === undefined) expect.fail(`there is no method ${c.method}`)
    result = await method.apply(self, rest)
  }
  const outputs = tensorsOf(result)
  expect(outputs.length, 'number of results').toBe(c.outputs.length)
  if (c.gradOutput && c.grads) {
    ;(outputs[0] as tg.Tensor).backward(tensorOf(c.gradOutput, setting))
  }
  for (const [i, span] of c.outputs.entries()) await expectSpan(`output ${i}`, outputs[i] as tg.Tensor, span, setting, tolerance)
  for (const [i, span] of (c.changed ?? []).entries())
    if (span) await expectSpan(`input ${i} afterwards`, inputs[i] as tg.Tensor, span, setting, tolerance)
  for (const [i, span] of (c.grads ?? []).entries()) {
    const grad = (inputs[i] as tg.Tensor).grad
    if (span === null) continue
    if (!grad) expect.fail(`input ${i} has no gradient`)
    await expectSpan(`gradient of input ${i}`, grad, span, setting, tolerance)
  }
}

/** Runs a layer as PyTorch did, and compares everything that comes out, the state afterwards and the printed text. */
export async function runModule(c: ModuleCase, setting: Setting, tolerance: Tolerance): Promise<void> {
  const { device, float } = setting
  const kinds = tg.nn as unknown as Record<string, new (...args: unknown[]) => tg.nn.Module & { forward(x: tg.Tensor): tg.Tensor }>
  const last = c.args.at(-1)
  const given = typeof last === 'object' && last !== null && !Array.isArray(last) ? last : undefined
  const place = Object.keys(c.state).length > 0 ? { device, dtype: float } : {}
  const Layer = kinds[c.module]
  if (Layer === undefined) expect.fail(`there is no nn.${c.module}`)
  const layer = new Layer(...(given ? c.args.slice(0, -1) : c.args), { ...given, ...place })
  expect(String(layer)).toBe(c.text)
  layer.loadStateDict(Object.fromEntries(Object.entries(c.state).map(([key, span]) => [key, tensorOf(span, setting)])))
  for (const [i, run] of c.runs.entries()) {
    layer.train(run.mode === 'train')
    layer.zeroGrad()
    const x = tensorOf({ ...run.input, requiresGrad: true }, setting)
    const y = layer.forward(x)
    y.backward(tensorOf(run.gradOutput, setting))
    await expectSpan(`run ${i}: output`, y, run.output, setting, tolerance)
    await expectSpan(`run ${i}: gradient of the input`, x.grad as tg.Tensor, run.gradInput, setting, tolerance)
    const parameters = Object.fromEntries(layer.namedParameters())
    expect(Object.keys(parameters)).toEqual(Object.keys(run.grads))
    for (const [key, span] of Object.entries(run.grads))
      await expectSpan(`run ${i}: gradient of ${key}`, parameters[key]?.grad as tg.Tensor, span, setting, tolerance)
  }
  const after = layer.stateDict()
  expect(Object.keys(after)).toEqual(Object.keys(c.after))
  for (const [key, span] of Object.entries(c.after))
    await expectSpan(`${key} afterwards`, after[key] as tg.Tensor, span, setting, tolerance)
}
