import { formatCount, formatDuration } from '../quantity.ts'
import type { Report } from './ingest.ts'

/** What one run of handle-stream has done so far. */
export interface Tally {
  /** Lines read from the input. */
  lines: number
  events: number
  repeated: number
  rejected: number
  files: number
  /** Newest event time, ms. */
  newest: number | undefined
}

export function emptyTally(): Tally {
  return { lines: 0, events: 0, repeated: 0, rejected: 0, files: 0, newest: undefined }
}

export function count(tally: Tally, report: Report): void {
  tally.events += report.events - report.repeated
  tally.repeated += report.repeated
  tally.rejected += report.rejected
  tally.files += report.files.length
  if (report.newest !== undefined) tally.newest = Math.max(tally.newest ?? -Infinity, report.newest)
}

/** `12,345 events · 1,480/s · 3 rejects · lag 1.2s · 14 files`. Times in ms; lag is how old the newest event is. */
export function statusLine(tally: Tally, times: { elapsed: number; now: number }): string {
  const { events, repeated, rejected, files, newest } = tally
  return [
    `${formatCount(events)} events`,
    `${formatCount(Math.round(events / Math.max(times.elapsed / 1000, 0.001)))}/s`,
    ...(repeated > 0 ? [`${formatCount(repeated)} repeated`] : []),
    `${formatCount(rejected)} rejects`,
    ...(newest === undefined ? [] : [`lag ${formatDuration(Math.max(0, times.now - newest))}`]),
    `${formatCount(files)} files`,
  ].join(' · ')
}
