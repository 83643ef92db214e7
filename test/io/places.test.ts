/** @file What may stand at the path of a state: regular files and links to them. Anything else is refused, and stays as it is. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CheckpointError, loadState, saveState, serializeState, type Tensor, tensor } from '../../src/index.ts'
import { nodeFor } from '../../src/io/node.ts'
import { replaceFile, targetOf } from '../../src/io/replace.ts'
import { folder } from './support.ts'

const state = (n: number, size = 2): { x: Tensor; n: number } => ({ x: tensor(new Float32Array(size).fill(n), { device: 'cpu' }), n })
const numberAt = async (path: string): Promise<number> => (await loadState<{ n: number }>(path)).n

/** Makes what is no regular file at a path. All of them are our own, in a folder of the test. */
const SPECIAL: Readonly<Record<string, (path: string) => unknown>> = {
  'a folder': (path) => mkdirSync(path),
  'a folder that is not empty': (path) => mkdirSync(join(path, 'full'), { recursive: true }),
  'a FIFO': (path) => execFileSync('mkfifo', [path]),
  'a socket': async (path) => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  },
  // a twin of the machine's null device; root alone makes one
  'a device': (path) => execFileSync('mknod', [path, 'c', '1', '3'], { stdio: 'ignore' }),
}
const canMakeDevice =
  spawnSync('sh', ['-c', 'd=$(mktemp -d) && mknod "$d/n" c 1 3; r=$?; rm -rf "$d"; exit $r'], { stdio: 'ignore' }).status === 0

/** What a folder holds, and what each of it is. */
const listing = (path: string): unknown[] =>
  readdirSync(path)
    .sort()
    .map((name) => {
      const { ino, mode, rdev } = lstatSync(join(path, name))
      return [name, ino, mode, rdev]
    })

async function expectRefused(path: string, message: RegExp): Promise<void> {
  const before = listing(dirname(path))
  const error = (await saveState(path, state(1)).catch((e: unknown) => e)) as CheckpointError
  expect(error).toBeInstanceOf(CheckpointError)
  expect(error.message).toMatch(message)
  expect(error.path).toBe(path)
  expect(listing(dirname(path))).toEqual(before)
}

describe('what is no regular file', () => {
  for (const [kind, make] of Object.entries(SPECIAL)) {
    const said = kind.split(' that ')[0] as string
    it(`${kind} is neither replaced nor read, itself or behind a link`, async ({ skip }) => {
      skip(said === 'a device' && !canMakeDevice, 'a device is made by root alone')
      const path = join(folder(), 'x.safetensors')
      await make(path)
      await expectRefused(path, new RegExp(`x\\.safetensors is ${said}, and only a regular file is replaced`))
      const link = join(dirname(path), 'link')
      symlinkSync(basename(path), link)
      await expectRefused(link, new RegExp(`link: .*x\\.safetensors is ${said}`))
      for (const place of [path, link]) {
        const error = (await loadState(place).catch((e: unknown) => e)) as CheckpointError
        expect(error).toBeInstanceOf(CheckpointError)
        expect(error.message).toBe(`loadState: ${place}: it is ${said}, no regular file`)
      }
    })
  }

  it('links that lead nowhere, or in a circle, are refused and stay', async () => {
    const root = folder()
    const at = (name: string): string => join(root, name)
    const links = {
      nowhere: 'none',
      'twice nowhere': 'nowhere',
      away: 'none/none',
      itself: 'itself',
      one: 'two',
      two: 'one',
      within: 'itself/x',
    }
    for (const [name, target] of Object.entries(links)) symlinkSync(target, at(name))
    for (const name of ['nowhere', 'twice nowhere', 'away']) await expectRefused(at(name), /it is a link to .*none, where nothing is/)
    for (const name of ['itself', 'one', 'within']) await expectRefused(at(name), /its links lead in a circle/)
    expect(existsSync(at('none'))).toBe(false)
    for (const name of Object.keys(links)) await expect(loadState(at(name))).rejects.toMatchObject({ code: /ENOENT|ELOOP/ })
  })

  it('a name that ends in a separator is no file', async () => {
    const root = folder()
    await expect(saveState(join(root, 'x/'), state(1))).rejects.toThrow(/the name of a file does not end so/)
    expect(readdirSync(root)).toEqual([])
  })

  it.skipIf(!existsSync('/proc/self/fd'))('places that are no folder of files are not written to', async () => {
    const root = folder()
    const path = join(root, 'x.safetensors')
    await saveState(path, state(1))
    const handle = openSync(path, 'r')
    unlinkSync(path)
    await expect(saveState(`/proc/self/fd/${handle}`, state(1))).rejects.toThrow(
      /is a link to .*x\.safetensors \(deleted\), where nothing is/,
    )
    closeSync(handle)
    // (who is not root may not make anything there)
    const refusal = (e: { code?: string }): boolean => e instanceof CheckpointError || e.code === 'EACCES'
    for (const place of ['/proc/self/none/x', '/proc/tapegrad', '/proc/self/fd/tapegrad', '/proc/version'])
      await expect(saveState(place, state(1)), place).rejects.toSatisfy(refusal)
    expect(readdirSync(root)).toEqual([])
  })

  it.each(Object.keys(SPECIAL).filter((kind) => kind !== 'a device' || canMakeDevice))(
    '%s that is put there while a state is written is not replaced',
    async (kind) => {
      const path = join(folder(), 'x.safetensors')
      await saveState(path, state(1))
      const bytes = await serializeState(state(2))
      async function* pieces(): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, 20)
        unlinkSync(path)
        await SPECIAL[kind]?.(path)
        yield bytes.subarray(20)
      }
      const node = nodeFor('saveState', path)
      await expect(replaceFile(node, targetOf(node, path), pieces())).rejects.toThrow(/only a regular file is replaced/)
      expect(lstatSync(path).isFile()).toBe(false)
      expect(readdirSync(dirname(path))).toEqual(['x.safetensors'])
    },
  )
})

describe('a link', () => {
  it('stays, and what it leads to is replaced where that lies', async () => {
    const root = folder()
    mkdirSync(join(root, 'runs/deep'), { recursive: true })
    mkdirSync(join(root, 'links'))
    const path = join(root, 'runs/deep/x.safetensors')
    await saveState(path, state(1))
    symlinkSync('../runs/deep', join(root, 'links/folder'))
    symlinkSync('folder/x.safetensors', join(root, 'links/latest'))
    symlinkSync(join(root, 'links/latest'), join(root, 'absolute'))
    let n = 1
    for (const link of ['links/latest', 'absolute', 'links/folder/x.safetensors']) {
      const ino = lstatSync(path).ino
      // nothing but the folder of the file itself is written to
      const before = [listing(root), listing(join(root, 'links'))]
      await saveState(join(root, link), state(++n))
      expect([listing(root), listing(join(root, 'links'))]).toEqual(before)
      expect(lstatSync(path).ino).not.toBe(ino)
      expect(await numberAt(path)).toBe(n)
      expect(readdirSync(dirname(path))).toEqual(['x.safetensors'])
    }
    expect(readlinkSync(join(root, 'absolute'))).toBe(join(root, 'links/latest'))
  })

  it('that is hard is another name of the old file: it keeps what it had', async () => {
    const path = join(folder(), 'x.safetensors')
    await saveState(path, state(1))
    linkSync(path, `${path}.kept`)
    await saveState(path, state(2))
    expect([await numberAt(path), await numberAt(`${path}.kept`)]).toEqual([2, 1])
    expect(statSync(path).nlink).toBe(1)
  })

  it('is followed as it stands at the call', async () => {
    const root = folder()
    const at = (name: string): string => join(root, name)
    for (const name of ['a', 'b']) await saveState(at(name), state(0))
    symlinkSync('a', at('link'))
    const save = saveState(at('link'), state(1))
    symlinkSync('b', at('other'))
    renameSync(at('other'), at('link'))
    await save
    expect([await numberAt(at('a')), await numberAt(at('b')), readlinkSync(at('link'))]).toEqual([1, 0, 'b'])
  })
})

describe('saves to one file happen in the order of the calls', () => {
  /** The first are large: without an order the small ones, which are written sooner, would be overwritten by them. */
  const SIZES = [2_000_000, 1_000_000, 300_000, 10, 1]

  it.each<[string, (path: string) => string[]]>([
    ['its path and a link to it', (path) => [path, `${path}.link`, path, `${path}.link`, `${path}.link2`]],
    ['a path from the root and one from here', (path) => [path, relative(process.cwd(), path), path, relative(process.cwd(), path), path]],
    [
      'a path and the same with dots',
      (path) => [path, join(dirname(path), 'sub', '..', '.', basename(path)), `${dirname(path)}//./x`, path, path],
    ],
    ['a folder and a link to it', (path) => [path, join(`${dirname(path)}.folder`, 'x'), path, join(`${dirname(path)}.folder`, 'x'), path]],
  ])('through %s', async (_, pathsOf) => {
    for (const existed of [true, false]) {
      const path = join(folder(), 'home', 'x')
      mkdirSync(join(dirname(path), 'sub'), { recursive: true })
      if (existed) await saveState(path, state(-1))
      symlinkSync('x', `${path}.link`)
      symlinkSync(`${path}.link`, `${path}.link2`)
      symlinkSync('home', `${dirname(path)}.folder`)
      await Promise.all(pathsOf(path).map((way, i) => saveState(way, state(i, SIZES[i]))))
      expect(await numberAt(path)).toBe(SIZES.length - 1)
      expect(readdirSync(dirname(path)).sort()).toEqual(['sub', 'x', 'x.link', 'x.link2'])
    }
  })

  it('names that differ in case are two files where the system says so, and one where not', async () => {
    const root = folder()
    await Promise.all(SIZES.map((size, i) => saveState(join(root, i % 2 ? 'X' : 'x'), state(i, size))))
    const two = readdirSync(root).length === 2
    expect(await numberAt(join(root, 'x'))).toBe(4)
    expect(await numberAt(join(root, 'X'))).toBe(two ? 3 : 4)
  })
})

describe('permissions', () => {
  const modeOf = (path: string): number => statSync(path).mode & 0o7777

  it('are those of the file that is replaced, whatever a new one would get', async () => {
    const path = join(folder(), 'x.safetensors')
    for (const mode of [0o600, 0o640, 0o666, 0o777, 0o604]) {
      await saveState(path, state(1))
      chmodSync(path, mode)
      await saveState(path, state(2))
      expect(modeOf(path).toString(8)).toBe(mode.toString(8))
    }
    const other = join(folder(), 'x.safetensors')
    await saveState(other, state(1))
    expect(modeOf(other)).toBe(0o666 & ~process.umask())
  })

  it.skipIf(process.getuid?.() !== 0)('the owner stays, where the system allows it', async () => {
    const path = join(folder(), 'x.safetensors')
    await saveState(path, state(1))
    chownSync(path, 4321, 8765)
    chmodSync(path, 0o640)
    await saveState(path, state(2))
    const { uid, gid } = statSync(path)
    expect([uid, gid, modeOf(path)]).toEqual([4321, 8765, 0o640])
  })

  /** As one who is not root. */
  async function asNobody(root: string, run: () => Promise<void>): Promise<void> {
    if (process.getuid?.() !== 0) return run()
    chownSync(root, 65534, 65534)
    const { setegid, seteuid } = process
    setegid?.(65534)
    seteuid?.(65534)
    try {
      await run()
    } finally {
      seteuid?.(0)
      setegid?.(0)
    }
  }

  it('a file or a folder that may not be written to is left alone, with the error of the system', async () => {
    const root = folder()
    const path = join(root, 'x.safetensors')
    await asNobody(root, async () => {
      await saveState(path, state(1))
      chmodSync(root, 0o555)
      for (const name of ['x.safetensors', 'new'])
        await expect(saveState(join(root, name), state(2))).rejects.toMatchObject({ code: 'EACCES' })
      chmodSync(root, 0o755)
    })
    chmodSync(path, 0o444)
    // Root may write to any file: here the system's answer to everybody else is put in its mouth
    const node = nodeFor('saveState', path)
    const access = async (at: string, mode: number): Promise<void> => {
      expect([at, mode]).toEqual([path, constants.W_OK])
      throw Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    }
    const asked = process.getuid?.() === 0 ? { ...node, files: { ...node.files, access } } : node
    async function* pieces(): AsyncGenerator<Uint8Array> {
      yield Uint8Array.of(1)
    }
    await expect(replaceFile(asked, targetOf(node, path), pieces())).rejects.toMatchObject({ code: 'EACCES' })
    expect(await numberAt(path)).toBe(1)
    expect(readdirSync(root)).toEqual(['x.safetensors'])
  })

  it.skipIf(process.getuid?.() !== 0)(
    "a file of another's, in a folder of one's own: what its group might do, one's own may only as everybody",
    async () => {
      const root = folder()
      const path = join(root, 'x.safetensors')
      await saveState(path, state(1))
      chownSync(path, 4321, 8765)
      for (const [mode, then] of [
        [0o666, 0o666],
        [0o662, 0o622],
      ] as const) {
        chmodSync(path, mode)
        await asNobody(root, () => saveState(path, state(2)))
        expect(modeOf(path).toString(8)).toBe(then.toString(8))
        expect(statSync(path).uid).toBe(65534)
        chownSync(path, 4321, 8765)
      }
    },
  )
})
