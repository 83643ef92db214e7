/** @file The entry `tapegrad/data`: datasets and the loader of batches. */
import '../fluent.ts'

export { type Collated, defaultCollate } from './collate.ts'
export { type Dataset, Subset, TensorDataset } from './dataset.ts'
export { DataLoader, type DataLoaderOptions } from './loader.ts'
