/**
 * Run by default.test.ts: a program that names no device, and says what it was given. Arguments: `adapter=name`, `hardware` (the adapter that is there
 * calls itself a GPU), `moved` (a tensor is on webgpu before the default is settled), `lazy` (no init), `list` (which
 * devices there are).
 */
import { availableDevices, getDefaultDevice, init, tensor } from '../../src/index.ts'

/** WebGPU as a page has it, whose adapter denies that it is software. */
async function pretend(): Promise<void> {
  const { create } = await import('webgpu')
  const gpu = create([])
  const requestAdapter = async (options?: GPURequestAdapterOptions): Promise<GPUAdapter | null> => {
    const adapter = await gpu.requestAdapter(options)
    const { subgroupMinSize, subgroupMaxSize } = adapter?.info ?? {}
    const info = {
      description: 'Test GPU',
      device: '',
      architecture: '',
      vendor: '',
      isFallbackAdapter: false,
      subgroupMinSize,
      subgroupMaxSize,
    }
    return adapter && new Proxy(adapter, { get: (of, key) => (key === 'info' ? info : bound(of, key)) })
  }
  Object.defineProperty(globalThis, 'navigator', { value: { gpu: { requestAdapter } }, configurable: true })
}

function bound(of: GPUAdapter, key: string | symbol): unknown {
  const value: unknown = Reflect.get(of, key, of)
  return typeof value === 'function' ? value.bind(of) : value
}

async function main(words: readonly string[]): Promise<void> {
  const adapter = words.find((word) => word.startsWith('adapter='))?.slice('adapter='.length)
  if (words.includes('hardware')) await pretend()
  if (words.includes('moved')) console.log(`moved: ${await tensor([1, 2]).to('webgpu').sum().item()}`)
  const x = tensor([1, 2, 3])
  console.log(`before: ${x.device}`)
  if (words.includes('lazy')) console.log(`sum: ${await x.sum().item()} on ${getDefaultDevice()}`)
  else {
    const info = await init(adapter === undefined ? {} : { adapter })
    console.log(`init: ${info.device}, software ${info.software}, ${info.adapter}`)
  }
  console.log(`after: ${x.device}`)
  const { sharedObjects } = process.report.getReport() as { sharedObjects: readonly string[] }
  console.log(`Dawn: ${sharedObjects.some((path) => /dawn[^/]*\.node$/.test(path))}`)
  if (words.includes('list')) console.log(`there are: ${await availableDevices()}`)
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.log(`${error.name}: ${error.message}`)
  process.exitCode = 1
})
