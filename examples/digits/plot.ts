/** @file Draws learning curves, as SVG files that need nothing else. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { Point } from './checkpoint.ts'

const PANEL = { width: 410, height: 290, gap: 24, marginLeft: 44, marginRight: 14, marginTop: 30, marginBottom: 44 }
const MARGIN = { left: 12, top: 36, right: 6, bottom: 6 }
const FONT = { size: 12, family: 'system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif' }
/** Blue, vermilion and bluish green of Okabe and Ito's palette, which every eye tells apart. */
const COLORS = ['#0072b2', '#d55e00', '#009e73'] as const
const INK = '#24292f'
const LEGEND_STEP = 130

/** A value of a set, each of which is a line. */
interface Sample {
  readonly epoch: number
  readonly value: number
  readonly set: string
}

/** Writes the loss and the accuracy over the epochs, of the training images and of the test images. */
export function writePlot(path: string, curve: readonly Point[]): void {
  const loss = curve.flatMap(({ epoch, loss, testLoss }): Sample[] => [
    { epoch, value: loss, set: 'training images' },
    { epoch, value: testLoss, set: 'test images' },
  ])
  const accuracy = curve.flatMap((p): Sample[] => [
    { epoch: p.epoch, value: 100 * p.accuracy, set: 'training images' },
    { epoch: p.epoch, value: 100 * p.testAccuracy, set: 'test images' },
  ])
  write(path, picture(`Loss and accuracy over ${curve.length} epochs`, loss, accuracy))
}

/** Writes the loss of the training images and the accuracy on the test images over the epochs, a line for each curve. */
export function writeCurves(path: string, title: string, curves: Readonly<Record<string, readonly Point[]>>): void {
  const samples = (measure: (p: Point) => number): Sample[] =>
    Object.entries(curves).flatMap(([set, curve]) => curve.map((p) => ({ epoch: p.epoch, value: measure(p), set })))
  write(
    path,
    picture(
      title,
      samples((p) => p.loss),
      samples((p) => 100 * p.testAccuracy),
      ['training cross entropy (nats, log scale)', 'test accuracy (%)'],
    ),
  )
}

function write(path: string, svg: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, svg)
}

/** Two panels side by side, and which color each set has. */
function picture(
  title: string,
  loss: readonly Sample[],
  accuracy: readonly Sample[],
  labels: readonly [loss: string, accuracy: string] = ['cross entropy (nats, log scale)', 'accuracy (%)'],
): string {
  const sets = [...new Set(loss.map(({ set }) => set))]
  const panels = [
    panel(sets, loss, { type: 'log', label: labels[0], ...logTicks(loss.map((s) => s.value)) }),
    panel(sets, accuracy, { type: 'linear', label: labels[1], ...evenTicks(Math.min(90, ...accuracy.map((s) => s.value)), 100) }),
  ]
  const width = MARGIN.left + 2 * PANEL.width + PANEL.gap + MARGIN.right
  const height = MARGIN.top + PANEL.height + MARGIN.bottom
  const legend = sets.map((set, i) => {
    const x = MARGIN.left + PANEL.marginLeft + i * LEGEND_STEP
    return `<circle cx="${x + 5}" cy="16" r="4.5" fill="${COLORS[i]}"/><text x="${x + 16}" y="20" fill="${INK}">${set}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" color="${INK}" font-family="${FONT.family}" font-size="${FONT.size}">
<title>${title}</title>
<rect width="100%" height="100%" fill="white"/>
${legend.join('\n')}
${panels.map((text, i) => `<g transform="translate(${MARGIN.left + i * (PANEL.width + PANEL.gap)}, ${MARGIN.top})">${text}</g>`).join('\n')}
</svg>
`
}

interface Axis {
  readonly type: 'linear' | 'log'
  readonly label: string
  readonly domain: readonly [number, number]
  readonly ticks: readonly number[]
}

function panel(sets: readonly string[], samples: readonly Sample[], { ticks, domain, ...scale }: Axis): string {
  const { document } = parseHTML('<!doctype html><body></body>')
  const last = Math.max(2, ...samples.map((s) => s.epoch))
  const svg = Plot.plot({
    document,
    ...PANEL,
    style: { fontFamily: FONT.family, fontSize: `${FONT.size}px` },
    x: { label: 'epoch', domain: [1, last], ticks: wholeTicks(last), tickFormat: 'd', labelAnchor: 'center', labelArrow: 'none' },
    y: { ...scale, domain },
    color: { domain: sets, range: COLORS.slice(0, sets.length) },
    marks: [
      Plot.gridY({ ticks, stroke: INK, strokeOpacity: 0.12 }),
      Plot.axisY({ ticks, tickSize: 0, tickFormat: (v: number) => `${v}`, labelArrow: 'none' }),
      Plot.ruleY([domain[0]], { stroke: INK }),
      Plot.lineY(samples, { x: 'epoch', y: 'value', z: 'set', stroke: 'set', strokeWidth: 2, strokeLinejoin: 'round' }),
      Plot.dot(samples, { x: 'epoch', y: 'value', fill: 'set', r: 2.2 }),
    ],
  })
  // Plot's style sheet is for charts within a page.
  return svg.outerHTML.replace(/<style>.*?<\/style>/s, `<title>${scale.label}</title>`)
}

/** A range of 1, 2 and 5 times powers of ten around positive numbers, and those in it. */
function logTicks(values: readonly number[]): { domain: [number, number]; ticks: number[] } {
  const all = Array.from({ length: 13 }, (_, i) => [1, 2, 5].map((m) => Number(`${m}e${i - 8}`))).flat()
  const low = all.findLast((t) => t <= Math.min(...values)) ?? (all[0] as number)
  const high = all.find((t) => t >= Math.max(...values)) ?? (all.at(-1) as number)
  return { domain: [low, high], ticks: all.filter((t) => t >= low && t <= high) }
}

/** A range down from `high` around `low`, and up to six even numbers in it. */
function evenTicks(low: number, high: number): { domain: [number, number]; ticks: number[] } {
  const step = [2, 5, 10, 20].find((s) => (high - low) / s <= 5) ?? 20
  const steps = Math.ceil((high - low) / step)
  return { domain: [high - steps * step, high], ticks: Array.from({ length: steps + 1 }, (_, i) => high - i * step) }
}

/** Some whole numbers from 1 to `last`, evenly apart. */
function wholeTicks(last: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => last / s <= 7) ?? Math.ceil(last / 7)
  return [1, ...Array.from({ length: Math.floor(last / step) }, (_, i) => (i + 1) * step).filter((t) => t > 1)]
}
