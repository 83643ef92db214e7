/** @file What other folders import of the lazy graph. */
export * from './node.ts'
export * from './node-builders.ts'
export * from './primitive.ts'
export {
  isSource,
  isView,
  type Lowering,
  PRIMITIVES,
  type Role,
  type Row,
  roleOf,
  rowOf,
  type StructureWriter,
  viewBase,
  wholeBase,
} from './primitive-table.ts'
export * from './sinks.ts'
