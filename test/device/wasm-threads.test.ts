/** @file Kernels shared among threads: the same bits whatever their number, the first wrong index, threads that fail or end, and processes that do. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Code, type Local, ModuleBuilder } from '../../src/device/cpu/wasm/assembler/assembler.ts'
import { wasm } from '../../src/device/cpu/wasm/assembler/webassembly.ts'
import { writeGemm } from '../../src/device/cpu/wasm/contraction/gemm.ts'
import { WasmEngine } from '../../src/device/cpu/wasm/engine.ts'
import { MAX_PAGES, WasmHeap } from '../../src/device/cpu/wasm/memory/heap.ts'
import { type Part, type Shared, Threads, threadCount, WORTH } from '../../src/device/cpu/wasm/threads/threads.ts'
import { compiled } from '../support/compiled.ts'
import { checkContraction, matrices, randomSpec } from '../support/contractions.ts'

const usual = { ...WORTH }
beforeAll(() => {
  Object.assign(WORTH, { job: 0, chunk: 1 })
  return () => Object.assign(WORTH, usual)
})

const MEMORY = { shared: true, maximum: MAX_PAGES } as const

/** Threads, and a function of rows that they share; each row adds 1 to its own number, after what `also` writes. */
function rowsOf(count: number, rows: number, also: (code: Code, row: Local) => void = () => {}) {
  const heap = new WasmHeap()
  const bytesOf = (module: Uint8Array) => {
    const block = heap.take('uint8', module.length)
    block.values.set(module)
    return block
  }
  const threads = new Threads(heap, count, bytesOf(writeGemm(MEMORY)))
  const numbers = heap.take('int32', rows)
  numbers.values.fill(0)
  const args = heap.take('int32', 5)
  args.values.set([numbers.address, 0, 0, 0, 0])
  const module = new ModuleBuilder(MEMORY)
  const code = module.function(['i32', 'i32', 'i32'], [], 'run')
  const [at, begin, end] = code.params as [Local, Local, Local]
  const [row, to] = [code.local('i32'), code.local('i32')]
  code.get(begin).set(row)
  code.for(row, end, 1, () => {
    also(code, row)
    code.get(at).memory('i32.load').get(row).i32(2).op('i32.shl').op('i32.add').tee(to)
    code.get(to).memory('i32.load').i32(1).op('i32.add').memory('i32.store')
  })
  const { Instance, Module } = wasm as NonNullable<typeof wasm>
  const bytes = module.build()
  const { run } = new Instance(new Module(bytes), { env: { memory: heap.memory } }).exports
  const part: Part = { run: run as Part['run'], entry: 0, rows, work: rows }
  const shared: Shared = { module: 0, slot: 0, bytes: bytesOf(bytes) }
  const once = () => threads.run(shared, part, { address: args.address, words: 5, wrong: () => args.values[2] !== 0 })
  return { threads, numbers, once }
}

describe('rows that threads share', () => {
  it.each([1, 2, 5])('are each computed once, by %i threads, in every one of many jobs', async (count) => {
    const { threads, numbers, once } = rowsOf(count, 1000)
    for (let i = 1; i <= 3000; i++) {
      once()
      if (i % 500 === 0) expect(numbers.values.every((n) => n === i)).toBe(true)
      // Now and then the threads are asleep
      if (i % 100 === 0) await new Promise((done) => setTimeout(done, 2))
    }
    await threads.stop()
  })

  it('are all computed where a thread fails; the failure is an error, and the next job goes well', async () => {
    let fails = 0
    const { threads, once } = rowsOf(3, 1000, (code, row) => {
      code.get(row).i32(990).op('i32.eq')
      code.if(() => code.op('unreachable'))
    })
    for (let i = 0; i < 20; i++) {
      expect(once).toThrow(/unreachable/)
      fails++
    }
    expect(fails).toBe(20)
    await threads.stop()
  })

  it('are all computed after a job in which every thread failed', async () => {
    const { threads, numbers, once } = rowsOf(3, 1000, (code, row) => {
      code
        .get(code.params[0] as Local)
        .memory('i32.load')
        .get(row)
        .i32(2)
        .op('i32.shl')
        .op('i32.add')
        .memory('i32.load')
      code.i32(1e6).op('i32.ge_s')
      code.if(() => {
        // Long enough for every thread to take part
        const [i, end] = [code.local('i32'), code.local('i32')]
        code.i32(0).set(i).i32(5e6).set(end)
        code.for(i, end, 1, () => {})
        code.op('unreachable')
      })
    })
    once()
    // Until they have started
    await new Promise((done) => setTimeout(done, 500))
    for (let i = 0; i < 20; i++) {
      numbers.values.fill(1e6)
      expect(once).toThrow(/unreachable/)
      numbers.values.fill(0)
      once()
      expect(numbers.values.every((n) => n === 1)).toBe(true)
    }
    await threads.stop()
  })

  it('are computed by those that are left where a thread has ended', async () => {
    const { threads, numbers, once } = rowsOf(3, 1000)
    once()
    await threads.stop()
    for (let i = 0; i < 20; i++) once()
    expect(numbers.values.every((n) => n === 21)).toBe(true)
  })
})

describe('a kernel that threads share', () => {
  const engines = [1, 2, 3].map((count) => new WasmEngine(count, false))
  afterAll(() => Promise.all(engines.map((engine) => engine.close())))

  it('gives the same bits for any number of them', async () => {
    const specs = [
      matrices({ m: 150, n: 410, k: 270, epilogue: true }),
      matrices({ m: 1, n: 3000, k: 5 }),
      ...[1, 2, 3, 4, 5, 6].map(randomSpec),
    ]
    for (const spec of specs) {
      const results: string[] = []
      for (const engine of engines)
        await checkContraction(spec, async (kernel, inputs, lengths) => {
          const all = [...inputs.map((x) => x.length), ...lengths]
          const data = kernel.buffers.map(({ dtype }, i) => engine.heap.take(dtype, all[i] as number))
          inputs.forEach((values, i) => {
            data[i]?.values.set(values)
          })
          const run = engine.compile(kernel, all)
          for (let i = 0; i < 5; i++) run({ data, scalars: [], fail: (site) => expect.unreachable(`index of site ${site}`) })
          const outputs = data.slice(inputs.length).map((x) => x.values.slice())
          for (const block of data) engine.heap.give(block)
          results.push(JSON.stringify(outputs.map((x) => [...new Uint32Array(x.buffer)])))
          return outputs
        })
      expect(new Set(results).size).toBe(1)
    }
  })
})

describe('a process', () => {
  const child = async (threads: string) => {
    const file = await compiled(new URL('threads-child.ts', import.meta.url))
    const { stdout } = await promisify(execFile)(process.execPath, [file], {
      env: { ...process.env, TAPEGRAD_THREADS: threads, TAPEGRAD_BLAS: 'off' },
    })
    return JSON.parse(stdout) as { adapter: string; digest: string; idle: number }
  }

  it('trains to the same bits with any number of threads, which cost nothing while idle and do not keep it alive', {
    timeout: 60_000,
  }, async () => {
    const runs = [await child('1'), await child('2'), await child('4')]
    expect(runs.map((r) => r.adapter.match(/\d+ threads?/)?.[0])).toEqual(['1 thread', '2 threads', '4 threads'])
    expect(new Set(runs.map((r) => r.digest)).size).toBe(1)
    // Of 400 ms, which threads that spin would spend each
    for (const { idle } of runs) expect(idle).toBeLessThan(200)
  })
})

describe('TAPEGRAD_THREADS', () => {
  const before = process.env.TAPEGRAD_THREADS
  afterEach(() => {
    if (before === undefined) delete process.env.TAPEGRAD_THREADS
    else process.env.TAPEGRAD_THREADS = before
  })

  it('is not had where a process may not start any', () => {
    const usual = Object.getOwnPropertyDescriptor(process, 'permission')
    Object.defineProperty(process, 'permission', { value: { has: (scope: string) => scope !== 'worker' }, configurable: true })
    try {
      expect(threadCount()).toBe(1)
    } finally {
      if (usual) Object.defineProperty(process, 'permission', usual)
      else Reflect.deleteProperty(process, 'permission')
    }
  })

  it('is the number of threads; what is none is refused', () => {
    process.env.TAPEGRAD_THREADS = '3'
    expect(threadCount()).toBe(3)
    for (const wrong of ['0', 'many', '1.5', '1000']) {
      process.env.TAPEGRAD_THREADS = wrong
      expect(threadCount).toThrow(`TAPEGRAD_THREADS: '${wrong}' is not a number of threads. Use 1 to 256`)
    }
  })
})
