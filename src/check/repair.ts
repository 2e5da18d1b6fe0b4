import { lstat, rm, rmdir } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { openEngine, quote } from '../duckdb.ts'
import { codeOf } from '../failure.ts'
import { duckdbWriter } from '../ingest/convert.ts'
import type { Place, Report } from '../ingest/ingest.ts'
import { recover } from '../ingest/ingest.ts'
import type { Writer } from '../ingest/writer.ts'
import { commitFile } from '../lake/commit.ts'
import { diskFailure } from '../lake/disk.ts'
import { filesOfHour } from '../lake/hour.ts'
import { formatWriter, HOUR_MS } from '../lake/names.ts'
import { recordFiles, rowsOf } from '../lake/older.ts'
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
const ORDER: readonly Repair[] = ['settle', 'move', 'rewrite', 'recover', 'remove-empty']

/** What to do about these findings, in order; once for each path, and for the state once at all. Pure. */
export function planRepair(findings: readonly Finding[], { live }: { live: boolean }): Action[] {
  const chosen = new Map<string, Action>()
  // Where the lake may be another one, only what is left of a compaction can bring it back.
  const vanished = findings.some(({ check }) => check === 'vanished')
  for (const { repair, root, path, inode } of findings) {
    if (repair === undefined || (vanished && (repair === 'recover' || (root === 'lake' && repair !== 'settle')))) continue
    // A writer may be about to put a file there.
    if (repair === 'remove-empty' && live) continue
    const whole = repair === 'settle' || repair === 'recover'
    const action = { repair, root, path: whole ? '' : path, inode }
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
  const quarantine = join(state, 'quarantine', new Date(now()).toISOString().replace(/[-:]|\.\d+/g, ''))
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

  async function act({ repair, root, path }: Action, from: string): Promise<string> {
    switch (repair) {
      case 'settle': {
        const { finished, undone, emptied } = await sweepTrash(place, options.grace)
        return `compactions finished: ${finished.length}, undone: ${undone.length}, emptied: ${emptied.length}`
      }
      case 'move':
        return `moved ${from} to ${await toQuarantine(from, root, path)}`
      case 'rewrite': {
        const { rows, files } = await rewrite(place, from, { writer, sequence: ++sequence })
        const into = files.map((file) => relative(lake, file)).join(', ')
        const where = rows === 0 ? 'its events are all where they belong already' : `wrote ${count(rows, 'event')} into ${into}`
        return `moved ${from} to ${await toQuarantine(from, root, path)}: ${where}`
      }
      case 'recover':
        return `recovered ${await recoverAll(place, writer, options.timezone)}`
      case 'remove-empty':
        return (await removeEmpty(from, lake)) ? `removed ${from}, which was empty` : `left ${from} alone: it is not empty any more`
    }
  }

  async function toQuarantine(from: string, root: 'lake' | 'state', path: string): Promise<string> {
    const to = join(quarantine, root === 'lake' ? 'lake' : '', path)
    await disk.makeDirectory(dirname(to), 'repair.move')
    await disk.rename(from, to, 'repair.move')
    await disk.sync(dirname(to), 'repair.move')
    await disk.sync(dirname(from), 'repair.move')
    if (root === 'lake' && !options.live) await removeEmpty(dirname(from), lake)
    return to
  }
}

/**
 * Gives the rows of a file to the hours of their times, those left out that are there already; so a repetition after a crash adds nothing.
 * Until the file itself is moved away, readers see them twice.
 */
async function rewrite({ lake, state, id, disk }: Place, file: string, segment: { writer: string; sequence: number }): Promise<{ rows: number; files: string[] }> {
  const engine = await openEngine({ memoryLimit: '1GB', tempDirectory: join(state, 'staging', 'periodic', `${segment.writer}.spill`) })
  const session = await engine.connect()
  const rowsIn = async (files: readonly string[]): Promise<string> => rowsOf(files, await recordFiles(session, files))
  const source = await rowsIn([file])
  const complete = 'event_time IS NOT NULL AND kind IS NOT NULL AND did IS NOT NULL'
  const hour = `epoch_us(event_time) // ${HOUR_MS * 1000}`
  const done = { rows: 0, files: [] as string[] }
  try {
    await disk.makeDirectory(join(state, 'staging', 'periodic'), 'places.make')
    const hours = await session.rows<{ hour: bigint }>(`SELECT DISTINCT ${hour} AS hour FROM ${source} WHERE ${complete} ORDER BY hour`)
    for (const { hour: number } of hours) {
      const others = (await filesOfHour(lake, Number(number))).map(({ path }) => path).filter((path) => path !== file)
      const known = others.length === 0 ? '' : `AND ${IDENTITY} NOT IN (SELECT ${IDENTITY} FROM ${await rowsIn(others)})`
      const staged = join(state, 'staging', 'periodic', `${segment.writer}.${number}.parquet`)
      const [copied] = await session.rows<{ Count: bigint }>(
        `COPY (SELECT ${STORED} FROM ${source} WHERE ${complete} AND ${hour} = ${number} ${known} ORDER BY event_time)
        TO ${quote(staged)} (FORMAT parquet, COMPRESSION zstd)`,
      )
      const rows = Number(copied?.Count)
      if (rows === 0) await disk.remove(staged, 'stage.remove')
      else done.files.push(await commitFile(disk, staged, { lake, id, hour: Number(number), segment }))
      done.rows += rows
    }
  } finally {
    session.close()
    engine.close()
    await rm(join(state, 'staging', 'periodic', `${segment.writer}.spill`), { recursive: true, force: true })
  }
  return done
}

async function recoverAll(place: Place, name: string, timezone: string): Promise<string> {
  // Of whoever holds the lock of periodic.
  const staging = join(place.state, 'staging', 'periodic')
  await place.disk.makeDirectory(staging, 'places.make')
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
