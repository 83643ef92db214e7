/** @file `npx tsx benchmarks/ops-reference.ts`: writes reference-ops.json, what PyTorch's results of the ops are in float64. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { PYTHON } from './library.ts'
import { CASES, passesOf, type ReferencePrint, taskName } from './ops-tasks.ts'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const tasks = CASES.flatMap((task) => passesOf(task).map((pass) => ({ task, pass })))
const output = execFileSync(PYTHON, [here('ops.py')], { input: JSON.stringify(tasks), encoding: 'utf8', maxBuffer: 2 ** 26 })
const prints = JSON.parse(output) as ReferencePrint[][]
const lines = tasks.map((task, i) => `${JSON.stringify(taskName(task))}: ${JSON.stringify(prints[i])}`)
writeFileSync(here('reference-ops.json'), `{\n${lines.join(',\n')}\n}\n`)
