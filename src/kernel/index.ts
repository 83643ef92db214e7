export {
  isAffine,
  keyOf,
  linear,
  literal,
  type Move,
  movesOf,
  ofAxis,
  ofValue,
  reshapeCoords,
  sameIndex,
  shift,
  unravel,
} from './affine.ts'
export * from './collapse-axes.ts'
export * from './contract.ts'
export * from './cost.ts'
export * from './fold.ts'
export * from './identity.ts'
export * from './ir.ts'
export * from './kernel-key.ts'
export * from './operators.ts'
export * from './reduction-order.ts'
export * from './rename.ts'
export * from './routine.ts'
export * from './value-numbering.ts'
export * from './walk.ts'
