/** @file What is saved after every epoch, and how a training goes on from it. */
import { existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  type amp,
  defaultGenerator,
  type GeneratorState,
  getDefaultDevice,
  loadState,
  type nn,
  type optim,
  saveState,
} from '../../src/index.ts'
import { type Flags, type Lower, refuse } from './setup.ts'

/** How an epoch went: means while learning, and what the test images gave after it. */
export interface Point {
  readonly epoch: number
  readonly loss: number
  readonly accuracy: number
  readonly testLoss: number
  readonly testAccuracy: number
}

export interface Settings {
  readonly seed: number
  readonly epochs: number
  /** What products and convolutions are computed in. */
  readonly precision: Lower | 'float32'
}

export interface Checkpoint {
  readonly model: nn.StateDict
  readonly optimizer: optim.OptimizerState
  readonly scaler: amp.GradScalerState
  /** Where the stream of random numbers stands: the orders of the images to come follow from it. */
  readonly generator: GeneratorState
  /** A point for each epoch that is done. */
  readonly curve: readonly Point[]
  readonly settings: Settings
  readonly device: string
}

export async function openCheckpoint(path: string): Promise<Checkpoint> {
  if (!existsSync(path)) refuse(`there is no checkpoint ${path}. A training without --resume writes one after every epoch`)
  return loadState<Checkpoint>(path)
}

/**
 * The settings of this run: those of the checkpoint where it continues one. A seed or a device that is not the checkpoint's would make it
 * another training; more epochs only make it longer.
 */
export function settle(flags: Flags, saved: Checkpoint | undefined): Settings {
  if (!saved) return { seed: flags.seed ?? 0, epochs: flags.epochs ?? 30, precision: flags.amp ?? 'float32' }
  const { settings, curve, device } = saved
  if (flags.evaluate) return settings
  const done = curve.length
  if (flags.seed !== undefined && flags.seed !== settings.seed)
    refuse(`${flags.checkpoint} is of --seed ${settings.seed}; --resume with --seed ${flags.seed} would be neither training`)
  if (flags.amp !== undefined && flags.amp !== settings.precision)
    refuse(`${flags.checkpoint} is of ${settings.precision}; --resume with --amp ${flags.amp} would be neither training`)
  if (flags.epochs !== undefined && flags.epochs < done)
    refuse(`${flags.checkpoint} has ${done} epochs behind it; --epochs ${flags.epochs} is less`)
  if (device !== getDefaultDevice())
    console.log(
      `note: begun on ${device}; the last digits depend on the device, so this is not the training that ${device} would have finished`,
    )
  const epochs = flags.epochs ?? settings.epochs
  console.log(done === epochs ? `all ${epochs} epochs are done; --epochs goes further` : `resumes after epoch ${done} of ${epochs}`)
  return { ...settings, epochs }
}

/** Puts everything back where it was; the curve so far. */
export function restore(saved: Checkpoint, model: nn.Module, optimizer: optim.Optimizer, scaler: amp.GradScaler): Point[] {
  model.loadStateDict(saved.model)
  optimizer.loadStateDict(saved.optimizer)
  if (scaler.isEnabled()) scaler.loadStateDict(saved.scaler)
  defaultGenerator.setState(saved.generator)
  return [...saved.curve]
}

interface Training {
  readonly model: nn.Module
  readonly optimizer: optim.Optimizer
  readonly scaler: amp.GradScaler
  readonly curve: readonly Point[]
  readonly settings: Settings
}

export async function saveCheckpoint(path: string, { model, optimizer, scaler, curve, settings }: Training): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  await saveState(path, {
    model: model.stateDict(),
    optimizer: optimizer.stateDict(),
    scaler: scaler.stateDict(),
    generator: defaultGenerator.getState(),
    curve,
    settings,
    device: getDefaultDevice(),
  } satisfies Checkpoint)
}
