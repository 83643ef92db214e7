/**
 * @file `npm run test:browser`: the built package in Chromium, on SwiftShader and on device cpu. The digits network (digits.ts), and how the package comes into a
 * page (loading.ts).
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { checkDigits } from './digits.ts'
import { checkLoading } from './loading.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CHROMIUM = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => path && existsSync(path))
const FLAGS = ['--no-sandbox', '--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--disable-quic', '--no-first-run']
const QUIET = ['--disable-background-networking', '--disable-component-update', '--disable-sync']

if (!CHROMIUM) {
  console.log('NOT TESTED: the browser. Chromium is not there (Debian: apt-get install chromium; or its path in CHROMIUM).')
  process.exit()
}
if (!existsSync(join(ROOT, 'dist/index.js'))) throw new Error('the package is not built: npm run build')

const work = mkdtempSync(join(tmpdir(), 'tapegrad-browser-'))
const [digits, loading] = ['digits', 'loading'].map((name) => join(work, name)) as [string, string]
for (const folder of [digits, loading]) mkdirSync(folder)
const browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...QUIET] })
try {
  console.log(`Chromium ${browser.version()}`)
  await checkLoading(browser, loading)
  await checkDigits(browser, digits)
} finally {
  await browser.close()
  rmSync(work, { recursive: true, force: true })
}
