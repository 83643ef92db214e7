export * from './ir.ts'
export * from './terms.ts'
