/** @file What a `checked` value that failed means: how every device words it. */
import { IndexError, type TapegradError, ZeroDivisionError } from '../base/index.ts'
import { ANY_BUT_MINUS_ONE } from '../kernel/index.ts'

/** @param op the function to name; or `function: words`, where something else than an index is wrong */
export function checkError(op: string, value: number, size: number): TapegradError {
  if (size === ANY_BUT_MINUS_ONE) return new ZeroDivisionError(op, 'an integer is divided by 0')
  const [name, words] = op.split(': ')
  if (words !== undefined) return new IndexError(name as string, words)
  return new IndexError(op, `index ${value} is out of range for an axis of size ${size}`)
}
