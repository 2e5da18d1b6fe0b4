import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { parseTrash } from '../lake/compaction.ts'
import { filesOfHour } from '../lake/hour.ts'
import { formatHour } from '../lake/names.ts'
import { lostOutputs, replacedFiles } from '../lake/replaced.ts'
import { printable } from '../printable.ts'
import type { Finding } from './finding.ts'
import { DO } from './finding.ts'
import { count } from './lake-findings.ts'
import type { Inspector } from './parquet.ts'
import { soundFiles } from './parquet.ts'
import type { StateFacts } from './state.ts'
import { wasExchanged } from './state-findings.ts'

/** The old files of a merge, still in the trash, that the lake cannot do without. */
export interface Needed {
  id: string
  inode: number
  /** Files of the lake that were merged from them and are damaged or missing, by their paths below it, and what is wrong. */
  lost: ReadonlyMap<string, string>
  /** Their events that no other file of the hour has; undefined where rows are not looked at. */
  missing: number | undefined
}

/** Looks into what compaction replaced for events that the lake has lost. `damaged` are paths below the lake. Not while a periodic runs. */
export async function surveyReplaced(
  place: { lake: string; state: string },
  { trash, periodic }: StateFacts,
  inspector: Inspector,
  { quick, damaged }: { quick: boolean; damaged: ReadonlySet<string> },
): Promise<Needed[]> {
  if (periodic.running) return []
  const ids = new Set(trash.map(({ id }) => id))
  const needed: Needed[] = []
  for (const entry of trash) {
    const { id, inode } = entry
    const name = parseTrash(id)
    if (name?.hour === undefined || !wasExchanged(entry) || ids.has(`${id}.json`)) continue
    const lost = new Map(await lostOutputs(place, id))
    const below = `${formatHour(name.hour)}/${name.generation}/part-`
    for (const path of damaged) if (path.startsWith(below) && !lost.has(path)) lost.set(path, 'it is damaged')
    const missing = quick ? undefined : await missingOf(place, id, inspector, lost)
    const gone = (await lstat(join(place.state, 'trash', id)).catch(() => undefined)) === undefined
    if (!gone && (lost.size > 0 || (missing ?? 0) > 0)) needed.push({ id, inode, lost, missing })
  }
  return needed
}

async function missingOf({ lake, state }: { lake: string; state: string }, id: string, inspector: Inspector, lost: ReadonlyMap<string, string>): Promise<number> {
  const { hour } = parseTrash(id) as { hour: number }
  const files = await filesOfHour(lake, hour)
  const others = await soundFiles(inspector, files.map(({ path }) => path).filter((path) => !lost.has(path.slice(lake.length + 1))))
  return inspector.missing(await soundFiles(inspector, await replacedFiles(state, id)), others)
}

export function replacedFindings(needed: readonly Needed[]): Finding[] {
  return needed.map(({ id, inode, lost, missing }): Finding => {
    const [file] = lost
    const why = file ? `${file[0]}, which was merged from its files, is damaged or missing (${printable(file[1])})` : 'the lake has lost events that are in its files'
    const events = missing === undefined ? '' : `; ${count(missing, 'event')} of them ${missing === 1 ? 'is' : 'are'} nowhere else`
    return { severity: 'error', check: 'trash', root: 'state', path: `trash/${id}`, what: `${why}${events}`, do: DO.restore, repair: 'restore', inode, with: [...lost.keys()] }
  })
}
