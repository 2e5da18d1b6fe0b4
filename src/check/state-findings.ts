import { parseTrash } from '../lake/compaction.ts'
import { formatBytes, formatDuration } from '../quantity.ts'
import type { CacheProblem } from './caches.ts'
import type { Check, Finding, Repair } from './finding.ts'
import { DO } from './finding.ts'
import { count } from './lake-findings.ts'
import type { SegmentProblem } from './segments.ts'
import type { Leftover, StateFacts, Trash } from './state.ts'

export interface StateContext {
  now: number
  /** Lake and state are on one filesystem; undefined where one of them is missing. */
  sameFilesystem: boolean | undefined
  /** What is wrong with a file of dead letters, by its path below `rejected/`. */
  letters: ReadonlyMap<string, string>
  segments: readonly SegmentProblem[]
  /** What is kept for the next run and is of no use to it. */
  caches: readonly CacheProblem[]
}

/** All that is wrong with a state directory. Pure. */
export function stateFindings(facts: StateFacts, { now, sameFilesystem, letters, segments, caches }: StateContext): Finding[] {
  return [
    ...(sameFilesystem === false ? [filesystemFinding()] : []),
    ...facts.logs.filter(({ live }) => !live).map((log): Finding => {
      const bytes = log.segments.reduce((sum, segment) => sum + segment.bytes, 0)
      const segments = `${count(log.segments.length, 'segment')} (${formatBytes(bytes)}) of a dead writer`
      return warning('wal', `wal/${log.writer}`, bytes === 0 ? 'the log of a dead writer, with nothing in it' : segments, 'recover')
    }),
    ...segments.map(({ path, live, what }): Finding => ({
      severity: 'error',
      check: 'wal',
      root: 'state',
      path,
      what,
      ...(live ? { do: 'its writer stops when it comes to it: look for what else writes there' } : { do: '--repair, or the next handle-stream or periodic, sets it aside', repair: 'recover' }),
    })),
    ...facts.setAside.map(({ path, bytes, holds }): Finding => ({
      severity: 'error',
      check: 'wal',
      root: 'state',
      path,
      what: `a segment that was changed after it was written: ${formatBytes(bytes)}${holds ? ` of ${formatBytes(holds.bytes)}, ${count(holds.lines, 'line')}` : ''}`,
      do: 'feed what is good of it to handle-stream, which drops what the lake has already; then remove it',
    })),
    ...facts.walStrays.map((stray) => leftover('wal', stray, 'no part of any log')),
    ...facts.staging.leftovers.map((stray) => {
      return leftover('staging', stray, `left ${formatDuration(Math.max(0, now - stray.modified))} ago by a process that is gone`)
    }),
    ...facts.rejected.strays.map((stray) => leftover('rejected', stray, 'not a file of dead letters')),
    ...facts.rejected.files.flatMap(({ path, inode }): Finding[] => {
      const problem = letters.get(path)
      if (problem === undefined) return []
      return [{ ...warning('rejected', `rejected/${path}`, `not what rejects are kept as: ${problem}`, 'move'), severity: 'error', inode }]
    }),
    ...facts.runs.strays.map((stray) => leftover('runs', stray, 'no record of a run')),
    ...caches.map(({ path, what }): Finding => ({ severity: 'warning', check: 'cache', root: 'state', path, what: `not what was kept there: ${what}`, do: DO_ANEW })),
    ...trashFindings(facts),
  ]
}

const DO_ANEW = 'the next periodic makes it anew from the lake'

function trashFindings({ trash, periodic }: StateFacts): Finding[] {
  const ids = new Set(trash.map(({ id }) => id))
  return trash.flatMap((entry): Finding[] => {
    const { id, kind, inode } = entry
    const note = /^(.+)\.json(\.new)?$/.exec(id)
    const path = `trash/${id}`
    if (!parseTrash(note?.[1] ?? id)) return [{ ...warning('trash', path, 'nothing that compaction or retention put there', 'move'), inode }]
    // Whoever has the lock is at work on it, or will be.
    if (periodic.running) return []
    if (note) return ids.has(note[1] as string) && note[2] === undefined ? [] : [{ ...warning('trash', path, 'a note about nothing', 'move'), inode }]
    if (!wasExchanged(entry)) {
      return [warning('trash', path, `a ${kind === 'symlink' ? 'retention' : 'compaction'} that was killed before anybody saw it`, 'settle')]
    }
    if (ids.has(`${id}.json`)) return [warning('trash', path, 'a compaction that was killed before it had carried over what came meanwhile', 'settle')]
    return []
  })
}

/** Before its exchange `trash/<id>` holds the next generation of its hour, or is a symlink in place of a date. */
export function wasExchanged({ id, kind, holds }: Pick<Trash, 'id' | 'kind' | 'holds'>): boolean {
  const generation = parseTrash(id)?.generation
  return generation === undefined ? kind === 'directory' : !holds.includes(String(generation))
}

function filesystemFinding(): Finding {
  return {
    severity: 'error',
    check: 'filesystem',
    root: 'state',
    path: '',
    what: 'on another filesystem than the lake: no file can be moved between them by rename',
    do: 'stop every writer, move it beside the lake, and give its new place by --state',
  }
}

function leftover(check: Check, { path, inode }: Leftover, what: string): Finding {
  return { ...warning(check, path, what, 'move'), inode }
}

function warning(check: Check, path: string, what: string, repair: Repair): Finding {
  return { severity: 'warning', check, root: 'state', path, what, do: DO[repair], repair }
}
