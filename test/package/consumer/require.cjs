/**
 * The package in CommonJS, as notebooks load it: every entry, no top-level await in any of them (`require` of such a module fails), and one
 * library, whichever way it is loaded.
 */
const assert = require('node:assert')
const manifest = require('tapegrad/package.json')

const entries = Object.keys(manifest.exports).filter((path) => path !== './package.json')
for (const entry of entries) {
  const names = Object.keys(require(`tapegrad${entry.slice(1)}`))
  assert(names.length > 0, `tapegrad${entry.slice(1)} exports nothing`)
}

const { nn, Tensor, tensor } = require('tapegrad')
assert(new (require('tapegrad/nn').Linear)(2, 1).weight instanceof Tensor)
const main = async () => {
  assert.equal((await import('tapegrad/nn')).Linear, nn.Linear)
  assert.deepEqual(await tensor([1, 2, 3]).to('cpu').mul(2).toArray(), [2, 4, 6])
  console.log(`required ${entries.length} entries`)
}
main()
