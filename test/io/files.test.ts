import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { chmod, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { CheckpointError, loadState, saveState, serializeState, type Tensor, tensor } from '../../src/index.ts'
import { file, folder, plain } from './support.ts'

const state = (n: number): { x: Tensor; n: number } => ({ x: tensor([n, n + 1]), n })

describe('saveState', () => {
  it('writes what serializeState gives, and leaves nothing beside it', async () => {
    const path = join(folder(), 'a b.safetensors')
    await saveState(path, state(1))
    await saveState(path, state(2))
    expect(readFileSync(path).equals(await serializeState(state(2)))).toBe(true)
    expect(readdirSync(join(path, '..'))).toEqual(['a b.safetensors'])
    expect(await plain(await loadState<object>(path))).toEqual(await plain(state(2)))
  })

  it('saves to one path in the order of the calls, also when nobody waits', async () => {
    const path = join(folder(), 'x.safetensors')
    // the first are large: without an order the small ones, which are written sooner, would be overwritten by them
    const saves = [400_000, 300_000, 10, 1].map((size, n) => saveState(path, { x: tensor(new Float32Array(size)), n }))
    await Promise.all(saves)
    expect((await loadState<{ n: number }>(path)).n).toBe(3)
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
  })

  it('goes on after a save that failed', async () => {
    const path = join(folder(), 'x.safetensors')
    const [first, second] = [saveState(path, { f: (() => 1) as unknown }), saveState(path, state(5))]
    await expect(first).rejects.toThrow("saveState: 'f' is a function")
    await second
    expect((await loadState<{ n: number }>(path)).n).toBe(5)
  })

  it('leaves what was there when it cannot write, and no temporary', async () => {
    const path = join(folder(), 'x.safetensors')
    await mkdir(join(path, 'full'), { recursive: true }) // a folder that is not empty cannot be replaced
    await expect(saveState(path, state(1))).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST|EPERM/)
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
    expect(readdirSync(path)).toEqual(['full'])
    await expect(saveState(join(path, 'none/x'), state(1))).rejects.toThrow(/saveState: .*none.* is no folder/)
    await expect(saveState('', state(1))).rejects.toThrow('saveState: a path is a text, got an empty one')
    await expect(saveState(5 as unknown as string, state(1))).rejects.toThrow('got number')
  })

  it('does not mind temporaries of processes that were killed, and clears away old ones', async () => {
    const path = join(folder(), 'x.safetensors')
    const beside = (name: string): string => join(path, '..', name)
    for (const name of ['.x.safetensors.abc.tmp', '.x.safetensors.def.tmp', '.y.safetensors.abc.tmp', 'x.safetensors.tmp']) {
      writeFileSync(beside(name), 'half a file')
      if (!name.includes('def')) utimesSync(beside(name), 1000, 1000)
    }
    await saveState(path, state(3))
    expect((await loadState<{ n: number }>(path)).n).toBe(3)
    expect(readdirSync(join(path, '..')).sort()).toEqual(
      ['.x.safetensors.def.tmp', '.y.safetensors.abc.tmp', 'x.safetensors', 'x.safetensors.tmp'].sort(),
    )
  })

  it('replaces what a link points to, and keeps the permissions of what it replaces', async () => {
    const path = join(folder(), 'x.safetensors')
    const link = join(path, '../latest.safetensors')
    await saveState(path, state(1))
    await chmod(path, 0o600)
    await symlink('x.safetensors', link)
    await saveState(link, state(2))
    expect((await loadState<{ n: number }>(path)).n).toBe(2)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(path, '..')).sort()).toEqual(['latest.safetensors', 'x.safetensors'])
  })
})

describe('loadState', () => {
  it('names the path of a file that is none', async () => {
    const path = join(folder(), 'x.safetensors')
    writeFileSync(path, file({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, [1, 2]))
    const error = (await loadState(path).catch((e: unknown) => e)) as CheckpointError
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error.path).toBe(path)
    expect(error.message).toBe(`loadState: ${path}: 'x' lies at bytes 0 to 4 of the data, of which there are 2: the file is cut off`)
    expect(existsSync(path)).toBe(true)
  })

  it('says what the system says where there is no file', async () => {
    await expect(loadState(join(folder(), 'none.safetensors'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(loadState(folder())).rejects.toMatchObject({ code: 'EISDIR' })
  })
})
