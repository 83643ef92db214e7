/** @file Files that are wrong in every part of the format, by the thousand: an error of ours in few words, or just what the format's own page says. */
import { expect, it } from 'vitest'
import { CheckpointError, parseState, type Tensor } from '../../src/index.ts'
import { LIES, mutations } from './mutations.ts'
import { type Told, tensorsOf } from './specification.ts'

const COUNT = Number(process.env.TAPEGRAD_TEST_MUTATIONS ?? 4000)
/** No message repeats what a file holds, however much that is. */
const LONGEST = 700

async function told(x: Tensor): Promise<Told> {
  return { shape: [...x.shape], dtype: x.dtype, values: Array.from(await x.data(), Number) }
}

it(`${COUNT} damaged files`, { timeout: 120_000 }, async () => {
  const counts = { read: 0, refused: 0, trees: 0, unclear: 0 }
  const done = new Set<string>()
  for (const { how, bytes } of mutations(COUNT, 5)) {
    const expected = tensorsOf(bytes)
    const isTree = Buffer.from(bytes).includes('"tapegrad"')
    for (const lie of how.split(', ')) done.add(lie)
    let state: Record<string, Tensor>
    try {
      state = parseState(bytes)
    } catch (e) {
      const { message } = e as Error
      if (!(e instanceof CheckpointError) || message.length > LONGEST) expect.fail(`${how}: ${String(e).slice(0, 2 * LONGEST)}`)
      if (expected !== undefined && expected !== 'unclear' && !isTree) expect.fail(`${how}: refused though it is right: ${message}`)
      counts.refused++
      continue
    }
    expect(expected, `${how}: read though it is wrong`).toBeDefined()
    if (expected === 'unclear') counts.unclear++
    else if (isTree) counts.trees++
    else {
      const found = await Promise.all(Object.entries(state).map(async ([name, x]) => [name, await told(x)] as const))
      expect(Object.fromEntries(found), how).toEqual(expected)
      counts.read++
    }
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  expect([...done].sort()).toEqual([...Object.keys(LIES), 'bytes', ''].sort())
  expect(counts.refused).toBeGreaterThan(COUNT / 3)
  expect(counts.read).toBeGreaterThan(COUNT / 10)
  expect(counts.trees).toBeGreaterThan(COUNT / 200)
  expect(counts.unclear).toBeLessThan(COUNT / 20)
})
