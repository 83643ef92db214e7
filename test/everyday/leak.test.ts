/**
 * @file No leak: 2,000 steps of a network of two layers (64-128-10, batches of 64) and of a small convolutional one, nothing disposed of. Live bytes and
 * buffers at the end are at most 2% more than after step 50. `TAPEGRAD_LEAK_STEPS` takes fewer steps.
 */
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { amp, init, manualSeed, memory, nn, noGrad, optim, setDefaultDevice, synchronize, type Tensor, tensor } from '../../src/index.ts'
import { cleanSlate, expectNoGrowth } from '../support/collect.ts'
import { device } from '../support/device.ts'

const F = nn.functional
const STEPS = Number(process.env.TAPEGRAD_LEAK_STEPS ?? 2000)
const SYNCHRONOUS = 200
const EARLY = 50
const MINUTES = 60_000

beforeAll(async () => {
  await init({ device })
  setDefaultDevice(device)
})

beforeEach(cleanSlate)

function batch(i: number): { x: Tensor; y: Tensor } {
  const x = Float32Array.from({ length: 64 * 64 }, (_, k) => Math.sin(k * 0.37 + i))
  const y = Int32Array.from({ length: 64 }, (_, k) => (k + i) % 10)
  return { x: tensor(x, { shape: [64, 64] }), y: tensor(y) }
}

function digits(): { step: (i: number) => Tensor; model: nn.Sequential } {
  manualSeed(0)
  const model = new nn.Sequential(new nn.Linear(64, 128), new nn.ReLU(), new nn.Linear(128, 10))
  const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3, weightDecay: 0.01 })
  const step = (i: number): Tensor => {
    const { x, y } = batch(i)
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    return loss
  }
  return { step, model }
}

interface Held extends Record<string, number> {
  bytes: number
  buffers: number
}

async function held(): Promise<Held> {
  await synchronize()
  const { liveBytes: bytes, pooledBytes, buffers } = memory(device)
  // What was asked of the machine is, on cpu, one memory that never shrinks
  return device === 'cpu' ? { bytes, buffers, taken: bytes + pooledBytes } : { bytes, buffers }
}

function expectHeld(late: Held, early: Held): void {
  expect(early.bytes).toBeGreaterThan(0)
  expectNoGrowth(late, early, 1.02)
}

describe(`${STEPS} steps without any dispose`, () => {
  it('hold what they held after step 50 when the loss is awaited in every step', { timeout: 5 * MINUTES }, async () => {
    const { step } = digits()
    let early: Held | undefined
    const losses: number[] = []
    for (let i = 1; i <= STEPS; i++) {
      losses.push(await step(i).item())
      if (i === EARLY) early = await held()
    }
    expectHeld(await held(), early as Held)
    expect(losses.every(Number.isFinite)).toBe(true)
  })

  it('hold what they held after step 50 when the loss is awaited in every 50th step', { timeout: 5 * MINUTES }, async () => {
    const { step } = digits()
    let early: Held | undefined
    for (let i = 1; i <= STEPS; i++) {
      const loss = step(i)
      if (i % 50 === 0) expect(Number.isFinite(await loss.item())).toBe(true)
      if (i === EARLY) early = await held()
    }
    expectHeld(await held(), early as Held)
  })

  it(`hold what they held after step 50 when ${SYNCHRONOUS} of them run synchronously`, { timeout: 5 * MINUTES }, async () => {
    const { step } = digits()
    for (let i = 1; i <= EARLY; i++) step(i)
    const early = await held()
    for (let i = EARLY + 1; i < SYNCHRONOUS; i++) step(i)
    const loss = step(SYNCHRONOUS)
    expectHeld(await held(), early)
    expect(Number.isFinite(await loss.item())).toBe(true)
  })

  it('hold what they held after step 50 under autocast and a scaler, some of whose steps overflow', { timeout: 5 * MINUTES }, async () => {
    manualSeed(0)
    const model = new nn.Sequential(new nn.Linear(64, 128), new nn.ReLU(), new nn.Linear(128, 10))
    const optimizer = new optim.AdamW(model.parameters(), { lr: 3e-3 })
    const scaler = new amp.GradScaler({ growthInterval: 100 })
    let early: Held | undefined
    for (let i = 1; i <= STEPS; i++) {
      const { x, y } = batch(i)
      optimizer.zeroGrad()
      const loss = amp.autocast(() => F.crossEntropy(model.forward(x), y))
      scaler.scale(i % 97 === 0 ? loss.mul(1e38) : loss).backward()
      if (i % 2 === 0) {
        scaler.unscale_(optimizer)
        nn.utils.clipGradNorm_(model.parameters(), 1)
      }
      scaler.step(optimizer)
      scaler.update()
      if (i % 10 === 0) expect(Number.isFinite(await loss.item())).toBe(true)
      if (i === EARLY) early = await held()
    }
    expectHeld(await held(), early as Held)
    // (it grows at most every hundred steps, and halves about as often)
    const scale = await scaler.getScale()
    expect(Number.isInteger(Math.log2(scale))).toBe(true)
    expect(scale).toBeLessThanOrEqual(65536 * 2)
  })

  it('hold what they held after batch 50 when they are evaluation under noGrad', { timeout: 5 * MINUTES }, async () => {
    const { model } = digits()
    let early: Held | undefined
    for (let i = 1; i <= STEPS; i++) {
      const { x, y } = batch(i)
      const right = await noGrad(() => model.forward(x).argmax(1).eq(y).sum()).item()
      expect(right).toBeLessThanOrEqual(64)
      if (i === EARLY) early = await held()
    }
    expectHeld(await held(), early as Held)
  })

  it('hold what they held after step 50 with convolutions, batch normalization, pooling and dropout', {
    timeout: 5 * MINUTES,
  }, async () => {
    manualSeed(0)
    const model = new nn.Sequential(
      new nn.Conv2d(1, 4, 3, { padding: 1 }),
      new nn.BatchNorm2d(4),
      new nn.ReLU(),
      new nn.MaxPool2d(2),
      new nn.Conv2d(4, 6, 3, { stride: 2, padding: 1, bias: false }),
      new nn.BatchNorm2d(6, { momentum: null }),
      new nn.ReLU(),
      new nn.AvgPool2d(2),
      new nn.Flatten(),
      new nn.Dropout(0.2),
      new nn.Linear(6, 10),
    )
    const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
    const step = (i: number): Tensor => {
      const x = tensor(
        Float32Array.from({ length: 8 * 64 }, (_, k) => Math.sin(k * 0.37 + i)),
        { shape: [8, 1, 8, 8] },
      )
      const y = tensor(Int32Array.from({ length: 8 }, (_, k) => (k + i) % 10))
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      optimizer.step()
      return loss
    }
    let early: Held | undefined
    for (let i = 1; i <= STEPS; i++) {
      const loss = step(i)
      if (i % 10 === 0) expect(Number.isFinite(await loss.item())).toBe(true)
      if (i === EARLY) early = await held()
    }
    expectHeld(await held(), early as Held)
  })
})
