/** @file The program in a page, for test/browser/check.ts to call. */
import { tensor } from 'tapegrad'
import { train } from './program.js'

Object.assign(globalThis, { train, ndarray: async () => (await tensor([1, 2, 3]).toNdarray()).stride })
