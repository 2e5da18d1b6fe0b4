import type { Reason } from '../ingest/reject.ts'
import type { LakeFile } from '../lake/compaction.ts'
import { isSealed } from '../lake/compaction.ts'
import { formatHour, parseFile } from '../lake/names.ts'
import { describeStrangers } from '../lake/snapshot.ts'
import type { Freshness } from '../query/freshness.ts'
import { printable } from '../printable.ts'
import { formatBytes, formatCount } from '../quantity.ts'
import type { RunRecord } from '../query/record.ts'
import { count } from './lake-findings.ts'
import type { Found, Rows } from './parquet.ts'
import type { StateFacts } from './state.ts'

/** What status is made from. */
export interface StatusFacts {
  now: number
  sealAfter: number
  files: readonly LakeFile[]
  /** What in the lake's directory has no name of the lake's; paths below it. */
  strangers: readonly string[]
  /** By the path below the lake. */
  footers: Found<Pick<Rows, 'rows'>>
  /** Newest event time by the statistics, ms. */
  newest: number | undefined
  /** Of what is declared to have limits. */
  freshness: Freshness[] | { unknown: string }
  state: StateFacts
  /** Undefined where the files of dead letters cannot be read. */
  rejects: readonly Reason[] | undefined
  exchange: boolean
  sameFilesystem: boolean | undefined
}

/** The lake at a glance; as JSON, this is the format. Times are ISO, UTC. */
export interface Status {
  files: number
  rows: number
  bytes: number
  newest: string | null
  lagSeconds: number | null
  /** Of what is declared in sources.yaml to have limits; null where it cannot be told. */
  freshness: Freshness[] | null
  hours: { all: number; open: number; sealed: number; first: string | null; last: string | null }
  openHours: { hour: string; files: number; rows: number; bytes: number }[]
  wal: { live: number; dead: number; segments: number; bytes: number; deadSegments: number; deadBytes: number }
  rejects: { count: number; reasons: { reason: string; count: number; newest: string }[] } | null
  periodic: {
    running: { pid: number; host: string; since: string } | boolean
    /** When the one began that was killed, where none has run since. */
    killed: string | null
    /** The last run that kept a record. */
    last: Pick<RunRecord, 'start' | 'end' | 'ok' | 'failed' | 'skipped' | 'error'> | null
  }
  trash: { entries: number; bytes: number; oldest: string | null }
  staging: { files: number; bytes: number; leftovers: number }
  quarantine: { files: number; bytes: number }
  /** Whether hours can be swapped in one step here. */
  exchange: boolean
  warnings: string[]
}

/** Of the reasons, the most frequent ones. */
const REASONS = 3

/** Rejects among all lines above which something is wrong with the source. */
const REJECTED = 0.01

/** Small files in sealed hours above which compaction is worth a word, and how small that is on average. */
const SMALL = { files: 100, bytes: 16_000_000 }

interface HourFigures {
  files: number
  rows: number
  bytes: number
}

/** Pure. */
export function statusOf(facts: StatusFacts): Status {
  const { now, sealAfter, files, footers, newest, state, rejects } = facts
  const hours = new Map<number, HourFigures>()
  const added = new Map<number, number>()
  let rows = 0
  let bytes = 0
  for (const file of files) {
    const footer = footers.get(file.path)
    const of = footer && 'rows' in footer ? footer.rows : 0
    rows += of
    bytes += file.bytes
    const hour = parseFile(file.path)?.hour
    if (hour === undefined) continue
    added.set(hour, Math.max(added.get(hour) ?? -Infinity, file.modified))
    const sum = hours.get(hour) ?? { files: 0, rows: 0, bytes: 0 }
    hours.set(hour, { files: sum.files + 1, rows: sum.rows + of, bytes: sum.bytes + file.bytes })
  }
  const ordered = [...hours].sort(([a], [b]) => a - b)
  const sealed = ordered.filter(([hour]) => newest !== undefined && isSealed(hour, added.get(hour) ?? -Infinity, { watermark: newest, now, sealAfter }))
  const open = ordered.filter((entry) => !sealed.includes(entry))
  const dead = state.logs.filter(({ live }) => !live)
  const segments = (logs: StateFacts['logs']): { bytes: number }[] => logs.flatMap((log) => log.segments)
  // A note beside a trash directory is no entry of its own.
  const trash = state.trash.filter(({ kind }) => kind !== 'file')
  const first = ordered[0]
  const last = ordered.at(-1)
  return {
    files: files.length,
    rows,
    bytes,
    newest: newest === undefined ? null : new Date(newest).toISOString(),
    lagSeconds: newest === undefined ? null : (now - newest) / 1000,
    freshness: 'unknown' in facts.freshness ? null : facts.freshness,
    hours: {
      all: ordered.length,
      open: open.length,
      sealed: sealed.length,
      first: first ? formatHour(first[0]) : null,
      last: last ? formatHour(last[0]) : null,
    },
    openHours: open.map(([hour, figures]) => ({ hour: formatHour(hour), ...figures })),
    wal: {
      live: state.logs.length - dead.length,
      dead: dead.length,
      segments: segments(state.logs).length,
      bytes: total(segments(state.logs)),
      deadSegments: segments(dead).length,
      deadBytes: total(segments(dead)),
    },
    rejects: rejects === undefined ? null : {
      count: rejects.reduce((sum, reason) => sum + reason.count, 0),
      reasons: rejects.slice(0, REASONS).map(({ reason, count, newest }) => ({ reason, count, newest })),
    },
    periodic: periodicOf(state),
    trash: {
      entries: trash.length,
      bytes: total(trash),
      oldest: trash.length === 0 ? null : new Date(Math.min(...trash.map(({ changed }) => changed))).toISOString(),
    },
    staging: { files: state.staging.files, bytes: state.staging.bytes, leftovers: state.staging.leftovers.length },
    quarantine: { files: state.quarantine.files, bytes: state.quarantine.bytes },
    exchange: facts.exchange,
    warnings: warnings(facts, { rows, sealed: sealed.map(([, figures]) => figures) }),
  }
}

function periodicOf({ periodic: { running, killed }, runs: { last } }: StateFacts): Status['periodic'] {
  return {
    running: running === undefined || running === true ? running === true : { ...running, since: running.since.toISOString() },
    killed: killed?.toISOString() ?? null,
    last: last
      ? { start: last.start, end: last.end, ok: last.ok, failed: last.failed, skipped: last.skipped, ...(last.error === undefined ? {} : { error: last.error }) }
      : null,
  }
}

function warnings(facts: StatusFacts, { rows, sealed }: { rows: number; sealed: HourFigures[] }): string[] {
  const { now, files, footers, newest, state, rejects, exchange, sameFilesystem } = facts
  const found: string[] = []
  if ('unknown' in facts.freshness) found.push(`the age of the newest events is not known: ${facts.freshness.unknown}`)
  const dead = state.logs.filter(({ live }) => !live)
  const waiting = dead.flatMap(({ segments }) => segments)
  if (waiting.length > 0) {
    const what = `${count(waiting.length, 'segment')} (${formatBytes(total(waiting))}) of ${count(dead.length, 'dead writer')}`
    found.push(`${what}: the next handle-stream or periodic converts them`)
  }
  const broken = files.flatMap(({ path }) => ('broken' in (footers.get(path) ?? { broken: '' }) ? path : []))
  if (broken.length > 0) {
    const names = broken.slice(0, 3).join(', ') + (broken.length > 3 ? ', …' : '')
    found.push(`${count(broken.length, 'file')} of the lake cannot be read (${names}): run 'sluice fsck --repair'`)
  }
  if (facts.strangers.length > 0) found.push(`${printable(describeStrangers(facts.strangers))}: see 'sluice fsck'`)
  if (state.quarantine.members > 0) {
    found.push(`${count(state.quarantine.members, 'file')} of the lake in quarantine, whose events may be lost: see 'sluice fsck'`)
  }
  if (rejects === undefined) found.push("the rejects cannot be read: see 'sluice fsck'")
  const rejected = (rejects ?? []).reduce((sum, reason) => sum + reason.count, 0)
  if (rejected > REJECTED * (rows + rejected)) {
    const share = ((100 * rejected) / (rows + rejected)).toFixed(1)
    found.push(`${formatCount(rejected)} of ${formatCount(rows + rejected)} lines (${share} %) were rejected: see 'sluice rejects'`)
  }
  const mergeable = sealed.filter((hour) => hour.files > 1)
  const small = mergeable.reduce((sum, hour) => sum + hour.files, 0)
  if (small > SMALL.files && total(mergeable) / small < SMALL.bytes) {
    found.push(`${formatCount(small)} small files in ${count(mergeable.length, 'sealed hour')}: periodic or 'sluice compact' merges them`)
  }
  if (newest !== undefined && newest > now) found.push('the newest event is ahead of this clock: set the clock, or look at the source')
  if (state.setAside.length > 0) found.push(`${count(state.setAside.length, 'segment')} of the log changed after being written, and kept apart: see 'sluice fsck'`)
  if (state.staging.leftovers.length > 0) found.push(`${count(state.staging.leftovers.length, 'leftover')} in staging: see 'sluice fsck'`)
  if (state.walStrays.length + state.rejected.strays.length + state.runs.strays.length > 0) found.push("stray files in the state directory: see 'sluice fsck'")
  if (!exchange) found.push('this platform cannot swap two directories in one step, which compaction needs to be invisible to queries')
  if (sameFilesystem === false) found.push("lake and state are on different filesystems: see 'sluice fsck'")
  return found
}

function total(of: readonly { bytes: number }[]): number {
  return of.reduce((sum, { bytes }) => sum + bytes, 0)
}
