/** @file The WebAssembly heap: blocks never overlap, freed neighbours become one, what does not fit is refused with nothing changed. */
import { describe, expect, it } from 'vitest'
import { wasm } from '../../src/device/cpu/wasm/assembler/webassembly.ts'
import { type WasmBlock, WasmHeap } from '../../src/device/cpu/wasm/memory/heap.ts'

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
    const held: { block: WasmBlock; mark: number }[] = []
    for (let i = 0; i < 4000; i++) {
      if (held.length > 0 && next() < 0.48) {
        const [{ block, mark }] = held.splice(Math.floor(next() * held.length), 1) as [(typeof held)[0]]
        expect([...new Set(block.values)]).toEqual(block.length > 0 ? [mark] : [])
        heap.give(block)
      } else {
        const block = heap.take(next() < 0.5 ? 'float32' : 'uint8', Math.floor(next() ** 4 * 40_000))
        const mark = i % 251
        block.values.fill(mark)
        held.push({ block, mark })
      }
    }
    for (const { block, mark } of held) expect(block.values.every((v) => v === mark)).toBe(true)
  })

  it('joins what is free, so that many small blocks make room for a large one', () => {
    const heap = new WasmHeap()
    const all = heap.pooledBytes
    const small = Array.from({ length: 1000 }, () => heap.take('float32', 1000))
    const size = heap.memory.buffer.byteLength
    for (const [i, block] of small.entries()) if (i % 2 === 0) heap.give(block)
    for (const [i, block] of small.entries()) if (i % 2 === 1) heap.give(block)
    expect(heap.pooledBytes).toBe(all)
    const large = heap.take('float32', 900_000)
    expect(heap.memory.buffer.byteLength).toBe(size)
    heap.give(large)
  })

  it('hands the block out again that was given back last', () => {
    const heap = new WasmHeap()
    const [first, second] = [heap.take('float32', 1000), heap.take('float32', 1000)]
    heap.give(first)
    heap.give(second)
    expect([heap.take('float32', 1000).address, heap.take('int32', 1000).address]).toEqual([second.address, first.address])
  })

  it('grows, and keeps arrays that were taken before', () => {
    const heap = new WasmHeap()
    const before = heap.take('int32', 1000)
    before.values.fill(7)
    const size = heap.memory.buffer.byteLength
    const large = heap.take('float32', size / 4)
    expect(heap.memory.buffer.byteLength).toBeGreaterThan(size)
    large.values.fill(1)
    expect(before.values.every((v) => v === 7)).toBe(true)
  })

  it('refuses more than 4 GiB, and goes on', () => {
    const heap = new WasmHeap()
    const free = heap.pooledBytes
    expect(() => heap.take('float32', 2 ** 30)).toThrow(/4 GiB/)
    expect(heap.pooledBytes).toBe(free)
    heap.give(heap.take('float32', 1000))
    expect(heap.pooledBytes).toBe(free)
  })

  it('that finds no address space says what helps', () => {
    const engine = wasm as { Memory: unknown }
    const usual = engine.Memory
    engine.Memory = function Memory() {
      throw new RangeError('could not allocate memory')
    }
    try {
      expect(() => new WasmHeap()).toThrow(
        /^cpu: there is no address space .*ulimit -v.*--disable-wasm-trap-handler.*TAPEGRAD_CPU=interpreter/,
      )
    } finally {
      engine.Memory = usual
    }
  })

  it('refuses to take back what it has not given', () => {
    expect(() => new WasmHeap().give(new WasmHeap().take('float32', 4))).toThrow('nothing was taken')
  })
})
