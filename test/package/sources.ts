/** @file The package from where it is developed: from git, and from a folder. npm makes dist/ on the way, which neither has. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { npm, runIn } from '../support/packed.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = "import('tapegrad').then(async ({ tensor }) => console.log(await tensor([1, 2]).to('cpu').sum().item()))"

/** @param folder where projects are made, each empty at first */
export function checkSources(folder: string): void {
  if (existsSync(join(ROOT, '.git')))
    checkSource(folder, 'git', `git+file://${ROOT}`) // its last commit
  else console.log('NOT TESTED: installation from git (this is no clone)')
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
  checkSource(folder, 'folder', ROOT) // npm makes a link to it
}

function checkSource(folder: string, kind: 'git' | 'folder', from: string): void {
  const own = join(folder, kind)
  mkdirSync(own)
  writeFileSync(join(own, 'package.json'), JSON.stringify({ private: true }))
  npm(own, 'install', from)
  const printed = runIn(own, process.execPath, ['-e', PROGRAM])
  if (printed !== '3') throw new Error(`installed from ${kind}, it computes ${printed}`)
  console.log(`installed from ${kind}`)
}
