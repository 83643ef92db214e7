import { expect, it } from 'vitest'
import { isFresh } from '../scripts/embed-shaders.ts'

it('the embedded shaders are what shaders/ holds (else: npm run shaders)', () => {
  expect(isFresh()).toBe(true)
})
