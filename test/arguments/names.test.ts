/** @file Nodes know the function that recorded them, whatever it is made of: what errors name that come when they are computed. */
import ts from 'typescript'
import { expect, it } from 'vitest'
import * as tg from '../../src/index.ts'
import { allCalls, PRELUDE } from './calls.ts'

/** Where a result is the tensor that was given, or a window onto something that another function makes. */
const GIVEN = new Set(
  (
    'squeeze squeeze_ expand atleast1d atleast2d broadcastTensors viewAs reshapeAs detach clone to cpu float contiguous requiresGrad_ detach_ copy_ saveForBackward ' +
    'SGD.step TensorDataset.get Subset.get clipGradNorm_ checkpointSequential'
  ).split(' '),
)

/** Names that stand for what they call: `pow(x, 2)` is `square`. */
const ALIASES: Readonly<Record<string, string>> = {
  pow: 'square',
  expandAs: 'tensor',
  broadcastTo: 'tensor',
  collate: 'tensor',
}

const plain = (source: string): string => ts.transpile(source, { target: ts.ScriptTarget.ES2022 })

it('every function is named by the nodes that it records', { timeout: 240_000 }, async () => {
  const wrong: string[] = []
  const prelude = plain(PRELUDE)
  for (const { callee, args, name } of allCalls(() => false)) {
    const want = name ?? (callee.split('.').at(-1) as string)
    if (/^new [\w.]+$/.test(callee) || callee.startsWith('testing') || GIVEN.has(want)) continue
    const source = `${prelude}\n${plain(`return ${callee}(${args.join(', ')})`)}`
    const out: unknown = await (new Function('tg', source) as (library: typeof tg) => unknown)(tg)
    for (const t of Array.isArray(out) ? out : [out]) {
      if (!(t instanceof tg.Tensor) || t instanceof tg.nn.Parameter) continue
      const { op } = t._node
      if (op !== want && op !== ALIASES[want] && op !== want) wrong.push(`${want}: ${op}`)
    }
  }
  expect(wrong.filter((w) => !/^(zeros_|ones_|constant_): fill_$/.test(w))).toEqual([])
})
