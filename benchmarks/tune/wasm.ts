/**
 * @file Times contractions on the WebAssembly device, results checked: the figures behind src/device/cpu/wasm/contraction/panels.ts.
 *
 *   tsx benchmarks/tune/wasm.ts [m n k layout]…      layouts: nn, nt, tn, tt
 *
 * Without arguments: matrix products, and the contractions of the convolutional network of benchmarks/tasks.ts. Takes CPU time, not wall time, so
 * that other work on the machine disturbs little.
 */

import { type Contraction, contractionOf, type Dim } from '../../src/device/cpu/wasm/contraction/blas-measure.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'

type Dims = readonly Dim[]
interface Spec extends Contraction {
  readonly name: string
}

function product(m: number, n: number, k: number, layout: string, batch = 1): Spec {
  const [a_m, a_k] = layout[0] === 'n' ? [k, 1] : [1, m]
  const [b_k, b_n] = layout[1] === 'n' ? [n, 1] : [1, k]
  const images: Dims = batch > 1 ? [[batch, m * k, k * n]] : []
  const name = `${batch > 1 ? `${batch} × ` : ''}${m} × ${n}, k ${k}, ${layout}`
  return { name, batch: images, m: [[m, a_m, 0]], n: [[n, 0, b_n]], k: [[k, a_k, b_k]] }
}

/** The three contractions of a convolution with a 3 × 3 window over padded images of 64, one after the other. */
function convolutions(channels: number, outputs: number, side: number): Spec[] {
  const wide = side + 2
  const [plane, out] = [wide * wide, side * side]
  const name = `${channels} → ${outputs} channels of ${side} × ${side}`
  return [
    {
      name: `forward ${name}`,
      batch: [[64, 0, channels * plane]],
      m: [[outputs, channels * 9, 0]],
      n: [[side, 0, wide], [side, 0, 1]], // biome-ignore format: one line
      k: [[channels, 9, plane], [3, 3, wide], [3, 1, 1]], // biome-ignore format: one line
    },
    {
      name: `weight  ${name}`,
      batch: [],
      m: [[outputs, out, 0]],
      n: [[channels, 0, plane], [3, 0, wide], [3, 0, 1]], // biome-ignore format: one line
      k: [[64, outputs * out, channels * plane], [side, side, wide], [side, 1, 1]], // biome-ignore format: one line
    },
    {
      name: `input   ${name}`,
      batch: [[64, 0, outputs * plane]],
      m: [[channels, 9, 0]],
      n: [[side, 0, wide], [side, 0, 1]], // biome-ignore format: one line
      k: [[outputs, channels * 9, plane], [3, 3, wide], [3, 1, 1]], // biome-ignore format: one line
    },
  ]
}

const shapes: Spec[] = []
const given = process.argv.slice(process.argv[2] === 'blas' ? 3 : 2)
for (let i = 0; i + 3 < given.length; i += 4) {
  const [m, n, k] = given.slice(i, i + 3).map(Number) as [number, number, number]
  shapes.push(product(m, n, k, given[i + 3] as string))
}
if (shapes.length === 0) {
  for (const size of [64, 128, 256, 512, 1024]) shapes.push(product(size, size, size, 'nn'))
  for (const layout of ['nt', 'tn', 'tt']) shapes.push(product(512, 512, 512, layout))
  shapes.push(product(64, 256, 784, 'nt'), product(784, 256, 64, 'tn'), product(64, 10, 256, 'nn'), product(256, 10, 64, 'tn'))
  shapes.push(product(64, 256, 10, 'nt'), product(64, 64, 32, 'nt', 48), product(64, 32, 64, 'nn', 48))
  shapes.push(product(8, 8, 8, 'nn'), product(16, 16, 16, 'nn'), product(32, 32, 32, 'nn'), product(2, 512, 512, 'nn'))
  shapes.push(...convolutions(1, 16, 28), ...convolutions(16, 32, 14))
}

// With "blas" in front of the shapes, by the BLAS of the machine
const engine = new WasmEngine(1, process.argv[2] === 'blas' ? undefined : false)
const sizeOf = (dims: Dims): number => dims.reduce((count, [size]) => count * size, 1)

/** The place that stands at `position` along some axes, row-major. */
function placeOf(dims: Dims, of: 1 | 2, position: number): number {
  let rest = position
  let place = 0
  for (const dim of dims.toReversed()) {
    place += dim[of] * (rest % dim[0])
    rest = Math.floor(rest / dim[0])
  }
  return place
}

for (const spec of shapes) {
  const { name, batch, m, n, k } = spec
  const [zs, ms, ns, ks] = [batch, m, n, k].map(sizeOf) as [number, number, number, number]
  const { kernel, lengths } = contractionOf(spec)
  const data = lengths.map((length) => engine.heap.take('float32', length))
  const [a, b, c] = data.map((block) => block.values) as [Float32Array, Float32Array, Float32Array]
  a.forEach((_, i) => {
    a[i] = ((i * 7919) % 101) / 101 - 0.5
  })
  b.forEach((_, i) => {
    b[i] = ((i * 7907) % 97) / 97 - 0.5
  })
  const run = engine.compile(kernel, lengths)
  const once = (): void => run({ data, scalars: [], fail: () => {} })
  const flops = 2 * zs * ms * ns * ks
  const runs = Math.max(1, Math.min(2000, Math.round(1e8 / flops)))
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < 12; round++) {
    const before = process.cpuUsage()
    for (let i = 0; i < runs; i++) once()
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / 1000 / runs)
    // Lets the engine put the better code in place that it has compiled meanwhile
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  for (let t = 0; t < 200; t++) {
    const position = (t * 7919 * 31) % c.length
    const [z, i, j] = [Math.floor(position / (ms * ns)), Math.floor(position / ns) % ms, position % ns]
    let s = 0
    for (let l = 0; l < ks; l++) {
      const x = a[placeOf(batch, 1, z) + placeOf(m, 1, i) + placeOf(k, 1, l)] as number
      s += x * (b[placeOf(batch, 2, z) + placeOf(n, 2, j) + placeOf(k, 2, l)] as number)
    }
    if (!(Math.abs(s - (c[position] as number)) <= 1e-4 * Math.sqrt(ks)))
      throw new Error(`wrong: ${name} at ${position}: ${c[position]}, not ${s}`)
  }
  console.log(`${best.toFixed(3).padStart(9)} ms ${(flops / best / 1e6).toFixed(1).padStart(7)} GFLOP/s  ${name}`)
  for (const block of data) engine.heap.give(block)
}
