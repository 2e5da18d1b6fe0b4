import { formatCount, formatDuration } from '../quantity.ts'
import { align, clean, lay, truncate } from './table.ts'
import type { Trial } from './trial.ts'

const STATUS = { pass: 'pass', warn: 'WARN', fail: 'FAIL', skipped: 'skipped' }

/** One line for each test, then how many came out how; what is wrong with those that did not pass. */
export function renderTrials(trials: readonly Trial[], { columns, ms }: { columns: number; ms: number }): { table: string; errors: string } {
  const rows = trials.map(({ name, status, rows, ms, because, kept }) => [
    clean(name),
    STATUS[status],
    rows === undefined ? '' : formatCount(rows),
    status === 'skipped' ? '' : formatDuration(ms),
    because === undefined ? (kept ?? '') : `needs ${because}`,
  ])
  const table = align([['test', 'status', 'rows', 'time'], ...rows], [2, 3]).map((line) => truncate(line, columns))
  const errors = trials.flatMap(({ status, problem }) => (problem ? lay(problem).map((line, n) => (n === 0 && status === 'warn' ? `warning: ${line}` : line)) : []))
  const toText = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('')
  return { table: toText([...table, `${summary(trials)} in ${formatDuration(ms)}`]), errors: toText(errors) }
}

/** `41 passed, 1 warned, 2 failed, 3 skipped`. */
function summary(trials: readonly Trial[]): string {
  const { pass, warn, fail, skipped } = countTrials(trials)
  const parts = [`${formatCount(pass)} passed`, ...(warn > 0 ? [`${warn} warned`] : []), ...(fail > 0 ? [`${fail} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])]
  return parts.join(', ')
}

export function countTrials(trials: readonly Trial[]): Record<Trial['status'], number> {
  const counts = { pass: 0, warn: 0, fail: 0, skipped: 0 }
  for (const { status } of trials) counts[status]++
  return counts
}
