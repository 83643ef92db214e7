/**
 * @file Arenas: the parameters that are updated together, as one flat tensor, and beside it one flat tensor for each thing that the optimizer
 * remembers. So one elementwise kernel updates them all, and memory is one buffer for each instead of one for every parameter.
 *
 * A parameter's handle shows a window of the arena. After every step it shows the window of the next one.
 */
import { dtypeInfo, ShapeError, sameShape, showShape } from '../base/index.ts'
import { amax, arange, cast, checkDevices, isfinite, logicalAnd, logicalNot, lt, mul, reshape, tensor, to, zeros } from '../ops/index.ts'
import {
  assign,
  computeLater,
  type DeviceName,
  ownValue,
  PACK_ALIGN,
  packOffsets,
  packTensors,
  pinTensor,
  rebind,
  reinstate,
  retire,
  Tensor,
  unpackTensor,
} from '../tensor/index.ts'
import { type StepCount, tensorOf } from './step-count.ts'

/** What an optimizer remembers of a parameter or of a whole arena: by PyTorch's names (`exp_avg`). */
export type Slots = Readonly<Record<string, Tensor>>

/** Bytes of the largest arena: the least that every adapter lets one kernel bind. */
const ARENA_BYTES = 128 * 1024 * 1024

export class Arena<G> {
  readonly group: G
  readonly params: readonly Tensor[]
  /** Steps that these parameters have taken. */
  step: StepCount
  slots: Slots
  /** All values; while it is not there, the values lie in the handles. */
  #flat: Tensor | undefined
  /** The gradients of the last step, which are in the parameters' `grad` until `zeroGrad()`. */
  #gradients: Tensor | undefined
  /** What they are times a factor, and the windows of that, while these are in the parameters' `grad`. */
  #unscaled: { readonly flat: Tensor; readonly windows: readonly Tensor['_node'][] } | undefined
  /** For each row of as many elements as pieces are aligned to, how many of them belong to a parameter; made when it is first wanted. */
  #filled: Tensor | undefined
  readonly #offsets: readonly number[]
  /** The version that each handle had when it was last given a window. */
  readonly #versions: number[] = []

  constructor(group: G, params: readonly Tensor[], step: StepCount, slots: Slots) {
    this.group = group
    this.params = params
    this.step = step
    this.slots = slots
    this.#offsets = packOffsets(params).offsets
  }

  /** Whether a handle got its value from elsewhere (`copy_`, `loadStateDict`, another optimizer). */
  get stale(): boolean {
    return this.#flat !== undefined && this.params.some((p, i) => p.version !== this.#versions[i])
  }

  /** Whether the arena's values are of the dtype and on the device of its parameters. */
  get fits(): boolean {
    const first = this.#flat ?? Object.values(this.slots)[0]
    return first === undefined || this.params.every((p) => p.dtype === first.dtype && p.device === first.device)
  }

  /** All values, flat. Those of a stale arena are collected anew. */
  values(keepPrevious: boolean): Tensor {
    if (this.#flat && !this.stale) return this.#flat
    if (this.#flat) retire(this.#flat, { keepPrevious })
    // Values that handles got from elsewhere go with the arena; windows are no values of their own.
    for (const p of this.params) retire(p, { keepPrevious })
    this.#flat = packTensors(this.params)
    return this.#flat
  }

  /** All gradients, flat; the parameters' `grad` shows windows of them. */
  gradients(): Tensor {
    const known = this.#unscaled
    this.#unscaled = undefined
    if (known && this.params.every((p, i) => p.grad?._node === known.windows[i])) return known.flat
    const grads = this.params.map((p) => {
      const grad = p.grad as Tensor
      if (!sameShape(grad.shape, p.shape)) {
        throw new ShapeError('step', `a parameter ${showShape(p.shape)} has a gradient ${showShape(grad.shape)}`, [p.shape, grad.shape])
      }
      if (grad._node.placement !== p._node.placement) checkDevices('step', ['a parameter', 'its gradient'], [p, grad])
      return grad
    })
    if (this.#gradients) retire(this.#gradients, { keepPrevious: false })
    const flat = pinTensor(packTensors(grads))
    this.#gradients = flat
    this.params.forEach((p, i) => {
      p.grad = this.#window(flat, i)
    })
    return flat
  }

  /**
   * Multiplies all gradients by `factor`, which the parameters' `grad` then shows.
   * @returns 1 where one of them is not finite, else 0: 0-d float32
   */
  unscale(factor: Tensor): Tensor {
    const flat = this.gradients()
    // (nothing stores it: the step computes it where it reads it)
    const unscaled = computeLater(mul(flat, factor))
    const windows = this.params.map((p, i) => {
      p.grad = this.#window(unscaled, i)
      return p.grad._node
    })
    this.#unscaled = { flat: unscaled, windows }
    return this.#anyNonFinite(flat)
  }

  /** What lies between two parameters is unspecified, and does not count. */
  #anyNonFinite(flat: Tensor): Tensor {
    const rows = flat.numel() / PACK_ALIGN
    const place = beside(flat)
    if (rows === 0) return zeros([], place)
    const wrong = logicalNot(isfinite(reshape(flat, [rows, PACK_ALIGN])))
    if (this.params.every((p) => p.numel() % PACK_ALIGN === 0)) return amax(cast(wrong, 'float32'))
    this.#filled ??= tensor(filledOf(this.params, rows), { shape: [rows, 1], ...place })
    return amax(cast(logicalAnd(wrong, lt(arange(PACK_ALIGN, { dtype: 'int32', ...place }), this.#filled)), 'float32'))
  }

  #window(flat: Tensor, i: number): Tensor {
    return unpackTensor(flat, this.#offsets[i] as number, (this.params[i] as Tensor).shape)
  }

  /** Takes the values and slots of the next step. The old values can be read until the step after. */
  replace(values: Tensor, slots: Slots, step: StepCount, keepPrevious: boolean): void {
    if (this.#flat) retire(this.#flat, { keepPrevious })
    for (const slot of Object.values(this.slots)) retire(slot, { keepPrevious: false })
    this.slots = slots
    this.step = step instanceof Tensor ? pinTensor(step) : step
    for (const slot of Object.values(slots)) pinTensor(slot)
    this.#show(values)
  }

  /** What takes the next `replace` back, together with the count of steps: for a step that cannot be computed. */
  checkpoint(): () => void {
    const { step, slots } = this
    const flat = this.#flat
    return () => {
      reinstate(flat, this.#flat)
      reinstate(undefined, this.#gradients)
      reinstate(tensorOf(step), tensorOf(this.step))
      for (const name of new Set([...Object.keys(slots), ...Object.keys(this.slots)])) reinstate(slots[name], this.slots[name])
      this.step = step
      this.slots = slots
      this.#flat = flat
      this.settle()
    }
  }

  /** Stores the arena as it is: when its parameters are left out of a step. */
  settle(): void {
    for (const slot of Object.values(this.slots)) pinTensor(slot)
    this.#show(this.#flat ?? packTensors(this.params))
  }

  #show(flat: Tensor): void {
    this.#flat = pinTensor(flat)
    this.params.forEach((p, i) => {
      rebind(p, this.#window(flat, i))
      this.#versions[i] = p.version
    })
  }

  /** What is remembered of each parameter, for another arena or to be saved. */
  pieces(): Slots[] {
    return this.params.map((_, i) => Object.fromEntries(Object.entries(this.slots).map(([name, slot]) => [name, this.#window(slot, i)])))
  }

  /** Gives handles values of their own: they leave for no arena. */
  release(params: readonly Tensor[]): void {
    for (const p of params) if (this.#flat) assign(p, ownValue(p))
  }

  /** Gives everything up: its parameters go into other arenas, and have not been given other windows yet. */
  dissolve(keepPrevious: boolean): void {
    this.#unscaled = undefined
    if (this.#flat) retire(this.#flat, { keepPrevious })
    for (const slot of Object.values(this.slots)) retire(slot, { keepPrevious })
    if (this.#gradients) retire(this.#gradients, { keepPrevious })
  }
}

/** What is known of a parameter that is to lie in an arena. */
export interface Resident {
  readonly param: Tensor
  readonly step: StepCount
  readonly slots: Slots
}

/** Lays parameters of one group out in arenas of one dtype, device and number of steps, none too large for one binding. */
export function layOut<G>(group: G, residents: readonly Resident[]): Arena<G>[] {
  const alike = new Map<string, Resident[]>()
  for (const resident of residents) {
    const { param, step, slots } = resident
    const key = [param.dtype, param.device, step instanceof Tensor ? `counted ${step._node.id}` : step, ...Object.keys(slots)].join(' ')
    const list = alike.get(key)
    if (list) list.push(resident)
    else alike.set(key, [resident])
  }
  return [...alike.values()].flatMap(chunks).map((list) => {
    const params = list.map((r) => r.param)
    const { step, slots } = list[0] as Resident
    const flat = Object.keys(slots).map((name) => [name, packTensors(list.map((r) => like(r.slots[name] as Tensor, r.param)))] as const)
    return new Arena(group, params, step, Object.fromEntries(flat))
  })
}

/** Where something is to be that meets `x`. */
const beside = (x: Tensor): { readonly device?: DeviceName } => (x.device === 'auto' ? {} : { device: x.device })

/** `x` on the device of `other`. */
export const toDeviceOf = (x: Tensor, other: Tensor): Tensor =>
  other.device === 'auto' || x.device === other.device ? x : to(x, { device: other.device })

/** How many elements of each row of an arena belong to a parameter. */
function filledOf(params: readonly Tensor[], rows: number): Int32Array {
  const { offsets } = packOffsets(params)
  const filled = new Int32Array(rows)
  params.forEach((p, i) => {
    const first = (offsets[i] as number) / PACK_ALIGN
    for (let left = p.numel(), row = first; left > 0; left -= PACK_ALIGN, row++) filled[row] = Math.min(left, PACK_ALIGN)
  })
  return filled
}

const like = (slot: Tensor, param: Tensor): Tensor => {
  const { dtype, device } = param
  return to(slot, device === 'auto' || slot.device === device ? { dtype } : { dtype, device })
}

function chunks(list: readonly Resident[]): Resident[][] {
  const out: Resident[][] = []
  let room = 0
  for (const resident of list) {
    const { length } = packOffsets([resident.param])
    const bytes = length * dtypeInfo[resident.param.dtype].bytes
    if (out.length === 0 || bytes > room) {
      out.push([])
      room = ARENA_BYTES
    }
    ;(out[out.length - 1] as Resident[]).push(resident)
    room -= bytes
  }
  return out
}
