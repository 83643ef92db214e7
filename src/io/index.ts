/** @file The entry `tapegrad/io`: states as safetensors, in files and as bytes. */
import '../fluent.ts'

export { loadState, saveState } from './files.ts'
export { parseState, serializeState } from './state.ts'
