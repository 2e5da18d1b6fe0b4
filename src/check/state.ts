import { lstat, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Contents } from '../ingest/segment.ts'
import { parseSegmentFile } from '../ingest/segment.ts'
import { ASIDE } from '../ingest/wal.ts'
import { list } from '../lake/disk.ts'
import type { Holder } from '../lake/lock.ts'
import { holder, isHeld } from '../lake/lock.ts'
import type { SegmentName } from '../lake/names.ts'
import { isWriter, parseFile, writerOf } from '../lake/names.ts'
import { isRunFile, readRun, runs, runsDirectory } from '../query/record.ts'
import type { RunRecord } from '../query/record.ts'
import type { Entry } from './walk.ts'
import { walk } from './walk.ts'

/** A writer's log. Live while anyone holds its lock: the writer, or whoever recovers it. */
export interface Log {
  writer: string
  live: boolean
  segments: { name: SegmentName; file: string; bytes: number; modified: number; holds: Contents | undefined }[]
}

/** Something that nobody is known to need; `path` is below the state. */
export interface Leftover {
  path: string
  bytes: number
  modified: number
  inode: number
}

/** What is in the state directory, at about one moment. */
export interface StateFacts {
  logs: Log[]
  /** In `wal/`, neither a log nor part of one. */
  walStrays: Leftover[]
  /** Files of batches and runs under way, and how many of them nobody is at work on. */
  staging: { files: number; bytes: number; leftovers: Leftover[] }
  /** Files of dead letters, and what else is beside them. */
  rejected: { files: Entry[]; strays: Leftover[] }
  trash: Trash[]
  periodic: Periodic
  /** The last run of periodic that kept a record, and what in `runs/` is none. */
  runs: { last: RunRecord | undefined; strays: Leftover[] }
  /** `members`: files of the lake, of which nobody has seen that their events are in the lake. */
  quarantine: { files: number; bytes: number; members: number }
  /** Segments that recovery has set aside, since they were not what they were when they were written; paths below the state. */
  setAside: { path: string; bytes: number; holds: Contents | undefined }[]
}

/** An entry of `trash/` with all that is in it. */
export interface Trash {
  id: string
  kind: Entry['kind']
  bytes: number
  /** When it was exchanged into the trash, ms. */
  changed: number
  modified: number
  inode: number
  /** Names of what is directly in it. */
  holds: string[]
}

export interface Periodic {
  /** Who compacts or runs models now; `true` where its name cannot be told. */
  running: Holder | true | undefined
  /** When the one began that was killed, and that none came after; undefined where there is no such. */
  killed: Date | undefined
}

/** What is younger than this may belong to a process that is about to say so, ms. */
export const YOUNG = 60_000

/** What is in staging under no writer's name is somebody's for this long, ms. */
const OWNERLESS = 3_600_000

/** `alone`: we hold the lock of periodic ourselves. */
export async function surveyState(state: string, now: number, { alone = false } = {}): Promise<StateFacts> {
  const before = await surveyPeriodic(state)
  // Before the logs: a writer has a log before it stages anything.
  const staged = tops(await walk(join(state, 'staging')))
  const { logs, strays } = await surveyWal(state, now)
  const live = new Map(logs.map((log) => [log.writer, log.live]))
  const rejected = await walk(join(state, 'rejected'))
  const kept = (entry: Entry): boolean => entry.kind === 'file' && /^[^/]+\.ndjson$/.test(entry.path)
  const trash = await surveyTrash(state)
  // Whoever has come or gone meanwhile was at work on what we saw.
  const after = before.running ? before : await surveyPeriodic(state)
  const periodic = alone ? { ...after, running: undefined } : after
  const quarantined = (await walk(join(state, 'quarantine'))).filter(({ kind }) => kind !== 'directory')
  return {
    logs,
    walStrays: strays,
    staging: {
      files: staged.reduce((sum, { files }) => sum + files, 0),
      bytes: total(staged),
      leftovers: await stillThere(
        state,
        staged
          .filter(({ path, files, modified }) => files > 0 && isLeftover(path, { live, periodic: periodic.running !== undefined, age: now - modified }))
          .map((entry) => leftover('staging', entry)),
      ),
    },
    rejected: { files: rejected.filter(kept), strays: tops(rejected.filter((entry) => !kept(entry))).map((entry) => leftover('rejected', entry)) },
    trash,
    periodic,
    runs: await surveyRuns(state),
    quarantine: { files: quarantined.length, bytes: total(quarantined), members: quarantinedMembers(quarantined).length },
    setAside: quarantined.flatMap(({ path: below, bytes }) => {
      const path = join('quarantine', below)
      const segment = dirname(dirname(path)) === ASIDE ? parseSegmentFile(basename(path)) : undefined
      return segment ? [{ path, bytes, holds: segment.holds }] : []
    }),
  }
}

/** Below `quarantine/`: what was in the lake and whose events may be nowhere else. Whose events are in the lake is under `replaced/`. */
const LOST = /^[^/]+\/lake\/(.+)$/

/** Files of the lake in the quarantine of which nobody has seen that their events are in the lake. */
export function quarantinedMembers(entries: readonly Entry[]): Entry[] {
  return entries.filter(({ kind, path }) => kind === 'file' && parseFile(LOST.exec(path)?.[1] ?? ''))
}

/** True of what is in `staging/` under this name and nobody is at work on. Pure. */
export function isLeftover(name: string, { live, periodic, age }: { live: ReadonlyMap<string, boolean>; periodic: boolean; age: number }): boolean {
  if (name === 'periodic') return !periodic
  const writer = writerOf(name)
  return writer === undefined ? age > OWNERLESS : live.get(writer) !== true
}

/** A writer that has ended since its staging was listed has taken that with it. */
async function stillThere(state: string, leftovers: readonly Leftover[]): Promise<Leftover[]> {
  const there = await Promise.all(leftovers.map(({ path }) => lstat(join(state, path)).then(() => true, () => false)))
  return leftovers.filter((_, index) => there[index])
}

async function surveyPeriodic(state: string): Promise<Periodic> {
  const path = join(state, 'periodic.lock')
  const running = (await isHeld(path)) ? (holder(path) ?? true) : undefined
  // Whoever lets go of the lock empties its file.
  const file = running ? undefined : await stat(path).catch(() => undefined)
  return { running, killed: file && file.size > 0 ? (holder(path)?.since ?? file.mtime) : undefined }
}

async function surveyRuns(state: string): Promise<StateFacts['runs']> {
  const directory = runsDirectory(state)
  // Written whole and then renamed: one that is not whole was not written so.
  const strays = await Promise.all(
    tops(await walk(directory)).map(async (entry) => {
      const path = join(directory, entry.path)
      const whole = entry.kind === 'file' && isRunFile(entry.path) && ((await readRun(path)) ?? (await lstat(path).then(() => undefined, () => 'gone')))
      return whole ? [] : [leftover('runs', entry)]
    }),
  )
  return { last: (await runs(state).next()).value ?? undefined, strays: strays.flat() }
}

async function surveyWal(state: string, now: number): Promise<{ logs: Log[]; strays: Leftover[] }> {
  const wal = join(state, 'wal')
  // Before its files are looked at: a writer that ends meanwhile takes its lock with it, and was live.
  const held = new Map<string, boolean>()
  for (const name of await list(wal)) held.set(name, await isHeld(join(wal, name, 'lock')))
  const entries = await walk(wal)
  const logs = new Map<string, Log>()
  const strays: Entry[] = []
  for (const entry of entries.filter(({ path }) => !path.includes('/'))) {
    const live = held.get(entry.path) ?? true
    if (entry.kind === 'directory' && isWriter(entry.path)) logs.set(entry.path, { writer: entry.path, live, segments: [] })
    // A log gets its writer's name once it is locked.
    else if (!live && now - entry.modified > YOUNG) strays.push(entry)
  }
  for (const entry of entries) {
    const [writer = '', file, ...deeper] = entry.path.split('/')
    const log = logs.get(writer)
    if (!log || file === undefined || deeper.length > 0) continue
    const segment = parseSegmentFile(file)
    if (entry.kind === 'file' && segment) {
      log.segments.push({ name: { writer, sequence: segment.sequence }, file, bytes: entry.bytes, modified: entry.modified, holds: segment.holds })
    } else if (file !== 'lock') strays.push(entry)
  }
  return { logs: [...logs.values()], strays: strays.map((entry) => leftover('wal', entry)) }
}

async function surveyTrash(state: string): Promise<Trash[]> {
  const entries = await walk(join(state, 'trash'))
  return entries
    .filter(({ path }) => !path.includes('/'))
    .map(({ path: id, ...entry }) => {
      const below = entries.filter(({ path }) => path.startsWith(`${id}/`))
      const direct = below.map(({ path }) => path.slice(id.length + 1)).filter((path) => !path.includes('/'))
      return { id, kind: entry.kind, bytes: entry.bytes + total(below), changed: entry.changed, modified: entry.modified, inode: entry.inode, holds: direct }
    })
}

/** The entries directly in a directory, each with the bytes and the newest change of all that is in it. */
function tops(entries: readonly Entry[]): (Entry & { files: number })[] {
  return entries
    .filter(({ path }) => !path.includes('/'))
    .map((top) => {
      const all = entries.filter(({ path }) => path === top.path || path.startsWith(`${top.path}/`))
      const files = all.filter(({ kind }) => kind !== 'directory').length
      return { ...top, bytes: total(all), modified: Math.max(...all.map(({ modified }) => modified)), files }
    })
}

function total(entries: readonly { bytes: number }[]): number {
  return entries.reduce((sum, { bytes }) => sum + bytes, 0)
}

function leftover(directory: string, { path, bytes, modified, inode }: Entry): Leftover {
  return { path: `${directory}/${path}`, bytes, modified, inode }
}
