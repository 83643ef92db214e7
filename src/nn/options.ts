/** @file What layers have in common: the options that say where and how their parameters are made, and the text of their options. */
import { DEVICE, type DType, dtypes, isFloat, type Kind, named } from '../base/index.ts'
import * as F from '../ops/index.ts'
import type { DeviceName } from '../tensor/index.ts'
import type * as init from './init.ts'

/** Where and of what dtype a layer's parameters are made. */
export interface LayerOptions {
  /** The dtype of the parameters, a float one: float32 by default. */
  readonly dtype?: DType
  /** The device of the parameters: the default device by default. */
  readonly device?: DeviceName
  /** Whose random numbers the starting values take: by default those that `manualSeed` seeds. */
  readonly generator?: F.Generator
}

/** A float dtype. */
export const FLOAT_DTYPE: Kind = named('a float dtype', dtypes.filter(isFloat))
/** The kinds of {@link LayerOptions}. */
export const LAYER = { dtype: FLOAT_DTYPE, device: DEVICE, generator: F.GENERATOR } as const

export const place = ({ dtype, device }: LayerOptions): { dtype?: DType; device?: DeviceName } => ({
  ...(dtype ? { dtype } : {}),
  ...(device ? { device } : {}),
})
export const from = ({ generator }: LayerOptions): init.InitOptions => (generator ? { generator } : {})

/** A number as PyTorch prints it: 1e-05. */
export const shown = (n: number): string => (n !== 0 && Math.abs(n) < 1e-4 ? n.toExponential().replace(/e-(\d)$/, 'e-0$1') : String(n))

/** A pair as PyTorch prints it: (3, 3). */
export const shownPair = (pair: readonly number[]): string => `(${pair.join(', ')})`
