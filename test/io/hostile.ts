/**
 * @file Files whose headers are made to exhaust memory, time or the stack; and as a process of its own (`hostile.ts file…`) what reads them, and prints one line
 * in JSON for each: what came of it, and the most memory that the process has taken so far. For `large.test.ts`.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadState } from '../../src/index.ts'

/** Bytes of each header. */
export const HEADER = 16 * 2 ** 20

const all = (unit: string): string => unit.repeat(Math.floor(HEADER / unit.length) - 8)
const each = (make: (i: number) => string): string => {
  let text = ''
  for (let i = 0; text.length < HEADER - 200; i++) text += make(i)
  return text
}
const tree = (text: string): string => `{"__metadata__":{"tapegrad":${JSON.stringify(`{"version":1,"state":${text}`)}}}`
const field = '"dtype":"U8","shape":[0],"data_offsets":[0,0]'

export const HEADERS: Readonly<Record<string, () => string>> = {
  'arrays in arrays': () => all('['),
  'objects in objects': () => all('{"a":'),
  'arrays in an entry': () => `{"x":{"z":${all('[')}`,
  'objects in a tree': () => tree(all('{"a":').slice(0, HEADER / 2)),
  'a shape without end': () => `{"x":{"shape":[${all('1,')}`,
  'a field without end': () => `{"x":{"z":[${all('[],')}`,
  'a tree of empty arrays': () => tree(`[${all('[],')}`),
  'a tree of empty objects': () => tree(`[${all('{},')}`),
  'a tree of many keys': () => tree(`{${each((i) => `"${i.toString(36)}":0,`).slice(0, HEADER / 2)}`),
  'metadata of many keys': () => `{"__metadata__":{${each((i) => `"${i.toString(36)}":"",`)}`,
  'many tensors, and one that is wrong': () => `{${each((i) => `"${i.toString(36)}":{${field}},`)}"?":5}`,
  'a name without end': () => `{"${all('n')}":5}`,
  'a name of escapes': () => `{"${all('\\u0007')}":5}`,
  'a string that does not end': () => `{"${all('\\"')}`,
  'a number without end': () => `{"x":{"shape":[${all('9')}]}}`,
  'a bigint without end': () => tree(`{"a":{"$bigint":"${all('7')}"}}}`),
  'bigints that are long': () => tree(`[${all(`{"$bigint":"${'7'.repeat(4300)}"},`).slice(0, HEADER - 1e5)}`),
  'a mark without end': () => tree(`{"a":{"$${all('7')}":1}}}`),
  'nothing but space': () => `{${all(' ')}`,
  'no Unicode': () => all('A'),
}

/** A file with this header, and no data. */
export function write(path: string, header: string): void {
  const bytes = Buffer.from(header)
  if (header.startsWith('A')) bytes[bytes.length - 2] = 0xff
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(bytes.length))
  const file = openSync(path, 'w')
  writeSync(file, length)
  writeSync(file, bytes)
  closeSync(file)
}

export interface Judgement {
  readonly name: string
  readonly message: string
  readonly seconds: number
  /** bytes */
  readonly peak: number
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const path of process.argv.slice(2)) {
    const start = process.cpuUsage()
    const { name, message } = (await loadState(path).catch((e: unknown) => e)) as Error
    const { user, system } = process.cpuUsage(start)
    ;(globalThis as { gc?: () => void }).gc?.()
    const told: Judgement = { name, message, seconds: (user + system) / 1e6, peak: process.resourceUsage().maxRSS * 1024 }
    process.stdout.write(`${JSON.stringify(told)}\n`)
  }
}
