/** Run by lost.test.ts: a program whose device goes away. Argument: `told` where it waits for what it computes. */
import { init, synchronize, tensor, tidy, zeros } from '../../src/index.ts'
import { destroyDevice } from '../support/destroy.ts'

async function main(told: boolean): Promise<void> {
  await init({ device: 'webgpu' })
  const x = tidy(() => zeros([200, 200]).add(1).detach())
  const work = told ? synchronize() : undefined
  void destroyDevice()
  if (!work) return
  for (const promise of [work, x.data(), x.mul(2).sum().item()])
    await promise.then(
      () => console.log('done'),
      (e: Error) => console.log(`told: ${e.name}: ${e.message}`),
    )
  console.log(`after: ${await tensor([1]).add(2).item()}`)
}

void main(process.argv[2] === 'told')
