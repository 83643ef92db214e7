/** @file The program in Node: `node node.js DEVICE` trains, writes a file and reads it, and prints what came of it as JSON. */
import { rmSync } from 'node:fs'
import { loadState, saveState, tensor } from 'tapegrad'
import { train } from './program.js'

async function main() {
  const trained = await train(process.argv[2])
  const file = `${process.argv[2]}.safetensors`
  await saveState(file, { x: tensor([1, 2, 3]) })
  const { x } = await loadState(file)
  rmSync(file)
  console.log(JSON.stringify({ ...trained, saved: await x.toArray(), strides: (await x.toNdarray()).stride }))
}
main()
