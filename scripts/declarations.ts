/** @file dist/**.d.ts: those of the entries and of what they lead to. What no user can reach, such as the inside of a device, is not published. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import ts from 'typescript'

/** Where declarations name another file: `from './x.ts'`, `import './x.ts'`, `import('./x.ts')`, `declare module './x.ts'`. */
const SPECIFIER = /(\b(?:from |import |import\(|declare module )['"])(\.[^'"\n]*)\.[jt]s(?=['"])/g

/**
 * The declarations of `entries` and of what they lead to, by their paths in dist/.
 * @param entries relative to src/ @throws Error with what TypeScript says
 */
export function declarations(root: string, entries: readonly string[]): ReadonlyMap<string, string> {
  const host: ts.ParseConfigFileHost = {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic({ messageText }) {
      throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'))
    },
  }
  const config = ts.getParsedCommandLineOfConfigFile(resolve(root, 'tsconfig.build.json'), {}, host) as ts.ParsedCommandLine
  const emitted = new Map<string, string>()
  const { diagnostics } = ts.createProgram(config.fileNames, config.options).emit(undefined, (path, text) => {
    // TypeScript rewrites only some of them to what JavaScript imports
    emitted.set(resolve(path), text.replace(SPECIFIER, '$1$2.js'))
  })
  const [wrong] = [...config.errors, ...diagnostics]
  if (wrong) throw new Error(ts.flattenDiagnosticMessageText(wrong.messageText, '\n'))

  const reached = new Map<string, string>()
  const reach = (path: string): void => {
    if (reached.has(path)) return
    const text = emitted.get(path) as string
    reached.set(path, text)
    for (const [, , file] of text.matchAll(SPECIFIER)) reach(resolve(dirname(path), `${file}.d.ts`))
  }
  for (const path of entries) reach(resolve(root, 'dist', path.replace(/\.ts$/, '.d.ts')))
  for (const path of [...reached.keys()]) reached.set(`${path}.map`, emitted.get(`${path}.map`) as string)
  return reached
}

/** Writes {@link declarations}. */
export function writeDeclarations(root: string, entries: readonly string[]): void {
  for (const [path, text] of declarations(root, entries)) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
}
