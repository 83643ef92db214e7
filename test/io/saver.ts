/** @file Saves states of growing number to a path without end: `saver.ts path first`. Each that has been saved is printed. For `kill.test.ts`. */
import { saveState, tensor } from '../../src/index.ts'
import { checksum } from './checksum.ts'

const [path, first] = process.argv.slice(2) as [string, string]
for (let step = Number(first); ; step++) {
  // whole numbers, of another length each time
  const w = Float32Array.from({ length: 20_000 + (step % 50) * 997 }, (_, i) => (i * step) % 1009)
  const b = Int32Array.from({ length: step % 13 }, (_, i) => i - step)
  await saveState(path, { step, sum: checksum(w, b), model: { w: tensor(w), b: tensor(b) } })
  process.stdout.write(`${step};\n`)
}
