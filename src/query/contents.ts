import { join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { exactly } from '../duckdb.ts'
import { lackingColumns, readByHalves } from '../lake/damage.ts'
import type { Damaged } from '../lake/damaged.ts'
import { fileStats } from '../lake/file-stats.ts'
import { recordFiles } from '../lake/older.ts'
import type { Part } from '../lake/snapshot.ts'
import type { Cached } from './cache.ts'
import { readCache, writeCache } from './cache.ts'

/** The lake in one line. */
export interface Glance {
  files: number
  events: number
  newest: Date | undefined
}

/** What is in files of the lake, by their ids: rows, the time of the newest event, ms, null where there is none, and whether its layout is `record`. */
export type Contents = Record<string, [rows: number, newest: number | null, record?: true]>

/**
 * What is in each of the files. Those that are not known are opened, so that one that is damaged is found here and noted, and is not known
 * afterwards; the others are not.
 */
export async function look(session: Session, parts: readonly Part[], known: Contents, damaged: Damaged): Promise<Contents> {
  const fresh = parts.filter(({ id }) => !known[id])
  const stats = await fileStats(fresh.map(({ path }) => path))
  const found = new Map([...stats].map(([path, { rows, newest }]): [string, Contents[string]] => [path, [rows, newest]]))
  const others = fresh.map(({ path }) => path).filter((path) => !stats.has(path))
  const record = await recordFiles(session, others)
  await readByHalves(others, damaged, async (files) => {
    const lacking = await lackingColumns(session, files)
    for (const [file, reason] of lacking) damaged.set(file, reason)
    const whole = files.filter((file) => !lacking.has(file))
    if (whole.length === 0) return
    const rows = await session.rows<{ filename: string; rows: bigint; newest: Date | null }>(
      `SELECT filename, count(*) AS rows, max(event_time) AS newest FROM read_parquet(${exactly(...whole)}, hive_partitioning = false, filename = true) GROUP BY filename`,
    )
    for (const { filename, rows: count, newest } of rows) {
      const [events, last] = [Number(count), newest && newest.getTime()]
      found.set(filename, record.has(filename) ? [events, last, true] : [events, last])
    }
  })
  return Object.fromEntries(parts.filter(({ path }) => !damaged.has(path)).map(({ id, path }) => [id, known[id] ?? found.get(path) ?? [0, null]]))
}

/** The files with what was found out about their layout. */
export function withLayouts(parts: readonly Part[], contents: Contents): Part[] {
  return parts.map((part) => (contents[part.id]?.[2] ? { ...part, record: true } : part))
}

export function glanceOf(parts: readonly Part[], contents: Contents): Glance {
  let [events, last] = [0, -Infinity]
  for (const { id } of parts) {
    const [rows, newest] = contents[id] ?? [0, null]
    events += rows
    last = Math.max(last, newest ?? -Infinity)
  }
  return { files: parts.length, events, newest: last === -Infinity ? undefined : new Date(last) }
}

/** Of {@link Contents} as it is kept. */
const FORMAT = 3

/** What runs before this one have seen. */
export function readContents(state: string): Promise<Cached<Contents>> {
  return readCache(contentsPath(state), FORMAT)
}

export async function writeContents(state: string, scratch: string, contents: Contents): Promise<void> {
  await writeCache(contentsPath(state), scratch, FORMAT, contents)
}

export function contentsPath(state: string): string {
  return join(state, 'contents.json')
}
