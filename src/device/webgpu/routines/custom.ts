/** @file An op of a program's own: its WGSL declares `compute(i)`, which is called for each point; in front of it stand its tensors, sizes and numbers by name. */
import { DeviceError, sizeOf } from '../../../base/index.ts'
import { type RoutineCall, type RoutineOf, type TensorType, valueTypeOf } from '../../../kernel/index.ts'
import { PlanWriter, type RoutinePlan } from '../../routine-plan.ts'
import { wgslType } from '../arithmetic.ts'
import type { RoutineChoices } from '../strategy.ts'
import { floatBits, Params } from '../uniforms.ts'
import type { PrintedKernel } from '../wgsl-kernel.ts'
import { apart, bind, routineKernel } from './routine-kernel.ts'

export function custom(call: RoutineCall<RoutineOf<'custom'>>, { chooseLoops }: RoutineChoices): RoutinePlan<PrintedKernel> {
  const { definition, params: numbers } = call.routine
  const { name, wgsl } = definition
  if (wgsl === undefined)
    throw new DeviceError(name, `it has no wgsl, and its inputs are on device webgpu. Move them to 'cpu', or define wgsl`)
  const outputs = definition.typesOf(call.inputs, numbers)
  const points = definition.pointsOf(call.inputs, outputs, numbers)
  const plan = new PlanWriter<PrintedKernel>(call)
  if (points === 0) return plan.plan()
  // (what nobody reads is written all the same)
  const written = plan.outputs.map((buffer, i) => {
    const { dtype, shape } = outputs[i] as TensorType
    return buffer ?? plan.scratch(dtype, sizeOf(shape))
  })
  const roles = [...definition.inputs, ...definition.outputs]
  const types = [...call.inputs, ...outputs]
  const params = new Params()
  const functions = roles.flatMap((role, t) => {
    const { shape } = types[t] as TensorType
    if (shape.length === 0) return []
    const sizes = shape.map((size, d) => params.use(`${role} ${d}`, size))
    return [`fn ${role}_size(d: u32) -> u32 {\n  let sizes = array<u32, ${shape.length}>(${sizes.join(', ')});\n  return sizes[d];\n}`]
  })
  for (const [key, value] of Object.entries(numbers))
    functions.push(`fn ${key}() -> f32 {\n  return bitcast<f32>(${params.use(`number ${key}`, floatBits(value))});\n}`)
  const kernel = routineKernel(
    {
      label: name,
      shader: 'each',
      strategy: apart(chooseLoops(points, 0)),
      sizes: ['each', 'Each', { points, size: 1 }],
      buffers: roles.map((role, t) => bind(wgslType[valueTypeOf((types[t] as TensorType).dtype)], t >= call.inputs.length, role)),
      functions,
      own: wgsl,
    },
    params,
  )
  plan.run(kernel, [...plan.inputs, ...written])
  return plan.plan()
}
