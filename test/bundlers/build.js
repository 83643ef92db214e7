/**
 * @file One program, bundled: `node build.js BUNDLER TARGET ENTRY FOLDER`. TARGET is `browser`, `node` (modules) or `node-cjs`; the files go into FOLDER, the
 * program's own is `main.js` (or `main.mjs`, `main.cjs`). Prints the warnings as JSON. JavaScript, because the bundlers are not installed where the repository is
 * type-checked. Options are those that every user has to give, and none that hides a warning.
 */
import { dirname } from 'node:path'

const [bundler, target, entry, folder] = process.argv.slice(2)
const browser = target === 'browser'
const cjs = target === 'node-cjs'
const extension = browser ? 'js' : cjs ? 'cjs' : 'mjs'
const warnings = []

const bundlers = {
  async esbuild() {
    const { build } = await import('esbuild')
    const result = await build({
      entryPoints: { main: entry },
      outdir: folder,
      bundle: true,
      minify: browser,
      splitting: !cjs,
      format: cjs ? 'cjs' : 'esm',
      platform: browser ? 'browser' : 'node',
      outExtension: { '.js': `.${extension}` },
      logLevel: 'silent',
    })
    for (const { text } of result.warnings) warnings.push(text)
  },

  async rollup() {
    const { rollup } = await import('rollup')
    const { default: resolve } = await import('@rollup/plugin-node-resolve')
    const { default: commonjs } = await import('@rollup/plugin-commonjs')
    const bundle = await rollup({
      input: { main: entry },
      plugins: [resolve(browser ? { browser: true } : { exportConditions: ['node'] }), commonjs()],
      onLog: (level, { message }) => {
        if (level === 'warn') warnings.push(message)
      },
    })
    const names = { entryFileNames: `[name].${extension}`, chunkFileNames: `[name]-[hash].${extension}` }
    await bundle.write({ dir: folder, format: cjs ? 'cjs' : 'es', ...names })
  },

  async vite() {
    const { build, createLogger } = await import('vite')
    const logger = createLogger('warn')
    logger.warn = (text) => warnings.push(text)
    logger.warnOnce = logger.warn
    await build({
      configFile: false,
      root: dirname(entry),
      customLogger: logger,
      logLevel: 'warn',
      ssr: browser ? {} : { noExternal: true },
      build: {
        outDir: folder,
        emptyOutDir: true,
        ssr: !browser,
        target: browser ? 'es2022' : 'node20',
        rollupOptions: {
          input: { main: entry },
          output: { format: cjs ? 'cjs' : 'es', entryFileNames: `[name].${extension}`, chunkFileNames: `[name]-[hash].${extension}` },
        },
      },
    })
  },

  async webpack() {
    const { default: webpack } = await import('webpack')
    const compiler = webpack({
      mode: 'production',
      entry: { main: entry },
      target: browser ? 'web' : 'node',
      output: {
        path: folder,
        filename: `[name].${extension}`,
        chunkFilename: `[name].${extension}`,
        ...(cjs || browser ? {} : { module: true, chunkFormat: 'module' }),
      },
      experiments: { outputModule: !cjs && !browser },
      performance: { hints: false }, // what a page weighs is what npm run size says
    })
    const stats = await new Promise((done, fail) => compiler.run((error, result) => (error ? fail(error) : done(result))))
    const { warnings: told, errors } = stats.toJson({ all: false, warnings: true, errors: true })
    for (const { message } of [...told, ...errors]) warnings.push(message)
  },
}

await bundlers[bundler]()
console.log(JSON.stringify(warnings))
