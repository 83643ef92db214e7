/** @file What the tests of `io` share: trees that can be compared to the bit, files of anybody's making, a folder of one's own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { Tensor } from '../../src/index.ts'

/** A tree with each tensor as its dtype, shape and bytes. */
export async function plain(tree: unknown): Promise<unknown> {
  if (tree instanceof Tensor) {
    const data = await tree.data({ raw: true })
    return { dtype: tree.dtype, shape: [...tree.shape], bytes: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex') }
  }
  if (Array.isArray(tree)) return Promise.all(tree.map(plain))
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(await Promise.all(Object.entries(tree).map(async ([key, value]) => [key, await plain(value)] as const)))
}

/** A safetensors file with a header as given: an object, or a text as it stands. */
export function file(header: object | string, data: ArrayLike<number> = [], length?: number | bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + json.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? json.length), true)
  bytes.set(json, 8)
  bytes.set(data, 8 + json.length)
  return bytes
}

/** The header of a file, read as simply as can be. */
export function headerOf(bytes: Uint8Array): Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  return JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
}

/** A folder that is gone after the test. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tapegrad-io-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}
