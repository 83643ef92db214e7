/**
 * @file `npm run notebook`: notebooks/first-steps.ipynb in Jupyter, as a copy that git does not see; with `--execute` the copy is run without a browser.
 * What follows goes to Jupyter (`npm run notebook -- --no-browser`).
 *
 * The kernel, tslab, comes from npm into notebooks/node_modules, and Jupyter is told there where it is: nothing is installed into a Python, so it does not
 * matter which one comes first in the path, as long as there is a Jupyter.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const NOTEBOOKS = join(ROOT, 'notebooks')
const MODULES = join(NOTEBOOKS, 'node_modules')
const KERNELS = join(MODULES, '.jupyter')
const NOTEBOOK = 'first-steps.ipynb'
const COPY = `my-${NOTEBOOK}`
const TSLAB = '1.0.22'

/** Ways to call Jupyter: where another Python comes first in the path, Debian's is still at its place. */
const JUPYTERS: readonly (readonly [string, ...string[]])[] = [
  ['jupyter'],
  ['python3', '-m', 'jupyter'],
  ['python', '-m', 'jupyter'],
  ['/usr/bin/python3', '-m', 'jupyter'],
]

const npm = (...args: string[]): void => run(['npm', ...args])

function run([command, ...args]: readonly [string, ...string[]], env: Record<string, string> = {}): void {
  const { status, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, ...env },
    shell: process.platform === 'win32',
  })
  if (error) throw error
  if (status !== 0) process.exit(status ?? 1)
}

/** The kernel and tapegrad, as modules beside the notebook. */
function install(): void {
  const installed = join(MODULES, 'tslab/package.json')
  if (!existsSync(installed) || (JSON.parse(readFileSync(installed, 'utf8')) as { version: string }).version !== TSLAB)
    npm('install', '--prefix', 'notebooks', '--no-save', '--no-package-lock', '--no-audit', '--no-fund', '--silent', `tslab@${TSLAB}`)
  const link = join(MODULES, 'tapegrad')
  rmSync(link, { force: true, recursive: true })
  symlinkSync(ROOT, link, 'junction')
  const folder = join(KERNELS, 'kernels/tslab')
  mkdirSync(folder, { recursive: true })
  const argv = [process.execPath, join(MODULES, 'tslab/bin/tslab'), 'kernel', '--config-path', '{connection_file}']
  writeFileSync(join(folder, 'kernel.json'), JSON.stringify({ argv, display_name: 'TypeScript', language: 'typescript' }))
}

/** The first Jupyter that has what is needed. */
function findJupyter(part: string): readonly [string, ...string[]] {
  const found = JUPYTERS.find(([command, ...args]) => spawnSync(command, [...args, part, '--version'], { stdio: 'ignore' }).status === 0)
  if (found) return found
  const tried = JUPYTERS.map((words) => [...words, part].join(' ')).join(', ')
  console.error(
    `No Jupyter was found; tried: ${tried}.\nOn Debian: apt-get install jupyter-notebook jupyter-nbconvert; else: pip install notebook`,
  )
  process.exit(1)
}

const given = process.argv.slice(2)
const execute = given.includes('--execute')
const rest = given.filter((arg) => arg !== '--execute')
const jupyter = findJupyter(execute ? 'nbconvert' : 'notebook')
npm('run', '--silent', 'build')
install()
const copy = join(NOTEBOOKS, COPY)
if (!existsSync(copy)) copyFileSync(join(NOTEBOOKS, NOTEBOOK), copy)
console.log(`notebooks/${COPY} is yours: git does not see it. Once deleted, it is made anew`)
const words = execute ? ['nbconvert', '--to', 'notebook', '--execute', '--inplace', ...rest, copy] : ['notebook', ...rest, copy]
run([...jupyter, ...words], { JUPYTER_PATH: [KERNELS, process.env.JUPYTER_PATH].filter(Boolean).join(delimiter) })
