/**
 * @file The bundlers that users have. Those that the repository does not use itself are listed in test/bundlers/package.json, and installed there when they are first
 * asked for.
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const BUNDLERS = ['esbuild', 'rollup', 'vite', 'webpack'] as const
export type Bundler = (typeof BUNDLERS)[number]
/** `node`: modules for Node; `node-cjs`: the same as CommonJS. */
export type Target = 'browser' | 'node' | 'node-cjs'

const FOLDER = fileURLToPath(new URL('../bundlers/', import.meta.url))

/** Where the tools are that only tests of the package need: the bundlers, and an old TypeScript. */
export function bundlersFolder(): string {
  if (!existsSync(join(FOLDER, 'node_modules/webpack')))
    execFileSync('npm', ['install', '--no-package-lock', '--no-audit', '--no-fund', '--prefer-offline', '--silent'], { cwd: FOLDER })
  return FOLDER
}

/** Bundles the program of `entry` into `folder`, where it is then `main.js`, `main.mjs` or `main.cjs`. @throws Error where the bundler warns */
export async function bundle(bundler: Bundler, target: Target, entry: string, folder: string): Promise<void> {
  const script = join(bundlersFolder(), 'build.js')
  const { stdout } = await promisify(execFile)(process.execPath, [script, bundler, target, entry, folder], {
    cwd: dirname(entry),
    maxBuffer: 2 ** 24,
  })
  const warnings = JSON.parse(stdout.trim().split('\n').at(-1) as string) as string[]
  if (warnings.length > 0) throw new Error(`${bundler} for ${target} warns:\n${warnings.join('\n')}`)
}
