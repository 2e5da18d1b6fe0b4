import type { Session } from '../duckdb.ts'
import { exactly, quote } from '../duckdb.ts'
import type { Damaged } from '../lake/damaged.ts'
import { readSound } from '../lake/damage.ts'
import type { Snapshot } from '../lake/snapshot.ts'
import { hourOfPath, hourOfTime } from '../lake/snapshot.ts'
import { formatDuration } from '../quantity.ts'
import type { Severity, Sources } from './header.ts'

/** How old the newest event is that something is declared to have; as JSON, this is the format. */
export interface Freshness {
  /** `events`, or a collection. */
  of: string
  /** ISO, UTC; null where there is none as young as the largest of all limits: nobody looked further. */
  newest: string | null
  /** Of the newest, or that of the largest limit, than which it is older. Negative where it is ahead of this clock. */
  ageSeconds: number
  late: Severity | null
  warnSeconds: number | null
  errorSeconds: number | null
}

/** Something with limits, in ms. */
interface Limited {
  of: string
  warn: number | undefined
  error: number | undefined
}

/** What is declared: the whole stream first, where it has limits of its own. */
function declared({ events }: Sources): Limited[] {
  if (!events?.freshness) return []
  const { warn, error, collections } = events.freshness
  const whole = warn === undefined && error === undefined ? [] : [{ of: 'events', warn, error }]
  return [...whole, ...Object.entries(collections).map(([of, { warn, error }]) => ({ of, warn, error }))]
}

/**
 * How fresh everything is that has limits, against the clock. Reads no more than lies within the largest limit, however long
 * the history is, and no more than lies within the largest warning where all is well. Damaged files are left out, and noted.
 */
export async function readFreshness(session: Session, snapshot: Snapshot, sources: Sources, now: number, damaged: Damaged = new Map()): Promise<Freshness[]> {
  const all = declared(sources)
  if (all.length === 0) return []
  const largest = Math.max(...all.flatMap(({ warn, error }) => [warn ?? 0, error ?? 0]))
  const near = Math.max(...all.map(({ warn, error }) => warn ?? error ?? 0))
  let newest = await newestSince(session, snapshot, now - near, damaged)
  if (near < largest && all.some(({ of }) => !newest.has(of))) newest = await newestSince(session, snapshot, now - largest, damaged)
  return freshnessOf(all, newest, { now, largest })
}

/** Pure. */
export function freshnessOf(all: readonly Limited[], newest: ReadonlyMap<string, number>, { now, largest }: { now: number; largest: number }): Freshness[] {
  const seconds = (ms: number | undefined): number | null => (ms === undefined ? null : ms / 1000)
  return all.map(({ of, warn, error }) => {
    const time = newest.get(of)
    const age = time === undefined ? largest : now - time
    const beyond = (limit: number | undefined): boolean => limit !== undefined && (time === undefined || age > limit)
    return {
      of,
      newest: time === undefined ? null : new Date(time).toISOString(),
      ageSeconds: age / 1000,
      late: beyond(error) ? 'error' : beyond(warn) ? 'warn' : null,
      warnSeconds: seconds(warn),
      errorSeconds: seconds(error),
    }
  })
}

/** The time of the newest event, of all (`events`) and by collection, ms; of those not older than `since`. */
async function newestSince(session: Session, snapshot: Snapshot, since: number, damaged: Damaged): Promise<Map<string, number>> {
  const from = hourOfTime(since)
  const near = snapshot.files.filter((file) => hourOfPath(file) >= from)
  const found = new Map<string, number>()
  const rows = await readSound(session, near, damaged, async (files) => {
    if (files.length === 0) return []
    return session.rows<{ collection: string | null; newest: Date }>(
      `SELECT collection, max(event_time) AS newest FROM read_parquet(${exactly(...files)}, hive_partitioning = false)
      WHERE event_time >= ${quote(new Date(since).toISOString())}::TIMESTAMPTZ GROUP BY collection`,
    )
  })
  for (const { collection, newest } of rows) {
    if (collection !== null) found.set(collection, newest.getTime())
    found.set('events', Math.max(found.get('events') ?? -Infinity, newest.getTime()))
  }
  return found
}

/** `12m05s old (warning above 10m00s)`. */
export function describeFreshness({ newest, ageSeconds, late, warnSeconds, errorSeconds }: Freshness): string {
  const age = formatDuration(Math.abs(ageSeconds) * 1000)
  const old = newest === null ? `over ${age} old` : ageSeconds < 0 ? `${age} ahead of this clock` : `${age} old`
  if (late === null) return old
  const limit = late === 'error' ? errorSeconds : warnSeconds
  return `${old} (${late === 'error' ? 'error' : 'warning'} above ${formatDuration((limit ?? 0) * 1000)})`
}

/** What is late, in one line; empty where nothing is. Where the whole stream is, what is only as late as that goes without saying. */
export function describeLate(freshness: readonly Freshness[]): string {
  const late = freshness.filter((one) => one.late !== null)
  const whole = late.find(({ of }) => of === 'events')
  const told = whole ? late.filter((one) => one === whole || (one.late === 'error' && whole.late === 'warn')) : late
  return told.length === 0 ? '' : `late: ${told.map((one) => `${one.of} ${describeFreshness(one)}`).join(', ')}`
}
