/**
 * @file Times kernels other than large contractions on the cpu device as WebAssembly, one kind each: the figures behind src/device/cpu/wasm/codegen/kernel.ts and vectorize.ts.
 *
 *   TAPEGRAD_CPU=wasm TAPEGRAD_THREADS=1 tsx benchmarks/tune/kernels.ts [part of a name]…
 *
 * Takes CPU time, not wall time, so that other work on the machine disturbs little; the least of several rounds. The last column is against a copy of as
 * many floats as the case has elements, by TypedArray.set.
 */
import * as tg from '../../src/index.ts'

const F = tg.nn.functional
const given = process.argv.slice(2)

interface Case {
  readonly name: string
  /** That the figures are divided by. */
  readonly elements: number
  readonly run: () => tg.Tensor | readonly tg.Tensor[]
}

const cases: Case[] = []
const group = (elements: number, runs: Record<string, () => tg.Tensor | readonly tg.Tensor[]>): void => {
  for (const [name, run] of Object.entries(runs)) {
    if (given.length === 0 || given.some((part) => name.includes(part))) cases.push({ name, elements, run })
  }
}

await tg.init({ device: 'cpu' })
tg.manualSeed(1)
const K = 1000
const M = K * K
const made = new Map<string, tg.Tensor>()
/** A tensor of random numbers, the same for one shape and name. */
function input(name: string, ...shape: number[]): tg.Tensor {
  const key = `${name} ${shape.join()}`
  let x = made.get(key)
  if (!x) {
    x = tg.randn(shape, name.startsWith('double') ? { dtype: 'float64' } : {})
    made.set(key, x)
  }
  return x
}
function labels(size: number, rows: number): tg.Tensor {
  const key = `labels ${size} ${rows}`
  let x = made.get(key)
  if (!x) {
    x = tg.randint(0, size, [rows], { dtype: 'int32' })
    made.set(key, x)
  }
  return x
}
/** A leaf, with the gradient of what is made of it. */
function gradient(x: tg.Tensor, f: (x: tg.Tensor) => tg.Tensor): tg.Tensor {
  const leaf = x.detach().requiresGrad_()
  const y = f(leaf)
  return tg.grad(y, [leaf], { gradOutputs: [input('dy', ...y.shape)] })[0] as tg.Tensor
}

const layerNorm = (x: tg.Tensor): tg.Tensor => {
  const centred = x.sub(tg.mean(x, 1, { keepdim: true }))
  const scale = tg.rsqrt(tg.mean(tg.square(centred), 1, { keepdim: true }).add(1e-5))
  return centred.mul(scale).mul(input('r', K)).add(input('s', K))
}

group(10 * M, {
  'chain of 10M: relu(x a + b)': () =>
    tg.relu(
      input('x', 10 * M)
        .mul(1.5)
        .add(0.5),
    ),
  'add of 10M': () => input('x', 10 * M).add(input('y', 10 * M)),
  'sum of 10M': () => tg.sum(input('x', 10 * M)),
  'max of 10M': () => tg.max(input('x', 10 * M)),
  'mean and variance of 10M': () => tg.variance(input('x', 10 * M)),
})
group(M, {
  'add a column': () => input('x', K, K).add(input('c', K, 1)),
  'add a row': () => input('x', K, K).add(input('r', K)),
  exp: () => tg.exp(input('x', K, K)),
  gelu: () => tg.gelu(input('x', K, K)),
  tanh: () => tg.tanh(input('x', K, K)),
  pow: () => tg.pow(tg.abs(input('x', K, K)), 1.7),
  'transpose 1000 × 1000': () => tg.clone(tg.transpose(input('x', K, K), 0, 1).add(1)),
  'transpose 100 × 100 × 100 (2 1 0)': () => tg.permute(input('x', 100, 100, 100), [2, 1, 0]).add(1),
  'x + xT': () => input('x', K, K).add(tg.transpose(input('x', K, K), 0, 1)),
  'to bool': () => tg.gt(input('x', K, K), 0.5),
  'to uint8': () => input('x', K, K).mul(20).to('uint8'),
  'where bool': () => tg.where(input('x', K, K).gt(0), input('y', K, K), 0),
  'to float16': () => input('x', K, K).to('float16'),
  rand: () => tg.rand([K, K]),
  randn: () => tg.randn([K, K]),
  dropout: () => F.dropout(input('x', K, K), { p: 0.5, training: true }),
  'flip columns': () => tg.flip(input('x', K, K), 1).add(1),
  'every second column': () => input('x', K, K).at('0:', '0::2').add(1),
  'pad 2d': () => tg.pad(input('x', 10, 100, 32, 32), [1, 1, 1, 1]).add(1),
  'cat columns': () => tg.cat([input('x', K, K / 2), input('y', K, K / 2)], 1),
  'embedding 1000 × 1000': () => F.embedding(labels(5000, K), input('table', 5000, K)),
  'sum of rows': () => tg.sum(input('x', K, K), 1),
  'sum of columns': () => tg.sum(input('x', K, K), 0),
  'sum of columns, 64 wide': () => tg.sum(input('x', 16 * K, 64), 0),
  'sum of columns, 10 wide': () => tg.sum(input('x', 100 * K, 10), 0),
  'sum of rows of 16': () => tg.sum(input('x', 64 * K, 16), 1),
  'sum of channels': () => tg.sum(input('x', 64, 16, 32, 32), [0, 2, 3]),
  'max of rows': () => tg.amax(input('x', K, K), 1),
  'argmax of rows': () => tg.argmax(input('x', K, K), 1),
  'argmax of rows of 10': () => tg.argmax(input('x', 100 * K, 10), 1),
  'argmax of columns': () => tg.argmax(input('x', K, K), 0),
  softmax: () => tg.softmax(input('x', K, K), 1),
  'softmax of rows of 64': () => tg.softmax(input('x', 16 * K, 64), 1),
  'softmax of rows of 10': () => tg.softmax(input('x', 100 * K, 10), 1),
  'log-softmax': () => tg.logSoftmax(input('x', K, K), 1),
  'softmax of columns': () => tg.softmax(input('x', K, K), 0),
  'softmax gradient': () => gradient(input('x', K, K), (x) => tg.softmax(x, 1)),
  'cross entropy': () => tg.crossEntropy(input('x', K, K), labels(K, K)),
  'cross entropy gradient': () => gradient(input('x', K, K), (x) => tg.crossEntropy(x, labels(K, K))),
  'layer norm': () => layerNorm(input('x', K, K)),
  'layer norm gradient': () => gradient(input('x', K, K), (x) => layerNorm(x)),
  'batch norm': () => tg.batchNorm(input('x', 64, 16, 32, 32), null, null, { training: true }),
  'batch norm gradient': () => gradient(input('x', 64, 16, 32, 32), (x) => tg.batchNorm(x, null, null, { training: true })),
  'max-pool 2': () => F.maxPool2d(input('x', 64, 16, 32, 32), 2),
  'max-pool 2 gradient': () => gradient(input('x', 64, 16, 32, 32), (x) => F.maxPool2d(x, 2)),
  'avg-pool 3, stride 1': () => F.avgPool2d(input('x', 64, 16, 32, 32), 3, { stride: 1 }),
})
group(M, {
  'matvec [1, k] [k, n]': () => tg.matmul(input('v', 1, K), input('x', K, K)),
  'matvec [1, k] [n, k]T': () => tg.matmul(input('v', 1, K), tg.transpose(input('x', K, K), 0, 1)),
  'matvec [m, k] [k, 1]': () => tg.matmul(input('x', K, K), input('v', K, 1)),
  'matvec [k, m]T [k, 1]': () => tg.matmul(tg.transpose(input('x', K, K), 0, 1), input('v', K, 1)),
  'matmul [2, k] [k, n]': () => tg.matmul(input('v', 2, K), input('x', K, K)),
  'matmul [m, k] [k, 2]': () => tg.matmul(input('x', K, K), input('v', K, 2)),
  'matmul [m, k] [k, 4]': () => tg.matmul(input('x', K, K), input('v', K, 4)),
  'dot of 1M': () => tg.dot(input('x', M), input('y', M)),
  'outer product': () => tg.matmul(input('v', K, 1), input('w', 1, K)),
  'k of 2': () => tg.matmul(input('v', K, 2), input('w', 2, K)),
  '64 × [8 × 32] [32 × 8]': () => tg.matmul(input('x', 64, 8, 32), input('y', 64, 32, 8)),
  '4096 × [4 × 16] [16 × 4]': () => tg.matmul(input('x', 4096, 4, 16), input('y', 4096, 16, 4)),
  '1024 × [1 × 64] [64 × 16]': () => tg.matmul(input('x', 1024, 1, 64), input('y', 1024, 64, 16)),
})
group(M, {
  'double: chain': () => tg.relu(input('double x', K, K).mul(1.5).add(0.5)),
  'double: exp': () => tg.exp(input('double x', K, K)),
  'double: sum of rows': () => tg.sum(input('double x', K, K), 1),
  'double: sum of columns': () => tg.sum(input('double x', K, K), 0),
  'double: sum of all': () => tg.sum(input('double x', K, K)),
})

async function adam(): Promise<void> {
  const p = new tg.nn.Parameter(tg.randn([K, K]))
  const optimizer = new tg.optim.Adam([p])
  const g = input('x', K, K)
  await measure('Adam of 1M', M, async () => {
    p.grad = g
    optimizer.step()
    await tg.synchronize()
  })
}

async function measure(name: string, elements: number, once: () => Promise<void>): Promise<void> {
  for (let i = 0; i < 3; i++) await once()
  // Lets the engine put the better code in place that it compiles meanwhile
  await new Promise((resolve) => setTimeout(resolve, 60))
  let best = Number.POSITIVE_INFINITY
  const end = performance.now() + 250
  for (let round = 0; round < 5 || performance.now() < end; round++) {
    const before = process.cpuUsage()
    await once()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000)
  }
  const copies = best / (copy.ms * (elements / copy.elements))
  console.log(
    `${best.toFixed(3).padStart(9)} ms ${((best * 1e6) / elements).toFixed(2).padStart(7)} ns each ${copies.toFixed(1).padStart(7)}  ${name}`,
  )
}

const copy = { ms: Number.POSITIVE_INFINITY, elements: 10 * M }
const [from, to] = [new Float32Array(copy.elements).fill(1), new Float32Array(copy.elements).fill(2)]
for (let round = 0; round < 12; round++) {
  const before = process.cpuUsage()
  to.set(from)
  const { user, system } = process.cpuUsage(before)
  copy.ms = Math.min(copy.ms, (user + system) / 1000)
}
console.log(
  `${copy.ms.toFixed(3).padStart(9)} ms ${((copy.ms * 1e6) / copy.elements).toFixed(2).padStart(7)} ns each ${'1.0'.padStart(7)}  copy of 10M`,
)

for (const { name, elements, run } of cases) {
  run() // makes the inputs
  await tg.synchronize()
  await measure(name, elements, async () => {
    const made = run()
    const list = Array.isArray(made) ? (made as readonly tg.Tensor[]) : [made as tg.Tensor]
    await tg.synchronize()
    for (const x of list) x.dispose()
  })
}
if (given.length === 0 || given.some((part) => 'Adam'.includes(part))) await adam()
