import { defineConfig } from 'vitest/config'

/** Tests that are written for any device (test/support/device.ts): they run once in each project. */
const ANY_DEVICE = [
  'test/{amp,autograd,data,everyday,examples,nn,ops,optim}/**/*.test.ts',
  'test/golden.test.ts',
  'test/graph/{random-graph,reduction-order,changing-programs}.test.ts',
]
/** What is settled at the call, before any device, and what has none. */
const NO_DEVICE = ['test/ops/{arguments,types}.test.ts', 'test/examples/progress.test.ts']

// `vitest run --mode long` also runs what takes a GPU's driver long to compile (test/support/device.ts); workers inherit the variable.
if (process.argv.join(' ').includes('--mode long')) process.env.TAPEGRAD_TEST_LONG = '1'

export default defineConfig({
  test: {
    // A GPU device lives in a process of its own: threads would share Dawn.
    pool: 'forks',
    // vitest leaves one free by itself, which on two cores is half of them.
    maxWorkers: '100%',
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: 'test/support/setup.ts',
    reporters: ['default', './test/support/reporter.ts'],
    // Far above what any takes on a quiet machine: software adapters on a busy one are slow.
    testTimeout: 90_000,
    hookTimeout: 90_000,
    projects: [
      {
        extends: true,
        test: { name: 'cpu', include: ['test/**/*.test.ts'], exclude: ['test/webgpu/**'], env: { TAPEGRAD_TEST_DEVICE: 'cpu' } },
      },
      {
        extends: true,
        test: {
          name: 'webgpu',
          include: ['test/webgpu/**/*.test.ts', ...ANY_DEVICE],
          exclude: NO_DEVICE,
          env: { TAPEGRAD_TEST_DEVICE: 'webgpu' },
        },
      },
    ],
  },
})
