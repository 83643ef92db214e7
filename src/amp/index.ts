/** @file The entry `tapegrad/amp`: automatic mixed precision. */
import '../fluent.ts'

export { type AutocastOptions, autocast, isAutocastEnabled } from './autocast.ts'
export { type ContextFunction, type CustomFwdOptions, customBwd, customFwd } from './custom.ts'
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.ts'
