import type { FileName, Hour } from './names.ts'
import { formatHour, formatSegment, HOUR_MS, parseFile } from './names.ts'

/** A file of the lake: its path below the lake, with `/`, its size, and when it was written, ms by the clock. */
export interface LakeFile {
  path: string
  bytes: number
  modified: number
}

/** One hour whose files become one, or several of the target size. */
export interface Merge {
  hour: Hour
  /** Generation of the inputs; the output is of the next. */
  generation: number
  inputs: LakeFile[]
  bytes: number
}

/** When an hour is sealed. */
export interface SealRules {
  /** Newest event time of the lake, ms. */
  watermark: number
  /** By the clock, ms. */
  now: number
  /** How much later than the hour's end the watermark must be, ms, or how long ago the last file came. */
  sealAfter: number
}

export interface CompactionRules extends SealRules {
  /** Bytes of inputs that one run takes, but one hour at least. */
  budget: number
  /** Segments that are still in some log. */
  pending: ReadonlySet<string>
  /** Hours that an earlier compaction has not finished with. */
  busy: ReadonlySet<Hour>
}

/**
 * An hour that the stream has left behind, or that is over by the clock and that nothing has come to for as long: the last hour of a stream that has ended.
 * A clock that was set back only makes the second wait.
 */
export function isSealed(hour: Hour, added: number, { watermark, now, sealAfter }: SealRules): boolean {
  const end = (hour + 1) * HOUR_MS
  return end + sealAfter <= watermark || (end <= now && added + sealAfter <= now)
}

/** What to merge, oldest hour first. Pure: of the list of files and the rules. */
export function planCompaction(files: readonly LakeFile[], rules: CompactionRules): Merge[] {
  const hours = new Map<Hour, { name: FileName; file: LakeFile }[]>()
  for (const file of inSharedHours(files)) {
    const name = parseFile(file.path)
    if (!name) continue
    const found = hours.get(name.hour)
    if (found) found.push({ name, file })
    else hours.set(name.hour, [{ name, file }])
  }
  const merges: Merge[] = []
  let left = rules.budget
  for (const [hour, found] of [...hours].sort(([a], [b]) => a - b)) {
    const added = found.reduce((max, { file }) => Math.max(max, file.modified), -Infinity)
    if (!isSealed(hour, added, rules) || rules.busy.has(hour)) continue
    const generation = Math.max(...found.map(({ name }) => name.generation))
    const current = found.filter(({ name }) => name.generation === generation)
    const pending = ({ name }: (typeof current)[number]): boolean => name.segment !== undefined && rules.pending.has(formatSegment(name.segment))
    // A file whose segment is still in a log is not final: it goes on as it is.
    const inputs = current.filter((entry) => !pending(entry))
    // An hour of parts alone is an earlier merge that came out as several files.
    if (inputs.length < 2 || inputs.every(({ name }) => name.part !== undefined)) continue
    const bytes = inputs.reduce((sum, { file }) => sum + file.bytes, 0)
    if (merges.length > 0 && bytes > left) break
    left -= bytes
    merges.push({ hour, generation, inputs: inputs.map(({ file }) => file), bytes })
  }
  return merges
}

/** Those that are not alone in their hour: of a long history most are. */
function inSharedHours(files: readonly LakeFile[]): LakeFile[] {
  const hourOf = ({ path }: LakeFile): string => path.slice(0, 'date=2026-07-04/hour=14'.length)
  const counts = new Map<string, number>()
  for (const file of files) counts.set(hourOf(file), (counts.get(hourOf(file)) ?? 0) + 1)
  return files.filter((file) => (counts.get(hourOf(file)) as number) > 1)
}

/** Dates all of whose hours end more than `keep` ms before the watermark, oldest first, as `date=2026-07-04`. */
export function planRetention(files: readonly LakeFile[], { keep, watermark }: { keep: number; watermark: number }): string[] {
  const dates = new Set(files.flatMap(({ path }) => (parseFile(path) ? [path.slice(0, 'date=2026-07-04'.length)] : [])))
  const end = (date: string): number => Date.parse(`${date.slice('date='.length)}T00:00:00Z`) + 24 * HOUR_MS
  return [...dates].filter((date) => end(date) + keep <= watermark).sort()
}

/** `date=2026-07-04,hour=14,1`: names the old directory of an hour while its files wait for their grace to end. */
export function formatTrash(hour: Hour, generation: number): string {
  return `${formatHour(hour).replace('/', ',')},${generation}`
}

/** Inverse of {@link formatTrash}, and of `date=2026-07-04` for a whole date (no hour then). */
export function parseTrash(id: string): { date: string; hour: Hour | undefined; generation: number | undefined } | undefined {
  const match = /^(date=\d{4}-\d{2}-\d{2})(?:,hour=(\d{2}),(\d+))?$/.exec(id)
  if (!match) return undefined
  const [, date, hour, generation] = match
  if (hour === undefined) return { date: date as string, hour: undefined, generation: undefined }
  return { date: date as string, hour: Date.parse(`${date?.slice(5)}T${hour}:00:00Z`) / HOUR_MS, generation: Number(generation) }
}
