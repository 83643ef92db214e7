/** @file Programs that run JavaScript, as npm packages: installed for one check, never a dependency. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { npm, runIn } from './packed.ts'

/**
 * Installs a package into a folder of its own in `folder`.
 * @param spec name and version, `bun@1.3.0`
 * @returns the path of its program, which bears the package's name
 * @throws Error where npm cannot bring it, or it does not run here
 */
export function installRuntime(folder: string, spec: string): string {
  const name = spec.slice(0, spec.indexOf('@'))
  const own = join(folder, spec.replace('@', '-'))
  mkdirSync(own, { recursive: true })
  // The script of such a package fetches the program, or puts it in its place
  writeFileSync(join(own, 'package.json'), JSON.stringify({ private: true, allowScripts: { [name]: true } }))
  npm(own, 'install', spec)
  const program = join(own, 'node_modules/.bin', name)
  runIn(own, program, ['--version'])
  return program
}
