/** @file What a primitive computes, as text: equal texts compute the same from the same inputs (leaves and scalars aside, whose values are not told). */
import type { Primitive } from '../graph/index.ts'

export function primitiveKey(p: Primitive): string {
  switch (p.kind) {
    case 'constant':
      return `constant${Object.is(p.value, -0) ? '-0' : p.value}`
    case 'random':
      return `random${p.word}`
    case 'unary':
    case 'binary':
      return p.op
    case 'permute':
      return `permute${p.order.join()}`
    case 'slice':
      return `slice${p.start.join()}/${p.step.join()}`
    case 'window':
      return `window${p.map.map(({ offset, terms }) => `${offset}+${terms.join('+')}`).join('/')}`
    case 'contract':
      return `contract${p.m},${p.n},${p.k}`
    case 'pad':
      return `pad${p.before.join()}`
    case 'reduce':
      return `reduce${p.op}${p.dims.join()}`
    case 'gather':
      return `gather${p.dim}${p.op}`
    case 'divisor':
      return `divisor${p.op}`
    case 'pack':
      return `pack${p.offsets.join()}`
    default:
      return p.kind
  }
}
