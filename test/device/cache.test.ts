/** @file What processes leave behind for those after them: where, and what happens when files are broken, in the way, or written by several at once. */
import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cacheFolder, keep, recall } from '../../src/device/cache.ts'
import { nodeProcess } from '../../src/device/index.ts'
import { compiledUrl } from '../support/compiled.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapegrad-cache-'))
  vi.stubEnv('TAPEGRAD_CACHE', join(folder, 'own'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true, force: true })
})

const always = (): boolean => true
const never = (): boolean => false
const at = (name: string): string => join(folder, 'own', name)

describe('the folder', () => {
  const on = (platform: string): void => {
    vi.spyOn(nodeProcess as { platform: string }, 'platform', 'get').mockReturnValue(platform)
  }
  beforeEach(() => {
    vi.stubEnv('TAPEGRAD_CACHE', '')
    vi.stubEnv('HOME', '/home/someone')
    vi.stubEnv('XDG_CACHE_HOME', '')
  })

  it('is that of TAPEGRAD_CACHE, before all others', () => {
    vi.stubEnv('TAPEGRAD_CACHE', '/elsewhere')
    vi.stubEnv('XDG_CACHE_HOME', '/var/caches')
    expect(cacheFolder()).toBe('/elsewhere')
  })

  it('is XDG_CACHE_HOME, if that is absolute, or ~/.cache on Linux', () => {
    on('linux')
    expect(cacheFolder()).toBe('/home/someone/.cache/tapegrad')
    vi.stubEnv('XDG_CACHE_HOME', 'relative')
    expect(cacheFolder()).toBe('/home/someone/.cache/tapegrad')
    vi.stubEnv('XDG_CACHE_HOME', '/var/caches')
    expect(cacheFolder()).toBe('/var/caches/tapegrad')
  })

  it('is ~/Library/Caches on macOS, LOCALAPPDATA on Windows', () => {
    on('darwin')
    expect(cacheFolder()).toBe('/home/someone/Library/Caches/tapegrad')
    on('win32')
    vi.stubEnv('LOCALAPPDATA', '/users/someone/local')
    expect(cacheFolder()).toBe('/users/someone/local/tapegrad')
  })

  it('of this test run is a temporary one', () => {
    vi.unstubAllEnvs()
    expect(cacheFolder()?.startsWith(tmpdir())).toBe(true)
  })
})

describe('a text', () => {
  it('that was kept is there again, and nothing else is', () => {
    expect(recall('a')).toBeUndefined()
    expect(keep('a', 'one', always)).toBe('one')
    expect(recall('a')).toBe('one')
    expect(readdirSync(join(folder, 'own'))).toEqual(['a'])
  })

  it('stays as the first process wrote it', () => {
    keep('a', 'one', always)
    expect(keep('a', 'two', always)).toBe('one')
    expect(recall('a')).toBe('one')
    expect(readdirSync(join(folder, 'own'))).toEqual(['a'])
  })

  it('that means nothing is replaced', () => {
    for (const broken of ['', '{"use":', '\0\0\0', 'x'.repeat(1e6)]) {
      mkdirSync(join(folder, 'own'), { recursive: true })
      writeFileSync(at('a'), broken)
      expect(keep('a', 'two', never)).toBe('two')
      expect(recall('a')).toBe('two')
    }
    expect(readdirSync(join(folder, 'own'))).toEqual(['a'])
  })

  it('is read from regular files alone, and written over nothing else', () => {
    keep('file', 'text', always)
    const kinds: Readonly<Record<string, () => void>> = {
      folder: () => mkdirSync(at('folder')),
      link: () => symlinkSync(at('file'), at('link')),
      dangling: () => symlinkSync(at('nowhere'), at('dangling')),
      loop: () => symlinkSync(at('loop'), at('loop')),
      ...(process.platform === 'win32' ? {} : { fifo: () => execFileSync('mkfifo', [at('fifo')]) }),
    }
    for (const [kind, make] of Object.entries(kinds)) {
      make()
      const before = lstatSync(at(kind))
      expect(recall(kind), kind).toBeUndefined()
      expect(keep(kind, 'new', always), kind).toBe('new')
      expect(lstatSync(at(kind)).ino, kind).toBe(before.ino)
    }
    expect(recall('file')).toBe('text')
    expect(existsSync(at('nowhere'))).toBe(false)
    expect(readdirSync(join(folder, 'own')).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  it('that cannot be kept is no error: the folder is a file, is below one, cannot be made, or may not be written', () => {
    writeFileSync(join(folder, 'file'), '')
    mkdirSync(join(folder, 'closed'))
    chmodSync(join(folder, 'closed'), 0o500)
    for (const path of [join(folder, 'file'), join(folder, 'file/below'), '/proc/nothing', '/dev/null', join(folder, 'closed')]) {
      vi.stubEnv('TAPEGRAD_CACHE', path)
      expect(recall('a')).toBeUndefined()
      expect(keep('a', 'text', always)).toBe('text')
    }
    chmodSync(join(folder, 'closed'), 0o700)
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('')
  })
})

it('processes that keep a text at once all go on with one of them', { timeout: 60_000 }, async () => {
  const program = `
    import { keep } from ${JSON.stringify(await compiledUrl(new URL('../../src/device/cache.ts', import.meta.url)))}
    const answers = []
    for (let i = 0; i < 200; i++) answers.push(keep(String(i), process.argv.at(-1) + ' ' + 'x'.repeat(1000), (text) => text.length > 1000))
    console.log(JSON.stringify(answers.map((text) => text[0])))`
  // Broken ones among them
  mkdirSync(join(folder, 'own'))
  const one = async (name: string): Promise<string[]> => {
    const args = ['--input-type=module', '-e', program, name]
    return JSON.parse((await promisify(execFile)(process.execPath, args)).stdout) as string[]
  }
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map(one))
  expect(b).toEqual(a)
  expect(c).toEqual(a)
  for (const [i, owner] of (a as string[]).entries()) expect(recall(String(i))).toBe(`${owner} ${'x'.repeat(1000)}`)
  expect(readdirSync(join(folder, 'own'))).toHaveLength(200)
})
