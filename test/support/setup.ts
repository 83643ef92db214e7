/** @file In every worker, before its tests. */
import { expect } from 'vitest'
import { sameNumbers } from './number-arrays.ts'
import { pollInIntervals } from './polling.ts'

expect.addEqualityTesters([sameNumbers])
pollInIntervals()
