/** @file The WGSL helpers of shaders/lib: finds the functions that a text calls, and what those call. */
import { shaders } from './shaders.generated.ts'

interface Helper {
  readonly text: string
  readonly needs: readonly string[]
}

const DECLARATION = /^(?:fn|struct) (\w+)/gm

/** Splits the library at its declarations. */
function parse(files: Readonly<Record<string, string>>): Map<string, Helper> {
  const bodies = new Map<string, string>()
  for (const [path, text] of Object.entries(files)) {
    if (!path.startsWith('lib/')) continue
    const starts = [...text.matchAll(DECLARATION)]
    starts.forEach((match, i) => {
      const end = starts[i + 1]?.index ?? text.length
      const body = text.slice(match.index, end).trimEnd()
      bodies.set(match[1] as string, body)
    })
  }
  const helpers = new Map<string, Helper>()
  for (const [name, text] of bodies) {
    const words = new Set(text.match(/\b[A-Za-z_]\w*\b/g))
    helpers.set(name, { text, needs: [...words].filter((w) => w !== name && bodies.has(w)) })
  }
  return helpers
}

let library: Map<string, Helper> | undefined

/** The helpers that `code` needs, each once, in the library's order. */
export function helpersFor(code: string): string {
  library ??= parse(shaders)
  const wanted = new Set<string>()
  const visit = (name: string): void => {
    const helper = library?.get(name)
    if (!helper || wanted.has(name)) return
    wanted.add(name)
    helper.needs.forEach(visit)
  }
  for (const word of new Set(code.match(/\b[A-Za-z_]\w*\b/g))) visit(word)
  const parts: string[] = []
  for (const [name, helper] of library) if (wanted.has(name)) parts.push(helper.text)
  return parts.join('\n\n')
}
