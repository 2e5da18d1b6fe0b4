import { formatCount } from '../src/quantity.ts'

/** One line of the table; what is absent is shown as a dash. */
export interface Row {
  what: string
  input?: string
  /** The median of all rounds, with its unit. */
  result: string
  /** Least and most of all rounds. */
  range?: string
  /** Rate as a multiple of the one-shot COPY's in the same round. */
  ratio?: string
  peak?: string
  output?: string
  /** What was aimed at, and whether this is it. */
  goal?: string
}

export interface Spread {
  median: number
  least: number
  most: number
}

const HEADINGS: Record<keyof Row, string> = {
  what: '',
  input: 'input',
  result: 'median',
  range: 'min–max',
  ratio: 'of the COPY',
  peak: 'peak memory',
  output: 'output',
  goal: 'goal',
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]] as [number, number]
  return { median: (middle[0] + middle[1]) / 2, least: sorted[0] as number, most: sorted.at(-1) as number }
}

export function median(values: readonly number[]): number {
  return spread(values).median
}

/** Three figures: `1.23`, `45.6`, `1,230,000`. */
export function figure(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value)
  const digits = 2 - Math.floor(Math.log10(Math.abs(value)))
  return digits > 0 ? value.toFixed(digits) : formatCount(Math.round(value / 10 ** -digits) * 10 ** -digits)
}

export function range({ least, most }: Spread): string {
  return `${figure(least)}–${figure(most)}`
}

export function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : `${formatCount(Math.round(bytes / 1e6))} MB`
}

export function goal(text: string, reached: boolean): string {
  return `${text}: ${reached ? 'yes' : '**no**'}`
}

/** Columns that no row has are left out. */
export function markdown(rows: readonly Row[]): string {
  const columns = (Object.keys(HEADINGS) as (keyof Row)[]).filter((column) => rows.some((row) => row[column] !== undefined))
  const lines = [
    columns.map((column) => HEADINGS[column]),
    columns.map((column) => (column === 'what' || column === 'goal' ? '---' : '--:')),
    ...rows.map((row) => columns.map((column) => row[column] ?? '–')),
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}
