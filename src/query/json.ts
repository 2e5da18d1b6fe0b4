import type { Outcome, Report, Summary } from './run.ts'
import type { Planned } from './table.ts'

/** One line per model, then one for the run, whose first key is `run`. */
export function reportLines({ start, ms, lake, outcomes, upkeep }: Report): string {
  const count = (status: Outcome['status']): number => outcomes.filter((outcome) => outcome.status === status).length
  const models = outcomes.filter((outcome) => outcome.status !== 'ok' || outcome.published).map(modelOf)
  const ok = models.filter(({ status }) => status === 'ok').length
  return toLines([...models, { run: start, ms, ...lake, newest: lake.newest ?? null, ok, failed: count('failed'), skipped: count('skipped'), upkeep: upkeep ?? null }])
}

/** One line per model, in the order of the run. */
export function planLines({ steps, problems }: Planned): string {
  return toLines([
    ...problems.map((problem) => ({ model: null, file: problem.file, problem })),
    ...steps.map(({ model, needs, target = null, problem = null }) => (
      { model: model.name, layer: model.layer, file: model.file, needs, target, description: model.header.description ?? null, problem }
    )),
  ])
}

function modelOf(outcome: Outcome) {
  const { model, ms, status } = outcome
  const base = { model: model.name, status, file: model.file, ms }
  if (status === 'failed') return { ...base, problem: outcome.problem }
  if (status === 'skipped') return { ...base, because: outcome.because }
  if (!outcome.published) return base
  const { target, changed, now, before } = outcome.published
  return { ...base, target, changed, rows: now.rows, top: topOf(now), before: before ? { rows: before.rows, top: topOf(before) } : null }
}

function topOf({ columns, top }: Summary): Record<string, string> | null {
  return top ? Object.fromEntries(columns.map((column, index) => [column, top[index] ?? ''])) : null
}

function toLines(values: readonly unknown[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join('')
}
