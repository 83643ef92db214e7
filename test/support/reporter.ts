/** @file Says at the end of a test run which adapter it ran on, and what it did not cover. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

export default class CoverageReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const source = process.env.TAPEGRAD_TEST_ADAPTER
    const name = process.env.TAPEGRAD_TEST_ADAPTER_NAME
    if (!source || !name) return // the run did not come that far
    const others = ['lavapipe', 'swiftshader'].filter((other) => other !== source).map((other) => `TAPEGRAD_TEST_ADAPTER=${other}`)
    const limits = process.env.TAPEGRAD_LIMITS === 'default' ? 'the specification’s default limits' : 'the adapter’s limits'
    const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
    console.log(`   Adapter  ${name} (${source}), ${limits}`)
    console.log(` Elsewhere  ${[...others, ...(limits.startsWith('the adapter') ? ['TAPEGRAD_LIMITS=default'] : [])].join(', ')}`)
    for (const test of skipped) console.log(` Not tested ${where(test)}`)
  }
}

function where(test: TestCase): string {
  const { note } = test.result() as { note?: string }
  return `${test.module.relativeModuleId} > ${test.fullName}${note ? ` (${note})` : ''}`
}
