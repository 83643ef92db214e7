export * from './contract.ts'
export * from './ir.ts'
export * from './terms.ts'
export * from './walk.ts'
