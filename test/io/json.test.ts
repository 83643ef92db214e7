/** @file The bounded reader of JSON beside `JSON.parse`, which is its oracle: on texts of every kind and on damaged ones. */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { JsonReader, MAX_NESTING, MAX_PARTS, quote } from '../../src/io/json.ts'
import { chooser } from './mutations.ts'
import { parsed } from './specification.ts'

function read(text: string): unknown {
  const fail = (message: string): never => {
    throw new Refused(message)
  }
  const json = new JsonReader(text, fail)
  const value = json.value()
  json.end()
  return value
}
/** Whether a text is passed over without an error. */
function skips(text: string): boolean {
  try {
    const json = new JsonReader(text, (message) => {
      throw new Refused(message)
    })
    json.skip()
    json.end()
    return true
  } catch (e) {
    if (e instanceof Refused) return false
    throw e
  }
}
class Refused extends Error {}

const SEEDS = [
  '{"a":1,"b":[true,false,null],"c":{"d":"x","e":-0.5e-3}}',
  '[1, -0, 0.1, 1e21, 1E+5, 123456789012345678901234567890, 5e-324, 1e400]',
  ' {"\\u0061\\n\\"\\\\\\/":"\\ud834\\udd1e","ключ":"\ud800","":{}} ',
  '[[[[]]],{"a":{"b":{"c":[]}}}]\n',
  '"alone"',
  '-12.5',
  'null',
  '{"x":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"__metadata__":{"k":"v"}}',
]
const TOKENS = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '"',
  '\\',
  '0',
  '1',
  '-',
  '+',
  '.',
  'e',
  'E',
  ' ',
  '\t',
  '\n',
  '\u0000',
  '\u00a0',
  'true',
  'nul',
]

describe('a text', () => {
  it('is read as JSON.parse reads it, and refused where that refuses it or a key stands twice: 20,000 damaged texts', () => {
    const { word, pick } = chooser(7)
    const counts = { accepted: 0, refused: 0, twice: 0 }
    const wrong: string[] = []
    for (let i = 0; i < 20_000; i++) {
      let text = pick(SEEDS)
      for (let n = word(4); n > 0; n--) {
        const field = `"${pick(['a', 'b', '\\u0061'])}":${word(9)}`
        const open = text.indexOf('{')
        const [at, piece] = word(2) === 0 ? [word(text.length + 1), pick([...TOKENS, '', field, ...SEEDS])] : [open + 1, `${field},`]
        text = text.slice(0, at) + piece + text.slice(at + (piece.startsWith('"') ? 0 : word(3)))
      }
      const expected = parsed(text)
      try {
        const value = read(text)
        if (!skips(text)) wrong.push(`not passed over: ${text}`)
        counts.accepted++
        if (!expected || expected.twice || !isDeepStrictEqual(value, expected.value)) wrong.push(text)
      } catch (e) {
        if (skips(text)) wrong.push(`passed over: ${text}`)
        if (expected?.twice) counts.twice++
        else counts.refused++
        if (!(e instanceof Refused) || (expected && !expected.twice)) wrong.push(`${String(e)}: ${text}`)
      }
    }
    expect(wrong).toEqual([])
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(1000)
  })

  it.each<[string, string, RegExp]>([
    ['nests too deep', '['.repeat(1e6), /^character 520: objects and arrays lie deeper in each other than 520 levels$/],
    ['nests too deep in objects', '{"a":'.repeat(1e6), /^'(a\.)+…' \(1039 characters\), character 2600: objects and arrays lie deeper/],
    ['has too many values', `[${'0,'.repeat(MAX_PARTS)}0]`, /more than 2097152 keys and values/],
    ['has too many keys', `[${'{"a":0},'.repeat(Math.ceil(MAX_PARTS / 3))}0]`, /more than 2097152 keys/],
    ['has a number without end', '1'.repeat(1e7), /^character 0: this is a number of more than 400 characters$/],
    ['has a string without end', `"${'\\'.repeat(1e6)}`, /^character 0: a string does not end$/],
    ['has a long string that is wrong', `"${'x'.repeat(1e6)}\n"`, /that is not JSON's stands in '"x{59}…' \(1000003 characters\)$/],
    ['has a long key twice', `{"${'k'.repeat(1e6)}":1,"${'k'.repeat(1e6)}":2}`, /'k{60}…' \(1000000 characters\) stands twice$/],
    ['names __proto__', '{"a":{"__proto__":{"b":1}}}', /^'a', character 17: '__proto__' is no name for a key$/],
    ['says it in escapes', '{"\\u005f_proto__":1}', /'__proto__' is no name/],
  ])('that %s is refused, with the place and in few words', (_, text, message) => {
    expect(() => read(text)).toThrow(message)
    expect(() => read(text)).toThrow(Refused)
    expect(({} as { b?: unknown }).b).toBeUndefined()
  })

  it('may nest and hold as much as is said', () => {
    let x = read('['.repeat(MAX_NESTING) + ']'.repeat(MAX_NESTING))
    let depth = 0
    for (; Array.isArray(x); x = x[0]) depth++
    expect(depth).toBe(MAX_NESTING)
    expect(read(`[${'0,'.repeat(MAX_PARTS - 2)}0]`)).toHaveLength(MAX_PARTS - 1)
  })
})

it('what is quoted stands on one line, and is cut', () => {
  expect(quote('a\u001b[31m\n\u202e\ud800é')).toBe("'a\\u001b[31m\\u000a\\u202e\\ud800é'")
  expect(quote('𝒳'.repeat(100))).toMatch(/^'𝒳{30}…' \(200 characters\)$/u)
  expect(quote('\u0000'.repeat(1e7)).length).toBeLessThan(400)
})
