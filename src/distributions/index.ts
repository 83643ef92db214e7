/** @file The entry `tapegrad/distributions`: probability distributions, their samples, densities and divergences. */
import '../fluent.ts'

export { Independent, MixtureSameFamily } from './composed.ts'
export { Exponential, Laplace, LogNormal, Normal, Uniform } from './continuous.ts'
export { Bernoulli, Categorical, Geometric, OneHotCategorical, Poisson, type ProbabilityOptions } from './discrete.ts'
export { Distribution, type DistributionOptions, type Parameter, type SampleOptions } from './distribution.ts'
export { Beta, Dirichlet, Gamma } from './gamma.ts'
export { klDivergence } from './kl.ts'
export { MultivariateNormal, type MultivariateNormalOptions } from './multivariate-normal.ts'
