import { join } from 'node:path'
import { printable } from '../printable.ts'
import { formatBytes, formatCount, formatDuration } from '../quantity.ts'
import { describeFreshness } from '../query/freshness.ts'
import type { Finding } from './finding.ts'
import type { Checked } from './fsck.ts'
import { count } from './lake-findings.ts'
import type { Status } from './status.ts'

/** Hours with files still to come, of which so many are shown. */
const OPEN_HOURS = 6

/** The lake at a glance, for people. */
export function showStatus(status: Status, { lake, now }: { lake: string; now: number }): string {
  const { hours, wal, rejects, trash, staging, quarantine } = status
  const size = (of: { files: number; rows: number; bytes: number }): string =>
    `${count(of.files, 'file')}, ${count(of.rows, 'event')}, ${formatBytes(of.bytes)}`
  const lines: [string, string][] = [['lake', status.files === 0 ? `${lake}: empty` : `${lake}: ${size(status)}`]]
  if (hours.all > 0) {
    const span = hours.first === hours.last ? `${hours.first}` : `${hours.first} to ${hours.last}`
    lines.push(['hours', `${formatCount(hours.all)}: ${hours.open} open, ${hours.sealed} sealed; ${span}`])
  }
  if (status.newest !== null) lines.push(['newest', `${status.newest.slice(0, 19).replace('T', ' ')} (${ago(status.newest, now)})`])
  if (status.files > 0) for (const one of status.freshness ?? []) lines.push(['fresh', `${one.of}: ${describeFreshness(one)}`])
  for (const hour of status.openHours.slice(-OPEN_HOURS)) lines.push(['open', `${hour.hour}: ${size(hour)}`])
  if (status.openHours.length > OPEN_HOURS) lines.push(['open', `… and ${status.openHours.length - OPEN_HOURS} older hours`])
  const writers = [`${count(wal.live, 'writer')} live`, ...(wal.dead > 0 ? [`${wal.dead} dead`] : [])].join(', ')
  lines.push(['wal', `${writers}; ${wal.segments === 0 ? 'nothing waits' : `${count(wal.segments, 'segment')}, ${formatBytes(wal.bytes)}`}`])
  const reasons = (rejects?.reasons ?? []).map(({ reason, count }) => `${formatCount(count)} ${printable(reason)}`).join('; ')
  lines.push(['rejects', rejects === null ? 'unreadable' : rejects.count === 0 ? 'none' : `${formatCount(rejects.count)}: ${reasons}`])
  lines.push(['periodic', periodic(status, now)])
  if (trash.oldest !== null) {
    lines.push(['trash', `${count(trash.entries, 'replaced item')}, ${formatBytes(trash.bytes)}, the oldest put there ${ago(trash.oldest, now)}`])
  }
  if (staging.files > 0) {
    lines.push(['staging', `${count(staging.files, 'file')}, ${formatBytes(staging.bytes)}; ${count(staging.leftovers, 'leftover')}`])
  }
  if (quarantine.files > 0) lines.push(['quarantine', `${count(quarantine.files, 'file')}, ${formatBytes(quarantine.bytes)}`])
  lines.push(['swap', status.exchange ? 'hours are swapped in one step' : 'plain: no exchange of directories on this platform'])
  for (const warning of status.warnings) lines.push(['warning', warning])
  const width = Math.max(...lines.map(([label]) => label.length))
  return lines.map(([label, text], index) => `${(lines[index - 1]?.[0] === label ? '' : label).padEnd(width)}  ${text}\n`).join('')
}

function periodic({ periodic: { running, killed, last } }: Status, now: number): string {
  const ended = last === null ? 'no run is on record' : `last run ${ago(last.end, now)}: ${outcomeOf(last)}`
  if (typeof running === 'object') return `running for ${formatDuration(Math.max(0, now - Date.parse(running.since)))} (pid ${running.pid}); ${ended}`
  if (running) return `running; ${ended}`
  if (killed !== null) return `was killed; began ${ago(killed, now)}; ${ended}`
  return last === null ? 'has not run yet' : ended
}

function outcomeOf({ ok, failed, skipped, error }: NonNullable<Status['periodic']['last']>): string {
  const models = [`${ok} ok`, ...(failed > 0 ? [`${failed} failed`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(', ')
  if (error === undefined) return models
  return ok + failed + skipped === 0 ? printable(error) : `${models}; then ${printable(error)}`
}

function ago(iso: string, now: number): string {
  const age = now - Date.parse(iso)
  return age < 0 ? `${formatDuration(-age)} ahead of this clock` : `${formatDuration(age)} ago`
}

/** One line: severity, where, what is wrong, what to do. */
export function showFinding(finding: Finding, places: { lake: string; state: string }): string {
  return `${finding.severity.padEnd(7)}  ${printable(whereOf(finding, places))}: ${finding.what}; ${finding.do}\n`
}

export function whereOf({ root, path }: Pick<Finding, 'root' | 'path'>, places: { lake: string; state: string }): string {
  return join(places[root], path)
}

/** `400 files, 20,000 events: 1 error, 2 warnings`. */
export function showSummary({ findings, files, rows }: Pick<Checked, 'findings' | 'files' | 'rows'>, quick: boolean): string {
  const of = (severity: Finding['severity']): number => findings.filter((finding) => finding.severity === severity).length
  const [errors, warnings] = [of('error'), of('warning')]
  const parts = [...(errors > 0 ? [count(errors, 'error')] : []), ...(warnings > 0 ? [count(warnings, 'warning')] : [])]
  const verdict = parts.length === 0 ? 'clean' : parts.join(', ')
  return `${count(files, 'file')}, ${count(rows, 'event')}: ${verdict}${quick ? ' (rows not looked at)' : ''}\n`
}
