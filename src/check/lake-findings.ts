import { columnProblem, FORMAT, layoutOf } from '../lake/format.ts'
import { formatHour, formatSegment, HOUR_MS, parseFile } from '../lake/names.ts'
import type { FileName } from '../lake/names.ts'
import type { Seal } from '../lake/seal.ts'
import { printable } from '../printable.ts'
import { formatCount } from '../quantity.ts'
import type { Check, Finding, Repair } from './finding.ts'
import { DO } from './finding.ts'
import type { Broken, Content, Groups, Repeated, Rows } from './parquet.ts'
import { YOUNG } from './state.ts'
import type { Entry } from './walk.ts'

/** A regular file under the lake with all that is known of it. */
export interface FileFacts {
  entry: Entry
  /** What is wrong with its first bytes. */
  start: string | undefined
  rows: Rows | Broken
  groups: Groups | Broken
  schema: { columns: string[] } | Broken
  /** Undefined where rows are not looked at. */
  content: Content | Broken | undefined
  /** How its bytes differ from those that were written; undefined where they do not, or were not looked at. */
  damage: string | undefined
  /** What its footer says of itself; undefined where it says nothing, or was not looked at. */
  seal: Seal | undefined
}

export interface LakeFacts {
  now: number
  /** Of the lake. */
  id: string | undefined
  entries: readonly Entry[]
  files: readonly FileFacts[]
  repeated: readonly Repeated[]
  /** Real path of `<state>/trash`; undefined where there is none. */
  trash: string | undefined
  /** Segments that are in a log, and whether its writer is live. */
  pending: ReadonlyMap<string, boolean>
  /** Paths of damaged files whose events are put back from the trash. */
  restorable: ReadonlySet<string>
}

const HOUR_US = HOUR_MS * 1000

/** Nothing is done about it unasked: most of its values are right, and out of the lake all of them would be missing. */
const DAMAGED = 'put a copy of the same file in its place; without one, what it says is partly wrong, and moving it out of the lake loses all of it'

/** All that is wrong with a lake. Pure. */
export function lakeFindings(facts: LakeFacts): Finding[] {
  const generations = currentGenerations(facts.entries)
  return [
    ...facts.entries.flatMap((entry) => entryFindings(entry, facts)),
    ...facts.files.flatMap((file) => fileFindings(file, generations, facts.pending)).map((one) => (facts.restorable.has(one.path) ? restored(one) : one)),
    ...facts.repeated.map(repeatedFinding),
    ...formatFindings(facts),
  ]
}

/** True where its events cannot be read, or may be others. */
export function isDamaged({ start, rows, groups, schema, content, damage }: FileFacts): boolean {
  return (start ?? damage) !== undefined || [rows, groups, schema, content ?? {}].some((answer) => 'broken' in answer) || cutShort(rows, groups) !== undefined
    || ('columns' in schema && wrongColumn(schema.columns) !== undefined)
}

/** It goes when its events are back. */
function restored({ repair: _, ...finding }: Finding): Finding {
  return { ...finding, do: DO.restore }
}

/** Of every hour directory the highest generation that is a real directory: the one whose files count. */
export function currentGenerations(entries: readonly Entry[]): Map<string, number> {
  const current = new Map<string, number>()
  for (const { path, kind } of entries) {
    const [, hour, generation] = /^([^/]+\/[^/]+)\/(\d+)$/.exec(path) ?? []
    if (kind === 'directory' && hour !== undefined) current.set(hour, Math.max(current.get(hour) ?? 0, Number(generation)))
  }
  return current
}

function entryFindings(entry: Entry, { now, trash }: LakeFacts): Finding[] {
  const { path, kind, link } = entry
  if (kind === 'other') return [found(entry, 'stray', 'neither a file nor a directory', 'move')]
  if (kind === 'symlink') {
    const where = `a symlink to ${printable(link?.text ?? '')}`
    if (link?.target === undefined) return [found(entry, 'symlink', `${where}, which does not exist`, 'move')]
    const exchanged = /^date=[^/]+(\/hour=[^/]+\/\d+)?$/.test(path) && trash !== undefined && link.target.startsWith(`${trash}/`)
    return exchanged ? [] : [found(entry, 'symlink', `${where}, which no compaction left`, 'move')]
  }
  if (kind === 'directory' && entry.entries === 0 && now - entry.modified > YOUNG) {
    return [{ ...found(entry, 'empty-directory', 'a directory with nothing in it', 'remove-empty'), severity: 'warning' }]
  }
  return []
}

/** In the order in which one fault hides the next. */
function fileFindings(file: FileFacts, generations: ReadonlyMap<string, number>, pending: ReadonlyMap<string, boolean>): Finding[] {
  const { entry, start, rows, groups, schema, content, damage } = file
  const name = parseFile(entry.path)
  const finding = (check: Check, what: string, repair: Repair): Finding => {
    const { path, inode } = entry
    return { severity: 'error', check, root: 'lake', path, what, inode, ...remedy(repair, name, pending) }
  }

  const columns = 'broken' in schema ? undefined : wrongColumn(schema.columns)
  const unreadable = start ?? broken(rows) ?? broken(groups) ?? broken(schema) ?? cutShort(rows, groups) ?? (content && broken(content))
  const readable = unreadable === undefined && columns === undefined
  if (!name) return [finding('stray', `not a name of the lake's${readable ? ', but a file of events' : ''}`, readable ? 'rewrite' : 'move')]
  if (unreadable !== undefined || 'broken' in rows || 'broken' in groups) return [finding('parquet', `not a complete Parquet file: ${unreadable}`, 'move')]
  if (columns !== undefined) return [finding('schema', columns, 'move')]
  const highest = generations.get(formatHour(name.hour)) ?? name.generation
  if (name.generation < highest) {
    return [finding('generation', `in generation ${name.generation} of an hour whose generation ${highest} counts: its events may be read twice`, 'rewrite')]
  }

  const findings: Finding[] = []
  if (rows.rows !== groups.rows) {
    findings.push(finding('count', `the footer says ${count(rows.rows, 'row')}, its row groups ${formatCount(groups.rows)}`, 'rewrite'))
  }
  const hour = { from: name.hour * HOUR_US, to: (name.hour + 1) * HOUR_US - 1 }
  if (groups.rows > 0 && (groups.from === undefined || groups.to === undefined)) {
    findings.push(finding('statistics', 'no statistics of event_time, so that no query can skip it', 'rewrite'))
  } else if (groups.from !== undefined && groups.to !== undefined && !within({ from: groups.from, to: groups.to }, hour)) {
    findings.push(finding('statistics', `statistics say events of ${time(groups.from)} to ${time(groups.to)}, outside its hour`, 'rewrite'))
  }
  if (content === undefined || 'broken' in content) return findings

  if (content.rows !== groups.rows) {
    findings.push(finding('count', `the footer says ${count(groups.rows, 'row')}, reading it gives ${formatCount(content.rows)}`, 'rewrite'))
  }
  if (content.from !== undefined && content.to !== undefined && groups.from !== undefined && groups.to !== undefined
    && !within({ from: content.from, to: content.to }, { from: groups.from, to: groups.to })) {
    findings.push(finding('statistics', `events of ${time(content.from)} to ${time(content.to)}, but its statistics leave some of them out`, 'rewrite'))
  }
  const outside = [...content.hours].filter(([other]) => other !== name.hour).sort(([a], [b]) => a - b)
  if (outside.length > 0) {
    const misplaced = outside.reduce((sum, [, rows]) => sum + rows, 0)
    const hours = outside.slice(0, 3).map(([other]) => formatHour(other)).join(', ') + (outside.length > 3 ? ', …' : '')
    findings.push(finding('partition', `${count(misplaced, 'event')} of ${hours}, ${misplaced === 1 ? 'which does' : 'which do'} not belong there`, 'rewrite'))
  }
  if (content.incomplete > 0) findings.push(finding('incomplete', `${count(content.incomplete, 'row')} without a time, a kind or a user`, 'rewrite'))
  // Whatever else is found says more.
  return damage === undefined || findings.length > 0 ? findings : [damaged(entry, damage)]
}

function damaged({ path, inode }: Entry, damage: string): Finding {
  return { severity: 'error', check: 'hash', root: 'lake', path, what: `not the bytes that were written: ${damage}`, do: DAMAGED, inode }
}

/** What is still in a log is not made up from the file: it is made again from the log. */
function remedy(repair: Repair, name: FileName | undefined, pending: ReadonlyMap<string, boolean>): Pick<Finding, 'repair' | 'do' | 'elsewhere'> {
  const live = name?.segment && pending.get(formatSegment(name.segment))
  if (live === true) return { do: 'its writer still has the segment in its log: look again when that writer has ended' }
  if (live === false) return { repair: 'move', elsewhere: true, do: '--repair moves it to quarantine and makes it again from the WAL' }
  if (repair === 'move' && name) return { repair, do: `${DO.move}; its events are to be had from a copy or the source only` }
  return { repair, do: DO[repair] }
}

/** About all such files at once: there may be many, and nothing is wrong with them. */
function formatFindings({ files, id }: LakeFacts): Finding[] {
  const layouts = files.map(({ entry, schema }) => ({ entry, layout: 'broken' in schema ? undefined : layoutOf(schema.columns) }))
  const older = layouts.filter(({ layout }) => layout === 'json' || layout === 'record').map(({ entry }) => entry)
  const strange = files.filter(({ seal }) => seal && id !== undefined && seal.lake !== id).map(({ entry }) => entry)
  const newer = files.filter(({ seal }) => seal && seal.format > FORMAT).map(({ entry }) => entry)
  const finding = (severity: Finding['severity'], check: Check, of: readonly Entry[], what: string, remedy: string): Finding[] => {
    const [first] = of
    const which = of.length === 1 ? first?.path : `the first of them ${first?.path}`
    return first ? [{ severity, check, root: 'lake', path: '', what: `${count(of.length, 'file')} ${what}, ${which}`, do: remedy }] : []
  }
  return [
    ...finding('warning', 'format', older, 'of an older format', "they are read as the others are; 'sluice upgrade' writes them anew"),
    ...finding('warning', 'foreign', strange, 'of another lake', 'they are read as the others are: move them out if nobody has put them here on purpose'),
    ...finding('error', 'format', newer, 'of a newer format', 'use the version of Sluice that wrote them, or a newer one'),
  ]
}

function repeatedFinding({ hour, last, events, surplus }: Repeated): Finding {
  const between = hour === last ? '' : `, the last of them in ${formatHour(last)}`
  return {
    // A source that rewinds further than ingest remembers leaves them, as do two writers of one stream.
    severity: 'warning',
    check: 'repeated',
    root: 'lake',
    path: formatHour(hour),
    what: `${count(events, 'event')} more than once (${count(surplus, 'row')} too many)${between}`,
    do: hour === last ? "'sluice compact' drops them once the hour is sealed" : 'compaction drops them only inside one hour: count them once in queries',
  }
}

function wrongColumn(columns: readonly string[]): string | undefined {
  const problem = columnProblem(columns)
  const [want, got] = [problem?.expected, problem?.got].map((column) => (column === undefined ? 'none' : `\`${printable(column)}\``))
  return problem && `expected ${want} as column ${problem.column}, got ${got}`
}

function found(entry: Entry, check: Check, what: string, repair: Repair): Finding {
  return { severity: 'error', check, root: 'lake', path: entry.path, what, do: DO[repair], repair, inode: entry.inode }
}

function broken(answer: object): string | undefined {
  return 'broken' in answer ? printable(String(answer.broken)) : undefined
}

/** A footer behind less data than it tells of. */
function cutShort(rows: FileFacts['rows'], groups: FileFacts['groups']): string | undefined {
  if ('broken' in rows || 'broken' in groups || groups.end <= rows.room) return undefined
  return `its footer tells of ${groups.end} bytes of data, there are ${rows.room}`
}

interface Span {
  from: number
  to: number
}

function within(inner: Span, outer: Span): boolean {
  return inner.from >= outer.from && inner.to <= outer.to
}

function time(micros: number): string {
  const date = new Date(Math.floor(micros / 1000))
  return Number.isNaN(date.getTime()) ? `${micros} µs` : date.toISOString().slice(0, 19).replace('T', ' ')
}

export function count(of: number, noun: string): string {
  return `${formatCount(of)} ${noun}${of === 1 ? '' : 's'}`
}
