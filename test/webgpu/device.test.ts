/** @file The WebGPU device at run time: order, memory, caches, results on their way to the host, and what goes wrong. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { IndexError, OutOfMemoryError } from '../../src/base/index.ts'
import type { DeviceBuffer, Executable, HostCopy, Program } from '../../src/device/index.ts'
import { openGpu } from '../../src/device/webgpu/adapter.ts'
import { GpuComputeDevice } from '../../src/device/webgpu/device.ts'
import type { Expr, Kernel } from '../../src/kernel/index.ts'
import { breakKernels } from '../support/broken.ts'
import { acc, at, axis, binary, cast, flat, kernel, literal, load, mapKernel, noise, openDevice, programOf, unary } from './kernels.ts'

const N = 1000
const scaleKernel = (n = N, factor = 2): Kernel => {
  const g = axis(n)
  return mapKernel([g], ['float32'], 'float32', binary('mul', load(0, flat([g])), literal(factor)))
}
const inPlace = (n = N): Kernel => {
  const g = axis(n)
  const index = flat([g])
  return {
    label: 'sgd',
    grid: [g],
    sites: [],
    buffers: [
      { dtype: 'float32', access: 'readwrite' },
      { dtype: 'float32', access: 'read' },
    ],
    stages: [{ kind: 'store', axes: [], stores: [{ buffer: 0, index, value: binary('sub', load(0, index), load(1, index)) }] }],
  }
}
/** parameter ← parameter − gradient (in place), loss = Σ gradient. */
function stepProgram(n = N): Program {
  const [g] = [axis(n)]
  const sum = kernel(
    [],
    ['float32'],
    ['float32'],
    [
      { kind: 'reduce', axes: [g], reductions: [{ op: 'sum', value: load(0, flat([g])), type: 'float' }] },
      { kind: 'store', axes: [], stores: [{ buffer: 1, index: at(0), value: acc(0, 0) }] },
    ],
  )
  return {
    steps: [
      { kind: 'kernel', kernel: scaleKernel(n), slots: [1, 4], scalars: [] },
      { kind: 'kernel', kernel: inPlace(n), slots: [2, 4], scalars: [] },
      { kind: 'kernel', kernel: sum, slots: [4, 3], scalars: [] },
    ],
    slots: [
      { kind: 'input', dtype: 'float32', length: n },
      { kind: 'input', dtype: 'float32', length: n },
      { kind: 'output', dtype: 'float32', length: n, donor: 0 },
      { kind: 'output', dtype: 'float32', length: 1 },
      { kind: 'scratch', dtype: 'float32', length: n },
    ],
    scalars: [],
  }
}

interface Loop {
  parameter: DeviceBuffer
  step(): HostCopy
}
async function startLoop(device: GpuComputeDevice, executable: Executable, n = N): Promise<Loop> {
  const loop: Loop = {
    parameter: device.upload('float32', new Float32Array(n)),
    step() {
      const next = device.allocate('float32', n)
      const loss = device.allocate('float32', 1)
      const [copy] = device.run(executable, {
        inputs: [loop.parameter, new Float32Array(n).fill(0.5)],
        outputs: [next, loss],
        scalars: [],
        evacuate: [loss],
      })
      loop.parameter = next
      return copy as HostCopy
    },
  }
  return loop
}

async function freshDevice(): Promise<GpuComputeDevice> {
  const opened = await openGpu()
  if ('unavailable' in opened) throw new Error(opened.unavailable)
  return new GpuComputeDevice(opened, () => {})
}

describe('runs', () => {
  it('follow each other in order, also while pipelines compile', async () => {
    const device = await openDevice()
    const twice = device.compile(programOf(scaleKernel(N, 2.5), [N, N]))
    let x = device.upload('float32', noise(N))
    for (let i = 0; i < 5; i++) {
      const y = device.allocate('float32', N)
      device.run(twice, { inputs: [x], outputs: [y], scalars: [], evacuate: [] })
      device.release(x)
      x = y
    }
    const got = (await device.read(x)) as Float32Array
    expect([...got]).toEqual([...noise(N)].map((v) => [1, 2, 3, 4, 5].reduce((p) => Math.fround(p * 2.5), v)))
    device.release(x)
  })

  it('work without ever awaiting, and then give what they should', async () => {
    const device = await freshDevice()
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const loop = await startLoop(device, device.compile(stepProgram()))
    const losses = Array.from({ length: 200 }, () => loop.step())
    expect(await (losses[199] as HostCopy).get()).toEqual(Float32Array.of(N))
    expect(losses.every((l) => l.peek()?.[0] === N)).toBe(true)
    expect(((await device.read(loop.parameter)) as Float32Array)[7]).toBe(-200)
    expect(warn).not.toHaveBeenCalled()
    warn.mockRestore()
    device.gpu.destroy()
  })

  it('overwrite a donated input in place', async () => {
    const device = await openDevice()
    const before = device.memory().buffers
    const loop = await startLoop(device, device.compile(stepProgram()))
    for (let i = 0; i < 3; i++) await loop.step().get()
    expect(((await device.read(loop.parameter)) as Float32Array)[0]).toBe(-3)
    expect(device.memory().buffers).toBe(before + 1)
    device.release(loop.parameter)
    expect(device.memory().buffers).toBe(before)
  })
})

describe('a steady loop', () => {
  it('creates no buffer, bind group or pipeline', async () => {
    const device = await freshDevice()
    const loop = await startLoop(device, device.compile(stepProgram()))
    for (let i = 0; i < 10; i++) await loop.step().get()
    const before = { ...device.counters(), ...device.memory() }
    for (let i = 0; i < 50; i++) {
      await loop.step().get()
      await device.throttle()
    }
    const after = { ...device.counters(), ...device.memory() }
    expect(after.dispatches - before.dispatches).toBe(150)
    expect({ ...after, dispatches: 0, submits: 0 }).toEqual({ ...before, dispatches: 0, submits: 0 })
    expect(after.submits - before.submits).toBe(50)
    device.gpu.destroy()
  })

  it('holds no more memory when it keeps every loss', async () => {
    const device = await freshDevice()
    const loop = await startLoop(device, device.compile(stepProgram()))
    const kept: HostCopy[] = []
    for (let i = 0; i < 50; i++) kept.push(loop.step())
    await device.synchronize()
    const before = device.memory()
    for (let i = 0; i < 500; i++) {
      kept.push(loop.step())
      if (i % 50 === 0) await device.synchronize()
    }
    await device.synchronize()
    expect(device.memory()).toEqual(before)
    expect((await Promise.all(kept.map((c) => c.get()))).every((v) => v[0] === N)).toBe(true)
    device.gpu.destroy()
  })

  it('shares scratch memory between slots whose lives do not overlap', async () => {
    const device = await freshDevice()
    const k = scaleKernel()
    const slot = (kind: 'input' | 'output' | 'scratch') => ({ kind, dtype: 'float32' as const, length: N })
    const program: Program = {
      steps: [0, 1, 2, 3, 4].map((i) => ({ kind: 'kernel', kernel: k, slots: [i, i + 1], scalars: [] })),
      slots: [slot('input'), slot('scratch'), slot('scratch'), slot('scratch'), slot('scratch'), slot('output')],
      scalars: [],
    }
    const y = device.allocate('float32', N)
    device.run(device.compile(program), { inputs: [noise(N)], outputs: [y], scalars: [], evacuate: [] })
    expect(((await device.read(y)) as Float32Array)[3]).toBeCloseTo((noise(N)[3] as number) * 32, 4)
    // input, output and two scratch buffers
    expect(device.memory().peakBytes / device.memory().liveBytes).toBe(4)
    device.gpu.destroy()
  })
})

describe('small results', () => {
  it('are restored to a buffer before and after they reach the host', async () => {
    const device = await openDevice()
    const loop = await startLoop(device, device.compile(stepProgram()))
    const copy = loop.step()
    const early = device.restore(copy)
    expect(copy.peek()).toBeUndefined()
    await copy.get()
    const late = device.restore(copy)
    expect(await device.read(early)).toEqual(Float32Array.of(N))
    expect(await device.read(late)).toEqual(Float32Array.of(N))
    for (const b of [early, late, loop.parameter]) device.release(b)
  })

  it('keep their dtype, and more than a page of them arrives', async () => {
    const device = await openDevice()
    const g = axis(4001)
    const value = binary('lt', load(0, flat([g])), literal(0))
    const k = mapKernel([g], ['float32'], 'bool', value)
    const executable = device.compile(programOf(k, [4001, 4001]))
    const x = noise(4001)
    const copies: HostCopy[] = []
    for (let i = 0; i < 40; i++) {
      const y = device.allocate('bool', 4001)
      copies.push(...device.run(executable, { inputs: [x], outputs: [y], scalars: [], evacuate: [y] }))
    }
    for (const copy of copies) expect(await copy.get()).toEqual(Uint8Array.from(x, (v) => +(v < 0)))
  })

  it('reads large and odd-sized buffers', async () => {
    const device = await openDevice()
    for (const [dtype, data] of [
      ['float32', noise(100_000)],
      ['uint8', Uint8Array.from({ length: 50_001 }, (_, i) => i)],
      ['float16', Uint16Array.from({ length: 3 }, (_, i) => i)],
      ['int32', new Int32Array(0)],
    ] as const) {
      const b = device.upload(dtype, data)
      expect(await device.read(b)).toEqual(data)
      device.release(b)
    }
  })
})

describe('errors', () => {
  afterEach(() => vi.restoreAllMocks())

  function gather(guarded: boolean): Kernel {
    const g = axis(4)
    const index: Expr = { kind: 'checked', value: load(1, at(0, [1, g]), 'i32'), size: 10, site: 0, type: 'i32' }
    const element = load(0, at(0, [1, { kind: 'value', value: index }]))
    const inside = binary('lt', load(1, at(0, [1, g]), 'i32'), literal(10, 'i32'))
    const value: Expr = guarded ? { kind: 'where', test: inside, a: element, b: literal(-1), type: 'float' } : element
    return mapKernel([g], ['float32', 'int32'], 'float32', value, { sites: ['embedding'] })
  }

  it('an index outside its axis is an IndexError that names the op, the index and the size, at every read', async () => {
    const device = await openDevice()
    const executable = device.compile(programOf(gather(false), [10, 4, 4]))
    for (const bad of [10, -1]) {
      const y = device.allocate('float32', 4)
      device.run(executable, { inputs: [noise(10), Int32Array.of(1, bad, 2, 3)], outputs: [y], scalars: [], evacuate: [] })
      const error = await device.read(y).catch((e: unknown) => e)
      expect(error).toBeInstanceOf(IndexError)
      expect((error as IndexError).message).toBe(`embedding: index ${bad} is out of range for an axis of size 10`)
      await expect(device.read(y)).rejects.toThrow(IndexError)
      await device.synchronize()
      device.release(y)
    }
  })

  it('an index error is found through a small result and by synchronize', async () => {
    const device = await openDevice()
    const executable = device.compile(programOf(gather(false), [10, 4, 4]))
    const run = (): HostCopy => {
      const y = device.allocate('float32', 4)
      return device.run(executable, {
        inputs: [noise(10), Int32Array.of(1, 99, 2, 3)],
        outputs: [y],
        scalars: [],
        evacuate: [y],
      })[0] as HostCopy
    }
    await expect(run().get()).rejects.toThrow('embedding: index 99 is out of range for an axis of size 10')
    run()
    await expect(device.synchronize()).rejects.toThrow(IndexError)
    await device.synchronize()
  })

  it('of results kept, only those of the run with the wrong index reject, every time', async () => {
    const device = await openDevice()
    const executable = device.compile(programOf(gather(false), [10, 4, 4]))
    const losses = [0, 77, 1, 2].map((i) => {
      const y = device.allocate('float32', 4)
      const inputs = [noise(10), Int32Array.of(1, i, 2, 3)]
      return device.run(executable, { inputs, outputs: [y], scalars: [], evacuate: [y] })[0] as HostCopy
    })
    for (const again of [0, 1]) {
      for (const [i, loss] of losses.entries()) {
        if (i === 1)
          await expect(loss.get(), `round ${again}`).rejects.toThrow('embedding: index 77 is out of range for an axis of size 10')
        else expect((await loss.get())[1]).toBe(noise(10)[[0, 0, 1, 2][i] as number])
        await device.throttle()
      }
    }
    await device.synchronize()
  })

  it('what was computed from a wrong index rejects as well, before and after it is known', async () => {
    const device = await openDevice()
    const y = device.allocate('float32', 10_000)
    const g = axis(10_000)
    const index: Expr = { kind: 'checked', value: load(1, at(0, [1, g]), 'i32'), size: 10, site: 0, type: 'i32' }
    const large = mapKernel([g], ['float32', 'int32'], 'float32', load(0, at(0, [1, { kind: 'value', value: index }])), {
      sites: ['gather'],
    })
    const indices = new Int32Array(10_000)
    indices[9999] = -5
    const inputs = [noise(10), indices]
    device.run(device.compile(programOf(large, [10, 10_000, 10_000])), { inputs, outputs: [y], scalars: [], evacuate: [] })
    const twice = device.compile(programOf(scaleKernel(10_000), [10_000, 10_000]))
    const [z, late, fine] = [0, 1, 2].map(() => device.allocate('float32', 10_000)) as [DeviceBuffer, DeviceBuffer, DeviceBuffer]
    device.run(twice, { inputs: [y], outputs: [z], scalars: [], evacuate: [] })
    device.run(twice, { inputs: [new Float32Array(10_000)], outputs: [fine], scalars: [], evacuate: [] })
    expect((await device.read(fine))[7]).toBe(0)
    await expect(device.read(z)).rejects.toThrow('gather: index -5 is out of range for an axis of size 10')
    await expect(device.read(y)).rejects.toThrow(IndexError)
    device.run(twice, { inputs: [z], outputs: [late], scalars: [], evacuate: [] })
    await expect(device.read(late)).rejects.toThrow(IndexError)
    await device.synchronize()
    for (const b of [y, z, late, fine]) device.release(b)
  })

  it('an index that no enclosing where chooses is no error', async () => {
    const device = await openDevice()
    const y = device.allocate('float32', 4)
    device.run(device.compile(programOf(gather(true), [10, 4, 4])), {
      inputs: [noise(10), Int32Array.of(1, 12, 2, 3)],
      outputs: [y],
      scalars: [],
      evacuate: [],
    })
    expect(((await device.read(y)) as Float32Array)[1]).toBe(-1)
    device.release(y)
  })

  it('a buffer past the limit is refused with its size', async () => {
    const device = await openDevice()
    const elements = device.traits.maxBindingBytes / 4 + 1
    expect(() => device.allocate('float32', elements)).toThrow(OutOfMemoryError)
    expect(() => device.allocate('float32', elements)).toThrow(`${elements * 4} bytes`)
  })

  it('float64 is refused', async () => {
    const device = await openDevice()
    expect(() => device.allocate('float64', 1)).toThrow(/float64/)
  })

  it('a kernel that does not compile poisons its outputs and what is made from them', async () => {
    const device = await freshDevice()
    breakKernels('webgpu', /^test$/)
    const broken = device.compile(programOf(scaleKernel(4), [4, 4]))
    vi.restoreAllMocks()
    const y = device.allocate('float32', 4)
    const z = device.allocate('float32', 4)
    device.run(broken, { inputs: [noise(4)], outputs: [y], scalars: [], evacuate: [] })
    device.run(device.compile(programOf(scaleKernel(4), [4, 4])), { inputs: [y], outputs: [z], scalars: [], evacuate: [] })
    await expect(device.read(z)).rejects.toThrow(/kernel test does not compile/)
    await expect(device.read(y)).rejects.toThrow(/kernel test does not compile/)
    await device.synchronize()
    const fine = device.allocate('float32', 4)
    device.run(device.compile(programOf(scaleKernel(4), [4, 4])), { inputs: [noise(4)], outputs: [fine], scalars: [], evacuate: [] })
    expect(((await device.read(fine)) as Float32Array)[1]).toBe((noise(4)[1] as number) * 2)
    device.gpu.destroy()
  })

  it('a lost device rejects what waits for it', async () => {
    const device = await freshDevice()
    const y = device.upload('float32', noise(4))
    expect(await device.read(y)).toEqual(noise(4))
    device.gpu.destroy()
    await expect(device.read(y)).rejects.toThrow()
  })

  it('a loop that never awaits is warned, then stopped', async () => {
    const device = await freshDevice()
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
    const k = unary('neg', literal(1))
    const executable = device.compile(programOf(mapKernel([axis(1)], [], 'float32', cast(k, 'float32', 'float32')), [1]))
    await device.synchronize()
    let runs = 0
    expect(() => {
      for (; runs < 10_000; runs++) {
        const y = device.allocate('float32', 1)
        device.run(executable, { inputs: [], outputs: [y], scalars: [], evacuate: [] })
        device.release(y)
      }
    }).toThrow(/never awaits/)
    expect(warn).toHaveBeenCalledTimes(1)
    expect(runs).toBeGreaterThan(1000)
    // a read right after it passes, and lets the device catch up
    const y = device.allocate('float32', 1)
    device.run(executable, { inputs: [], outputs: [y], scalars: [], evacuate: [] })
    expect(await device.read(y)).toEqual(Float32Array.of(-1))
    device.gpu.destroy()
  })
})
