/**
 * @file A read gives the values of the moment when it was asked for: random programs of reads that nobody awaits, in-place changes, optimizer steps and
 * disposals, awaited at the end and compared with plain numbers. All arithmetic is exact in float32.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { device } from '../support/device.ts'

type Library = typeof import('../../src/index.ts')
type Files = typeof import('../../src/io/index.ts')
type Tensor = InstanceType<Library['Tensor']>

/** Numbers from 0 to below n, the same each time (Numerical Recipes' generator). */
function random(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

/** A tensor and what it holds. */
interface Known {
  readonly x: Tensor
  values: number[]
}

/** A read that was asked for, and what it has to answer. */
interface Asked {
  readonly what: string
  readonly answer: Promise<unknown>
  readonly expected: unknown
}

/** Where an answer is not what it should be. Sums of many numbers are rounded. */
function difference(got: unknown, expected: unknown): string | undefined {
  if (typeof got === 'number' && typeof expected === 'number')
    return Math.abs(got - expected) <= 1e-5 * Math.abs(expected) + 1e-3 ? undefined : `${got}, expected ${expected}`
  const [a, b] = [JSON.stringify(got) ?? String(got), JSON.stringify(expected) ?? String(expected)]
  if (a === b) return undefined
  if (got instanceof Error) return String(got)
  const lists = [got, expected].map((x) => (Array.isArray(x) ? (x as unknown[]).flat(3) : [x]))
  const at = (lists[1] as unknown[]).findIndex((v, i) => v !== lists[0]?.[i])
  return `element ${at} of ${lists[1]?.length} (got ${lists[0]?.length}) is ${String(lists[0]?.[at])}, expected ${String(lists[1]?.[at])}`
}

const LR = 0.5
const MOMENTUM = 0.5

/** One program: its tensors beside plain arrays. */
class Program {
  readonly lib: Library
  readonly io: Files
  readonly next: (n: number) => number
  readonly asked: Asked[] = []
  readonly length: number
  readonly params: Known[]
  readonly buffers: number[][]
  readonly others: Known[]
  readonly optimizer: InstanceType<Library['optim']['SGD']>
  readonly keepPrevious: boolean

  constructor({ lib, io }: Fresh, seed: number, length: number) {
    this.lib = lib
    this.io = io
    this.length = length
    this.next = random(seed)
    this.params = [0, 1].map((i) => {
      const values = this.#numbers()
      // One is data, the other has yet to be computed
      const x = new lib.nn.Parameter(i === 0 ? lib.tensor(values) : lib.tensor(values).add(1).sub(1))
      return { x, values }
    })
    this.buffers = this.params.map(() => [])
    this.others = [this.#known(this.#numbers()), this.#known(this.#numbers())]
    this.keepPrevious = this.next(3) > 0
    this.optimizer = new lib.optim.SGD(
      this.params.map((p) => p.x),
      { lr: LR, momentum: MOMENTUM, keepPrevious: this.keepPrevious },
    )
  }

  #numbers(): number[] {
    return Array.from({ length: this.length }, (_, i) => (i % 5) + this.next(7) - 3)
  }

  #known(values: number[]): Known {
    return { x: this.lib.tensor(values), values }
  }

  #any(): Known {
    const all = [...this.params, ...this.others]
    return all[this.next(all.length)] as Known
  }

  #ask(what: string, answer: Promise<unknown>, expected: unknown): void {
    answer.catch(() => {}) // looked at when all is over
    this.asked.push({ what, answer, expected })
  }

  read(): void {
    const { lib, next } = this
    const { x, values } = this.#any()
    const now = [...values]
    const found = now.flatMap((v, i) => (v === 0 ? [] : [[i]]))
    const kinds: (() => void)[] = [
      () =>
        this.#ask(
          'data',
          x.data().then((d) => [...d]),
          now,
        ),
      () => this.#ask('toArray', x.toArray(), now),
      () =>
        this.#ask(
          'toNdarray',
          x.toNdarray().then((a) => [...(a.data as Float32Array)]),
          now,
        ),
      () =>
        this.#ask(
          'item',
          x.detach().sum().item(),
          now.reduce((a, b) => a + b),
        ),
      () => this.#ask('a slice', x.detach().at('1:3').toArray(), now.slice(1, 3)),
      () => this.#ask('a view', x.detach().reshape([1, -1]).toArray(), [now]),
      () => this.#ask('equal', lib.equal(x, lib.tensor(now)), true),
      () => this.#ask('allclose', lib.allclose(x, lib.tensor(now)), true),
      () =>
        this.#ask(
          'nonzero',
          lib.nonzero(x).then((t) => t.toArray()),
          found,
        ),
      () =>
        this.#ask(
          'maskedSelect',
          lib.maskedSelect(x, x.ne(0)).then((t) => t.detach().toArray()),
          now.filter((v) => v !== 0),
        ),
      () => this.#ask('toText', x.detach().mul(1).toText({ precision: 2 }), lib.tensor(now).toText({ precision: 2 })),
      () => this.#ask('a state', this.#saved(x), now),
    ]
    ;(kinds[next(kinds.length)] as () => void)()
  }

  async #saved(x: Tensor): Promise<unknown> {
    const bytes = await this.io.serializeState({ x })
    return this.io.parseState<{ x: Tensor }>(bytes).x.toArray()
  }

  /** What the optimizer remembers, and the gradients of its last step. */
  readState(): void {
    const { state } = this.optimizer.stateDict()
    this.buffers.forEach((buffer, i) => {
      const slot = state[i]?.momentum_buffer as Tensor | undefined
      if (slot) this.#ask('momentum', slot.toArray(), [...buffer])
    })
  }

  change(): void {
    const { lib, next } = this
    const target = this.#any()
    const c = next(5) - 2
    const source = this.#any()
    lib.noGrad(() => {
      switch (next(4)) {
        case 0:
          target.x.add_(c)
          target.values = target.values.map((v) => v + c)
          break
        case 1:
          target.x.neg_()
          target.values = target.values.map((v) => -v)
          break
        case 2:
          target.x.copy_(source.x)
          target.values = [...source.values]
          break
        default:
          target.x.sub_(source.x)
          target.values = target.values.map((v, i) => v - (source.values[i] as number))
      }
    })
  }

  step(): void {
    const { next, optimizer } = this
    const c = next(3) + 1
    optimizer.zeroGrad()
    // loss = Σ c·p + Σ t·p for each parameter: its gradient is c + t
    const t = this.others[next(this.others.length)] as Known
    const losses = this.params.map(({ x }) => x.mul(c).sum().add(x.mul(t.x.detach()).sum()))
    const loss = losses.reduce((a, b) => a.add(b))
    loss.backward()
    const gradient = t.values.map((v) => v + c)
    const total = this.params.reduce((sum, p) => sum + p.values.reduce((s, v, i) => s + v * (gradient[i] as number), 0), 0)
    const p = this.params[next(2)] as Known
    if (next(3) === 0) this.#ask('a gradient', (p.x.grad as Tensor).toArray(), gradient)
    if (next(3) === 0) this.#ask('a loss', loss.item(), total)
    // an interior result, read after the step that replaces what it is made of
    const doubled = p.x.mul(2).add(1)
    const seen = p.values.map((v) => 2 * v + 1)
    doubled.sum()
    optimizer.step()
    this.params.forEach((param, k) => {
      const before = this.buffers[k] as number[]
      const buffer = gradient.map((g, i) => (before.length ? MOMENTUM * (before[i] as number) + g : g))
      this.buffers[k] = buffer
      param.values = param.values.map((v, i) => v - LR * (buffer[i] as number))
    })
    if (next(4) === 0) this.#ask('a loss after the step', loss.item(), total)
    if (next(4) === 0) this.#ask('a gradient after the step', (p.x.grad as Tensor).toArray(), gradient)
    if (this.keepPrevious && next(4) === 0) this.#ask('an interior result', doubled.toArray(), seen)
  }

  dispose(): void {
    const i = this.next(this.others.length)
    const { x, values } = this.others[i] as Known
    const now = [...values]
    if (this.next(2)) this.#ask('what is disposed of at once', x.toArray(), now)
    if (this.next(2))
      this.#ask(
        'what is made of it',
        x.add(1).toArray(),
        now.map((v) => v + 1),
      )
    const kept = x.mul(2)
    x.dispose()
    this.#ask(
      'what was recorded of it',
      kept.toArray(),
      now.map((v) => 2 * v),
    )
    this.others[i] = this.#known(this.#numbers())
  }

  /** What was not as it should be. */
  async run(actions: number): Promise<string[]> {
    const { next, lib } = this
    for (let i = 0; i < actions; i++) {
      const kind = next(12)
      if (kind < 4) this.read()
      else if (kind < 7) this.change()
      else if (kind < 9) this.step()
      else if (kind === 9) this.readState()
      else if (kind === 10) this.dispose()
      else if (next(2)) await Promise.resolve()
      else this.#ask('everything', lib.synchronize(), undefined)
    }
    const wrong: string[] = []
    for (const [i, { what, answer, expected }] of this.asked.entries()) {
      const got: unknown = await answer.catch((e: unknown) => e)
      const different = difference(got, await expected)
      if (different) wrong.push(`read ${i} of ${this.asked.length}, ${what}: ${different}`)
    }
    for (const { x, values } of [...this.params, ...this.others]) {
      const different = difference([...(await x.data())], values)
      if (different) wrong.push(`at the end: ${different}`)
    }
    return wrong
  }
}

interface Fresh {
  readonly lib: Library
  readonly io: Files
}

/** The library anew, with no device open. */
async function fresh(): Promise<Fresh> {
  vi.resetModules()
  return { lib: await import('../../src/index.ts'), io: await import('../../src/io/index.ts') }
}

const MINUTE = 60_000
/** (a software adapter compiles for seconds) */
const PROGRAMS = device === 'cpu' ? 30 : 10

describe('a read that is awaited later', () => {
  describe('on an open device', () => {
    let here: Fresh
    beforeAll(async () => {
      here = await fresh()
      await here.lib.init({ device })
    })
    it.each([4, 6000])(
      'has the values of the moment when it was asked for: random programs on %i numbers',
      { timeout: 5 * MINUTE },
      async (length) => {
        for (let seed = 1; seed <= PROGRAMS; seed++) expect(await new Program(here, seed, length).run(40), `program ${seed}`).toEqual([])
      },
    )
  })

  it.each([4, 6000])('has them while no device is open yet: random programs on %i numbers', { timeout: 5 * MINUTE }, async (length) => {
    for (let seed = 101; seed <= 104; seed++) {
      const here = await fresh()
      if (seed % 2) here.lib.setDefaultDevice(device)
      expect(await new Program(here, seed, length).run(30), `program ${seed}`).toEqual([])
    }
  })
})
