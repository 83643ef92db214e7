/** @file What other folders import of the compiler. */
export { freeingEarly } from './free-early.ts'
export { inPlace } from './in-place.ts'
export { byTime, topological } from './order.ts'
export { PartPlans } from './parts.ts'
export type { Schedule } from './program.ts'
export { schedule } from './schedule.ts'
export { numberOf, type Signature, sameSignature, signature } from './signature.ts'
export { scheduleVarying, withAlike } from './varying.ts'
