import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  ArgumentError,
  CheckpointError,
  loadState,
  StaleTensorError,
  saveState,
  serializeState,
  type Tensor,
  tensor,
} from '../../src/index.ts'
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

  it('names the folder that is not there, and what is no path', async () => {
    const path = join(folder(), 'x.safetensors')
    writeFileSync(path, 'a file')
    await expect(saveState(join(path, '../none/x'), state(1))).rejects.toThrow(/saveState: .*none.*none is no folder\. Make it first/)
    await expect(saveState(join(path, 'x'), state(1))).rejects.toThrow(/x\.safetensors is no folder/)
    await expect(saveState(join(path, '../none/x'), state(1))).rejects.toBeInstanceOf(CheckpointError)
    await expect(saveState('', state(1))).rejects.toThrow('saveState: a path is a text, got an empty one')
    await expect(saveState(5 as unknown as string, state(1))).rejects.toThrow('got number')
    await expect(saveState('a\0b', state(1))).rejects.toThrow('a path has no character of code 0')
    await expect(loadState('a\0b')).rejects.toBeInstanceOf(ArgumentError)
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
  })

  it('leaves what was there when a value cannot be had, and no draft', async () => {
    const path = join(folder(), 'x.safetensors')
    await saveState(path, state(1))
    const gone = tensor([1, 2], { device: 'cpu' }).add(1)
    gone.dispose()
    await expect(saveState(path, { gone })).rejects.toBeInstanceOf(StaleTensorError)
    expect((await loadState<{ n: number }>(path)).n).toBe(1)
    expect(readdirSync(join(path, '..'))).toEqual(['x.safetensors'])
  })

  it('does not mind drafts of processes that were killed, and clears away old ones, whatever they were of', async () => {
    const path = join(folder(), 'x.safetensors')
    const beside = (name: string): string => join(path, '..', name)
    const [old, young, others] = [
      ['.tapegrad-abc.tmp', '.tapegrad-def.tmp'],
      ['.tapegrad-ghi.tmp'],
      ['.x.safetensors.abc.tmp', 'x.safetensors.tmp', '.tapegrad-abc'],
    ]
    for (const name of [...old, ...young, ...others]) {
      writeFileSync(beside(name), 'half a file')
      if (!young.includes(name)) utimesSync(beside(name), 1000, 1000)
    }
    mkdirSync(beside('.tapegrad-folder.tmp'))
    utimesSync(beside('.tapegrad-folder.tmp'), 1000, 1000)
    await saveState(path, state(3))
    expect((await loadState<{ n: number }>(path)).n).toBe(3)
    expect(readdirSync(join(path, '..')).sort()).toEqual([...young, ...others, 'x.safetensors', '.tapegrad-folder.tmp'].sort())
  })

  it.each([
    ['of 255 letters', 'n'.repeat(255)],
    ['of 255 bytes in letters of two', `${'é'.repeat(127)}n`],
    ['of 255 bytes in letters of four', `${'𝒳'.repeat(63)}nnn`],
    ['of one letter', 'n'],
    ['that begins as a draft', '.tapegrad-run.tmp'],
    ['of odd letters', '\n*?"\'\\ \u202e'],
  ])('takes a name %s', async (_, name) => {
    const path = join(folder(), name)
    for (const n of [1, 2]) await saveState(path, state(n))
    expect(readdirSync(join(path, '..'))).toEqual([name])
    expect((await loadState<{ n: number }>(path)).n).toBe(2)
  })
})

describe('loadState', () => {
  it('names the path of a file that is none', async () => {
    const path = join(folder(), 'x.safetensors')
    writeFileSync(path, file({ x: { dtype: 'F32', shape: [1], data_offsets: [0, 4] } }, [1, 2]))
    const error = (await loadState(path).catch((e: unknown) => e)) as CheckpointError
    expect(error).toBeInstanceOf(CheckpointError)
    expect(error.path).toBe(path)
    expect(error.message).toBe(
      `loadState: ${path}: the header, 'x', character 53: it lies at bytes 0 to 4 of the data, of which there are 2: the file is cut off`,
    )
    expect(existsSync(path)).toBe(true)
  })

  it('says what the system says where there is no file', async () => {
    await expect(loadState(join(folder(), 'none.safetensors'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})
