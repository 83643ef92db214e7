/** @file A kernel in the form that was chosen for it. */
import type { Kernel } from '../../kernel/index.ts'
import { printContract } from './contract-templates.ts'
import type { Strategy } from './strategy.ts'
import { type PrintedKernel, printKernel } from './wgsl-kernel.ts'

export const print = (kernel: Kernel, strategy: Strategy): PrintedKernel =>
  strategy.kind === 'register' || strategy.kind === 'tiled' ? printContract(kernel, strategy) : printKernel(kernel, strategy)
