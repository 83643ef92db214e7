/** @file Pages for Chromium: a folder served with the headers that a case is about, and a visit to it. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Browser, Page } from 'playwright-core'

const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' }

export interface Visit {
  readonly page: Page
  readonly address: string
  /** What the page printed as an error, and what it threw. */
  readonly complaints: readonly string[]
  /** The scripts that the page has loaded: text by name. */
  readonly scripts: ReadonlyMap<string, string>
}

/** Opens `/` + `query` of `folder`, served with `headers`, for as long as `use` takes. */
export async function visit<T>(
  browser: Browser,
  folder: string,
  headers: Readonly<Record<string, string>>,
  query: string,
  use: (visit: Visit) => Promise<T>,
): Promise<T> {
  const scripts = new Map<string, string>()
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url as string, 'http://page')
    const name = pathname === '/' ? 'index.html' : pathname.slice(1)
    try {
      const text = readFileSync(join(folder, name), 'utf8')
      if (name.endsWith('.js')) scripts.set(name, text)
      response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream', ...headers }).end(text)
    } catch {
      response.writeHead(404).end()
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const page = await browser.newPage()
  try {
    const complaints: string[] = []
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    await page.goto(`${address}${query}`)
    return await use({ page, address, complaints, scripts })
  } finally {
    await page.close()
    server.closeAllConnections()
    server.close()
  }
}

/** What a page has under this name in `globalThis`, called with these arguments; the page may still be loading. */
export async function call(page: Page, name: string, ...args: unknown[]): Promise<unknown> {
  await page.waitForFunction((of) => of in globalThis, name)
  return page.evaluate(([of, given]) => (globalThis as unknown as Record<string, (...of: unknown[]) => unknown>)[of]?.(...given), [
    name,
    args,
  ] as [string, unknown[]])
}
