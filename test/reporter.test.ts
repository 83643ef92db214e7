/** @file What a run of the tests says of itself at its end. */
import { describe, expect, it, vi } from 'vitest'
import type { TestModule, TestSpecification, Vitest } from 'vitest/node'
import CoverageReporter from './support/reporter.ts'

const FILE = '/root/test/a.test.ts'

/** A file in which the suite "floats" has three skipped tests. */
function moduleOf(project: string): TestModule {
  const module = { type: 'module', moduleId: FILE, relativeModuleId: 'test/a.test.ts', project: { name: project } }
  const suite = { type: 'suite', name: 'floats', parent: module }
  const tests = ['add', 'mul', 'mul twice'].map((name) => ({
    ...{ name, parent: suite, module, project: module.project },
    fullName: `floats > ${name}`,
    result: () => ({}),
  }))
  return { ...module, children: { allTests: () => tests } } as unknown as TestModule
}

function linesOf(project: string, testNamePattern?: RegExp, testLines?: readonly number[]): string[] {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const reporter = new CoverageReporter()
  reporter.onInit({ config: { testNamePattern } } as unknown as Vitest)
  reporter.onTestRunStart([{ moduleId: FILE, testLines } as unknown as TestSpecification])
  reporter.onTestRunEnd([moduleOf(project)])
  const lines = log.mock.calls.map(([line]) => line as string)
  log.mockRestore()
  return lines
}

describe('a test run says at its end', () => {
  it('what could not be run, of all tests', () => {
    expect(linesOf('cpu', undefined, [])).toEqual(
      ['add', 'mul', 'mul twice'].map((t) => ` Not tested on cpu: test/a.test.ts > floats > ${t}`),
    )
  })

  it('and of a filtered run, of what the filter left', () => {
    expect(linesOf('cpu', /floats mul/).map((line) => line.split(' > ').at(-1))).toEqual(['mul', 'mul twice'])
    expect(linesOf('cpu', undefined, [3])).toEqual([])
  })

  it('which adapter it had, and which it had not, where WebGPU was asked for', () => {
    expect(linesOf('webgpu', /nothing/)).toEqual([
      expect.stringMatching(/^ {3}Adapter {2}\S/),
      expect.stringMatching(/^ Not run on TAPEGRAD_/),
    ])
  })
})
