/** @file Our files as PyTorch reads them, and PyTorch's as we do. Needs Python with torch (Debian: python3-torch); without, it says so. */
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { loadState, nn, optim, saveState, type Tensor, tensor, zeros } from '../../src/index.ts'
import { folder, plain } from './support.ts'

const PYTHON = process.env.TAPEGRAD_PYTHON ?? '/usr/bin/python3'
const script = fileURLToPath(new URL('oracle.py', import.meta.url))
const python = <T>(...args: string[]): T => JSON.parse(execFileSync(PYTHON, [script, ...args], { encoding: 'utf8' })) as T
const missing = spawnSync(PYTHON, ['-c', 'import torch']).status !== 0
const device = 'cpu'

interface Seen {
  readonly metadata: Record<string, string> | null
  readonly tensors: Record<string, { dtype: string; shape: number[]; bytes: string; sum: number }>
}

describe('PyTorch', () => {
  it('reads every dtype of ours', { timeout: 60_000 }, async ({ skip }) => {
    skip(missing, `${PYTHON} has no torch`)
    const path = join(folder(), 'x.safetensors')
    const state: Record<string, Tensor> = {
      float64: tensor(Float64Array.of(1.5, -2, Math.PI), { device }),
      float32: tensor(
        [
          [1, 2, 3],
          [4, 5, 0.1],
        ],
        { device },
      ),
      float16: tensor([0.1, -3], { dtype: 'float16', device }),
      bfloat16: tensor([0.1, -3], { dtype: 'bfloat16', device }),
      int32: tensor(Int32Array.of(-5, 2 ** 30), { device }),
      uint32: tensor(Uint32Array.of(4294967295), { device }),
      int8: tensor(Int8Array.of(-128, 5, 6), { device }),
      uint8: tensor(Uint8Array.of(255, 1), { device }),
      bool: tensor([true, false, true], { device }),
      'a.dotted.name': tensor(7, { device }),
      empty: zeros([2, 0], { device }),
    }
    await saveState(path, state)
    const { metadata, tensors } = python<Seen>('read', path)
    expect(metadata).toBeNull()
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(state).sort())
    for (const [name, x] of Object.entries(state)) {
      const { sum, ...rest } = tensors[name] as Seen['tensors'][string]
      expect(rest).toEqual({ ...((await plain(x)) as object), dtype: `torch.${x.dtype}` })
      expect(sum).toBe(Array.from(await x.data(), Number).reduce((a, b) => a + b, 0))
    }
  })

  it('reads the tensors of a whole checkpoint by their dotted names', { timeout: 60_000 }, async ({ skip }) => {
    skip(missing, `${PYTHON} has no torch`)
    const path = join(folder(), 'x.safetensors')
    const model = new nn.Sequential(new nn.Linear(3, 2, { device }))
    const optimizer = new optim.Adam(model.parameters())
    model
      .forward(zeros([1, 3], { device }).add(1))
      .sum()
      .backward()
    optimizer.step()
    await saveState(path, { model: model.stateDict(), optimizer: optimizer.stateDict(), epoch: 1, loss: Number.NaN })
    const { metadata, tensors } = python<Seen>('read', path)
    expect(Object.keys(metadata as object)).toEqual(['tapegrad'])
    expect(Object.keys(tensors).sort()).toEqual([
      'model.0.bias',
      'model.0.weight',
      ...['exp_avg', 'exp_avg_sq'].map((slot) => `optimizer.state.0.${slot}`),
      ...['exp_avg', 'exp_avg_sq'].map((slot) => `optimizer.state.1.${slot}`),
    ])
    expect(tensors['model.0.weight']?.shape).toEqual([2, 3])
  })

  it('writes what we read', { timeout: 60_000 }, async ({ skip }) => {
    skip(missing, `${PYTHON} has no torch`)
    const path = join(folder(), 'x.safetensors')
    const written = python<Record<string, { shape: number[]; values: number[] }>>('write', path)
    const state = await loadState(path)
    expect(Object.keys(state).sort()).toEqual(Object.keys(written).sort())
    for (const [name, { shape, values }] of Object.entries(written)) {
      const x = state[name] as Tensor
      expect(x.shape, name).toEqual(shape)
      expect(Array.from(await x.data(), Number), name).toEqual(values)
    }
    expect(Object.entries(state).map(([name, x]) => `${name} ${x.dtype}`)).toEqual([
      'net.weight float32',
      'double float64',
      'half float16',
      'brain bfloat16',
      'positive uint8',
      'yes bool',
      'scalar float32',
      'empty float32',
      'whole.I64 int32',
      'whole.I32 int32',
      'whole.I16 int32',
      'whole.I8 int8',
    ])
  })
})
