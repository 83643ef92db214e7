/** @file A kernel in the form that was chosen for it. */
import type { Kernel } from '../../kernel/index.ts'
import { printContract } from './contract-templates.ts'
import type { Strategy } from './strategy.ts'
import { type PrintedKernel, printKernel } from './wgsl-kernel.ts'

export function print(kernel: Kernel, strategy: Strategy): PrintedKernel {
  switch (strategy.kind) {
    case 'register':
    case 'tiled':
      return printContract(kernel, strategy)
    case 'point':
    case 'group':
      return printKernel(kernel, strategy)
  }
}
