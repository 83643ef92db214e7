/** @file The routines in WebAssembly. */
import type { Routine, RoutineCall, RoutineKind, RoutineOf, RoutineTable } from '../../../../kernel/index.ts'
import type { RoutinePlan } from '../../../routine-plan.ts'
import type { KernelCode } from '../kernel-code.ts'
import { reduceWithIndex } from './reduce-with-index.ts'
import { scan } from './scan.ts'
import { scatter } from './scatter.ts'
import { search } from './search.ts'
import { sort } from './sort.ts'

/** What is written as WebAssembly; `custom` is the program's own JavaScript. */
type Written = Exclude<RoutineKind, 'custom'>
const ROUTINES: Pick<RoutineTable<RoutinePlan<KernelCode>>, Written> = { reduceWithIndex, scan, scatter, search, sort }

/** Whether a routine is the program's own JavaScript. */
export const isJavaScript = (call: RoutineCall): call is RoutineCall<RoutineOf<'custom'>> => call.routine.kind === 'custom'

/** The kernels of a routine. */
export const routineKernels = (call: RoutineCall<RoutineOf<Written>>): RoutinePlan<KernelCode> =>
  (ROUTINES[call.routine.kind] as (call: RoutineCall<Routine>) => RoutinePlan<KernelCode>)(call)
