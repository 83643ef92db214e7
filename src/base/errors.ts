/** @file The errors that users meet. Fields, not only text: `op` names the function, the rest is what was wrong. */

const show = (shape: readonly number[]): string => `[${shape.join(', ')}]`

export { show as showShape }

/** The root of the library's own errors. */
export class TapegradError extends Error {
  /** The function that was called. */
  readonly op: string
  constructor(op: string, message: string, options?: ErrorOptions) {
    super(op ? `${op}: ${message}` : message, options)
    this.name = new.target.name
    this.op = op
  }
}

/** The error as one of `op`, the function that was called, where it comes from one that this is made of. Other errors stay as they are. */
export function renamed(error: unknown, op: string): unknown {
  if (!(error instanceof TapegradError) || error.op === op) return error
  const before = error.message
  const after = error.op !== '' && before.startsWith(`${error.op}: `) ? before.slice(error.op.length + 2) : before
  error.message = `${op}: ${after}`
  if (error.stack) error.stack = error.stack.replace(before, () => error.message)
  ;(error as { op: string }).op = op
  return error
}

/** Where `above`, a function that users call by one or two of others, was called. Only some engines tell. */
export function callSite(above: (...args: never[]) => unknown): string {
  const site: { stack?: string } = {}
  Error.captureStackTrace?.(site, above)
  const { stack = '' } = site
  return stack.slice(stack.indexOf('\n') + 1)
}

/** The error with the stack of a {@link callSite}: where it was thrown lies so deep that the line of the user is beyond the few that an engine keeps. */
export function thrownAt(error: unknown, site: string): unknown {
  if (error instanceof TapegradError && site !== '') error.stack = `${error.name}: ${error.message}\n${site}`
  return error
}

/** Shapes or dims do not fit. */
export class ShapeError extends TapegradError {
  /** The shapes that do not fit, in the order of the arguments. */
  readonly shapes: readonly (readonly number[])[]
  constructor(op: string, message: string, shapes: readonly (readonly number[])[] = []) {
    super(op, message)
    this.shapes = shapes
  }
}

/** A dtype that the function does not take. */
export class DTypeError extends TapegradError {}
/** Tensors of two devices met, or a device is not there. */
export class DeviceError extends TapegradError {}
/** An argument has a value that the function does not take. */
export class ArgumentError extends TapegradError {}
/** An index lies outside its axis. Thrown at the call where the host knows the values, else at the next await. */
export class IndexError extends TapegradError {}
/** An integer was divided by 0. Thrown at the call where the host knows the divisor, else at the next await. */
export class ZeroDivisionError extends TapegradError {}
/** An interior tensor of a step that has long been closed was read. */
export class StaleTensorError extends TapegradError {}
/** A synchronous loop recorded more work than the device may have waiting. */
export class BacklogError extends TapegradError {}
/** The device has no room for a buffer. `bytes` is what was asked for. */
export class OutOfMemoryError extends TapegradError {
  /** How many were asked for. */
  readonly bytes: number
  constructor(op: string, bytes: number, message: string) {
    super(op, message)
    this.bytes = bytes
  }
}
/** Recorded work could not be made into kernels: a fault of the library, or of a driver. `cause` is what went wrong. */
export class CompilationError extends TapegradError {
  constructor(op: string, message: string, cause: unknown) {
    super(op, message)
    this.cause = cause
  }
}
/** The `cpu` function of a `customOp` threw; `op` is the name of that, `cause` what was thrown. */
export class CustomOpError extends TapegradError {
  constructor(op: string, message: string, cause: unknown) {
    super(op, message, { cause })
  }
}
/** The device went away (driver reset, destroyed). */
export class DeviceLostError extends TapegradError {}
/** Misuse of autograd: no graph, freed graph, a saved tensor that was changed. */
export class AutogradError extends TapegradError {}
/** What anomaly mode tells of the place where a NaN or an infinity was born. */
export interface Anomaly {
  /** What was born: a NaN, or an infinity of either sign. */
  readonly value: 'NaN' | 'Inf'
  /** Whether an op gave it, or its gradient rule. */
  readonly phase: 'forward' | 'backward'
  /** The path of the module that called the op, '' outside of all. */
  readonly module: string
  /** File, line and column of the call, where the engine tells them. */
  readonly line: string
  /** The functions that the op is a part of, the outermost first. */
  readonly path: readonly string[]
}
/** In anomaly mode: an op, or its gradient, gave a NaN or an infinity that it was not given. */
export class AnomalyError extends TapegradError implements Anomaly {
  readonly value: 'NaN' | 'Inf'
  readonly phase: 'forward' | 'backward'
  readonly module: string
  readonly line: string
  readonly path: readonly string[]
  constructor(op: string, message: string, { value, phase, module, line, path }: Anomaly) {
    super(op, message)
    this.value = value
    this.phase = phase
    this.module = module
    this.line = line
    this.path = path
  }
}
/** What is read is no state, what is at a path may not be replaced, or files are not to be had. `path` is the file's, where there is one. */
export class CheckpointError extends TapegradError {
  /** The file's, where there is one. */
  readonly path: string | undefined
  constructor(op: string, message: string, path?: string) {
    super(op, message)
    this.path = path
  }
}
