/** @file The routines in WebAssembly. */
import { type RoutineCall, type RoutineTable, routineForm } from '../../../../kernel/index.ts'
import type { RoutinePlan } from '../../../routine-plan.ts'
import type { KernelCode } from '../kernel-code.ts'
import { reduceWithIndex } from './reduce-with-index.ts'
import { scan } from './scan.ts'
import { scatter } from './scatter.ts'
import { sort } from './sort.ts'

const ROUTINES: RoutineTable<RoutinePlan<KernelCode>> = { reduceWithIndex, scan, scatter, sort }

/** The kernels of a routine. */
export const routineKernels = (call: RoutineCall): RoutinePlan<KernelCode> => routineForm(ROUTINES, call)
