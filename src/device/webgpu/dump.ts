/** @file TAPEGRAD_DUMP=dir: every kernel as a file, with its label and its numbers. Loaded where that is set. */
import { builtinModule } from '../environment.ts'
import type { PrintedKernel } from './wgsl-kernel.ts'

export type Dump = (printed: PrintedKernel) => void

interface Files {
  mkdirSync(path: string, options: { recursive: boolean }): unknown
  writeFileSync(path: string, text: string): void
}

export function openDump(folder: string): Dump {
  if (!builtinModule) return () => {}
  const { mkdirSync, writeFileSync } = builtinModule('node:fs') as Files
  mkdirSync(folder, { recursive: true })
  let count = 0
  return ({ label, code, params, workgroups }) => {
    const name = `${`${count++}`.padStart(4, '0')}-${label.replace(/[^\w+.-]/g, '_').slice(0, 80)}.wgsl`
    writeFileSync(`${folder}/${name}`, `// ${label}\n// workgroups ${workgroups.join(' x ')}\n// params ${params.join(' ')}\n\n${code}\n`)
  }
}
