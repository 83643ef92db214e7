/** @file Other names that PyTorch has for functions. */
export { outer as ger } from './products.ts'
