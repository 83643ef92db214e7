/** @file The namespace `linalg`: what PyTorch has in `torch.linalg`. */
export { matmul } from './matmul.ts'
export { matrixPower, multiDot } from './matrix-chain.ts'
export { type MatrixNormOptions, matrixNorm, type VectorNormOptions, vectorNorm } from './norms.ts'
