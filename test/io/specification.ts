/**
 * @file The safetensors format read as plainly as its page says it, with `JSON.parse` and a DataView: an opinion that shares nothing with `src/io`.
 * @see https://github.com/huggingface/safetensors#format
 */

/** What `JSON.parse` makes of a text, and whether it dropped a key that stands twice; undefined where it throws. */
export function parsed(text: string): { readonly value: unknown; readonly twice: boolean } | undefined {
  try {
    JSON.parse(text)
    let kept = 0
    const value: unknown = JSON.parse(text.replace(STRING, withPlainKey), (_, x: unknown) => {
      if (typeof x !== 'object' || x === null || Array.isArray(x)) return x
      const entries = Object.entries(x)
      kept += entries.length
      return Object.fromEntries(entries.map(([name, of]) => [keyOf(name), of]))
    })
    const written = [...text.matchAll(STRING)].filter(([, colon]) => colon !== undefined).length
    return { value, twice: written !== kept }
  } catch {
    return undefined
  }
}
/** A string of a valid text, and the colon behind a key. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g

/**
 * Keys are written without escapes while they are parsed: `JSON.parse` of Node 24 reads the key of `{"a":0,"\nxy":1}` as a backslash, n and x where
 * `{"a":0,"\\nx":1}` was parsed before.
 */
function withPlainKey(string: string, colon: string | undefined): string {
  if (colon === undefined) return string
  const key = JSON.parse(string.slice(0, -colon.length)) as string
  return `"k${Array.from({ length: key.length }, (_, i) => ` ${key.charCodeAt(i)}`).join('')}"${colon}`
}
const keyOf = (name: string): string => String.fromCharCode(...name.split(' ').slice(1).map(Number))

/** What one tensor of a file should be here. */
export interface Told {
  readonly shape: readonly number[]
  readonly dtype: string
  readonly values: readonly number[]
}

const half = (bits: number): number => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction)
}

/** Bytes per element, the dtype here, and the value at a place. */
const DTYPES: Readonly<Record<string, readonly [number, string, (view: DataView, at: number) => number]>> = {
  F64: [8, 'float64', (v, at) => v.getFloat64(at, true)],
  F32: [4, 'float32', (v, at) => v.getFloat32(at, true)],
  F16: [2, 'float16', (v, at) => half(v.getUint16(at, true))],
  BF16: [
    2,
    'bfloat16',
    (v, at) => {
      const wide = new DataView(new ArrayBuffer(4))
      wide.setUint16(0, v.getUint16(at, true))
      return wide.getFloat32(0)
    },
  ],
  I64: [8, 'int32', (v, at) => Number(v.getBigInt64(at, true))],
  U64: [8, 'int32', (v, at) => Number(v.getBigUint64(at, true))],
  I32: [4, 'int32', (v, at) => v.getInt32(at, true)],
  U32: [4, 'uint32', (v, at) => v.getUint32(at, true)],
  I16: [2, 'int32', (v, at) => v.getInt16(at, true)],
  U16: [2, 'int32', (v, at) => v.getUint16(at, true)],
  I8: [1, 'int8', (v, at) => v.getInt8(at)],
  U8: [1, 'uint8', (v, at) => v.getUint8(at)],
  BOOL: [1, 'bool', (v, at) => (v.getUint8(at) === 0 ? 0 : 1)],
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x)
const isSize = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0

/**
 * The tensors of a file, undefined for one that is wrong, and 'unclear' where `JSON.parse` cannot tell: it does not say whether a number was written as
 * a whole one, nor how deep what nobody reads lies.
 */
export function tensorsOf(bytes: Uint8Array): Record<string, Told> | undefined | 'unclear' {
  if (bytes.length < 8) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > 100_000_000n || length > BigInt(bytes.length - 8)) return undefined
  const start = 8 + Number(length)
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, start))
  } catch {
    return undefined
  }
  const header = parsed(text)
  if (!header || header.twice || !isRecord(header.value) || /"__proto__"/.test(text)) return undefined
  const { __metadata__: metadata, ...entries } = header.value
  if (Object.hasOwn(header.value, '__metadata__') && !(isRecord(metadata) && Object.values(metadata).every((x) => typeof x === 'string')))
    return undefined
  const tensors = readEntries(entries, bytes.subarray(start))
  const outside = text.replaceAll(STRING, '')
  const odd = (outside.match(/[-+\w.]+/g) ?? []).some((word) => !/^(0|[1-9]\d*|true|false|null)$/.test(word))
  return tensors && (odd || (outside.match(/[[{]/g)?.length ?? 0) > 400) ? 'unclear' : tensors
}

function readEntries(entries: Record<string, unknown>, data: Uint8Array): Record<string, Told> | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.length)
  const tensors: [string, Told][] = []
  const covered: (readonly [number, number])[] = []
  for (const [name, entry] of Object.entries(entries)) {
    if (!isRecord(entry) || /\p{Surrogate}/u.test(name)) return undefined
    const { dtype, shape, data_offsets: offsets } = entry
    if (typeof dtype !== 'string' || !Object.hasOwn(DTYPES, dtype)) return undefined
    if (!Array.isArray(shape) || !shape.every(isSize) || shape.length > 64) return undefined
    if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) return undefined
    const [begin, end] = offsets as [number, number]
    const [width, own, value] = DTYPES[dtype] as (typeof DTYPES)[string]
    const size = shape.reduce((n: bigint, s) => n * BigInt(s as number), BigInt(width))
    if (begin > end || end > data.length || size !== BigInt(end - begin)) return undefined
    const values = Array.from({ length: (end - begin) / width }, (_, i) => value(view, begin + i * width))
    if (own === 'int32' && values.some((x) => x < -(2 ** 31) || x > 2 ** 31 - 1)) return undefined
    tensors.push([name, { shape: shape as number[], dtype: own, values }])
    covered.push([begin, end])
  }
  let last = 0
  for (const [begin, end] of covered.sort((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (begin !== last) return undefined
    last = end
  }
  return last === data.length ? Object.fromEntries(tensors) : undefined
}
