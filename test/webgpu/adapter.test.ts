/** @file The adapter that the tests run on computes: no part of tapegrad is involved, so a failure here is the machine's. */
import { expect, it } from 'vitest'
import { create, globals } from 'webgpu'

Object.assign(globalThis, globals)

// Held for as long as the process runs: Dawn crashes when this object is collected before its devices.
const gpu = create([])

it('adds numbers', async () => {
  const adapter = await gpu.requestAdapter()
  const device = await adapter?.requestDevice()
  if (!device) throw new Error('no adapter')
  const numbers = Float32Array.of(1, 2, 3, 4)
  const data = device.createBuffer({ size: 16, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST })
  const result = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  device.queue.writeBuffer(data, 0, numbers)
  const code = `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3u) { x[id.x] = x[id.x] + x[id.x]; }`
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute: { module: device.createShaderModule({ code }) } })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(
    0,
    device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries: [{ binding: 0, resource: { buffer: data } }] }),
  )
  pass.dispatchWorkgroups(1)
  pass.end()
  encoder.copyBufferToBuffer(data, 0, result, 0, 16)
  device.queue.submit([encoder.finish()])
  await result.mapAsync(GPUMapMode.READ)
  expect([...new Float32Array(result.getMappedRange())]).toEqual([2, 4, 6, 8])
  device.destroy()
})
