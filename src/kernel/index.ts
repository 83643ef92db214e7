export * from './contract.ts'
export * from './ir.ts'
export * from './terms.ts'
