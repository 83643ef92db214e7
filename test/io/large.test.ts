/** @file Files larger than any array, and headers that are made to exhaust what reads them. */
import { execFile } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { CheckpointError, loadState, type Tensor } from '../../src/index.ts'
import { MAX_PARTS } from '../../src/io/json.ts'
import { readState } from '../../src/io/state.ts'
import { compiled } from '../support/compiled.ts'
import { HEADER, HEADERS, type Judgement, write } from './hostile.ts'
import { file, folder } from './support.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const script = await compiled(new URL('hostile.ts', import.meta.url))
const GiB = 2 ** 30

/** A sparse file of `size` bytes that begins with `bytes`: what is not written takes no room on the disk. */
function sparse(size: number, bytes: Uint8Array, path = join(folder(), 'large.safetensors')): string {
  const handle = openSync(path, 'w')
  writeSync(handle, bytes)
  ftruncateSync(handle, size)
  closeSync(handle)
  return path
}
const count = (n: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(n).buffer)

describe('a file of 5 GiB', () => {
  it.each<[string, bigint, RegExp]>([
    ['zeros', 0n, /the header, character 0: this is no object: the text ends here/],
    ['3 GiB of header', 3n * 2n ** 30n, /the header is said to take 3221225472 bytes; .* at most 100000000: this is none/],
    ['a header past its end', 2n ** 40n, /said to take 1099511627776 bytes, but only 5368709112 follow/],
    ['a header of zeros', 90_000_000n, /character 0: this is no object: '(\\u0000){20}'/],
  ])('of %s is judged by what it says first', async (_, length, message) => {
    const path = sparse(5 * GiB, count(length))
    const before = process.memoryUsage()
    const error = (await loadState(path).catch((e: unknown) => e)) as CheckpointError
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error.message).toMatch(message)
    expect(error.message.startsWith(`loadState: ${path}: `)).toBe(true)
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(500 * 2 ** 20)
  })

  it('with a tensor that no memory holds: an error that names it', async ({ skip }) => {
    const size = 2 ** 42
    const bytes = file({ 'model.large': { dtype: 'F64', shape: [size / 8], data_offsets: [0, size] } })
    let path = ''
    try {
      path = sparse(size + bytes.length, bytes)
    } catch {
      skip('the file system has no files of 4 TiB')
    }
    const error = (await loadState(path).catch((e: unknown) => e)) as CheckpointError
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error.message).toBe(
      `loadState: ${path}: 'model.large': its 549755813888 elements take 4398046511104 bytes as float64, for which there is no room in memory`,
    )
  })

  it('is asked for tensor by tensor, each at its place: large ones whole, converted ones in pieces', async () => {
    // the places of what stands behind 4 GiB, in a file whose large tensors are never read here
    const sizes = [2 * GiB, 3, 2 * GiB + 8, 8 * 300_000, 12, GiB]
    const dtypes = ['U8', 'I8', 'F64', 'I64', 'F32', 'BOOL']
    const widths = [1, 1, 8, 8, 4, 1]
    let end = 0
    const header = Object.fromEntries(
      sizes.map((size, i) => {
        const begin = end
        end += size
        return [`t${i}`, { dtype: dtypes[i], shape: [size / (widths[i] as number)], data_offsets: [begin, end] }]
      }),
    )
    header.t5 = { dtype: 'U8', shape: [GiB], data_offsets: [end - GiB, end] }
    const bytes = file(header)
    const path = sparse(bytes.length + end, bytes)
    const placeOf = (i: number): number => bytes.length + sizes.slice(0, i).reduce((a, b) => a + b, 0)
    const handle = openSync(path, 'r+')
    const put = (i: number, { buffer }: { readonly buffer: ArrayBuffer }, offset = 0): void =>
      void writeSync(handle, new Uint8Array(buffer), 0, buffer.byteLength, placeOf(i) + offset)
    put(1, Int8Array.of(1, -2, 3))
    put(3, BigInt64Array.of(-5n, 6n))
    put(3, BigInt64Array.of(7n), 8 * 299_999)
    put(4, Float32Array.of(0.5, -1, 2))

    const asked: [number, number][] = []
    const reader = readState(statSync(path).size, (message) => expect.fail(message))
    let step = reader.next()
    while (!step.done) {
      const { at, into } = step.value
      asked.push([at, into.length])
      if (into.length < GiB) readSync(handle, into, 0, into.length, at)
      step = reader.next()
    }
    closeSync(handle)
    const state = step.value as Record<string, Tensor>
    expect(Object.entries(state).map(([name, x]) => [name, x.dtype, x.shape[0]])).toEqual([
      ['t0', 'uint8', 2 * GiB],
      ['t1', 'int8', 3],
      ['t2', 'float64', GiB / 4 + 1],
      ['t3', 'int32', 300_000],
      ['t4', 'float32', 3],
      ['t5', 'uint8', GiB],
    ])
    expect(await state.t1?.toArray()).toEqual([1, -2, 3])
    expect(await state.t4?.toArray()).toEqual([0.5, -1, 2])
    const whole = await state.t3?.data()
    expect([whole?.[0], whole?.[1], whole?.[2], whole?.[299_999]]).toEqual([-5, 6, 0, 7])
    // in order, without a gap, from the first byte to the last
    expect(asked.map(([at]) => at)).toEqual(asked.map((_, i) => asked.slice(0, i).reduce((sum, [, n]) => sum + n, 0)))
    expect(asked.reduce((sum, [, n]) => sum + n, 0)).toBe(bytes.length + end)
    for (const [at, n] of asked) if (at >= placeOf(3) && at < placeOf(4)) expect(n).toBeLessThanOrEqual(2 ** 20)
  })
})

it('headers that are made to exhaust memory, time or the stack: an error in few words, and memory for some times the header', {
  timeout: 240_000,
}, async () => {
  const place = folder()
  const all = Object.entries(HEADERS).map(([how, make], i) => {
    const path = join(place, String(i))
    write(path, make())
    return { how, path }
  })
  const child = ['--expose-gc', script, ...all.map(({ path }) => path)]
  const { stdout } = await promisify(execFile)(process.execPath, child, { cwd: root })
  const judged = stdout
    .trim()
    .split('\n')
    .map((line, i) => ({ ...all[i], ...(JSON.parse(line) as Judgement) }))
  expect(judged.map(({ how, name }) => `${how}: ${name}`)).toEqual(all.map(({ how }) => `${how}: CheckpointError`))
  for (const { how, message, path } of judged) {
    expect(message.startsWith(`loadState: ${path}: the `), how).toBe(true)
    expect(message.length, how).toBeLessThan(700)
  }
  // what Node takes, some times the header, and as many values as a tree may have; the collector of Node 24 waits longer than that of 20
  const most = 150 * 2 ** 20 + 6 * HEADER + 210 * MAX_PARTS
  for (const { how, peak } of judged) expect(peak, how).toBeLessThan(most)
  for (const { how, seconds } of judged) expect(seconds, how).toBeLessThan(10)
})
