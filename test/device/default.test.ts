/** @file The device of tensors made without one, in processes of their own. The adapter that is there is the run's; it counts as hardware where it is. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { compiled } from '../support/compiled.ts'

const script = await compiled(new URL('default.ts', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Found by the run's own look (test/support/global-setup.ts). */
const name = process.env.TAPEGRAD_TEST_ADAPTER_NAME as string
const software = /llvmpipe|swiftshader/i.test(name)
const NO_DRIVER = { VK_DRIVER_FILES: '/nonexistent', VK_ICD_FILENAMES: '/nonexistent' }

interface Answer {
  readonly out: string
  readonly err: string
}

function run(words: readonly string[], variables: Record<string, string> = {}): Promise<Answer> {
  const { TAPEGRAD_DEVICE: _, ...env } = process.env
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...words], { cwd: root, env: { ...env, ...variables } })
    let [out, err] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text
    })
    child.on('error', reject)
    child.on('close', () => resolve({ out, err }))
  })
}

describe('the default device', { timeout: 60_000 }, () => {
  it.runIf(software)('is cpu where there is no hardware, without a word and without looking for software', async () => {
    for (const words of [[], ['lazy']]) {
      const { out, err } = await run(words)
      expect(out).toContain('before: auto')
      expect(out).toContain('after: cpu')
      expect(out).toContain('Dawn: false')
      expect(err).toBe('')
    }
    expect((await run(['list'])).out).toContain('there are: cpu,webgpu')
  })

  it('is webgpu where there is hardware', async () => {
    const { out } = await run(['hardware', 'list'])
    expect(out).toContain('init: webgpu, software false')
    expect(out).toContain('after: webgpu')
    expect(out).toContain('there are: webgpu,cpu')
    expect((await run(['hardware', 'lazy'])).out).toContain('sum: 6 on webgpu')
  })

  it('is what TAPEGRAD_DEVICE says, software too', async () => {
    const [gpu, cpu] = await Promise.all(['webgpu', 'cpu'].map((device) => run(['hardware', 'lazy'], { TAPEGRAD_DEVICE: device })))
    expect(gpu?.out).toContain('before: webgpu\nsum: 6 on webgpu')
    expect(cpu?.out).toContain('before: cpu\nsum: 6 on cpu')
    expect((await run(['lazy'], { TAPEGRAD_DEVICE: 'webgpu' })).out).toContain('sum: 6 on webgpu')
  })

  it('is opened without the warnings that Dawn has for limits it lowers; other output stays', async () => {
    const gpu = { TAPEGRAD_DEVICE: 'webgpu' }
    const [plain, talkative] = await Promise.all([run(['lazy'], gpu), run(['lazy'], { ...gpu, VK_LOADER_DEBUG: 'driver' })])
    expect(plain).toMatchObject({ out: expect.stringContaining('sum: 6 on webgpu'), err: '' })
    expect(talkative.out).toContain('sum: 6 on webgpu')
    // what the loader says while Dawn looks for adapters
    expect(talkative.err).toMatch(/DRIVER: .*\.json/)
    expect(talkative.err).not.toContain('maxDynamic')
  })

  it('is the adapter that is named, software too', async () => {
    const word = software ? (/llvmpipe|swiftshader/i.exec(name) as RegExpExecArray)[0] : (name.split(' ')[0] as string)
    expect((await run([`adapter=${word.toUpperCase()}`])).out).toContain('init: webgpu')
    expect((await run([], { TAPEGRAD_ADAPTER: word })).out).toContain('init: webgpu')
  })

  it.runIf(software)('stays cpu where some tensors are on a software adapter', async () => {
    const { out } = await run(['moved'])
    expect(out).toContain('moved: 3')
    expect(out).toContain('after: cpu')
  })

  it('that cannot be had, or cannot be made as asked for, is an error that says what fits', async () => {
    const [none, unknown, engine, threads, limit, limits, far, page] = await Promise.all([
      run(['lazy'], { ...NO_DRIVER, LD_LIBRARY_PATH: '', TAPEGRAD_DEVICE: 'webgpu' }),
      run(['lazy'], { TAPEGRAD_DEVICE: 'gpu' }),
      run(['lazy'], { TAPEGRAD_CPU: 'fast' }),
      run(['lazy'], { TAPEGRAD_THREADS: 'abc' }),
      run(['lazy'], { TAPEGRAD_MEMORY_LIMIT: '4 GB' }),
      run(['lazy'], { TAPEGRAD_DEVICE: 'webgpu', TAPEGRAD_LIMITS: 'low' }),
      run(['lazy'], { TAPEGRAD_DEVICE: 'webgpu:9' }),
      run(['hardware', 'lazy'], { TAPEGRAD_DEVICE: 'webgpu:1' }),
    ])
    expect(none.out).toMatch(/DeviceError: webgpu: TAPEGRAD_DEVICE=webgpu, but no WebGPU adapter answers here\..*mesa-vulkan-drivers/)
    expect(unknown.out).toContain(
      "DeviceError: TAPEGRAD_DEVICE: the device must be a device ('webgpu' or 'cpu'), got 'gpu'. 'webgpu' is the GPU",
    )
    expect(far.out).toMatch(
      /DeviceError: webgpu:9: TAPEGRAD_DEVICE=webgpu:9, but there (is one|are \d) WebGPU adapters? here \('webgpu' is .+\), which/,
    )
    expect(page.out).toContain(
      "TAPEGRAD_DEVICE=webgpu:1, but there is one WebGPU adapter here ('webgpu' is Test GPU), which availableDevices() lists.",
    )
    expect(engine.out).toContain("DeviceError: TAPEGRAD_CPU: 'fast' is no engine. Use wasm or interpreter")
    expect(threads.out).toContain("DeviceError: TAPEGRAD_THREADS: 'abc' is not a number of threads. Use 1 to 256")
    expect(limits.out).toContain("DeviceError: TAPEGRAD_LIMITS: 'low' is not known. Use default")
    expect(limit.out).toContain("DeviceError: TAPEGRAD_MEMORY_LIMIT: '4 GB' is not a number of bytes above 0, such as 4e9")
  })
})
