import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // A GPU device lives in a process of its own: threads would share Dawn.
    pool: 'forks',
    globalSetup: 'test/support/global-setup.ts',
    setupFiles: 'test/support/setup.ts',
    reporters: ['default', './test/support/reporter.ts'],
    testTimeout: 30_000,
  },
})
