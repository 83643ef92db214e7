/**
 * @file Embeds shaders/**.wgsl into one module of strings, so that the same text reaches Node, bundles and tests without a loader or a file read. Comments
 * stay behind: a page would load them.
 *
 *   npm run shaders              writes src/device/webgpu/shaders.generated.ts
 *   npm run shaders -- --check   fails when that file is not what would be written
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SHADERS = new URL('../shaders/', import.meta.url)
const MODULE = new URL('../src/device/webgpu/shaders.generated.ts', import.meta.url)

const quoted = (text: string): string => text.replace(/[\\`]|\$\{/g, '\\$&')

/** WGSL without comments and empty lines; it has no strings that could hold what looks like one. */
export const withoutComments = (text: string): string =>
  text
    .replace(/[ \t]*\/\/.*$/gm, '')
    .replace(/\n(?:[ \t]*\n)+/g, '\n')
    .trimStart()

/** The module's text: keys are paths without `.wgsl`, sorted, so that the same shaders always give the same file. */
export function render(): string {
  const files = readdirSync(SHADERS, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.wgsl'))
    .sort()
  const entries = files.map(
    (path) => `  '${path.slice(0, -'.wgsl'.length)}': \`${quoted(withoutComments(readFileSync(new URL(path, SHADERS), 'utf8')))}\`,\n`,
  )
  return `// Written by scripts/embed-shaders.ts from shaders/: edit there, then \`npm run shaders\`.\nexport const shaders: Readonly<Record<string, string>> = {\n${entries.join('')}}\n`
}

export function isFresh(): boolean {
  try {
    return readFileSync(MODULE, 'utf8') === render()
  } catch {
    return false
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (!process.argv.includes('--check')) writeFileSync(MODULE, render())
  else if (!isFresh()) {
    console.error('src/device/webgpu/shaders.generated.ts is not what shaders/ holds. Run `npm run shaders`.')
    process.exitCode = 1
  }
}
