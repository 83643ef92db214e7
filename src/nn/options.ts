/** @file What layers have in common: the options that say where and how their parameters are made, and the text of their options. */
import { ArgumentError, type DType, showArgument } from '../base/index.ts'
import type * as F from '../ops/index.ts'
import type { DeviceOf } from '../tensor/index.ts'
import type * as init from './init.ts'

/** Where and of what dtype a layer's parameters are made. */
export interface LayerOptions {
  readonly dtype?: DType
  readonly device?: Exclude<DeviceOf, 'auto'>
  /** Whose random numbers the starting values take. */
  readonly generator?: F.Generator
}

/** The names in {@link LayerOptions}. */
export const LAYER: readonly string[] = ['dtype', 'device', 'generator']

export const place = ({ dtype, device }: LayerOptions): { dtype?: DType; device?: 'cpu' | 'webgpu' } => ({
  ...(dtype ? { dtype } : {}),
  ...(device ? { device } : {}),
})
export const from = ({ generator }: LayerOptions): init.InitOptions => (generator ? { generator } : {})

export function checkSize(layer: string, role: string, n: number): number {
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError(layer, `${role} must be a whole number ≥ 0, got ${showArgument(n)}`)
  return n
}

/** A number as PyTorch prints it: 1e-05. */
export const shown = (n: number): string => (n !== 0 && Math.abs(n) < 1e-4 ? n.toExponential().replace(/e-(\d)$/, 'e-0$1') : String(n))

/** A pair as PyTorch prints it: (3, 3). */
export const shownPair = (pair: readonly number[]): string => `(${pair.join(', ')})`
