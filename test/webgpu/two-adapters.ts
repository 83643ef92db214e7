/** Run by two-adapters.test.ts in a process that has two adapters: says what there is, computes on both and between them, and loses the second; with `names`, only what the default and the first are. Prints JSON. */

import { placeOf } from '../../src/device/index.ts'
import type { GpuComputeDevice } from '../../src/device/webgpu/device.ts'
import {
  availableDevices,
  DeviceLostError,
  type DeviceName,
  getDefaultDevice,
  init,
  manualSeed,
  memory,
  nn,
  ones,
  optim,
  randn,
  synchronize,
  type Tensor,
  tensor,
} from '../../src/index.ts'

const SECOND = 'webgpu:1'
const thrown = async (work: () => unknown): Promise<string> => {
  try {
    await work()
    return 'nothing'
  } catch (e) {
    return `${(e as Error).name}: ${(e as Error).message}`
  }
}

/** The losses of a model whose halves are at two places. */
async function losses(first: DeviceName, second: DeviceName): Promise<number[]> {
  manualSeed(5)
  const [a, b] = [new nn.Linear(6, 16, { device: 'cpu' }), new nn.Linear(16, 1, { device: 'cpu' })]
  const x = randn([12, 6], { device: 'cpu' }).to(first)
  a.to(first)
  b.to(second)
  const optimizer = new optim.Adam([...a.parameters(), ...b.parameters()], { lr: 0.02 })
  const seen: number[] = []
  for (let i = 0; i < 5; i++) {
    optimizer.zeroGrad()
    const loss = b.forward(a.forward(x).tanh().to(second)).square().mean()
    loss.backward()
    optimizer.step()
    seen.push(await loss.item())
  }
  return seen
}

async function lose(name: DeviceName): Promise<void> {
  const { gpu } = placeOf(name).device as GpuComputeDevice
  gpu.destroy()
  await gpu.lost
}

const names = async (): Promise<unknown> => ({
  before: getDefaultDevice(),
  adapters: [(await init()).adapter, (await init({ device: 'webgpu' })).adapter],
})

async function main(): Promise<unknown> {
  const before = getDefaultDevice()
  const devices = await availableDevices()
  const adapters = [(await init({ device: 'webgpu' })).adapter, (await init({ device: SECOND })).adapter]
  const [a, b] = [tensor([1, 2, 3], { device: 'webgpu:0' as DeviceName }), tensor([1, 2, 3], { device: SECOND })]
  const moved = a.mul(2).to(SECOND).add(b)
  const values = { places: [a.device, b.device, moved.device, moved.to('webgpu').device], moved: [...(await moved.data())] }
  const apart = await thrown(() => a.add(b))
  const training = { one: await losses('cpu', 'cpu'), two: await losses('webgpu', SECOND) }

  const large = (device: DeviceName): Tensor => ones([300, 300], { device }).mul(7).detach()
  const [living, lost] = [large('webgpu'), large(SECOND)]
  await synchronize()
  const held = [memory('webgpu'), memory(SECOND)].map(({ liveBytes }) => liveBytes >= 360_000)
  await lose(SECOND)
  const noticed = await thrown(() => synchronize())
  const went = { told: await lost.data().catch((e: unknown) => e instanceof DeviceLostError && e.message), bytes: memory(SECOND).liveBytes }
  const stays = (await living.add(1).data())[0]
  // its successor has buffers of its own, and nothing of what was lost
  const fresh = large(SECOND)
  await synchronize()
  const again = await thrown(() => lost.add(fresh).data())
  lost.dispose()
  const after = { successor: (await fresh.add(1).data())[0], bytes: memory(SECOND).liveBytes >= 360_000, again }
  const none = await thrown(() => tensor([1]).to('webgpu:2').add(1).data())
  return { before, devices, adapters, values, apart, training, held, noticed, went, stays, after, none }
}

const work = process.argv[2] === 'names' ? names : main
work().then((found) => console.log(JSON.stringify(found)))
