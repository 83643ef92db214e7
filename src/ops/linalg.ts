/** @file The namespace `linalg`: what PyTorch has in `torch.linalg`. */
export { type MatrixNormOptions, matrixNorm, type VectorNormOptions, vectorNorm } from './norms.ts'
