import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { isFresh, withoutComments } from '../scripts/embed-shaders.ts'
import { shaders } from '../src/device/webgpu/shaders.generated.ts'

const folder = new URL('../shaders/', import.meta.url)
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.wgsl'))

it('the embedded shaders are what shaders/ holds (else: npm run shaders)', () => {
  expect(isFresh()).toBe(true)
})

it('they are the same words without the comments', () => {
  expect(Object.keys(shaders)).toHaveLength(sources.length)
  for (const path of sources) {
    const text = readFileSync(new URL(path, folder), 'utf8')
    expect(text).not.toMatch(/\/\*/) // which is not looked for
    // Told another way: line by line, up to the first two slashes
    const words = text.split('\n').flatMap((line) => line.split('//')[0]?.match(/\S+/g) ?? [])
    expect(shaders[path.slice(0, -'.wgsl'.length)]?.match(/\S+/g)).toEqual(words)
  }
  expect(withoutComments('// a\n\nlet x = 1; // b\n  // c\n\n  y /= 2;\n')).toBe('let x = 1;\n  y /= 2;\n')
})
