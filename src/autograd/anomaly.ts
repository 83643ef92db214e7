/**
 * @file Anomaly mode: where a NaN or an infinity was born. Each op that is recorded has its tensors looked at, on the device and with the step that computes them: a
 * code for each says whether it has a NaN or an infinity. The codes are read with whatever is read next, and the first op in the order of recording
 * that gave what it was not given is the error of that promise.
 *
 * A function that is made of others is looked at as a whole, since what its parts make may be left out again (`where`); the part is named where the whole is at fault.
 * So is a gradient rule: the gradients that it was given, and those that it gives. And so is a sum of gradients, where several meet.
 */
import {
  AnomalyError,
  BOOLEAN,
  Context,
  FUNCTION,
  isFloat,
  isThenable,
  MOST_ELEMENTS,
  recordingCall,
  recordingFunction,
  showShape,
  signature,
  sizeOf,
} from '../base/index.ts'
import type { Node } from '../graph/index.ts'
import { add, amax, cast, isinf, isnan, mul, stack } from '../ops/index.ts'
import { checkReads, readNode } from '../runtime/index.ts'
import {
  currentWalk,
  follow,
  keepTensor,
  type RecordSite,
  recordSite,
  type TapeEntry,
  Tensor,
  traceSites,
  withoutAutocast,
} from '../tensor/index.ts'

/** What a tensor has, worst first. */
const NAN = 2
const INF = 1

/** A callback in anomaly mode. */
interface Mode {
  /** The callback that it runs in. */
  readonly outer: Mode | undefined
  /** It ended with an error of its own: what it made is looked at no more. */
  failed: boolean
}
const hasFailed = (mode: Mode | undefined): boolean => mode !== undefined && (mode.failed || hasFailed(mode.outer))

/** An op, a gradient rule, or a sum of gradients, whose tensors are looked at. */
interface Look {
  readonly op: string
  /** Which call of a public function it is a part of; undefined for a rule and a sum, each of which is one by itself. */
  readonly call: number | undefined
  readonly inputs: readonly Node[]
  readonly outputs: readonly Node[]
  /** Whether an infinite number was among its parameters: it was given, not born. */
  readonly infinite: boolean
  readonly site: RecordSite
  /** Of a rule and a sum: where their op was recorded, if anomaly mode was on there; of a leaf, which no op made, where backward was called. */
  readonly backward: { readonly what: string; readonly path: readonly string[]; readonly site: RecordSite | undefined } | undefined
  readonly mode: Mode | undefined
}

let looks: Look[] = []
let codes = new Map<Node, Tensor>()
/** Whether what is recorded now looks at other ops. */
let looking = false

/** The code of a tensor: 0-d int32. */
function lookAt(node: Node): void {
  if (codes.has(node)) return
  const x = new Tensor(node)
  // (bool times a number, so that nothing is computed of what is not finite)
  const each = add(mul(cast(isnan(x), 'int32'), NAN), mul(cast(isinf(x), 'int32'), INF))
  codes.set(node, keepTensor(amax(each, [...node.shape.keys()])))
}

const isLookedAt = ({ dtype, shape }: Node): boolean => isFloat(dtype) && sizeOf(shape) > 0 && sizeOf(shape) <= MOST_ELEMENTS

const nodesOf = (tensors: readonly (Tensor | undefined)[]): Node[] => tensors.flatMap((x) => (x && isLookedAt(x._node) ? [x._node] : []))

function look(found: Omit<Look, 'mode' | 'site'>): void {
  // (what an op hands on as it is has not been made by it: a reshape to the same shape)
  const outputs = found.outputs.filter((node) => !found.inputs.includes(node))
  if (outputs.length === 0) return
  looking = true
  try {
    withoutAutocast(false, () => {
      for (const node of [...found.inputs, ...outputs]) lookAt(node)
    })
  } finally {
    looking = false
  }
  looks.push({ ...found, outputs, site: recordSite(), mode: scopes.current })
}

/** Gives up the looks of callbacks that failed. */
function giveUp(): void {
  looks = looks.filter(({ mode }) => !hasFailed(mode))
  const left = new Set(looks.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]))
  for (const node of codes.keys()) if (!left.has(node)) codes.delete(node)
}

/** Whether an infinite number is among parameters. */
function isInfinite(params: unknown): boolean {
  if (typeof params === 'number') return params === Number.POSITIVE_INFINITY || params === Number.NEGATIVE_INFINITY
  if (params instanceof Tensor || typeof params !== 'object' || params === null) return false
  return Object.values(params).some((x) => typeof x === 'number' && isInfinite(x))
}

// ── what was found ──

/** Reads the codes of what has been recorded. @throws AnomalyError */
async function check(): Promise<void> {
  if (looks.length === 0) return
  const [all, of] = [looks, codes]
  looks = []
  codes = new Map()
  looking = true
  const places = byPlace([...of.keys()], of)
  let lists: Tensor[]
  try {
    lists = withoutAutocast(false, () => places.map((nodes) => stack(nodes.map((node) => of.get(node) as Tensor))))
  } finally {
    looking = false
  }
  const values = await Promise.all(lists.map((list) => readNode(list._node)))
  const found = new Map(places.flatMap((nodes, i) => nodes.map((node, k) => [node, values[i]?.[k] as number])))
  settle()
  const born = firstBorn(all, (nodes) => Math.max(0, ...nodes.map((node) => found.get(node) ?? 0)))
  if (born) throw born
}

/** Nodes by where their codes are: those of what was put nowhere may have been computed on any device. */
function byPlace(nodes: readonly Node[], of: ReadonlyMap<Node, Tensor>): Node[][] {
  const places = new Map<unknown, Node[]>()
  for (const node of nodes) {
    const { storage, placement } = (of.get(node) as Tensor)._node
    const place = storage?.owner ?? placement
    places.set(place, [...(places.get(place) ?? []), node])
  }
  return [...places.values()]
}

type CodeOf = (nodes: readonly Node[]) => number

function firstBorn(all: readonly Look[], codeOf: CodeOf): AnomalyError | undefined {
  const calls = new Map<unknown, Look[]>()
  for (const each of all) {
    const key = each.call ?? each
    const call = calls.get(key)
    if (call) call.push(each)
    else calls.set(key, [each])
  }
  const made = new Set<Node>()
  for (const call of calls.values()) {
    const own = new Set(call.flatMap(({ outputs }) => outputs))
    const read = new Set(call.flatMap(({ inputs }) => inputs))
    const results = [...own].filter((node) => !read.has(node))
    const given = [...read].filter((node) => !own.has(node))
    const code = bornOf(
      codeOf(results),
      codeOf(given),
      call.some(({ infinite }) => infinite),
    )
    if (code) {
      const part = call.find(({ inputs, outputs, infinite }) => bornOf(codeOf(outputs), codeOf(inputs), infinite)) ?? (call.at(-1) as Look)
      return errorOf(part, code, false)
    }
    const nan = given.find((node) => !made.has(node) && codeOf([node]) === NAN)
    if (nan && codeOf(results) === NAN) return errorOf(call.find(({ inputs }) => inputs.includes(nan)) as Look, NAN, true)
    for (const node of own) made.add(node)
  }
  return undefined
}

/** What outputs have that inputs do not; 0 for nothing. */
function bornOf(after: number, before: number, infinite: boolean): number {
  if (after === NAN && before !== NAN) return NAN
  return after === INF && before === 0 && !infinite ? INF : 0
}

function errorOf({ op, site, backward }: Look, code: number, given: boolean): AnomalyError {
  const value = code === NAN ? 'NaN' : 'Inf'
  const where = backward ? backward.site : site
  const module = where?.module() ?? ''
  const line = where?.line ?? ''
  const path = backward?.path ?? site.path
  const how = given ? `it was given a ${value} that no op has made` : `${backward?.what ?? 'its result'} is the first that has a ${value}`
  const places = [
    `in ${backward ? 'backward' : 'forward'}`,
    ...(backward || path.length < 2 ? [] : [`as a part of ${path.join(' > ')}`]),
    ...(module ? [`in module ${module}`] : []),
    ...(line
      ? [`called at ${line}`]
      : backward && !backward.site
        ? ['called where anomaly mode was off: turn it on around forward too, and the line is named']
        : []),
  ]
  return new AnomalyError(op, `${how}, ${places.join(', ')}`, { value, phase: backward ? 'backward' : 'forward', module, line, path })
}

// ── the mode ──

const scopes = new Context<Mode>()
let everywhere = false
const isOn = (): boolean => (scopes.current ? !hasFailed(scopes.current) : everywhere)
/** Callbacks that are running. */
let running = 0

type Gradients = readonly (Tensor | undefined)[]

/** Looks at gradients; those of a leaf without an entry. */
function lookBack(entry: TapeEntry<Tensor> | undefined, what: string, inputs: Gradients, outputs: Gradients): void {
  const op = entry ? entry.op.name : recordingFunction()
  const backward = entry ? { what, path: [`backward of ${op}`], site: entry.site } : { what, path: [op], site: recordSite() }
  look({ op, call: undefined, infinite: false, backward, inputs: nodesOf(inputs), outputs: nodesOf(outputs) })
}

/** What ops and rules call while the mode is on somewhere: nothing else costs anything while it is off. */
function settle(): void {
  const on = everywhere || running > 0
  traceSites(on ? isOn : undefined)
  checkReads(on || looks.length > 0 ? check : undefined)
  follow(
    on
      ? {
          op: (op, inputs, outputs, params) => {
            if (looking || currentWalk() || op.virtual || !isOn()) return
            const made = { op: op.name, call: recordingCall(), infinite: isInfinite(params), backward: undefined }
            look({ ...made, inputs: nodesOf(inputs), outputs: nodesOf(outputs) })
          },
          rule: (entry, flowed, found) => {
            if (!looking && isOn()) lookBack(entry, 'its gradient', flowed, found)
          },
          sum: ({ entry, shape }, parts, total) => {
            if (looking || !isOn()) return
            if (entry) lookBack(entry, "the sum of its result's gradients", parts, [total])
            else lookBack(undefined, `the sum of the gradients of a leaf ${showShape(shape)}`, parts, [total])
          },
        }
      : undefined,
  )
}

const DETECT_ANOMALY = signature('detectAnomaly', { fn: FUNCTION })
const SET_DETECT_ANOMALY = signature('setDetectAnomaly', { mode: BOOLEAN })

/**
 * Runs `fn` in anomaly mode: where an op, or in backward a gradient rule or a sum of gradients, gives a NaN or an infinity that it was not given, there is an AnomalyError that names the op, the line of the program that
 * called it, and the path of the module. It is thrown by the next promise of the library (`item()`, `data()`, `synchronize()`), or by the one that an async `fn` returns. Infinite numbers that
 * the program gives itself (`where(mask, x, -Infinity)`) are none. Slow: every tensor is looked at.
 * Where `fn` throws or rejects, that error is all: what `fn` made is looked at no more.
 * @see https://pytorch.org/docs/stable/autograd.html#anomaly-detection
 * @example await detectAnomaly(async () => { const loss = net.forward(x).mean(); loss.backward(); return loss.item() })
 */
export function detectAnomaly<T>(fn: () => T): T {
  DETECT_ANOMALY.check(fn)
  running++
  settle()
  const mode: Mode = { outer: scopes.current, failed: false }
  const end = (): void => {
    running--
    if (mode.failed) giveUp()
    settle()
  }
  let result: T
  try {
    result = scopes.run('detectAnomaly', mode, fn)
  } catch (e) {
    mode.failed = true
    end()
    throw e
  }
  if (!isThenable(result)) {
    end()
    return result
  }
  const checked = async (): Promise<unknown> => {
    try {
      const value = await result
      await check()
      return value
    } catch (e) {
      mode.failed = true
      throw e
    } finally {
      end()
    }
  }
  return checked() as T
}

/** Whether anomaly mode is on, here and now. @see https://pytorch.org/docs/stable/generated/torch.is_anomaly_enabled.html */
export const isAnomalyEnabled = (): boolean => scopes.current !== undefined || everywhere

/** Turns anomaly mode on or off for all that follows; see {@link detectAnomaly}. @see https://pytorch.org/docs/stable/autograd.html#torch.autograd.set_detect_anomaly */
export function setDetectAnomaly(mode: boolean): void {
  SET_DETECT_ANOMALY.check(mode)
  everywhere = mode
  settle()
}
