/**
 * @file A WebGPU adapter on any machine: the one that Dawn finds, or else SwiftShader, a Vulkan driver in software that comes inside the npm
 * package @sparticuz/chromium. For tests, examples and benchmarks; the library itself takes what the machine has.
 *
 * It is chosen by environment variables and nothing else: the system's loader of libraries reads them when a process starts, and every process that it
 * starts inherits them. `TAPEGRAD_TEST_ADAPTER` = `system`, `lavapipe` or `swiftshader` forces one.
 */
import { execFile, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

type AdapterSource = 'system' | 'lavapipe' | 'swiftshader'
type Variables = Readonly<Record<string, string>>

const require = createRequire(import.meta.url)
const SOURCES: readonly string[] = ['system', 'lavapipe', 'swiftshader'] satisfies AdapterSource[]
const SWIFTSHADER_FILES: readonly string[] = ['libvk_swiftshader.so', 'libvulkan.so.1', 'vk_swiftshader_icd.json']
const ICD_FOLDERS = ['/usr/share/vulkan/icd.d', '/usr/local/share/vulkan/icd.d', '/etc/vulkan/icd.d']
const PROBE_SECONDS = 30
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The variables under which a process has an adapter. */
export async function adapterVariables(): Promise<Variables> {
  const source = forced() ?? ((await probe()) === null ? 'swiftshader' : 'system')
  return { TAPEGRAD_TEST_ADAPTER: source, ...variables(source) }
}

/**
 * For a program that needs WebGPU, before anything touches it: where this process was not started under the variables of its adapter, the program is run
 * once more, under them, and this process ends as that one does.
 */
export async function ensureAdapter(): Promise<void> {
  const { TAPEGRAD_TEST_ADAPTER: source, ...needed } = await adapterVariables()
  if (Object.entries(needed).some(([name, value]) => process.env[name] !== value))
    await restart({ TAPEGRAD_TEST_ADAPTER: source as string, ...needed })
}

function restart(added: Variables): Promise<never> {
  const args = [...process.execArgv, ...process.argv.slice(1)]
  const child = spawn(process.execPath, args, { env: { ...process.env, ...added }, stdio: 'inherit' })
  for (const signal of SIGNALS) process.on(signal, () => child.kill(signal))
  return new Promise((_, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      if (!signal) process.exit(status ?? 1)
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    })
  })
}

function forced(): AdapterSource | undefined {
  const value = process.env.TAPEGRAD_TEST_ADAPTER
  if (!value) return undefined
  if (!SOURCES.includes(value)) throw new Error(`TAPEGRAD_TEST_ADAPTER is system, lavapipe or swiftshader, not '${value}'`)
  return value as AdapterSource
}

/** What Dawn's first adapter calls itself in a process with these variables, or null where it finds none. */
export async function probe(added: Variables = {}): Promise<string | null> {
  const script = `
    const { create } = await import(${JSON.stringify(pathToFileURL(require.resolve('webgpu')))})
    const info = (await create([]).requestAdapter())?.info
    console.log(JSON.stringify(info ? info.description || info.vendor + ' ' + info.architecture : null))
    process.exit()`
  const args = ['--input-type=module', '--eval', script]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { env: { ...process.env, ...added }, timeout: PROBE_SECONDS * 1000 }, (error, out) => {
      // Dawn may print its complaints about refused drivers first.
      const last = out.trimEnd().split('\n').at(-1)
      resolve(error || !last ? null : (JSON.parse(last) as string | null))
    })
  })
}

function variables(source: AdapterSource): Variables {
  if (source === 'system') return {}
  if (source === 'lavapipe') return driverVariables(lavapipeIcd())
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `no WebGPU adapter here, and the SwiftShader for tests and examples is for Linux on x64, not ${process.platform} on ${process.arch}`,
    )
  }
  const folder = unpackSwiftShader()
  const libraries = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter((path) => path && path !== folder)
  return { ...driverVariables(join(folder, 'vk_swiftshader_icd.json')), LD_LIBRARY_PATH: [folder, ...libraries].join(':') }
}

/** The variables under which a process has two adapters, SwiftShader and lavapipe; undefined where one of them cannot be had. */
export function twoAdapters(): Variables | undefined {
  try {
    const [swiftshader, lavapipe] = [variables('swiftshader'), lavapipeIcd()]
    return { ...swiftshader, ...driverVariables(`${swiftshader.VK_DRIVER_FILES}:${lavapipe}`) }
  } catch {
    return undefined
  }
}

/** Loaders before 1.3.207 know only the second name. */
const driverVariables = (icd: string): Variables => ({ VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd })

function lavapipeIcd(): string {
  for (const folder of ICD_FOLDERS) {
    const file = existsSync(folder) && readdirSync(folder).find((name) => /^lvp_icd.*\.json$/.test(name))
    if (file) return join(folder, file)
  }
  throw new Error('lavapipe is not installed (Debian: mesa-vulkan-drivers, 25 or later)')
}

/** The folder with SwiftShader's files; unpacked once, and whole or not at all where several processes come at the same time. */
function unpackSwiftShader(): string {
  const entry = require.resolve('@sparticuz/chromium')
  const home = entry.slice(0, entry.lastIndexOf('/build/'))
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string }
  const name = `swiftshader-${version}`
  const caches = [fileURLToPath(new URL('../../node_modules/.cache/tapegrad', import.meta.url)), join(homedir(), '.cache/tapegrad')]
  for (const cache of caches) if (existsSync(join(cache, name))) return join(cache, name)
  const tar = brotliDecompressSync(readFileSync(join(home, 'bin/swiftshader.tar.br')))
  let failure: unknown
  for (const cache of caches) {
    try {
      return unpack(tar, join(cache, name))
    } catch (error) {
      failure = error // not writable: the next one
    }
  }
  throw new Error(`SwiftShader could not be unpacked into ${caches.join(' or ')}`, { cause: failure })
}

function unpack(tar: Buffer, folder: string): string {
  mkdirSync(dirname(folder), { recursive: true })
  const draft = mkdtempSync(`${folder}-`)
  try {
    chmodSync(draft, 0o755)
    for (const [path, content] of tarFiles(tar)) {
      if (SWIFTSHADER_FILES.includes(basename(path))) writeFileSync(join(draft, basename(path)), content, { mode: 0o755 })
    }
    renameSync(draft, folder)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(folder)) throw error // else another process was first
  }
  return folder
}

/** The files of a tar archive: headers of 512 bytes (name at 0, size in octal at 124), contents padded to 512. */
function* tarFiles(tar: Buffer): Generator<[path: string, content: Buffer]> {
  const text = (at: number, length: number): string => tar.toString('latin1', at, at + length).replace(/\0.*$/s, '')
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8)
    yield [text(at, 100), tar.subarray(at + 512, at + 512 + size)]
    at += 512 + Math.ceil(size / 512) * 512
  }
}
