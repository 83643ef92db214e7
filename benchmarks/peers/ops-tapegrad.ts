/** @file The ops of ops-tasks.ts in tapegrad. */
import {
  argsort,
  cummax,
  cumsum,
  einsum,
  gather,
  logcumsumexp,
  nn,
  scatterAdd,
  searchsorted,
  sort,
  synchronize,
  type Tensor,
  tensor,
  topk,
  unique,
} from '../../src/index.ts'
import { type OpName, type OpOptions, type OpRun, type OpTask, opData } from '../ops-tasks.ts'

const F = nn.functional
type Results = readonly Tensor[]
type Op = (x: Tensor[], options: OpOptions) => Tensor | Results | Promise<Tensor>

/** As many tensors as an op takes. */
type Two = [Tensor, Tensor]
type Three = [Tensor, Tensor, Tensor]

const OPERATIONS: Readonly<Record<OpName, Op>> = {
  sort: ([x], { dim }) => sort(x as Tensor, dim),
  argsort: ([x], { dim }) => argsort(x as Tensor, dim),
  topk: ([x], { k }) => topk(x as Tensor, k),
  cumsum: ([x], { dim }) => cumsum(x as Tensor, dim),
  cummax: ([x], { dim }) => cummax(x as Tensor, dim),
  logcumsumexp: ([x], { dim }) => logcumsumexp(x as Tensor, dim),
  scatterAdd: (inputs, { dim }) => {
    const [x, index, source] = inputs as Three
    return scatterAdd(x, dim, index, source)
  },
  gather: (inputs, { dim }) => {
    const [x, index] = inputs as Two
    return gather(x, dim, index)
  },
  searchsorted: (x) => searchsorted(...(x as Two)),
  unique: ([x]) => unique(x as Tensor),
  conv1d: (x) => F.conv1d(...(x as Three), { padding: 2 }),
  conv3d: (x) => F.conv3d(...(x as Three), { padding: 1 }),
  convTranspose2d: (x) => F.convTranspose2d(...(x as Three), { stride: 2, padding: 1 }),
  attention: (x, { causal }) => F.scaledDotProductAttention(...(x as Three), { isCausal: causal }),
  interpolate: ([x], { size, mode, antialias }) => F.interpolate(x as Tensor, { size: [size, size], mode, antialias }),
  gridSample: (x) => F.gridSample(...(x as Two), { alignCorners: false }),
  einsum: (x, { equation }) => einsum(equation, ...x),
  layerNorm: (inputs) => {
    const [x, weight, bias] = inputs as Three
    return F.layerNorm(x, weight.shape, { weight, bias })
  },
  crossEntropy: (x) => F.crossEntropy(...(x as Two)),
  embedding: (inputs) => {
    const [weight, tokens] = inputs as Two
    return F.embedding(tokens, weight)
  },
}

/** Sets an op up. */
export function opOf({ task, pass }: OpTask): OpRun {
  const data = opData(task)
  const gradient = pass === 'backward' ? task.gradient : undefined
  const inputs = data.inputs.map((values, i) =>
    tensor(values, { shape: task.inputs[i]?.shape ?? [], requiresGrad: gradient?.of.includes(i) ?? false }),
  )
  const upstream = tensor(data.upstream, { shape: task.gradient?.upstream ?? [0] })
  const operation = OPERATIONS[task.op]
  const compute = async (): Promise<Results> => {
    const found = await operation(inputs, task.options)
    const results: Results = Array.isArray(found) ? found : [found]
    if (!gradient) return results
    const [first] = results as [Tensor]
    first.backward(upstream)
    return [
      first,
      ...gradient.of.map((i) => {
        const input = inputs[i] as Tensor
        const grad = input.grad as Tensor
        input.grad = null
        return grad
      }),
    ]
  }
  return {
    close() {
      for (const input of inputs) input.dispose()
    },
    async run() {
      const results = await compute()
      await synchronize()
      for (const result of results) result.dispose()
    },
    async read() {
      const results = await compute()
      return Promise.all(results.map(async (result) => (await result.data()) as ArrayLike<number>))
    },
  }
}
