/** @file A map that forgets what was asked for longest ago. */

export class LruMap<K, V> {
  readonly #most: number
  readonly #entries = new Map<K, V>()

  /** @param most entries that it keeps */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    // The first of a map's entries is the one that was put there first
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  set(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value as K)
  }
}
