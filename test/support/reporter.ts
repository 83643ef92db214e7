/**
 * @file Says at the end of a test run which adapter it ran on, and which of its tests it could not run here. What a filter left out (a project, files,
 * lines, names) was not asked for, and is not listed.
 */
import type { Reporter, TestCase, TestModule, TestSpecification, Vitest } from 'vitest/node'

export default class CoverageReporter implements Reporter {
  #names: RegExp | undefined
  /** Files of which single lines were asked for. */
  #byLine = new Set<string>()

  onInit({ config }: Vitest): void {
    this.#names = config.testNamePattern
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#byLine = new Set(specifications.filter(({ testLines }) => testLines?.length).map(({ moduleId }) => moduleId))
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (modules.some(({ project }) => project.name === 'webgpu')) tellAdapter()
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
    for (const test of skipped) if (this.#asked(test)) console.log(` Not tested ${where(test)}`)
  }

  #asked(test: TestCase): boolean {
    return !this.#byLine.has(test.module.moduleId) && (this.#names?.test(filteredName(test)) ?? true)
  }
}

function tellAdapter(): void {
  const source = process.env.TAPEGRAD_TEST_ADAPTER
  const name = process.env.TAPEGRAD_TEST_ADAPTER_NAME
  if (!source || !name) return // the run did not come that far
  const here = /llvmpipe/.test(name) ? 'lavapipe' : source
  const frugal = process.env.TAPEGRAD_LIMITS === 'default'
  const others = ['lavapipe', 'swiftshader'].filter((other) => other !== here).map((other) => `TAPEGRAD_TEST_ADAPTER=${other}`)
  if (!frugal) others.push('TAPEGRAD_LIMITS=default')
  console.log(`   Adapter  ${name} (${source}), ${frugal ? "the specification's default limits" : "the adapter's limits"}`)
  console.log(` Not run on ${others.join(', ')}`)
}

/** What `-t` is compared with: the names of the suites and of the test, with a space between them. */
function filteredName(test: TestCase): string {
  const names = [test.name]
  for (let suite = test.parent; suite.type === 'suite'; suite = suite.parent) names.unshift(suite.name)
  return names.join(' ')
}

function where(test: TestCase): string {
  const { note } = test.result() as { note?: string }
  return `on ${test.project.name}: ${test.module.relativeModuleId} > ${test.fullName}${note ? ` (${note})` : ''}`
}
