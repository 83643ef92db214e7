/** @file The WebAssembly heap: blocks never overlap, freed neighbours become one, what does not fit is refused with nothing changed. */
import { describe, expect, it } from 'vitest'
import type { TypedArray } from '../../src/base/index.ts'
import { WasmHeap } from '../../src/device/cpu/wasm/heap.ts'

function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

describe('the WebAssembly heap', () => {
  it('gives blocks that nobody else writes, in any order of taking and giving', () => {
    const heap = new WasmHeap()
    const next = random(1)
    const held: { array: TypedArray; mark: number }[] = []
    for (let i = 0; i < 4000; i++) {
      if (held.length > 0 && next() < 0.48) {
        const [{ array, mark }] = held.splice(Math.floor(next() * held.length), 1) as [(typeof held)[0]]
        expect([...new Set(array)]).toEqual(array.length > 0 ? [mark] : [])
        heap.give(array)
      } else {
        const array = heap.take(next() < 0.5 ? 'float32' : 'uint8', Math.floor(next() ** 4 * 40_000))
        const mark = i % 251
        array.fill(mark)
        held.push({ array, mark })
      }
    }
    for (const { array, mark } of held) expect(array.every((v) => v === mark)).toBe(true)
  })

  it('joins what is free, so that many small blocks make room for a large one', () => {
    const heap = new WasmHeap()
    const all = heap.pooledBytes
    const small = Array.from({ length: 1000 }, () => heap.take('float32', 1000))
    const size = heap.memory.buffer.byteLength
    for (const [i, array] of small.entries()) if (i % 2 === 0) heap.give(array)
    for (const [i, array] of small.entries()) if (i % 2 === 1) heap.give(array)
    expect(heap.pooledBytes).toBe(all)
    const large = heap.take('float32', 900_000)
    expect(heap.memory.buffer.byteLength).toBe(size)
    heap.give(large)
  })

  it('grows, and keeps arrays that were taken before', () => {
    const heap = new WasmHeap()
    const before = heap.take('int32', 1000).fill(7)
    const size = heap.memory.buffer.byteLength
    const large = heap.take('float32', size / 4)
    expect(heap.memory.buffer.byteLength).toBeGreaterThan(size)
    large.fill(1)
    expect(before.every((v) => v === 7)).toBe(true)
    expect(heap.holds(large)).toBe(true)
    heap.give(large)
    expect(heap.holds(large)).toBe(false)
    // Shared memory of somebody else, at the place of an array here
    const { byteOffset } = before
    expect(heap.holds(new Int32Array(new SharedArrayBuffer(byteOffset + 4), byteOffset, 1))).toBe(false)
  })

  it('refuses more than 4 GiB, and goes on', () => {
    const heap = new WasmHeap()
    const free = heap.pooledBytes
    expect(() => heap.take('float32', 2 ** 30)).toThrow(/4 GiB/)
    expect(heap.pooledBytes).toBe(free)
    heap.give(heap.take('float32', 1000))
    expect(heap.pooledBytes).toBe(free)
  })

  it('refuses to take back what it has not given', () => {
    expect(() => new WasmHeap().give(new Float32Array(4))).toThrow('nothing was taken')
  })
})
