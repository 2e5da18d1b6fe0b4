import { printable } from '../printable.ts'
import { formatCount, formatDuration } from '../quantity.ts'
import type { ModelRun, RunRecord } from '../query/record.ts'
import { align } from '../query/table.ts'

/** One run of a model, and the run it was part of. */
export interface Past {
  run: RunRecord
  model: ModelRun
}

/** Names that a line has room for. */
const NAMED = 3

/** Runs of periodic, the newest first; of the last of them no more is known of what came before. */
export function showRuns(runs: readonly RunRecord[], shown: number): string {
  const rows = runs.slice(0, shown).map((run, index) => {
    const before = runs.slice(index + 1).find(({ lake }) => lake !== null)
    const took = formatDuration(Date.parse(run.end) - Date.parse(run.start))
    const events = run.lake === null ? '' : formatCount(run.lake.events)
    const news = run.lake && before?.lake ? difference(run.lake.events - before.lake.events) : ''
    return [time(run), took, outcomeOf(run), events, news, [changesOf(run), printable(run.error ?? '')].filter((part) => part !== '').join('; ')]
  })
  return lines([['start', 'took', 'models', 'events', 'new', 'results that changed'], ...rows], [1, 3, 4])
}

/** Runs of one model, the newest first. */
export function showPasts(pasts: readonly Past[], shown: number): string {
  const rows = pasts.slice(0, shown).map(({ run, model }, index) => {
    const before = pasts.slice(index + 1).find((past) => past.model.rows !== undefined)?.model
    const version = pasts[index + 1]?.model.version
    const notes = [
      ...(model.changed ? ['result changed'] : []),
      ...(version !== undefined && version !== model.version ? ['SQL changed'] : []),
      ...(model.problem === undefined ? [] : [printable(model.problem)]),
      ...(model.because === undefined ? [] : [`needs ${printable(model.because)}`]),
    ]
    const rows = model.rows === undefined ? '' : formatCount(model.rows)
    const news = model.rows === undefined || before?.rows === undefined ? '' : difference(model.rows - before.rows)
    return [time(run), model.status, model.status === 'skipped' ? '' : formatDuration(model.ms), rows, news, notes.join('; ')]
  })
  return lines([['start', 'status', 'took', 'rows', 'new', 'notes'], ...rows], [2, 3, 4])
}

export function outcomeOf({ ok, failed, skipped, models }: Pick<RunRecord, 'ok' | 'failed' | 'skipped'> & { models?: readonly ModelRun[] }): string {
  if (models?.length === 0) return 'none'
  return [`${ok} ok`, ...(failed > 0 ? [`${failed} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')
}

function changesOf({ models }: RunRecord): string {
  const names = models.flatMap(({ name, changed }) => (changed ? [printable(name)] : []))
  return [...names.slice(0, NAMED), ...(names.length > NAMED ? [`${names.length - NAMED} more`] : [])].join(', ')
}

function time({ start }: RunRecord): string {
  return start.slice(0, 19).replace('T', ' ')
}

function difference(of: number): string {
  return of === 0 ? '0' : `${of < 0 ? '-' : '+'}${formatCount(Math.abs(of))}`
}

function lines(rows: readonly (readonly string[])[], right: readonly number[]): string {
  return align(rows, right).map((line) => `${line}\n`).join('')
}
