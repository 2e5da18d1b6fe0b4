import { basename, dirname, join } from 'node:path'
import type { Session } from '../duckdb.ts'
import { exactly, quote } from '../duckdb.ts'
import type { Disk } from '../lake/disk.ts'
import { engineFailure, list } from '../lake/disk.ts'
import { readExtent } from '../lake/file-stats.ts'
import type { Hour } from '../lake/names.ts'
import { HOUR_MS } from '../lake/names.ts'
import { COLUMNS } from '../lake/schema.ts'
import { eachInTurn } from './turns.ts'
import type { Batch } from './writer.ts'

/** So few hours are each filtered out of the file; for more it is sorted first, so that each is read once. */
const FEW = 4

/** Hours of one statement: DuckDB holds a file open for each. 50 take 40 MB; with 300 each takes twice the time. */
const AT_ONCE = 50

/** As many rows of a sorted file are read to find an hour in it, at least. */
const GROUP_ROWS = 8_192

const HOUR = `epoch_ms(event_time) // ${HOUR_MS}`

/** One file an hour from one of several, which is then removed. `format` is what COPY is told of files. */
export async function splitByHour(session: Session, path: string, settings: Settings): Promise<Batch['files']> {
  const { disk } = settings
  const counts = await session.rows<{ hour: bigint; rows: bigint }>(`SELECT ${HOUR} AS hour, count(*) AS rows FROM read_parquet(${exactly(path)}) GROUP BY ALL ORDER BY ALL`)
  const hours = counts.map(({ hour, rows }) => ({ hour: Number(hour), rows: Number(rows) }))
  const files = hours.length <= FEW ? await fewHours(session, path, hours, settings) : await manyHours(session, path, hours, settings)
  await disk.remove(path, 'stage.remove')
  return files
}

interface Settings {
  staged: string
  format: string
  disk: Disk
  /** Another session beside the one that is given. */
  connect(): Promise<Session>
}

type Counted = readonly { hour: Hour; rows: number }[]

async function fewHours(session: Session, path: string, hours: Counted, { staged, format }: Settings): Promise<Batch['files']> {
  const files: Batch['files'] = []
  for (const { hour, rows } of hours) {
    const part = `${staged}.${hour}.parquet`
    await copy(session, `FROM ${between(path, hour, hour)}`, part, format)
    files.push({ hour, path: part, rows })
  }
  return files
}

async function manyHours(session: Session, path: string, hours: Counted, { staged, format, disk, connect }: Settings): Promise<Batch['files']> {
  const sorted = `${staged}.sorted.parquet`
  const inOrder = `SELECT ${COLUMNS} FROM read_parquet(${exactly(path)}, file_row_number = true) ORDER BY ${HOUR}, file_row_number`
  await copy(session, inOrder, sorted, `FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE ${GROUP_ROWS}`)
  const prefix = `${basename(staged)}.hours-`
  const starts = Array.from({ length: Math.ceil(hours.length / AT_ONCE) }, (_, n) => n * AT_ONCE).values()
  async function write(session: Session): Promise<void> {
    for (const at of starts) {
      const some = hours.slice(at, at + AT_ONCE)
      const rows = `SELECT *, ${HOUR} AS hour FROM ${between(sorted, some[0]?.hour as Hour, some.at(-1)?.hour as Hour)}`
      const parts = `PARTITION_BY (hour), HIVE_FILE_PATTERN false, FILENAME_PATTERN '${prefix}${at}-{i}', OVERWRITE_OR_IGNORE`
      await copy(session, rows, dirname(staged), `${format}, ${parts}`)
    }
  }
  const second = await connect()
  try {
    // Each waits for the other, whatever goes wrong: nothing may be under way in what is closed.
    await eachInTurn([session, second], write)
  } finally {
    second.close()
  }
  await disk.remove(sorted, 'stage.remove')
  // COPY numbers its files; what it would tell of them takes as long as a fifth of the writing.
  const written = (await list(dirname(staged))).filter((file) => file.startsWith(prefix)).map((file) => join(dirname(staged), file))
  const rows = new Map(hours.map(({ hour, rows }) => [hour, rows]))
  const files = written.map((part) => {
    const extent = readExtent(part)
    const hour = Math.floor((extent.span?.from ?? NaN) / HOUR_MS)
    if (rows.get(hour) !== extent.rows) throw new Error(`expected ${part} to hold the ${rows.get(hour)} events of hour ${hour}, got ${extent.rows}`)
    rows.delete(hour)
    return { hour, path: part, rows: extent.rows }
  })
  if (rows.size > 0) throw new Error(`expected a file for each of ${hours.length} hours, got ${files.length}`)
  return files.sort((a, b) => a.hour - b.hour)
}

function between(path: string, first: Hour, last: Hour): string {
  const time = (hour: Hour): string => `TIMESTAMPTZ ${quote(new Date(hour * HOUR_MS).toISOString())}`
  return `read_parquet(${exactly(path)}) WHERE event_time >= ${time(first)} AND event_time < ${time(last + 1)}`
}

async function copy(session: Session, rows: string, to: string, options: string): Promise<void> {
  try {
    await session.run(`COPY (${rows}) TO ${quote(to)} (${options})`)
  } catch (error) {
    throw engineFailure(to, error)
  }
}
