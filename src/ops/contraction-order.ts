/**
 * @file In which order a product of many tensors is taken, two at a time: the fewest multiplications, found exactly for a few tensors and step by step for more.
 * Exact: over all subsets, each split in all ways (Held and Karp's scheme). Else greedy, by what a step makes less what it uses up, as opt_einsum's is.
 * @see https://doi.org/10.21105/joss.00753
 */
import { LruMap } from '../base/index.ts'
import type { Labels } from './contraction.ts'

/** Takes operands i < j of those that are left, in place of which the product comes last. */
export type Step = readonly [i: number, j: number]

/** The most operands of which all orders are looked at: 3ⁿ splits. */
const MOST_EXACT = 7

interface Problem {
  readonly inputs: readonly Labels[]
  readonly output: Labels
  readonly sizes: ReadonlyMap<string, number>
}

const known = new LruMap<string, readonly Step[]>(256)

/** The steps that take the product of `inputs`, of which each label is in two, or in `output`. */
export function contractionOrder(problem: Problem): readonly Step[] {
  const n = problem.inputs.length
  if (n < 3) return n === 2 ? [[0, 1]] : []
  const key = `${problem.inputs.join(';')}>${problem.output}|${[...problem.sizes].join()}`
  let steps = known.get(key)
  if (steps === undefined) {
    steps = n <= MOST_EXACT ? exact(problem) : greedy(problem)
    known.set(key, steps)
  }
  return steps
}

const union = (a: Labels, b: Labels): Labels => [...a, ...b.filter((l) => !a.includes(l))]
const product = (labels: Labels, { sizes }: Problem): number => labels.reduce((n, l) => n * (sizes.get(l) as number), 1)

/** The labels of a product that something else reads: the result, or an operand that is still to come. */
export const keptLabels = (a: Labels, b: Labels, others: readonly Labels[], output: Labels): Labels =>
  union(a, b).filter((l) => output.includes(l) || others.some((other) => other.includes(l)))

/** A tree of products: an operand, or two trees. */
type Tree = number | readonly [Tree, Tree]

function exact(problem: Problem): readonly Step[] {
  const { inputs, output } = problem
  const n = inputs.length
  const all = (1 << n) - 1
  const labels = Array.from({ length: all + 1 }, (_, set): Labels => {
    const within = inputs.filter((_, i) => set & (1 << i))
    const without = inputs.filter((_, i) => !(set & (1 << i)))
    return keptLabels(
      within.flat().filter((l, i, list) => list.indexOf(l) === i),
      [],
      without,
      output,
    )
  })
  const best = new Array<{ readonly cost: number; readonly tree: Tree } | undefined>(all + 1)
  for (let set = 1; set <= all; set++) {
    const lowest = set & -set
    if (set === lowest) {
      best[set] = { cost: 0, tree: 31 - Math.clz32(set) }
      continue
    }
    // The part that has the lowest operand: so each split is seen once
    for (let part = (set - 1) & set; part > 0; part = (part - 1) & set) {
      if (!(part & lowest)) continue
      const [a, b] = [best[part], best[set ^ part]] as [{ cost: number; tree: Tree }, { cost: number; tree: Tree }]
      const work = product(union(labels[part] as Labels, labels[set ^ part] as Labels), problem) + product(labels[set] as Labels, problem)
      const cost = a.cost + b.cost + work
      if (best[set] === undefined || cost < (best[set] as { cost: number }).cost) best[set] = { cost, tree: [a.tree, b.tree] }
    }
  }
  return stepsOf((best[all] as { tree: Tree }).tree, n)
}

function stepsOf(tree: Tree, n: number): readonly Step[] {
  const left = Array.from({ length: n }, (_, i) => i)
  const steps: Step[] = []
  let made = n
  const take = (node: Tree): number => {
    if (typeof node === 'number') return node
    const [a, b] = [take(node[0]), take(node[1])].map((id) => left.indexOf(id)) as [number, number]
    const [i, j] = [Math.min(a, b), Math.max(a, b)]
    steps.push([i, j])
    left.splice(j, 1)
    left.splice(i, 1)
    left.push(made)
    return made++
  }
  take(tree)
  return steps
}

function greedy(problem: Problem): readonly Step[] {
  const left = [...problem.inputs]
  const steps: Step[] = []
  while (left.length > 1) {
    let chosen: { readonly i: number; readonly j: number; readonly grown: number; readonly work: number; readonly made: Labels } | undefined
    for (let i = 0; i < left.length; i++) {
      for (let j = i + 1; j < left.length; j++) {
        const [a, b] = [left[i], left[j]] as [Labels, Labels]
        const made = keptLabels(
          a,
          b,
          left.filter((_, k) => k !== i && k !== j),
          problem.output,
        )
        const grown = product(made, problem) - product(a, problem) - product(b, problem)
        const work = product(union(a, b), problem)
        if (chosen === undefined || grown < chosen.grown || (grown === chosen.grown && work < chosen.work))
          chosen = { i, j, grown, work, made }
      }
    }
    const { i, j, made } = chosen as { i: number; j: number; made: Labels }
    steps.push([i, j])
    left.splice(j, 1)
    left.splice(i, 1)
    left.push(made)
  }
  return steps
}
