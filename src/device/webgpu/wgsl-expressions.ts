/**
 * @file Expressions of the kernel IR as WGSL text. Equal expressions are computed once, in the outermost scope where everything that they
 * depend on is known (so what does not depend on a loop's axis stands in front of the loop).
 */
import type { DType } from '../../base/index.ts'
import {
  type Atom,
  type Axis,
  type Expr,
  type Index,
  type Kernel,
  NONE,
  rangeOf,
  union,
  ValueNumbering,
  type ValueType,
  valueTypeOf,
} from '../../kernel/index.ts'
import { binaryText, castText, constantText, convertText, unaryText, type Words } from './arithmetic.ts'
import { floatBits, inverseBits, type Params } from './uniforms.ts'

/** A condition under which an expression counts. */
interface Guard {
  readonly text: string
  readonly axes: ReadonlySet<Axis>
  /** The one around it: what was computed under that has been computed. */
  readonly outer: Guard | undefined
}

/** A block of the kernel: the lines so far, the values named in it, and the axes that it binds. */
export interface WgslScope {
  readonly lines: string[]
  readonly indent: string
  readonly known: Map<string, string>
  readonly axes: Map<Axis, string>
}

const LONG = 90

/** What generated names begin with. Followed by a number, none of them can be a type, a keyword or a builtin of WGSL (as i32 or f16 would be). */
type Prefix = 'v' | 'at' | 'on' | 'block' | 't'

/** Divisors and sizes of windows up to this are part of a kernel's text. */
export const SMALL = 16

const isZero = (e: Expr): boolean => e.kind === 'const' && e.value === 0

/** Whether the text is a name, an element or a single call, and so needs no parentheses. */
function isAtomic(text: string): boolean {
  if (/^\w[\w.]*$/.test(text)) return true
  if (!/^[\w<>]+[([].*[)\]]$/.test(text)) return false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(' || text[i] === '[') depth++
    else if ((text[i] === ')' || text[i] === ']') && --depth === 0 && i < text.length - 1) return false
  }
  return true
}

export class WgslExpressions {
  readonly kernel: Kernel
  readonly params: Params
  readonly words: Words
  usesScalars = false
  usesErrors = false
  readonly #scopes: WgslScope[] = []
  readonly #terms: ValueNumbering
  readonly #axisNames = new Map<Axis, string>()
  readonly #accNames = new Map<string, string>()
  /** Indices of loads and stores, without their offsets. */
  readonly #bases = new Map<Index, Index>()
  #names = 0
  /** Grid axes and their row-major strides. */
  readonly #strides = new Map<Axis, number>()
  /** The variable that holds the row-major position in the grid. */
  readonly point = 'point'

  constructor(kernel: Kernel, params: Params, words: Words) {
    this.kernel = kernel
    this.params = params
    this.words = words
    let stride = 1
    for (const axis of [...kernel.grid].reverse()) {
      this.#strides.set(axis, stride)
      stride *= axis.size
    }
    for (const [i, axis] of kernel.grid.entries()) this.#axisNames.set(axis, `g${i}`)
    this.#terms = new ValueNumbering(kernel, (axis) => this.axisName(axis))
  }

  // --- scopes ---

  get scope(): WgslScope {
    return this.#scopes.at(-1) as WgslScope
  }

  open(axes: readonly (readonly [Axis, string])[] = []): WgslScope {
    const indent = '  '.repeat(this.#scopes.length + 1)
    const scope: WgslScope = { lines: [], indent, known: new Map(), axes: new Map(axes) }
    this.#scopes.push(scope)
    return scope
  }

  /** Ends the innermost scope; its lines go into the enclosing one between `head` and a closing brace. */
  close(head?: string): string {
    const scope = this.#scopes.pop() as WgslScope
    const body = scope.lines.join('\n')
    if (head !== undefined) this.scope.lines.push(`${this.scope.indent}${head}`, body, `${this.scope.indent}}`)
    return body
  }

  line(text: string): void {
    this.scope.lines.push(`${this.scope.indent}${text}`)
  }

  /** Lines that are indented as they are to be. */
  lines(text: string): void {
    this.scope.lines.push(text)
  }

  /** A short name for a loop axis, by order of appearance, so that equal kernels print equally. */
  axisName(axis: Axis): string {
    let name = this.#axisNames.get(axis)
    if (!name) {
      name = `k${this.#axisNames.size - this.kernel.grid.length}`
      this.#axisNames.set(axis, name)
    }
    return name
  }

  axisSize(axis: Axis): string {
    return this.params.use(`size:${this.axisName(axis)}`, axis.size)
  }

  setAccumulator(stage: number, slot: number, name: string): void {
    this.#accNames.set(`${stage}.${slot}`, name)
  }

  fresh(prefix: Prefix = 'v'): string {
    return `${prefix}${this.#names++}`
  }

  /** The value as text that may stand as an operand in the innermost scope. */
  value(expr: Expr): string {
    return this.#emit(expr, this.scope, undefined)
  }

  /** The value as a variable. */
  named(expr: Expr): string {
    const text = this.value(expr)
    if (/^[a-z]\w*$/.test(text)) return text
    const name = this.fresh()
    this.line(`let ${name} = ${text};`)
    return name
  }

  /** Where in a buffer an element is stored. */
  place(buffer: number, index: Index): string {
    return this.#place(buffer, index, this.scope, undefined)
  }

  /** A number that the kernel is given. */
  scalar({ slot, type }: Extract<Expr, { kind: 'scalar' }>): string {
    this.usesScalars = true
    const word = `scalars[${this.params.scalar(slot)}]`
    return type === 'float' ? `bitcast<f32>(${word})` : type === 'i32' ? `bitcast<i32>(${word})` : word
  }

  // --- printing ---

  /** The outermost scope in which all of the axes are known. */
  #home(axes: ReadonlySet<Axis>, guard: Guard | undefined): WgslScope {
    for (let i = this.#scopes.length - 1; i > 0; i--) {
      for (const axis of (this.#scopes[i] as WgslScope).axes.keys()) {
        if (axes.has(axis) || guard?.axes.has(axis)) return this.#scopes[i] as WgslScope
      }
    }
    return this.#scopes[0] as WgslScope
  }

  /** The name of what was computed under a guard, or under one around it. */
  #found(key: string, axes: ReadonlySet<Axis>, guard: Guard | undefined): string | undefined {
    for (let g = guard; ; g = g.outer) {
      const name = this.#home(axes, g).known.get(g ? `${key}|${g.text}` : key)
      if (name !== undefined || g === undefined) return name
    }
  }

  #keep(key: string, text: string, scope: WgslScope, prefix: Prefix = 'v'): string {
    const name = this.fresh(prefix)
    scope.lines.push(`${scope.indent}let ${name} = ${text};`)
    scope.known.set(key, name)
    return name
  }

  #emit(expr: Expr, into: WgslScope, outer: Guard | undefined): string {
    if (expr.kind === 'const')
      return constantText(expr.value, expr.type, (v) => `bitcast<f32>(${this.params.use(`bits:${v}`, floatBits(v))})`)
    if (expr.kind === 'acc') return this.#accNames.get(`${expr.stage}.${expr.slot}`) as string
    const info = this.#terms.info(expr)
    const guard = info.checked ? outer : undefined
    const scope = this.#home(info.axes, guard)
    const key = guard ? `${info.id}|${guard.text}` : `${info.id}`
    const known = this.#found(`${info.id}`, info.axes, guard)
    if (known) return known
    const text = this.#print(expr, scope, guard)
    if (info.uses <= 1 && scope === into && text.length < LONG) return isAtomic(text) ? text : `(${text})`
    return this.#keep(key, text, scope)
  }

  #print(expr: Exclude<Expr, { kind: 'const' | 'acc' }>, scope: WgslScope, guard: Guard | undefined): string {
    const operand = (e: Expr): string => this.#emit(e, scope, guard)
    switch (expr.kind) {
      case 'scalar':
        return this.scalar(expr)
      case 'load':
        return this.loadOf(expr.buffer, this.#place(expr.buffer, expr.index, scope, guard), expr.type)
      case 'position':
        return `i32(${this.#emitIndex(expr.index, scope, guard)})`
      case 'inside':
        return `${this.#emitIndex(expr.index, scope, guard)} < ${this.params.use(`inside:${this.#terms.indexInfo(expr.index).id}:${expr.size}`, expr.size)}`
      case 'checked': {
        this.usesErrors = true
        const size = this.params.use(`checked:${this.#terms.info(expr).id}`, expr.size)
        return `checked_index(${operand(expr.value)}, ${size}, ${this.params.site(expr.site)}, ${guard?.text ?? 'true'})`
      }
      case 'unary':
        return unaryText(expr.op, expr.x.type, this.#runtime(expr.x, operand(expr.x), scope))
      case 'cast':
        return castText(this.#runtime(expr.x, operand(expr.x), scope), expr.x.type, expr.to)
      case 'binary': {
        const a = operand(expr.a)
        // Compilers take 0·x for 0 and guess at x / 0, whatever x is: a zero that they cannot see
        if (expr.type === 'float' && (expr.op === 'mul' || expr.op === 'div') && (isZero(expr.a) || isZero(expr.b))) {
          const zero = `bitcast<f32>(${this.params.use('bits:0', 0)})`
          return `${isZero(expr.a) ? zero : a} ${expr.op === 'mul' ? '*' : '/'} ${isZero(expr.b) ? zero : operand(expr.b)}`
        }
        // Two literals would be folded by the WGSL compiler, which refuses overflow and Inf
        return binaryText(expr.op, expr.a.type, expr.b.kind === 'const' ? this.#runtime(expr.a, a, scope) : a, operand(expr.b), expr)
      }
      case 'where':
        return this.#where(expr, scope, guard)
      case 'philox': {
        const block = this.#philoxBlock(expr, scope, operand)
        return `${block}.${'xyzw'[expr.word]}`
      }
    }
  }

  #runtime(expr: Expr, text: string, scope: WgslScope): string {
    if (expr.kind !== 'const') return text
    const key = `let ${text}`
    return scope.known.get(key) ?? this.#keep(key, text, scope)
  }

  #where(expr: Extract<Expr, { kind: 'where' }>, scope: WgslScope, guard: Guard | undefined): string {
    const test = this.#emit(expr.test, scope, guard)
    for (const shared of this.#terms.sharedBranches(expr)) this.#emit(shared, scope, guard)
    const branch = (e: Expr, negate: boolean): string => {
      if (!this.#terms.info(e).checked) return this.#emit(e, scope, undefined)
      const own = negate ? `!${test}` : test
      const text = guard ? `${guard.text} & ${own}` : own
      const axes = union([this.#terms.info(expr.test).axes, guard?.axes ?? NONE])
      const home = this.#home(axes, undefined)
      const name = home.known.get(`if ${text}`) ?? this.#keep(`if ${text}`, text, home, 'on')
      return this.#emit(e, scope, { text: name, axes, outer: guard })
    }
    const a = branch(expr.a, false)
    const b = branch(expr.b, true)
    return `select(${b}, ${a}, ${test})`
  }

  #philoxBlock(expr: Extract<Expr, { kind: 'philox' }>, scope: WgslScope, operand: (e: Expr) => string): string {
    const key = `philox ${[...expr.key, ...expr.counter].map((e) => this.#terms.info(e).id).join()}`
    const known = scope.known.get(key)
    if (known) return known
    const counter = expr.counter.map(operand).join(', ')
    return this.#keep(key, `philox(vec4<u32>(${counter}), vec2<u32>(${expr.key.map(operand).join(', ')}))`, scope, 'block')
  }

  /** An element of a buffer as a value of `type`; narrow dtypes are unpacked from their word. */
  loadOf(buffer: number, index: string, type: ValueType): string {
    const dtype = this.kernel.buffers[buffer]?.dtype as DType
    const word = this.words[dtype]
    const at = word.elements === 1 || /^\w+$/.test(index) ? index : `(${index})`
    return convertText(word.load(`b${buffer}`, at), valueTypeOf(dtype), type)
  }

  /**
   * Where an element lies in a buffer. Where a view begins is always a parameter, of each buffer its own: a value that is a slice of another, of a pack for instance,
   * is read by the same text as one that is not, whatever lies beside it.
   */
  #place(buffer: number, index: Index, scope: WgslScope, guard: Guard | undefined): string {
    const base = this.#baseOf(index)
    const begin = this.params.use(`begin:${buffer}:${this.#terms.indexInfo(base).id}:${index.offset}`, index.offset)
    if (base.terms.length === 0) return begin
    return `${this.#emitIndex(base, scope, guard, true)} + ${begin}`
  }

  /** An index without its offset. */
  #baseOf(index: Index): Index {
    if (index.offset === 0) return index
    let base = this.#bases.get(index)
    if (!base) {
      base = { offset: 0, terms: index.terms }
      this.#bases.set(index, base)
    }
    return base
  }

  /** @param named whether what is more than a name becomes a variable, however often it is used */
  #emitIndex(index: Index, into: WgslScope, outer: Guard | undefined, named = false): string {
    const info = this.#terms.indexInfo(index)
    const guard = info.checked ? outer : undefined
    const scope = this.#home(info.axes, guard)
    const key = guard ? `${info.id}|${guard.text}` : `${info.id}`
    const known = this.#found(`${info.id}`, info.axes, guard)
    if (known) return known
    const text = this.#printIndex(index, scope, guard)
    if (/^\w+$/.test(text)) return text
    return !named && info.uses <= 1 && scope === into && text.length < LONG ? text : this.#keep(key, text, scope, 'at')
  }

  #printIndex(index: Index, scope: WgslScope, guard: Guard | undefined): string {
    const parts: string[] = []
    let rest = index.terms
    if (this.#isPoint(index)) {
      parts.push(this.point)
      rest = []
    }
    let atoms = ''
    for (const { coef, atom } of rest) {
      const key = this.#terms.atomKey(atom)
      atoms += `+${key}`
      const text = this.#atom(atom, scope, guard)
      parts.push(coef === 1 ? text : `${text} * ${this.params.use(`coef:${key}:${coef}`, coef)}`)
    }
    if (index.offset !== 0) parts.push(this.params.use(`offset:${atoms}:${index.offset}`, index.offset))
    return parts.length === 0 ? '0u' : parts.join(' + ')
  }

  /** Whether the index walks the grid in row-major order, so that it is the invocation's own position. */
  #isPoint(index: Index): boolean {
    const long = this.kernel.grid.filter((a) => a.size > 1)
    const terms = index.terms.filter((t) => t.atom.kind !== 'axis' || t.atom.axis.size > 1)
    if (terms.length === 0 || terms.length !== long.length) return false
    return terms.every((t) => t.atom.kind === 'axis' && this.#strides.get(t.atom.axis) === t.coef)
  }

  #atom(atom: Atom, scope: WgslScope, guard: Guard | undefined): string {
    switch (atom.kind) {
      case 'axis':
        return this.axis(atom.axis)
      case 'value':
        return `u32(${this.#emit(atom.value, scope, guard)})`
      case 'div':
      case 'mod':
        return this.#part(atom, guard)
    }
  }

  /** A quotient or a remainder. */
  #part(atom: Extract<Atom, { kind: 'div' | 'mod' }>, guard: Guard | undefined): string {
    const { by } = atom
    const info = this.#terms.indexInfo(atom.of)
    const inner = info.checked ? guard : undefined
    const home = this.#home(info.axes, inner)
    const key = `div ${info.id},${by}${inner ? `|${inner.text}` : ''}`
    const of = this.#emitIndex(atom.of, home, inner)
    const x = /^\w+$/.test(of) ? of : (home.known.get(`of ${key}`) ?? this.#keep(`of ${key}`, of, home, 'at'))
    const name = `by:${info.id}:${by}`
    const q = home.known.get(key) ?? this.#keep(key, this.quotient(x, by, name, rangeOf(atom.of)[1]), home, 'at')
    return atom.kind === 'div' ? q : `(${x} - ${q} * ${this.#divisor(by, name)})`
  }

  /** Windows and poolings divide by few small numbers, and compilers divide better by constants. */
  #divisor(by: number, name: string): string {
    return by <= SMALL ? `${by}u` : this.params.use(name, by)
  }

  /**
   * ⌊x / by⌋ for 0 ≤ x ≤ `most`. No vector unit divides whole numbers: adapters in software do it lane by lane, graphics hardware in dozens of steps. Where floats
   * are exact enough it is a product with the reciprocal.
   */
  quotient(x: string, by: number, name: string, most: number): string {
    const divisor = this.#divisor(by, name)
    if (by <= SMALL || most >= 2 ** 24 || most / by >= 2 ** 21) return `${x} / ${divisor}`
    return `quotient(${x}, ${divisor}, bitcast<f32>(${this.params.use(`inverse ${name}`, inverseBits(by))}))`
  }

  /** The position along an axis: a loop's variable, or recovered from the position in the grid. */
  axis(axis: Axis): string {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const name = this.#scopes[i]?.axes.get(axis)
      if (name) return name
    }
    throw new Error(`kernel ${this.kernel.label}: axis ${axis.id} is used outside its loop`)
  }

  /**
   * Binds the grid's axes in the innermost scope, by dividing the position. One division less than there are axes; axes that nothing uses cost
   * nothing after compilation.
   */
  bindGrid(used: ReadonlySet<Axis>): void {
    const { grid } = this.kernel
    const { scope } = this
    const points = grid.reduce((n, axis) => n * axis.size, 1)
    let above = '' // ⌊point / (sizes from here on)⌋
    grid.forEach((axis, i) => {
      const name = this.axisName(axis)
      scope.axes.set(axis, name)
      const inner = this.#strides.get(axis) as number
      const needed = used.has(axis) || (i + 1 < grid.length && used.has(grid[i + 1] as Axis))
      const here = i === grid.length - 1 ? this.point : needed ? `q${i}` : ''
      if (here && here !== this.point) this.line(`let ${here} = ${this.quotient(this.point, inner, `inner:${i}`, points - 1)};`)
      if (used.has(axis)) this.line(`let ${name} = ${i === 0 ? here : `${here} - ${above} * ${this.axisSize(axis)}`};`)
      above = here
    })
  }

  /** Axes that some index really needs one by one (an index that walks the whole grid in order does not). */
  usedAxes(): ReadonlySet<Axis> {
    const used = new Set<Axis>()
    for (const index of this.#terms.indices()) {
      if (this.#isPoint(index)) continue
      for (const { atom } of index.terms) if (atom.kind === 'axis') used.add(atom.axis)
    }
    return used
  }
}
