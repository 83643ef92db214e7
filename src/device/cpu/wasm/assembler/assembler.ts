/**
 * @file A WebAssembly module, instruction by instruction. Kernels are small and there are many of them, so what builds them has to be small and quick too:
 * names of instructions are checked by the type checker, the rest by the engine when it compiles the module.
 *
 * @see https://webassembly.github.io/spec/core/binary/index.html
 */
import { LANE, LANE_MEMORY, MEMORY, OPCODES, RELAXED, SIMD } from './opcodes.ts'

export type ValType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128'
export type Opcode = keyof typeof OPCODES | keyof typeof SIMD | keyof typeof RELAXED
export type MemoryOp = keyof typeof MEMORY

const TYPE: Readonly<Record<ValType, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b }
const EMPTY = 0x40

/** The four words of a vector. */
export type Words = readonly [number, number, number, number]
export const four = (word: number): Words => [word, word, word, word]

/** LEB128, unsigned. */
function unsigned(bytes: number[], value: number): void {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
}

/** LEB128, signed 32 bits. */
function signed(bytes: number[], value: number): void {
  let rest = value | 0
  for (;;) {
    const low = rest & 0x7f
    rest >>= 7
    if ((rest === 0 && !(low & 0x40)) || (rest === -1 && low & 0x40)) {
      bytes.push(low)
      return
    }
    bytes.push(low | 0x80)
  }
}

const scratch = new DataView(new ArrayBuffer(8))

/** A local variable of one function. */
export interface Local {
  readonly index: number
  readonly type: ValType
}

/** Where a branch goes. */
export interface Label {
  readonly depth: number
}

/** Something that can be called. Its number is known once all imports are, since these come first. */
export interface Func {
  index(imports: number): number
}

/** The body of a function. Methods append one instruction, unless they say otherwise. */
export class Code implements Func {
  readonly params: readonly Local[]
  readonly #position: number
  readonly #locals: ValType[] = []
  readonly #calls: { readonly at: number; readonly to: Func }[] = []
  readonly bytes: number[] = []
  #depth = 0

  /** @param position among the module's own functions */
  constructor(position: number, params: readonly ValType[]) {
    this.#position = position
    this.params = params.map((type, i) => ({ index: i, type }))
  }

  index(imports: number): number {
    return imports + this.#position
  }

  /** A new local; it is 0 at the beginning of the function. */
  local(type: ValType): Local {
    return { index: this.params.length + this.#locals.push(type) - 1, type }
  }

  op(name: Opcode): this {
    if (name in OPCODES) {
      const code = OPCODES[name as keyof typeof OPCODES]
      if (code > 0xff) this.bytes.push(code >> 8, code & 0xff)
      else this.bytes.push(code)
    } else {
      this.bytes.push(0xfd)
      unsigned(this.bytes, name in SIMD ? SIMD[name as keyof typeof SIMD] : RELAXED[name as keyof typeof RELAXED])
    }
    return this
  }

  get({ index }: Local): this {
    this.bytes.push(0x20)
    unsigned(this.bytes, index)
    return this
  }

  set({ index }: Local): this {
    this.bytes.push(0x21)
    unsigned(this.bytes, index)
    return this
  }

  tee({ index }: Local): this {
    this.bytes.push(0x22)
    unsigned(this.bytes, index)
    return this
  }

  /** A whole number, taken modulo 2³². */
  i32(value: number): this {
    this.bytes.push(0x41)
    signed(this.bytes, value)
    return this
  }

  f32(value: number): this {
    scratch.setFloat32(0, value, true)
    this.bytes.push(0x43)
    for (let i = 0; i < 4; i++) this.bytes.push(scratch.getUint8(i))
    return this
  }

  f64(value: number): this {
    scratch.setFloat64(0, value, true)
    this.bytes.push(0x44)
    for (let i = 0; i < 8; i++) this.bytes.push(scratch.getUint8(i))
    return this
  }

  /** Four 32-bit words. */
  v128(words: Words): this {
    this.bytes.push(0xfd, 12)
    for (const word of words) {
      scratch.setInt32(0, word | 0, true)
      for (let i = 0; i < 4; i++) this.bytes.push(scratch.getUint8(i))
    }
    return this
  }

  /** Bytes of two vectors by number: 0 … 15 of the first, 16 … 31 of the second. */
  shuffle(lanes: readonly number[]): this {
    this.bytes.push(0xfd, 13, ...lanes)
    return this
  }

  lane(name: keyof typeof LANE, lane: number): this {
    this.bytes.push(0xfd, LANE[name], lane)
    return this
  }

  /** A load or store at the address on the stack plus `offset` bytes. */
  memory(name: MemoryOp, offset = 0): this {
    const [code, align] = MEMORY[name]
    if (code > 0xff) this.bytes.push(0xfd, code & 0xff)
    else this.bytes.push(code)
    // No address is promised to be aligned to more than an element
    this.bytes.push(Math.min(align, 2))
    unsigned(this.bytes, offset)
    return this
  }

  laneMemory(name: keyof typeof LANE_MEMORY, lane: number, offset = 0): this {
    const [code, align] = LANE_MEMORY[name]
    this.bytes.push(0xfd, code, Math.min(align, 2))
    unsigned(this.bytes, offset)
    this.bytes.push(lane)
    return this
  }

  call(to: Func): this {
    this.#calls.push({ at: this.bytes.length + 1, to })
    this.bytes.push(0x10, 0x80, 0x80, 0) // room for the number
    return this
  }

  /** A block; branches to the label leave it. */
  block(body: (leave: Label) => void): this {
    return this.#nested(0x02, body)
  }

  /** A loop; branches to the label begin it anew. */
  loop(body: (again: Label) => void): this {
    return this.#nested(0x03, body)
  }

  /** Runs `then` where the i32 on the stack is not 0, else `otherwise`. */
  if(then: () => void, otherwise?: () => void, result?: ValType): this {
    this.bytes.push(0x04, result ? TYPE[result] : EMPTY)
    this.#depth++
    then()
    if (otherwise) {
      this.bytes.push(0x05)
      otherwise()
    }
    this.#depth--
    this.bytes.push(0x0b)
    return this
  }

  #nested(code: number, body: (label: Label) => void): this {
    this.bytes.push(code, EMPTY)
    this.#depth++
    body({ depth: this.#depth })
    this.#depth--
    this.bytes.push(0x0b)
    return this
  }

  br({ depth }: Label): this {
    this.bytes.push(0x0c)
    unsigned(this.bytes, this.#depth - depth)
    return this
  }

  /** Branches where the i32 on the stack is not 0. */
  brIf({ depth }: Label): this {
    this.bytes.push(0x0d)
    unsigned(this.bytes, this.#depth - depth)
    return this
  }

  /** Runs `body` for i = from, from + step, … while i < the value of `to`, unsigned. `from` has been set. */
  for(i: Local, to: Local, step: number, body: () => void): this {
    return this.block((leave) => {
      this.loop((again) => {
        this.get(i).get(to).op('i32.ge_u').brIf(leave)
        body()
        this.get(i).i32(step).op('i32.add').set(i).br(again)
      })
    })
  }

  /** The function as it stands in the code section of a module with so many imports. */
  encode(imports: number): number[] {
    for (const { at, to } of this.#calls) {
      const index = to.index(imports)
      this.bytes.splice(at, 3, (index & 0x7f) | 0x80, ((index >> 7) & 0x7f) | 0x80, (index >> 14) & 0x7f)
    }
    const body: number[] = []
    const runs: [ValType, number][] = []
    for (const type of this.#locals) {
      const last = runs.at(-1)
      if (last && last[0] === type) last[1]++
      else runs.push([type, 1])
    }
    unsigned(body, runs.length)
    for (const [type, count] of runs) {
      unsigned(body, count)
      body.push(TYPE[type])
    }
    for (const byte of this.bytes) body.push(byte)
    body.push(0x0b)
    const sized: number[] = []
    unsigned(sized, body.length)
    return sized.concat(body)
  }
}

interface Signature {
  readonly params: readonly ValType[]
  readonly results: readonly ValType[]
}

/** What a module must say of the memory that it is given: whether threads share it, and how large it may become, in pages of 64 KiB. */
export interface MemoryType {
  readonly shared: boolean
  readonly maximum: number
}

/** A module with one imported memory (`env.memory`). Functions are imported and defined in any order. */
export class ModuleBuilder {
  readonly #types: string[] = []
  readonly #imports: { readonly name: string; readonly type: number }[] = []
  readonly #functions: { readonly code: Code; readonly type: number; readonly name: string | undefined }[] = []
  readonly #memory: MemoryType

  /** @param maximum of the memory, in pages of 64 KiB; it must be that of the memory given, which is shared or not. */
  constructor(memory: MemoryType) {
    this.#memory = memory
  }

  #type({ params, results }: Signature): number {
    const bytes: number[] = [0x60]
    for (const list of [params, results]) {
      unsigned(bytes, list.length)
      for (const type of list) bytes.push(TYPE[type])
    }
    const key = bytes.join()
    const known = this.#types.indexOf(key)
    return known >= 0 ? known : this.#types.push(key) - 1
  }

  /** A function of the import object's `env`. */
  import(name: string, params: readonly ValType[], results: readonly ValType[]): Func {
    const index = this.#imports.push({ name, type: this.#type({ params, results }) }) - 1
    return { index: () => index }
  }

  /** A function; with a name it is exported. */
  function(params: readonly ValType[], results: readonly ValType[], name?: string): Code {
    const code = new Code(this.#functions.length, params)
    this.#functions.push({ code, type: this.#type({ params, results }), name })
    return code
  }

  build(): Uint8Array {
    const out: number[] = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
    const section = (id: number, entries: readonly (readonly number[])[]): void => {
      if (entries.length === 0) return
      const body: number[] = []
      unsigned(body, entries.length)
      for (const entry of entries) for (const byte of entry) body.push(byte)
      out.push(id)
      unsigned(out, body.length)
      for (const byte of body) out.push(byte)
    }
    const text = (s: string): number[] => {
      const bytes = [...new TextEncoder().encode(s)]
      const sized: number[] = []
      unsigned(sized, bytes.length)
      return sized.concat(bytes)
    }
    const number = (n: number): number[] => {
      const bytes: number[] = []
      unsigned(bytes, n)
      return bytes
    }
    const { shared, maximum } = this.#memory
    section(
      1,
      this.#types.map((key) => key.split(',').map(Number)),
    )
    section(2, [
      [...text('env'), ...text('memory'), 0x02, shared ? 0x03 : 0x01, ...number(1), ...number(maximum)],
      ...this.#imports.map(({ name, type }) => [...text('env'), ...text(name), 0x00, ...number(type)]),
    ])
    section(
      3,
      this.#functions.map(({ type }) => number(type)),
    )
    section(
      7,
      this.#functions.flatMap(({ name, code }) => (name ? [[...text(name), 0x00, ...number(code.index(this.#imports.length))]] : [])),
    )
    section(
      10,
      this.#functions.map(({ code }) => code.encode(this.#imports.length)),
    )
    return Uint8Array.from(out)
  }
}
