/**
 * @file What npm runs before the package is installed from a folder or from git, and before it is packed: makes dist/. Plain JavaScript, because a folder
 * that npm only links to may have nothing installed yet.
 */
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const { npm_command: command, INIT_CWD: from } = process.env
const { resolve } = createRequire(import.meta.url)

/** `npm ci` in a checkout is followed by the scripts of package.json, and none of these needs dist/ but those that make it. */
const toWorkOn = command === 'ci' && from !== undefined && relative(from, root) === ''

function hasTools() {
  try {
    return ['rolldown', 'tsx', 'typescript'].every((name) => resolve(name))
  } catch {
    return false
  }
}

function run(program, ...args) {
  execFileSync(program, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'], shell: process.platform === 'win32' })
}

if (!toWorkOn) {
  if (!hasTools()) run('npm', 'ci', '--ignore-scripts', '--include=dev', '--global=false', '--no-audit', '--no-fund')
  run(process.execPath, '--import', 'tsx', 'scripts/build.ts')
}
