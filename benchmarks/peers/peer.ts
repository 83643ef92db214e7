/** @file What a library must do to be measured. */
import type { AdapterFacts } from '../gpu.ts'
import type { CnnData, MlpData } from '../tasks.ts'

export interface Peer {
  /** `tfjs 4.22.0` */
  readonly label: string
  readonly adapter: AdapterFacts
  /** These set a network up; the function returned trains one step and reads its loss. */
  mlp(data: MlpData): Promise<() => Promise<number>>
  cnn(data: CnnData): Promise<() => Promise<number>>
  /** Puts two n×n matrices on the device; the function returned multiplies them and reads the whole product. */
  matmul(n: number, a: Float32Array, b: Float32Array): Promise<() => Promise<ArrayLike<number>>>
}
