/** @file Modules in each other: the walk over all of them, their paths, and how deep they may lie. */
import { ArgumentError } from '../base/index.ts'

/** Modules lie in each other at most so deep: paths are as long, and there is one for each. */
export const MAX_DEPTH = 1000
export function tooDeep(root: object): never {
  throw new ArgumentError(root.constructor.name, `modules lie in each other deeper than ${MAX_DEPTH} levels`)
}

/** What has modules of its kind in it, by name. */
interface Nested<M> {
  namedChildren(): [string, M][]
}

/** A module on the way down, and the one that it is a field of. */
export interface Visited<M> {
  readonly module: M
  readonly path: string
  readonly above: Visited<M> | undefined
  readonly depth: number
}

export function isAbove<M>(module: M, above: Visited<M> | undefined): boolean {
  for (let v = above; v; v = v.above) if (v.module === module) return true
  return false
}

/** `root` and what is below it, parents first; of the children those that are `wanted` when it is their turn. */
export function* walk<M extends Nested<M>>(root: M, prefix: string, wanted: (module: M) => boolean = () => true): Generator<Visited<M>> {
  const waiting: Visited<M>[] = [{ module: root, path: prefix, above: undefined, depth: 0 }]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (!wanted(next.module)) continue
    if (next.depth > MAX_DEPTH) tooDeep(root)
    yield next
    const { module, path, depth } = next
    for (const [name, child] of module.namedChildren().reverse())
      waiting.push({ module: child, path: join(path, name), above: next, depth: depth + 1 })
  }
}

export const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`)
