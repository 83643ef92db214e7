/** @file The entry `tapegrad/linalg`: what PyTorch has in `torch.linalg`. */
import '../fluent.ts'

export {
  type LinalgVanderOptions,
  linalgVander as vander,
  type MatrixNormOptions,
  matmul,
  matrixNorm,
  matrixPower,
  multiDot,
  type VectorNormOptions,
  vectorNorm,
} from '../ops/index.ts'
