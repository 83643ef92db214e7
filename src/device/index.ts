export { cpuProvider, openCpu } from './cpu/index.ts'
export * from './device.ts'
export { isTold, markTold } from './late.ts'
export { webgpuProvider } from './webgpu/index.ts'
