/** @file What a library must do to be measured. */
import type { Iteration, Loop } from '../dynamic-tasks.ts'
import type { AdapterFacts } from '../gpu.ts'
import type { OpRun, OpTask } from '../ops-tasks.ts'
import type { CnnData, MlpData, ProductShape } from '../tasks.ts'

export interface Peer {
  /** `tfjs 4.22.0` */
  readonly label: string
  readonly adapter: AdapterFacts
  /** tapegrad only: what its device offers. */
  readonly features?: readonly string[]
  /** No library: what it does for `elementwise` is to copy. */
  readonly copies?: true
  /** These set a network up; the function returned trains one step and reads its loss. */
  mlp?(data: MlpData): Promise<() => Promise<number>>
  cnn?(data: CnnData): Promise<() => Promise<number>>
  /** Puts two matrices on the device, or as many pairs as `batch` says; the function returned multiplies them and reads the whole product. */
  matmul?(shape: ProductShape, a: Float32Array, b: Float32Array): Promise<() => Promise<ArrayLike<number>>>
  /** Puts `x` on the device; asked of device cpu only. */
  elementwise?(x: Float32Array, chain: { readonly scale: number; readonly shift: number }): Promise<Chain>
  /** Sets a loop up whose graph changes. */
  loop?(loop: Loop): Promise<Iteration>
  /** Sets an op up; nothing where the library has none like it. */
  op?(task: OpTask): Promise<OpRun | undefined>
}

export interface Chain {
  /** Computes relu(x · scale + shift), all of it, and leaves the result on the device. */
  run(): Promise<void>
  /** Computes it once more, and reads it. */
  read(): Promise<ArrayLike<number>>
}

/** How many threads a library is asked to use, where it can be asked. */
export const threadsAsked = (): number => Number(process.env.BENCH_THREADS ?? 1)

export const counted = (threads: number): string => `${threads} thread${threads === 1 ? '' : 's'}`
