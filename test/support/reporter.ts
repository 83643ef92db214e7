/** @file Says at the end of a test run which adapter it ran on, and what it did not cover. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export default class CoverageReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const source = process.env.TAPEGRAD_TEST_ADAPTER
    const name = process.env.TAPEGRAD_TEST_ADAPTER_NAME
    if (!source || !name) return // the run did not come that far
    const here = /llvmpipe/.test(name) ? 'lavapipe' : source
    const frugal = process.env.TAPEGRAD_LIMITS === 'default'
    const others = ['lavapipe', 'swiftshader'].filter((other) => other !== here).map((other) => `TAPEGRAD_TEST_ADAPTER=${other}`)
    if (!frugal) others.push('TAPEGRAD_LIMITS=default')
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
    console.log(`   Adapter  ${name} (${source}), ${frugal ? "the specification's default limits" : "the adapter's limits"}`)
    console.log(` Not run on ${others.join(', ')}`)
    for (const test of skipped) console.log(` Not tested ${where(test)}`)
  }
}

function where(test: TestCase): string {
  const { note } = test.result() as { note?: string }
  return `on ${test.project.name}: ${test.module.relativeModuleId} > ${test.fullName}${note ? ` (${note})` : ''}`
}
