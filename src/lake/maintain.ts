import type { Session } from '../duckdb.ts'
import { exactly } from '../duckdb.ts'
import { EXIT, Failure } from '../failure.ts'
import type { Merged, MergeSettings } from './compact.ts'
import { compact, DamagedInput } from './compact.ts'
import type { LakeFile, Merge } from './compaction.ts'
import { planCompaction, planRetention } from './compaction.ts'
import type { Damaged } from './damaged.ts'
import { readFresh } from './damage.ts'
import type { Snapshot } from './snapshot.ts'
import { lakeFiles, newestFiles, partsOf, takeSnapshot } from './snapshot.ts'
import { formatHour } from './names.ts'
import type { LakePlace } from './trash.ts'
import { busyPlaces, dropDate, sweepTrash } from './trash.ts'

export interface MaintainOptions {
  /** Newest event time of the lake, ms; undefined where there is no event. */
  watermark: number | undefined
  sealAfter: number
  targetBytes: number
  /** Bytes of input that one run may merge. */
  budget: number
  /** Drop dates older than this, ms; undefined keeps all. */
  keep: number | undefined
  /** How long old files stay after an exchange, ms. */
  grace: number
  /** Let retention drop more than half of the lake. */
  yes: boolean
  /** Gives the segments that are still in some log. */
  pending(): Promise<ReadonlySet<string>>
  part?: NonNullable<MergeSettings['part']>
  /** The files as they were listed before, where they were: where there was nothing to do, they are not listed again. */
  seen?: readonly LakeFile[]
}

export interface MaintainPlan {
  merges: Merge[]
  dates: string[]
}

export interface Upkeep {
  merged: Merged[]
  dropped: string[]
  /** Compactions of a killed run that were finished or undone. */
  finished: string[]
  undone: string[]
  /** What was left as it is because of a damaged file: a sentence each. */
  skipped: string[]
}

/** Compaction and retention of one run. Only under the lock of periodic. */
export async function maintain(place: LakePlace, session: Session, options: MaintainOptions): Promise<Upkeep> {
  const { finished, undone, kept } = await sweepTrash(place, options.grace)
  const plan = await planMaintenance(place, options)
  const merged: Merged[] = []
  const skipped = [...kept]
  for (const merge of plan.merges) {
    try {
      merged.push(await compact(place, session, merge, options))
    } catch (error) {
      if (!(error instanceof DamagedInput)) throw error
      skipped.push(`${formatHour(merge.hour)} is not merged: ${error.message}`)
    }
  }
  for (const date of plan.dates) await dropDate(place, date)
  return { merged, dropped: plan.dates, finished, undone, skipped }
}

/** What a run would do now. Throws a Failure where retention would drop more than half of the lake unasked. */
export async function planMaintenance(place: Pick<LakePlace, 'lake' | 'state' | 'now'>, options: MaintainOptions): Promise<MaintainPlan> {
  const { watermark, seen } = options
  if (watermark === undefined) return NOTHING
  if (seen && isNothing(await planFor(place, seen, { ...options, watermark }))) return NOTHING
  return planFor(place, await filesWithSizes(await takeSnapshot(place.lake)), { ...options, watermark })
}

const NOTHING: MaintainPlan = { merges: [], dates: [] }

function isNothing({ merges, dates }: MaintainPlan): boolean {
  return merges.length === 0 && dates.length === 0
}

async function planFor({ state, now }: Pick<LakePlace, 'state' | 'now'>, files: readonly LakeFile[], options: MaintainOptions & { watermark: number }): Promise<MaintainPlan> {
  const { watermark, keep } = options
  // After the files: the log of a segment is there before its file, and gone once that is final.
  const pending = await options.pending()
  const busy = await busyPlaces(state)
  // The symlinks of a merged hour lead into the trash from where the hour is: it stays there for their grace.
  const dates = keep === undefined ? [] : planRetention(files, { keep, watermark }).filter((date) => !busy.dates.has(date))
  refuseLarge(files, dates, options.yes)
  const staying = dates.length === 0 ? files : files.filter(({ path }) => !dates.some((date) => path.startsWith(`${date}/`)))
  return { merges: planCompaction(staying, { ...options, now: now(), pending, busy: busy.hours }), dates }
}

function refuseLarge(files: readonly LakeFile[], dates: readonly string[], yes: boolean): void {
  const bytes = (chosen: readonly LakeFile[]): number => chosen.reduce((sum, file) => sum + file.bytes, 0)
  const dropped = bytes(files.filter(({ path }) => dates.some((date) => path.startsWith(`${date}/`))))
  if (dropped * 2 <= bytes(files) || yes) return
  throw new Failure(
    `expected --keep to drop at most half of the lake, got ${dates.length} dates with ${Math.round((100 * dropped) / bytes(files))} % of its bytes` +
      ` (${dates[0]} to ${dates.at(-1)}); say --yes if you mean it`,
    EXIT.usage,
  )
}

/** The files of a snapshot by their paths below the lake. One that vanishes meanwhile was retired. */
export async function filesWithSizes(snapshot: Snapshot): Promise<LakeFile[]> {
  return lakeFiles(snapshot.lake, await partsOf(snapshot))
}

/** `2 hours merged, 45 files into 2; 2026-06-01 dropped`; empty where nothing was done. */
export function describeUpkeep({ merged, dropped, finished, undone, skipped = [] }: Upkeep): string {
  const total = (of: 'inputs' | 'outputs'): number => merged.reduce((sum, one) => sum + one[of].length, 0)
  return [
    ...(merged.length > 0 ? [`${merged.length} ${merged.length === 1 ? 'hour' : 'hours'} merged, ${total('inputs')} files into ${total('outputs')}`] : []),
    ...dropped.map((date) => `${date} dropped`),
    ...(finished.length + undone.length > 0 ? [`${finished.length + undone.length} compactions of a killed run settled`] : []),
    ...(skipped.length > 0 ? [`${skipped.length} ${skipped.length === 1 ? 'hour' : 'hours'} left alone, as files are damaged`] : []),
  ].join('; ')
}

/** Newest event time, ms, from the files of the newest hour that has one that can be read. */
export async function newestEvent(session: Session, lake: string): Promise<number | undefined> {
  const damaged: Damaged = new Map()
  const { files } = await takeSnapshot(lake)
  for (let left = files; left.length > 0; ) {
    const last = newestFiles({ lake, files: left })
    const newest = await readFresh(session, last, damaged, async (sound) => {
      if (sound.length === 0) return undefined
      const [row] = await session.rows<{ newest: Date | null }>(
        `SELECT max(event_time) AS newest FROM read_parquet(${exactly(...sound)}, hive_partitioning = false)`,
      )
      return row?.newest?.getTime()
    })
    if (newest !== undefined) return newest
    left = left.filter((file) => !last.includes(file))
  }
  return undefined
}
