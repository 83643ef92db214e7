/** @file A kernel in the form that was chosen for it. */
import type { Kernel } from '../../kernel/index.ts'
import type { Words } from './arithmetic.ts'
import { printContract } from './contract-templates.ts'
import type { Strategy } from './strategy.ts'
import { type PrintedKernel, printKernel } from './wgsl-kernel.ts'

/** @param words how the elements of buffers lie, on the device's adapter */
export function print(kernel: Kernel, strategy: Strategy, words: Words): PrintedKernel {
  switch (strategy.kind) {
    case 'register':
    case 'tiled':
      return printContract(kernel, strategy, words)
    case 'point':
    case 'group':
      return printKernel(kernel, strategy, words)
  }
}
