/** @file WebGPU's numeric flags. The globals that name them exist in browsers only; the values are fixed by the specification. */
export const MAP_READ = 0x1
export const COPY_SRC = 0x4
export const COPY_DST = 0x8
export const UNIFORM = 0x40
export const STORAGE = 0x80
/** GPUMapMode.READ */
export const FOR_READING = 0x1
/** GPUShaderStage.COMPUTE */
export const COMPUTE = 0x4
