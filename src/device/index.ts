export { cpuProvider, openCpu } from './cpu/index.ts'
export * from './device.ts'
export { webgpuProvider } from './webgpu/index.ts'
