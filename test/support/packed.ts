/** @file The package as npm makes and installs it, and programs that are run on it. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SECONDS = 120

export interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

/** Runs a program and gives what it printed. @throws Error with all that it printed when it fails */
export function runIn(
  cwd: string,
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  seconds = SECONDS,
): string {
  const env = { ...process.env, ...variables }
  try {
    return execFileSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: seconds * 1000 }).trim()
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${[program, ...args].join(' ')} failed in ${cwd}\n${stdout ?? ''}${stderr ?? ''}`, { cause: error })
  }
}

export const npm = (cwd: string, ...args: readonly string[]): string =>
  runIn(cwd, 'npm', [...args, '--prefer-offline', '--no-audit', '--no-fund', '--silent'], {}, 5 * SECONDS)

/** Builds the package and packs it into `folder`. */
export function pack(folder: string): Packed {
  const [packed] = JSON.parse(npm(ROOT, 'pack', '--json', '--pack-destination', folder).replace(/^[^[]*/, '')) as [Packed]
  return packed
}

/** Makes `folder` a project with these dependencies. */
export function project(folder: string, dependencies: Readonly<Record<string, string>>, ...args: readonly string[]): void {
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module', dependencies }))
  npm(folder, 'install', ...args)
}
