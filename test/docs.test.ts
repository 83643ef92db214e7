/**
 * @file The docs are true: examples run and print what stands below them, quoted code stands in its file, and what is linked or named is there.
 * A `ts` block that is followed by a `text` block is run; a block marked `ts path` must be part of that file, where `…` stands for any text without an
 * empty line: what is listed beside the thing in question may change. The cells of the notebook print what is
 * stored in it, and the table of environment variables has all of them.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { compiledUrl } from './support/compiled.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const pages = ['README.md', 'CONTRIBUTING.md', ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((page) =>
  page.endsWith('.md'),
)
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8')

interface Example {
  readonly code: string
  readonly output: string
}

const examplesOf = (page: string): Example[] =>
  [...textOf(page).matchAll(/```ts\n((?:(?!```)[\s\S])*)```\n\n```text\n([\s\S]*?)```/g)].map(([, code, output]) => ({
    code: code as string,
    output: output as string,
  }))

/** What a quote with gaps matches. */
const withGaps = (quoted: string): RegExp =>
  new RegExp(quoted.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '(?:(?!\\n\\n)[^])*?'))

/** Runs an example on the CPU device, with the package's entries from source. */
async function run(code: string, name: string, cwd = root, variables: Record<string, string> = {}): Promise<string> {
  const folder = join(root, 'node_modules/.cache/tapegrad-docs')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${name}.mjs`)
  const { code: program } = await transform(code, { loader: 'ts', target: 'node20', charset: 'utf8' })
  const library = await compiledUrl(new URL('../src/', import.meta.url))
  writeFileSync(
    file,
    program.replace(/from "tapegrad(\/\w+)?"/g, (_, path = '') => `from '${library}${path}/index.mjs'`),
  )
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TAPEGRAD_DEVICE: 'cpu', NO_COLOR: '1', ...variables }
    execFile(process.execPath, [file], { cwd, env }, (error, out, err) => {
      rmSync(file, { force: true })
      if (error) reject(new Error(`${error.message}\n${err}`))
      else resolve(out)
    })
  })
}

for (const page of pages) {
  describe(page, () => {
    examplesOf(page).forEach(({ code, output }, i) => {
      it(`example ${i + 1} prints what stands below it`, async () => {
        expect(await run(code, `${page.replaceAll(/\W/g, '-')}-${i}`)).toBe(output)
      })
    })

    it('quotes code as it stands in its file', () => {
      for (const [, path, code] of textOf(page).matchAll(/```\w+ ([\w/.-]+)\n([\s\S]*?)```/g)) {
        const quoted = (code as string).trimEnd()
        // Quoted as it is where it leaves nothing out, so that a failure shows a difference of texts.
        if (quoted.includes('…')) expect(textOf(path as string), `${path} as quoted in ${page}`).toMatch(withGaps(quoted))
        else expect(textOf(path as string), `${path} as quoted in ${page}`).toContain(quoted)
      }
    })

    it('links to and names what is there', () => {
      const links = [...textOf(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((m) => join(dirname(page), m[1] as string))
      const named = [...textOf(page).matchAll(/`((?:src|test|shaders|docs|examples|benchmarks|scripts|\.ci)\/[\w./-]*)`/g)].map(
        (m) => m[1] as string,
      )
      expect([...links, ...named].filter((path) => !existsSync(join(root, path)))).toEqual([])
    })
  })
}

describe('the slips in docs/pytorch.md', () => {
  const rows = [...textOf('docs/pytorch.md').matchAll(/^\| (`.*) \| (`(\w+): (.*)`|nothing: .*) \| .* \|$/gm)]

  it('are what Node says of them', async () => {
    expect(rows.length).toBeGreaterThan(8)
    const slips = rows.flatMap(([, codes, text]) =>
      [...(codes as string).matchAll(/`([^`]*)`/g)].map(([, code]) => ({
        code: (code as string).replace(/^if \((.*)\)$/, '$1').replace(/postMessage/, 'new MessageChannel().port1.postMessage'),
        text: (text as string).replace(/^`(.*)`$/, '$1'),
      })),
    )
    const program = `
      import { nn, zeros } from 'tapegrad'
      const [model, x, y, say] = [new nn.Linear(2, 2), zeros([2]), 1, []] as any[]
      ${slips.map(({ code }) => `try { ${code}; say.push('nothing') } catch (e) { say.push(\`\${e.name}: \${e.message}\`) }`).join('\n')}
      console.log(JSON.stringify(say))`
    const said = JSON.parse(await run(program.replaceAll('nn.Linear(2, 2);', '(nn as any).Linear(2, 2);'), 'slips')) as string[]
    expect(said).toEqual(slips.map(({ text }) => text.replace(/^nothing: .*/, 'nothing')))
  })
})

interface Cell {
  readonly cell_type: string
  readonly source: readonly string[]
  readonly outputs?: readonly { readonly text?: readonly string[] }[]
}

describe('notebooks/first-steps.ipynb', () => {
  it('prints what is stored in it', async () => {
    const { cells } = JSON.parse(textOf('notebooks/first-steps.ipynb')) as { cells: readonly Cell[] }
    const code = cells.filter(({ cell_type }) => cell_type === 'code')
    const stored = code.flatMap(({ outputs }) => outputs?.flatMap(({ text }) => text ?? []) ?? []).join('')
    const program = code.map(({ source }) => source.join('')).join('\n')
    const variables = { TAPEGRAD_BLAS: 'off', TAPEGRAD_THREADS: '2', TAPEGRAD_CPU: '' }
    expect(await run(program, 'notebook', join(root, 'notebooks'), variables)).toBe(stored)
  })
})

describe('environment variables', () => {
  const variablesOf = (text: string): string[] => [...new Set(text.match(/\bTAPEGRAD_[A-Z_]+/g) ?? [])].sort()
  const files = (folder: string): string[] =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts'))
      .map((path) => join(folder, path))
  const read = variablesOf(files('src').map(textOf).join('\n'))

  it('of the library stand in one table', () => {
    const rows = textOf('docs/getting-started.md').match(/^\| `TAPEGRAD_.*$/gm) ?? []
    expect(rows.map((row) => (/TAPEGRAD_[A-Z_]+/.exec(row) as RegExpExecArray)[0]).sort()).toEqual(read)
  })

  it('that pages name are read by the library or by its tests', () => {
    const tests = variablesOf(files('test').map(textOf).join('\n'))
    for (const page of pages) expect([...read, ...tests], page).toEqual(expect.arrayContaining(variablesOf(textOf(page))))
  })
})
