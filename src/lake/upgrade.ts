import { join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { Failure, messageOf } from '../failure.ts'
import type { Merged, MergeSettings } from './compact.ts'
import { compact } from './compact.ts'
import type { LakeFile, Merge } from './compaction.ts'
import { formatTrash } from './compaction.ts'
import type { FileName, Hour } from './names.ts'
import { formatHour, formatSegment, parseFile } from './names.ts'
import { unsealed } from './older.ts'
import type { LakePlace } from './trash.ts'
import { busyPlaces, sweepTrash } from './trash.ts'

/** An hour that is left as it is for now. */
export interface Left {
  hour: string
  why: string
}

export interface UpgradePlan {
  merges: Merge[]
  left: Left[]
  /** Files of an older format. */
  files: number
}

export interface UpgradeFacts {
  /** Paths below the lake of files that do not say that they are of today's format. */
  older: ReadonlySet<string>
  /** Segments that are still in some log. */
  pending: ReadonlySet<string>
  /** Hours that an earlier compaction has not finished with. */
  busy: ReadonlySet<Hour>
}

/** Each hour with a file of an older format is merged, whatever else is in it, the oldest first. Pure. */
export function planUpgrade(files: readonly LakeFile[], { older, pending, busy }: UpgradeFacts): UpgradePlan {
  const hours = new Map<Hour, { name: FileName; file: LakeFile }[]>()
  for (const file of files) {
    const name = parseFile(file.path)
    if (name) hours.set(name.hour, [...(hours.get(name.hour) ?? []), { name, file }])
  }
  const plan: UpgradePlan = { merges: [], left: [], files: 0 }
  for (const [hour, found] of [...hours].sort(([a], [b]) => a - b)) {
    const generation = Math.max(...found.map(({ name }) => name.generation))
    const current = found.filter(({ name }) => name.generation === generation)
    const old = current.filter(({ file }) => older.has(file.path))
    if (old.length === 0) continue
    plan.files += old.length
    const isPending = ({ name }: (typeof current)[number]): boolean => name.segment !== undefined && pending.has(formatSegment(name.segment))
    // It goes on as it is: it is made again from its log, or is final when that is gone.
    if (old.some(isPending)) plan.left.push({ hour: formatHour(hour), why: 'the log of a file is still there: run periodic, then this again' })
    const inputs = current.filter((entry) => !isPending(entry))
    if (!inputs.some(({ file }) => older.has(file.path))) continue
    if (busy.has(hour)) plan.left.push({ hour: formatHour(hour), why: 'it was merged a moment ago: run this again when the grace of that is over' })
    else plan.merges.push({ hour, generation, inputs: inputs.map(({ file }) => file), bytes: inputs.reduce((sum, { file }) => sum + file.bytes, 0) })
  }
  return plan
}

/** Only under the lock of periodic, or for showing it. */
export async function upgradePlan(
  { lake, state }: Pick<LakePlace, 'lake' | 'state'>,
  files: readonly LakeFile[],
  pending: () => Promise<ReadonlySet<string>>,
): Promise<UpgradePlan> {
  const paths = new Map(files.map(({ path }) => [join(lake, path), path]))
  const older = new Set((await unsealed([...paths.keys()])).map((path) => paths.get(path) as string))
  return planUpgrade(files, { older, pending: await pending(), busy: (await busyPlaces(state)).hours })
}

/**
 * Writes hours anew, one after another, as compaction does: readers see the old files or the new one. What was killed on the way is
 * finished or undone by the next run, and an hour that is done is of today's format.
 */
export async function* upgrade(
  place: LakePlace,
  session: Session,
  { merges }: Pick<UpgradePlan, 'merges'>,
  settings: MergeSettings & { grace: number },
): AsyncGenerator<Merged | Left> {
  for (const merge of merges) {
    try {
      yield await compact(place, session, merge, settings)
    } catch (error) {
      if (error instanceof Failure) throw error
      await place.disk.removeTree(join(place.state, 'trash', formatTrash(merge.hour, merge.generation + 1)), 'undo.remove')
      yield { hour: formatHour(merge.hour), why: messageOf(error) }
    }
    // The old files take as much space again until then.
    await sweepTrash(place, settings.grace)
  }
}
