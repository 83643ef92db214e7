/** @file The functions of PyTorch's `torch.special`, under their names there. */

export { erf, erfc, expm1, log1p, sigmoid as expit } from './elementwise.ts'
export { erfinv, ndtr, ndtri } from './erf.ts'
export { digamma, digamma as psi, i0, i0e, i1, i1e, lgamma as gammaln, mvlgamma as multigammaln, polygamma, zeta } from './gamma.ts'
export { entr, exp2, logit, xlog1py, xlogy } from './logarithms.ts'
export { round } from './rounding.ts'
export { logSoftmax, logsumexp, softmax } from './softmax.ts'
export { sinc } from './trigonometry.ts'
