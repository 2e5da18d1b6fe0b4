import { lstat, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { openEngine, quote } from '../duckdb.ts'
import { codeOf } from '../failure.ts'
import { duckdbWriter } from '../ingest/convert.ts'
import type { Place, Report } from '../ingest/ingest.ts'
import { recover } from '../ingest/ingest.ts'
import type { Writer } from '../ingest/writer.ts'
import { commitFile } from '../lake/commit.ts'
import { readFresh, readSound } from '../lake/damage.ts'
import type { Damaged } from '../lake/damaged.ts'
import { diskFailure } from '../lake/disk.ts'
import { filesOfHour } from '../lake/hour.ts'
import { formatWriter, HOUR_MS } from '../lake/names.ts'
import { recordFiles, rowsOf } from '../lake/older.ts'
import { PRIVATE } from '../lake/private.ts'
import { releaseReplaced, replacedFiles } from '../lake/replaced.ts'
import { IDENTITY, STORED } from '../lake/schema.ts'
import { sweepTrash } from '../lake/trash.ts'
import type { Finding, Repair } from './finding.ts'
import { count } from './lake-findings.ts'

/** Something to be done; of what the whole state needs at once, without a path. */
export interface Action {
  repair: Repair
  root: 'lake' | 'state'
  path: string
  inode: number | undefined
  /** Paths below the lake that go with it. */
  with: readonly string[]
  /** Its events are, or will be, in the lake without it. */
  elsewhere: boolean
}

/** What was done, in one sentence; `skipped` where it was not. */
export interface Done extends Action {
  skipped: boolean
  said: string
}

/**
 * What is broken goes first: it must neither be in the way of what is made again from the WAL, nor be read when rows
 * are looked for in other files.
 */
const ORDER: readonly Repair[] = ['settle', 'restore', 'move', 'rewrite', 'recover', 'remove-empty']

/** What to do about these findings, in order; once for each path, and for the state once at all. Pure. */
export function planRepair(findings: readonly Finding[], { live }: { live: boolean }): Action[] {
  const chosen = new Map<string, Action>()
  // Where the lake may be another one, only what is left of a compaction can bring it back.
  const vanished = findings.some(({ check }) => check === 'vanished')
  for (const { repair, root, path, inode, with: others = [], elsewhere = false } of findings) {
    if (repair === undefined || (vanished && repair !== 'settle' && (root === 'lake' || repair !== 'move'))) continue
    // A writer may be about to put a file there.
    if (repair === 'remove-empty' && live) continue
    const whole = repair === 'settle' || repair === 'recover'
    const action = { repair, root, path: whole ? '' : path, inode, with: others, elsewhere }
    const key = whole ? repair : `${root}/${path}`
    const other = chosen.get(key)
    if (!other || ORDER.indexOf(repair) < ORDER.indexOf(other.repair)) chosen.set(key, action)
  }
  const depth = ({ path }: Action): number => path.split('/').length
  return [...chosen.values()].sort((a, b) => ORDER.indexOf(a.repair) - ORDER.indexOf(b.repair) || depth(b) - depth(a) || (a.path < b.path ? -1 : 1))
}

/** Does what was planned, one after another. Only under the lock of periodic. */
export async function* repair(actions: readonly Action[], place: Place, options: { grace: number; timezone: string; live: boolean }): AsyncGenerator<Done> {
  const { lake, state, disk, now } = place
  const quarantine = await unused(join(state, 'quarantine', new Date(now()).toISOString().replace(/[-:]|\.\d+/g, '')))
  const writer = formatWriter(now(), Math.random())
  let sequence = 0
  for (const action of actions) {
    const { path, root, inode } = action
    const from = join(root === 'lake' ? lake : state, path)
    if (inode !== undefined && (await inodeOf(from)) !== inode) {
      yield { ...action, skipped: true, said: `left ${from} alone: it is another one by now` }
      continue
    }
    yield { ...action, skipped: false, said: await act(action, from) }
  }
  await removeEmpty(join(state, 'staging', 'periodic'), join(state, 'staging'))

  async function act({ repair, root, path, with: others, elsewhere }: Action, from: string): Promise<string> {
    switch (repair) {
      case 'settle': {
        const { finished, undone, emptied } = await sweepTrash(place, options.grace)
        return `compactions finished: ${finished.length}, undone: ${undone.length}, emptied: ${emptied.length}`
      }
      case 'move':
        return `moved ${from} to ${await toQuarantine(from, root, path, elsewhere)}`
      case 'rewrite': {
        const { rows, files, unread } = await rewrite(place, { files: [from], except: [] }, { writer, sequence: ++sequence })
        if (unread.length > 0) return `moved ${from} to ${await toQuarantine(from, root, path)}: it cannot be read`
        const into = files.map((file) => relative(lake, file)).join(', ')
        const where = rows === 0 ? 'its events are all where they belong already' : `wrote ${count(rows, 'event')} into ${into}`
        return `moved ${from} to ${await toQuarantine(from, root, path, true)}: ${where}`
      }
      case 'restore':
        return restore(basename(path), others)
      case 'recover':
        return `recovered ${await recoverAll(place, writer, options.timezone)}`
      case 'remove-empty':
        return (await removeEmpty(from, lake)) ? `removed ${from}, which was empty` : `left ${from} alone: it is not empty any more`
    }
  }

  /** Idempotent up to its last step: what it has written is then found to be there. */
  async function restore(id: string, lost: readonly string[]): Promise<string> {
    const files = await replacedFiles(state, id)
    const { rows, files: written, unread } = await rewrite(place, { files, except: lost.map((path) => join(lake, path)) }, { writer, sequence: ++sequence })
    // Their events may be in what was merged from them, as far as that can be read.
    for (const file of unread) await toQuarantine(file, 'state', relative(state, file))
    for (const path of lost) if ((await inodeOf(join(lake, path))) !== undefined) await toQuarantine(join(lake, path), 'lake', path, unread.length === 0)
    await releaseReplaced(disk, state, id)
    const into = rows === 0 ? 'its events are all in the lake already' : `put ${count(rows, 'event')} into ${written.map((file) => relative(lake, file)).join(', ')}`
    const failed = unread.length === 0 ? '' : `; of ${count(unread.length, 'file')} that cannot be read nothing could be put back`
    return `restored ${join(state, 'trash', id)}: ${into}; moved what was merged from it (${lost.join(', ')}) to ${quarantine}${failed}`
  }

  async function toQuarantine(from: string, root: 'lake' | 'state', path: string, elsewhere = false): Promise<string> {
    const to = join(quarantine, elsewhere ? 'replaced' : root === 'lake' ? 'lake' : '', path)
    await disk.makeDirectory(dirname(to), 'repair.move', PRIVATE)
    await disk.rename(from, to, 'repair.move')
    await disk.sync(dirname(to), 'repair.move')
    await disk.sync(dirname(from), 'repair.move')
    if (root === 'lake' && !options.live) await removeEmpty(dirname(from), lake)
    return to
  }
}

interface Rewritten {
  rows: number
  files: string[]
  /** Of those to be rewritten, the ones that cannot be read. */
  unread: string[]
}

/**
 * Gives the rows of files to the hours of their times, each event once, those left out that are there already; so a repetition after a crash adds
 * nothing. Until the files themselves are moved away, readers see them twice. `except` are files in which nothing is looked for.
 */
async function rewrite(
  { lake, state, id, disk }: Place,
  { files, except }: { files: readonly string[]; except: readonly string[] },
  segment: { writer: string; sequence: number },
): Promise<Rewritten> {
  const staging = join(state, 'staging', 'periodic')
  const engine = await openEngine({ memoryLimit: '1GB', tempDirectory: join(staging, `${segment.writer}.spill`) })
  const session = await engine.connect()
  const rowsIn = async (some: readonly string[]): Promise<string> => rowsOf(some, await recordFiles(session, some))
  const complete = 'event_time IS NOT NULL AND kind IS NOT NULL AND did IS NOT NULL'
  const hour = `epoch_us(event_time) // ${HOUR_MS * 1000}`
  const done: Rewritten = { rows: 0, files: [], unread: [] }
  const unread: Damaged = new Map()
  try {
    await disk.makeDirectory(staging, 'places.make', PRIVATE)
    const hours = await readFresh(session, files, unread, async (sound) => {
      if (sound.length === 0) return []
      return session.rows<{ hour: bigint }>(`SELECT DISTINCT ${hour} AS hour FROM ${await rowsIn(sound)} WHERE ${complete} ORDER BY hour`)
    })
    for (const { hour: number } of hours) {
      const others = (await filesOfHour(lake, Number(number))).map(({ path }) => path).filter((path) => !files.includes(path) && !except.includes(path))
      await readFresh(session, others, new Map(), async (sound) =>
        session.run(`CREATE OR REPLACE TEMP TABLE known AS ${sound.length === 0 ? 'SELECT 0::UBIGINT AS identity WHERE false' : `SELECT ${IDENTITY} AS identity FROM ${await rowsIn(sound)}`}`))
      const staged = join(staging, `${segment.writer}.${number}.parquet`)
      const rows = await readSound(session, files, unread, async (sound) => {
        if (sound.length === 0) return 0
        const once = sound.length > 1 ? `QUALIFY row_number() OVER (PARTITION BY ${IDENTITY} ORDER BY event_time, ingested_at) = 1` : ''
        const [copied] = await session.rows<{ Count: bigint }>(
          `COPY (SELECT ${STORED} FROM ${await rowsIn(sound)} WHERE ${complete} AND ${hour} = ${number} AND ${IDENTITY} NOT IN (FROM known) ${once} ORDER BY event_time)
          TO ${quote(staged)} (FORMAT parquet, COMPRESSION zstd)`,
        )
        return Number(copied?.Count)
      })
      if (rows === 0) await disk.remove(staged, 'stage.remove')
      else done.files.push(await commitFile(disk, staged, { lake, id, hour: Number(number), segment }))
      done.rows += rows
    }
  } finally {
    session.close()
    engine.close()
    await rm(join(staging, `${segment.writer}.spill`), { recursive: true, force: true })
  }
  return { ...done, unread: [...unread.keys()] }
}

async function recoverAll(place: Place, name: string, timezone: string): Promise<string> {
  // Of whoever holds the lock of periodic.
  const staging = join(place.state, 'staging', 'periodic')
  await place.disk.makeDirectory(staging, 'places.make', PRIVATE)
  await place.disk.makeDirectory(place.lake, 'places.make')
  let writer: Writer | undefined
  try {
    const open = async (): Promise<Writer> => (writer = await duckdbWriter({ compression: 'zstd', timezone, staging, name, disk: place.disk }))
    const { segments, setAside } = await recover(place, open)
    const sum = (of: (report: Report) => number): number => segments.reduce((all, report) => all + of(report), 0)
    const events = count(sum((report) => report.events - report.repeated), 'event')
    return `${count(segments.length, 'segment')} of dead writers: ${events}, ${count(sum((report) => report.rejected), 'reject')}${setAside.map((one) => `; ${one}`).join('')}`
  } finally {
    await writer?.close()
  }
}

/** Removes a directory that is empty, and those above it that are then, up to `root`. rmdir(2) itself refuses what is not empty. */
async function removeEmpty(path: string, root: string): Promise<boolean> {
  if (relative(root, path) === '') return false
  try {
    await rmdir(path)
  } catch (error) {
    if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return false
    if (codeOf(error) !== 'ENOENT') throw diskFailure('remove directory', path, error)
  }
  await removeEmpty(dirname(path), root)
  return true
}

async function inodeOf(path: string): Promise<number | undefined> {
  return lstat(path).then(({ ino }) => ino, () => undefined)
}

/** This name, or with a number behind it: nothing in there may be replaced. */
async function unused(path: string): Promise<string> {
  for (let n = 1; ; n++) {
    const name = n === 1 ? path : `${path}-${n}`
    if ((await inodeOf(name)) === undefined) return name
  }
}
