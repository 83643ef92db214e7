/** @file The routines in WGSL. */
import type { Routine, RoutineCall, RoutineKind, RoutineOf } from '../../../kernel/index.ts'
import type { RoutinePlan } from '../../routine-plan.ts'
import type { RoutineChoices } from '../strategy.ts'
import type { PrintedKernel } from '../wgsl-kernel.ts'
import { custom } from './custom.ts'
import { reduceWithIndex } from './reduce-with-index.ts'
import { scan } from './scan.ts'
import { scatter } from './scatter.ts'
import { search } from './search.ts'
import { sort } from './sort.ts'

type Form<R extends Routine> = (call: RoutineCall<R>, choices: RoutineChoices) => RoutinePlan<PrintedKernel>

const ROUTINES: { readonly [K in RoutineKind]: Form<RoutineOf<K>> } = { custom, reduceWithIndex, scan, scatter, search, sort }

/** The kernels of a routine. */
export const printRoutine = (call: RoutineCall, choices: RoutineChoices): RoutinePlan<PrintedKernel> =>
  (ROUTINES[call.routine.kind] as Form<Routine>)(call, choices)
