/** @file A sum over values and their places, for states that are to be recognised as whole. */
export function checksum(...parts: readonly ArrayLike<number>[]): number {
  let sum = 17
  for (const part of parts) for (let i = 0; i < part.length; i++) sum = (Math.imul(sum, 31) + (part[i] as number) * ((i % 7) + 1)) >>> 0
  return sum
}
