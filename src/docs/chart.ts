import { formatCount } from '../quantity.ts'
import type { Html } from './html.ts'
import { html } from './html.ts'

export interface Bar {
  label: string
  value: number
}

/** More bars than this stand upright, without their labels. */
const LYING = 24
/** A chart is of this width, whatever its place in the page is: the picture is scaled. */
const WIDTH = 640
const UPRIGHT = { height: 160, top: 18, bottom: 20 }
const ROW = { height: 20, label: 190, value: 90 }
const LABEL = 26

/** Bars of (label, number) rows in their order; undefined where there is nothing to draw. */
export function barChart(bars: readonly Bar[], { id, label, value }: { id: string; label: string; value: string }): Html | undefined {
  if (bars.length === 0) return undefined
  const values = bars.map((bar) => bar.value)
  const low = Math.min(0, ...values)
  const high = Math.max(0, ...values)
  const span = high - low || 1
  const most = bars.reduce((a, b) => (b.value > a.value ? b : a))
  const least = bars.reduce((a, b) => (b.value < a.value ? b : a))
  const said = `${formatCount(bars.length)} bars; most ${number(most.value)} at ${most.label}, least ${number(least.value)} at ${least.label}.`
  const lying = bars.length <= LYING
  const height = lying ? bars.length * ROW.height : UPRIGHT.height
  const drawn = lying ? lyingBars(bars, { low, span }) : uprightBars(bars, { low, high, span })
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${value} by ${label}</title><desc id="${id}-desc">${said}</desc>
${drawn}</svg>`
}

function lyingBars(bars: readonly Bar[], { low, span }: { low: number; span: number }): Html[] {
  const room = WIDTH - ROW.label - ROW.value
  const at = (value: number): number => ROW.label + ((value - low) / span) * room
  return bars.map(({ label, value }, index) => {
    const y = index * ROW.height
    const [from, to] = [Math.min(at(0), at(value)), Math.max(at(0), at(value))]
    return html`<text class="label" x="${ROW.label - 8}" y="${y + 14}" text-anchor="end">${cut(label, LABEL)}</text>
<rect class="bar" x="${round(from)}" y="${y + 3}" width="${round(Math.max(1, to - from))}" height="${ROW.height - 6}" rx="2"><title>${label}: ${number(value)}</title></rect>
<text class="value" x="${round(to + 6)}" y="${y + 14}">${number(value)}</text>`
  })
}

function uprightBars(bars: readonly Bar[], { low, high, span }: { low: number; high: number; span: number }): Html[] {
  const { height, top, bottom } = UPRIGHT
  const at = (value: number): number => top + ((high - value) / span) * (height - top - bottom)
  const step = WIDTH / bars.length
  const columns = bars.map(({ label, value }, index) => {
    const [from, to] = [Math.min(at(0), at(value)), Math.max(at(0), at(value))]
    const gap = step > 3 ? 1 : 0
    return html`<rect class="bar" x="${round(index * step)}" y="${round(from)}" width="${round(step - gap)}" height="${round(Math.max(1, to - from))}"><title>${label}: ${number(value)}</title></rect>`
  })
  const [first, last] = [bars[0] as Bar, bars.at(-1) as Bar]
  return [
    html`<text class="value" x="0" y="12">${number(high)}</text>`,
    ...columns,
    html`<text class="label" x="0" y="${height - 4}">${cut(first.label, LABEL)}</text>
<text class="label" x="${WIDTH}" y="${height - 4}" text-anchor="end">${cut(last.label, LABEL)}</text>${low < 0 ? html`<text class="value" x="${WIDTH}" y="12" text-anchor="end">least ${number(low)}</text>` : ''}`,
  ]
}

const SPARK = { width: 160, height: 28 }

/** A line of the last values, the newest to the right. What it says is said in words beside it. */
export function sparkline(values: readonly number[]): Html | undefined {
  if (values.length < 2) return undefined
  const high = Math.max(...values)
  const low = Math.min(...values)
  const x = (index: number): number => 2 + (index / (values.length - 1)) * (SPARK.width - 6)
  const y = (value: number): number => SPARK.height - 3 - ((value - low) / (high - low || 1)) * (SPARK.height - 6)
  const points = values.map((value, index) => `${round(x(index))},${round(y(value))}`).join(' ')
  const last = values.at(-1) as number
  return html`<svg class="spark" viewBox="0 0 ${SPARK.width} ${SPARK.height}" width="${SPARK.width}" height="${SPARK.height}" aria-hidden="true"><polyline points="${points}"/><circle cx="${round(x(values.length - 1))}" cy="${round(y(last))}" r="2.5"/></svg>`
}

/** 1,234 and 0.25, as far as a chart needs them. */
export function number(value: number): string {
  if (Number.isInteger(value)) return `${value < 0 ? '-' : ''}${formatCount(Math.abs(value))}`
  return String(Number(value.toPrecision(4)))
}

function cut(label: string, letters: number): string {
  const all = [...new Intl.Segmenter().segment(label)]
  return all.length <= letters ? label : `${all.slice(0, letters - 1).map(({ segment }) => segment).join('')}…`
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10)
}
