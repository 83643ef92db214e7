import { describe, expect, it } from 'vitest'
import { IndexError } from '../../src/base/index.ts'
import { CPU_PLACE } from '../../src/device/index.ts'
import * as g from '../../src/graph/index.ts'
import * as runtime from '../../src/runtime/index.ts'

const floats = (values: number[], shape = [values.length]): g.Node => g.leaf(Float32Array.from(values), shape, 'float32', CPU_PLACE)
/** An index that only the device knows. */
const index = (values: number[]): g.Node =>
  g.binary('add', g.leaf(Int32Array.from(values), [values.length], 'int32', CPU_PLACE), g.scalar(0, 'int32'))

describe('an index outside its axis', () => {
  it('is thrown when somebody waits, naming the op', async () => {
    await expect(runtime.readNode(g.gather(floats([1, 2, 3]), 0, index([0, 3]), 'embedding'))).rejects.toThrow(/^embedding: .*3/)
    await expect(runtime.readNode(g.gather(floats([1, 2, 3]), 0, index([-1]), 'gather'))).rejects.toThrow(IndexError)
  })

  it('is thrown also where every element of the source is the same', async () => {
    const same = g.expand(g.reduce('sum', floats([1, 2]), [0]), [3])
    await expect(runtime.readNode(g.gather(same, 0, index([7]), 'gather'))).rejects.toThrow(IndexError)
    await expect(runtime.readNode(g.gather(g.expand(g.constant(1, 'float32', CPU_PLACE), [3]), 0, index([7]), 'gather'))).rejects.toThrow(
      IndexError,
    )
    expect([...(await runtime.readNode(g.gather(same, 0, index([2, 0]), 'gather')))]).toEqual([3, 3])
  })
})
