import stringWidth from 'string-width'
import { describeDamaged } from '../lake/damaged.ts'
import { describeUpkeep } from '../lake/maintain.ts'
import { describeStrangers } from '../lake/snapshot.ts'
import { printable } from '../printable.ts'
import { formatCount, formatDuration } from '../quantity.ts'
import type { Glance } from './contents.ts'
import { describeLate } from './freshness.ts'
import type { Step } from './plan.ts'
import type { Problem } from './problem.ts'
import { formatProblem } from './problem.ts'
import type { Outcome, Report, Summary } from './report.ts'

/** Cells of the terminal; Infinity where there is no such limit. */
export interface Screen {
  columns: number
  lines: number
}

interface Cells {
  model: string
  rows: string
  time: string
  top: string
  change: string
}

const HEADING: Cells = { model: 'model', rows: 'rows', time: 'time', top: 'top row', change: 'since last run' }
const GAP = '  '
const MIN = { model: 12, top: 10, change: 8 }

/**
 * What a run did, for `watch`: together at most as wide and as high as the screen, whatever users wrote into the data.
 * Where there is no room, first the carets go, then models that ran, then models that did not.
 */
export function renderReport({ lake, strangers = [], damaged = new Map(), freshness = [], outcomes, upkeep }: Report, { columns, lines }: Screen, now: number): { table: string; errors: string } {
  const models = outcomes.filter((outcome) => outcome.status !== 'ok' || outcome.published)
  const ordered = [...models].sort((a, b) => Number(a.status === 'ok') - Number(b.status === 'ok'))
  // An empty lake has been said to be empty.
  const late = lake.files === 0 ? '' : describeLate(freshness)
  const above = [late, clean(describeDamaged(damaged)), clean(describeStrangers(strangers))].filter((line) => line !== '')
  const room = Math.max(1, lines - 2 - above.length)
  const full = [...outcomes.flatMap(explain), ...(upkeep?.skipped ?? []).map(clean)]
  const short = outcomes.flatMap((outcome) => explain(outcome).slice(0, 1))
  const errors = full.length + ordered.length <= room ? full : short.slice(0, Math.max(1, Math.floor(room / 2)))
  const space = Math.max(1, room - errors.length)
  const shown = ordered.length <= space ? ordered : ordered.slice(0, space - 1)
  const more = ordered.length > shown.length ? [`… ${ordered.length - shown.length} more`] : []
  const done = upkeep === undefined ? '' : describeUpkeep(upkeep)
  const table = [`${glance(lake, now)}${done === '' ? '' : ` · ${done}`}`, ...above, ...layOut([HEADING, ...shown.map(cellsOf)], columns), ...more]
  const toText = (rows: readonly string[], width: number): string => rows.map((row) => `${truncate(row, width).trimEnd()}\n`).join('')
  return {
    table: toText(table.slice(0, lines), columns),
    // A log wants all of a message, a screen of so many lines does not.
    errors: toText(errors.slice(0, Math.max(0, lines - table.length)), lines === Infinity ? Infinity : columns),
  }
}

/** The order of a run, the files it would write, what is wrong already. */
export function renderPlan({ steps, problems }: Planned, { columns }: Pick<Screen, 'columns'>): { table: string; errors: string } {
  const rows = steps.map(({ model, needs, target }) => [
    model.file,
    target === undefined ? (model.layer === 'staging' ? 'view' : 'table') : `→ ${target}`,
    needs.length === 0 ? '' : `after ${needs.join(', ')}`,
    clean(model.header.description ?? ''),
  ])
  const table = align(rows).map((row) => `${truncate(row, columns)}\n`)
  const errors = [...problems, ...steps.flatMap(({ problem }) => problem ?? [])].flatMap(lay)
  return { table: table.join(''), errors: errors.map((line) => `${line}\n`).join('') }
}

export interface Planned {
  steps: (Step & { target: string | undefined })[]
  problems: Problem[]
}

/** What is wrong, in full: file, line, message, the line with its caret. */
export function explain(outcome: Outcome): string[] {
  if (outcome.status === 'failed') return lay(outcome.problem)
  const { verdicts = [] } = outcome.status === 'ok' ? outcome : {}
  return verdicts.flatMap(({ problem }) => (problem ? [`warning: ${lay(problem).join(' ')}`] : []))
}

export function lay(problem: Problem): string[] {
  return [formatProblem(problem), ...(problem.excerpt ?? '').split('\n')].filter((line) => line !== '').map(clean)
}

export function glance({ files, events, newest }: Glance, now: number): string {
  if (files === 0) return 'lake: empty'
  const age = newest === undefined ? undefined : now - newest.getTime()
  const when = newest === undefined || age === undefined
    ? 'no times'
    : `newest ${newest.toISOString().slice(0, 19).replace('T', ' ')} (${age < 0 ? `${formatDuration(-age)} ahead of this clock` : `${formatDuration(age)} ago`})`
  const count = (of: number, noun: string): string => `${formatCount(of)} ${noun}${of === 1 ? '' : 's'}`
  return `lake: ${count(files, 'file')}, ${count(events, 'event')}, ${when}`
}

function cellsOf(outcome: Outcome): Cells {
  const { model, ms, status } = outcome
  const cells = { model: model.name, rows: '', time: formatDuration(ms), top: '', change: '' }
  if (status === 'failed') return { ...cells, rows: 'failed', top: clean(outcome.problem.message) }
  if (status === 'skipped') return { ...cells, rows: 'skipped', time: '', top: `needs ${outcome.because}` }
  if (!outcome.published) return cells
  const { now, before, changed } = outcome.published
  const warnings = outcome.verdicts?.filter(({ status }) => status === 'warn').length ?? 0
  const marker = warnings === 0 ? '' : `${warnings} ${warnings === 1 ? 'warning' : 'warnings'}; `
  const change = changed ? describeChange(now, before) : 'unchanged'
  return { ...cells, rows: formatCount(now.rows), top: clean(now.top?.join(', ') ?? ''), change: `${marker}${change}` }
}

function describeChange(now: Summary, before: Summary | undefined): string {
  if (!before) return 'new'
  const delta = now.rows - before.rows
  const parts: string[] = []
  if (delta !== 0) parts.push(`${delta > 0 ? '+' : '-'}${formatCount(Math.abs(delta))} ${Math.abs(delta) === 1 ? 'row' : 'rows'}`)
  if (before.top && now.top && before.top[0] !== now.top[0]) parts.push(`top was ${clean(before.top[0] ?? '')}`)
  return parts.length === 0 ? 'values' : parts.join(', ')
}

function layOut(rows: readonly Cells[], columns: number): string[] {
  const width = { model: 0, rows: 0, time: 0, top: 0, change: 0 }
  const keys = Object.keys(width) as (keyof Cells)[]
  for (const row of rows) for (const key of keys) width[key] = Math.max(width[key], stringWidth(row[key]))
  let excess = keys.reduce((sum, key) => sum + width[key] + GAP.length, -GAP.length) - columns
  for (const key of ['top', 'change', 'model'] as const) {
    const cut = Math.max(0, Math.min(excess, width[key] - MIN[key]))
    width[key] -= cut
    excess -= cut
  }
  return rows.map((row) => keys.map((key) => pad(truncate(row[key], width[key]), width[key], key === 'rows' || key === 'time')).join(GAP))
}

/** Rows of cells as lines, each column as wide as its widest cell; those of these numbers to the right. */
export function align(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length))
  const widths = Array.from({ length: count }, (_, index) => Math.max(0, ...rows.map((row) => stringWidth(row[index] ?? ''))))
  return rows.map((row) => row.map((cell, index) => pad(cell, widths[index] as number, right.includes(index))).join(GAP).trimEnd())
}

function pad(text: string, width: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, width - stringWidth(text)))
  return right ? space + text : text + space
}

/** By cells, never inside a character that is made of several code points. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let kept = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    used += stringWidth(segment)
    if (used > width - 1) break
    kept += segment
  }
  return width < 1 ? '' : `${kept}…`
}

/** Strangers' words, in one cell. */
export function clean(text: string): string {
  return printable(text).trimEnd()
}
