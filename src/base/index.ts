export * from './arguments.ts'
export * from './bytes.ts'
export * from './dtype.ts'
export * from './errors.ts'
export * from './float16.ts'

export * from './shape.ts'
