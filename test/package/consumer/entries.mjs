/** @file Two entries have one library between them, whichever comes first, and however each is loaded. */
import assert from 'node:assert'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { Linear } = await import('tapegrad/nn')
const { Tensor, tensor } = await import('tapegrad')
assert(new Linear(2, 1).weight instanceof Tensor)
assert(new Linear(2, 1).forward(tensor([[1, 2]])) instanceof Tensor)
assert.equal(require('tapegrad').Tensor, Tensor)
assert.equal(require('tapegrad/nn').Linear, Linear)
assert(new (require('tapegrad/nn').Linear)(2, 1).weight instanceof Tensor)
const { vectorNorm } = await import('tapegrad/linalg')
const { expit } = await import('tapegrad/special')
assert.equal((await import('tapegrad')).linalg.vectorNorm, vectorNorm)
assert.equal(require('tapegrad/special').expit, expit)
console.log('two entries, one Tensor')
