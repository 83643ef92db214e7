/** @file A map that forgets what was asked for longest ago. */

export class LruMap<K, V> {
  readonly #most: number
  readonly #entries = new Map<K, V>()
  /** What was asked for last: it is the last of the entries. */
  #latest: K | undefined

  /** @param most entries that it keeps */
  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined || key === this.#latest) return value
    // The first of a map's entries is the one that was put there first
    this.#move(key, value)
    return value
  }

  set(key: K, value: V): void {
    this.#move(key, value)
    if (this.#entries.size > this.#most) this.#entries.delete(this.#entries.keys().next().value as K)
  }

  #move(key: K, value: V): void {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    this.#latest = key
  }
}
