/** @file The assembler: modules that the engine takes, and that do what they say. */
import { describe, expect, it } from 'vitest'
import { type Code, ModuleBuilder } from '../../src/device/cpu/wasm/assembler/assembler.ts'
import { OPCODES, SIMD } from '../../src/device/cpu/wasm/assembler/opcodes.ts'
import { wasm } from '../../src/device/cpu/wasm/assembler/webassembly.ts'

const engine = wasm as NonNullable<typeof wasm>
const memory = new engine.Memory({ initial: 1, maximum: 4, shared: true })

/** A module of one function `run`, compiled. */
function compile(params: readonly ('i32' | 'f32')[], results: readonly ('i32' | 'f32' | 'f64')[], write: (code: Code) => void) {
  const module = new ModuleBuilder({ shared: true, maximum: 4 })
  write(module.function(params, results, 'run'))
  return new engine.Instance(new engine.Module(module.build()), { env: { memory } }).exports.run as (...x: number[]) => number
}

describe('the assembler', () => {
  it('writes whole numbers of every length', () => {
    for (const n of [0, 1, -1, 63, 64, -64, -65, 127, 128, 8191, -8192, 8192, 2 ** 20, -(2 ** 20), 2 ** 31 - 1, -(2 ** 31)])
      expect(compile([], ['i32'], (code) => code.i32(n))()).toBe(n)
    expect(compile([], ['i32'], (code) => code.i32(2 ** 32 - 1))()).toBe(-1)
  })

  it('writes floats bit by bit', () => {
    for (const x of [0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e-45, 3.4e38]) {
      expect(compile([], ['f32'], (code) => code.f32(x))()).toBe(Math.fround(x))
      expect(compile([], ['f64'], (code) => code.f64(x))()).toBe(x)
    }
  })

  it('branches out of nested blocks and loops', () => {
    // The first i × j above the parameter, with i and j below 10
    const run = compile(['i32'], ['i32'], (code) => {
      const [limit] = code.params as [Code['params'][0]]
      const [i, j, ten, found] = [code.local('i32'), code.local('i32'), code.local('i32'), code.local('i32')]
      code.i32(10).set(ten)
      code.block((leave) => {
        code.for(i, ten, 1, () => {
          code.i32(0).set(j)
          code.for(j, ten, 1, () => {
            code.get(i).get(j).op('i32.mul').tee(found)
            code.get(limit).op('i32.gt_s').brIf(leave)
          })
        })
        code.i32(-1).set(found)
      })
      code.get(found)
    })
    expect(run(-1)).toBe(0)
    expect(run(10)).toBe(12)
    expect(run(80)).toBe(81)
    expect(run(81)).toBe(-1)
  })

  it('chooses, with a result', () => {
    const run = compile(['i32'], ['i32'], (code) => {
      code.get(code.params[0] as Code['params'][0])
      code.if(
        () => code.i32(5),
        () => code.i32(6),
        'i32',
      )
    })
    expect([run(1), run(0)]).toEqual([5, 6])
  })

  it('calls imported functions and its own', () => {
    const module = new ModuleBuilder({ shared: true, maximum: 4 })
    const twice = module.function(['f32'], ['f32'])
    const root = module.import('root', ['f32'], ['f32']) // in any order
    const [x] = twice.params as [Code['params'][0]]
    twice.get(x).get(x).op('f32.add')
    const run = module.function(['f32'], ['f32'], 'run')
    run
      .get(run.params[0] as Code['params'][0])
      .call(root)
      .call(twice)
    const instance = new engine.Instance(new engine.Module(module.build()), { env: { memory, root: Math.sqrt } })
    expect((instance.exports.run as (x: number) => number)(9)).toBe(6)
  })

  it('loads, shuffles and stores vectors', () => {
    const numbers = new Int32Array(memory.buffer, 0, 8)
    numbers.set([1, 2, 3, 4])
    compile([], [], (code) => {
      code.i32(0).i32(0).memory('v128.load').i32(0).memory('v128.load')
      code.shuffle([12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3]) // backwards
      code.v128([10, 20, 30, 40]).op('i32x4.add').memory('v128.store', 16)
    })()
    expect([...numbers]).toEqual([1, 2, 3, 4, 14, 23, 32, 41])
    const lane = compile([], ['i32'], (code) => code.i32(16).memory('v128.load').lane('i32x4.extract_lane', 2))
    expect(lane()).toBe(32)
  })

  it('knows no instruction that the engine does not', () => {
    // Each instruction in unreachable code, where operands may be anything: a wrong number is an unknown or a longer instruction
    for (const name of [...Object.keys(OPCODES), ...Object.keys(SIMD)] as (keyof typeof OPCODES | keyof typeof SIMD)[]) {
      const module = new ModuleBuilder({ shared: true, maximum: 4 })
      module.function([], [], 'run').op('unreachable').op(name).op('unreachable')
      expect(engine.validate(module.build()), name).toBe(true)
    }
  })
})
