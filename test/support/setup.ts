/** @file Once per test file, before it touches WebGPU. */
import { ensureAdapter } from './adapter.ts'

await ensureAdapter()
