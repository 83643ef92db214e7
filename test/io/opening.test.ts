/** @file States that are taken while the device is still being opened (a process of its own: here it is not open yet), and steps that follow at once. */
import { expect, it } from 'vitest'
import { manualSeed, nn, optim, randn, serializeState } from '../../src/index.ts'

const device = 'webgpu'

/** What is saved before the first step and after two of them. */
async function course(atOnce: boolean, keepPrevious: boolean): Promise<string[]> {
  manualSeed(1)
  const model = new nn.Sequential(new nn.Linear(64, 96, { device }), new nn.Linear(96, 1, { device }))
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.1, keepPrevious })
  const x = randn([8, 64], { device })
  const train = (steps: number): void => {
    for (let i = 0; i < steps; i++) {
      optimizer.zeroGrad()
      model.forward(x).square().mean().backward()
      optimizer.step()
    }
  }
  const saves: Promise<Uint8Array>[] = []
  for (const steps of [0, 2, 1]) {
    train(steps)
    saves.push(serializeState({ direct: model.parameters(), model: model.stateDict(), optimizer: optimizer.stateDict() }))
    if (!atOnce) await saves.at(-1)
  }
  train(4)
  return (await Promise.all(saves)).map((bytes) => Buffer.from(bytes).toString('base64'))
}

it('before and after the device is there, values are those of the call', async () => {
  const early = await course(true, false) // first of all: nothing has been awaited yet
  const awaited = await course(false, false)
  expect(early.map((bytes, i) => bytes === awaited[i])).toEqual([true, true, true])
  expect(new Set(early).size).toBe(3)
  expect(await course(true, false)).toEqual(early)
  expect(await course(true, true)).toEqual(early)
})
