import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Row, Session } from '../duckdb.ts'
import { exactly, openEngine, quote } from '../duckdb.ts'
import { Failure, messageOf } from '../failure.ts'
import type { Disk } from '../lake/disk.ts'
import { engineFailure } from '../lake/disk.ts'
import { HOUR_MS } from '../lake/names.ts'
import { recordFiles, rowsOf } from '../lake/older.ts'
import { columnDefinitions, COLUMNS, IDENTITY } from '../lake/schema.ts'
import { carefulSteps, STEP_TABLES } from './careful.ts'
import { whyNotJson } from './json.ts'
import { isLenient } from './lenient.ts'
import { linesOf, LONGEST_LINE } from './lines.ts'
import { fault, REASONS } from './reasons.ts'
import type { Reject } from './reject.ts'
import { segmentLines, textOfLine } from './reject.ts'
import type { Shape } from './shape.ts'
import { shapeOf, strictRows, templateLines } from './strict.ts'
import type { Segment } from './segment.ts'
import { holdsLetters } from './segment.ts'
import { splitByHour } from './split.ts'
import type { Batch, Compression, Convert, Writer } from './writer.ts'

/** Rows of a Parquet file and the span of their event time, ms; the span of no rows is empty. */
interface Written {
  rows: number
  from: number
  to: number
}

/** Lines that the careful way takes at a time: bounds the memory of their texts. */
const SLICE = { lines: 10_000, bytes: 8_000_000 }

/** Two conversions in flight, each on one thread, use both cores: 1.5 times as fast as one of two threads. */
const LANES = 2

export async function duckdbWriter(settings: { compression: Compression; timezone: string; staging: string; name: string; disk: Disk }): Promise<Writer> {
  const { staging, name, disk } = settings
  const templates = new Map<Shape, Promise<string>>()
  function template(shape: Shape): Promise<string> {
    const path = join(staging, `${name}.${shape}.template`)
    const written = templates.get(shape) ?? disk.write(path, templateLines(shape, path), 'stage.template').then(() => path)
    templates.set(shape, written)
    return written
  }
  const engine = await openEngine({ threads: 1, memoryLimit: '400MB', tempDirectory: join(staging, `${name}.spill`), readsOnce: true })
  const sessions = await Promise.all(Array.from({ length: LANES + 1 }, () => engine.connect()))
  for (const session of sessions) await session.run(`SET TimeZone = ${quote(settings.timezone)}`)
  const reader = sessions.pop() as Session
  return {
    lanes: sessions.map((session) => duckdbLane(session, { template, compression: settings.compression, disk, connect: () => engine.connect() })),
    async readIdentities(files, span, take) {
      const within = span ? ` WHERE event_time >= make_timestamptz(${span.from * 1000}) AND event_time < make_timestamptz(${(span.to + 1) * 1000})` : ''
      await reader.words(`SELECT ${IDENTITY} FROM ${rowsOf(files, await recordFiles(reader, files))}${within}`, take)
      return []
    },
    async close() {
      for (const session of [...sessions, reader]) session.close()
      engine.close()
      for (const written of templates.values()) await disk.remove(await written, 'stage.remove')
    },
  }
}

interface LaneSettings {
  template(shape: Shape): Promise<string>
  compression: Compression
  disk: Disk
  connect(): Promise<Session>
}

/**
 * A segment of nothing but plain valid events is one COPY; any other makes that COPY fail and is taken
 * line by line, at about a sixth of the speed.
 */
function duckdbLane(session: Session, settings: LaneSettings): Convert {
  const { template, compression, disk } = settings
  // Of zstd, level 1 writes 4 % more bytes in 0.97 of the time, level 3 as many in 1.05. DuckDB tries a dictionary on each column
  // and gives up at a fifth of the rows: 100 values tell as well, in 0.97 of the time.
  const format = `FORMAT parquet, COMPRESSION ${compression}${compression === 'zstd' ? ', COMPRESSION_LEVEL 2' : ''}, DICTIONARY_SIZE_LIMIT 100`

  async function copy(rows: string, path: string): Promise<Written> {
    try {
      const [stats] = await session.rows(`COPY (${rows}) TO ${quote(path)} (${format}, RETURN_STATS)`)
      return written(stats as Row)
    } catch (error) {
      throw engineFailure(path, error)
    }
  }

  /** All lines as one COPY; undefined where one of them is not plain, or of another shape than the first. */
  async function strictly(segment: Segment, path: string, now: number): Promise<Written | undefined> {
    if (holdsLetters(segment)) return undefined
    const shape = shapeOf(await firstLine(segment.path))
    if (shape === undefined) return undefined
    if (segment.lenient ?? isLenient(await readFile(segment.path))) return undefined
    const longest = segment.longest ?? Math.min(segment.bytes, LONGEST_LINE)
    try {
      const done = await copy(strictRows({ shape, template: await template(shape), segment: segment.path, longest, now, ingestedAt: new Date(segment.closedAt) }), path)
      return segment.holds && done.rows !== segment.holds.lines ? undefined : done
    } catch (error) {
      if (error instanceof Failure || (isOurs(error) && !isMemory(error))) throw error
      return undefined
    }
  }

  async function carefully(segment: Segment, path: string, now: number): Promise<Written & { rejects: Reject[] }> {
    const steps = carefulSteps({ now, ingestedAt: new Date(segment.closedAt) })
    const rejects: Reject[] = []
    await session.run(`CREATE OR REPLACE TEMP TABLE events (n BIGINT, ${columnDefinitions()})`)
    let slice: Line[] = []
    let bytes = 0
    let line = 0
    for (const raw of await segmentLines(segment)) {
      line++
      const readable = textOfLine(raw, line === 1 && segment.name.sequence === 1)
      // DuckDB's functions take more for JSON than JSON.
      const reason = 'reason' in readable ? readable.reason : whyNotJson(readable.text)
      if (!('text' in readable) || reason !== undefined) {
        rejects.push({ line, reason: reason as string, bytes: raw })
        continue
      }
      slice.push({ line, raw, text: readable.text })
      bytes += raw.length
      if (slice.length < SLICE.lines && bytes < SLICE.bytes) continue
      rejects.push(...(await judge(slice, steps)))
      slice = []
      bytes = 0
    }
    rejects.push(...(await judge(slice, steps)))
    const done = await copy(`SELECT ${COLUMNS} FROM events ORDER BY n`, path)
    await session.run('DROP TABLE events')
    return { ...done, rejects: rejects.sort((a, b) => a.line - b.line) }
  }

  /** Adds the events among these lines to the table `events` and gives the other lines. A line that DuckDB fails on is found by halving. */
  async function judge(slice: readonly Line[], steps: readonly string[]): Promise<Reject[]> {
    if (slice.length === 0) return []
    try {
      await session.run('CREATE OR REPLACE TEMP TABLE lines (line VARCHAR)')
      await session.append('lines', slice.map(({ text }) => [text]))
      for (const step of steps) await session.run(step)
      await session.run(`INSERT INTO events SELECT n + ${slice[0]?.line}, ${COLUMNS} FROM accepted ORDER BY n`)
    } catch (error) {
      if (isOurs(error) && !isMemory(error)) throw error
      for (const table of STEP_TABLES) await session.run(`DROP TABLE IF EXISTS ${table}`)
      if (slice.length === 1) return slice.map(({ line, raw }) => ({ line, ...fault(REASONS.unreadable, messageOf(error)), bytes: raw }))
      const middle = slice.length >> 1
      return [...(await judge(slice.slice(0, middle), steps)), ...(await judge(slice.slice(middle), steps))]
    }
    const refused = await session.rows<{ n: bigint; reason: string; value: string | null }>('SELECT n::BIGINT AS n, reason, value FROM refused')
    return refused.map(({ n, reason, value }) => {
      const { line, raw } = slice[Number(n)] as Line
      return { line, ...fault(reason, value), bytes: raw }
    })
  }

  type Outcome = Pick<Batch, 'files' | 'newest'>

  async function finish(path: string, written: Written, { staged, duplicates }: { staged: string; duplicates: readonly number[] }): Promise<Outcome> {
    const rows = written.rows - duplicates.length
    if (rows === 0) {
      await disk.remove(path, 'stage.remove')
      return { files: [], newest: undefined }
    }
    let kept = { ...written, path }
    if (duplicates.length > 0) {
      const rest = `${staged}.deduplicated.parquet`
      const done = await copy(
        `SELECT ${COLUMNS} FROM read_parquet(${exactly(path)}, file_row_number = true) WHERE file_row_number NOT IN (${duplicates.join(', ')})`,
        rest,
      )
      await disk.remove(path, 'stage.remove')
      kept = { ...done, path: rest }
    }
    const hour = Math.floor(kept.from / HOUR_MS)
    const files = Math.floor(kept.to / HOUR_MS) === hour ? [{ hour, path: kept.path, rows }] : await splitByHour(session, kept.path, { staged, format, disk, connect: settings.connect })
    return { files, newest: kept.to }
  }

  return async (segment, { staged, now }) => {
    const path = `${staged}.parquet`
    const source = `read_parquet(${exactly(path)})`
    const plain = await strictly(segment, path, now)
    const { rejects, ...done } = plain ? { ...plain, rejects: [] } : await carefully(segment, path, now)
    return {
      events: done.rows,
      rejects,
      identities: done.rows === 0 ? undefined : {
        hashes: await words(session, `SELECT ${IDENTITY} FROM ${source}`, done.rows),
        span: { from: done.from, to: done.to },
        async minutes() {
          const all = await words(session, `SELECT DISTINCT (epoch_ms(event_time) // 60000)::UBIGINT AS minute FROM ${source} ORDER BY minute`)
          return all.filter((_, at) => at % 2 === 0)
        },
      },
      finish: (duplicates) => finish(path, done, { staged, duplicates }),
    }
  }
}

/** All words of a query, of which `rows` says how many rows it gives, if that is known. */
async function words(session: Session, sql: string, rows = 1024): Promise<Uint32Array> {
  let all = new Uint32Array(2 * rows)
  let size = 0
  await session.words(sql, (some) => {
    if (size + some.length > all.length) {
      const more = new Uint32Array(2 * (size + some.length))
      more.set(all)
      all = more
    }
    all.set(some, size)
    size += some.length
  })
  return all.subarray(0, size)
}

/** The text of the first line that is not blank, or its beginning. */
async function firstLine(segment: string): Promise<string> {
  const file = await open(segment)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(65_536), 0, 65_536, 0)
    const [line] = linesOf(buffer.subarray(0, bytesRead))
    return line?.toString() ?? ''
  } finally {
    await file.close()
  }
}

interface Line {
  line: number
  raw: Buffer
  text: string
}

/** Not about the line: the disk, the memory, our SQL, or DuckDB itself. */
function isOurs(error: unknown): boolean {
  return /^(IO|Out of Memory|Parser|Binder|Catalog|INTERNAL|FATAL|INTERRUPT|Connection) Error/i.test(messageOf(error))
}

/** Of a line or two: 3 MB of brackets take over 400 MB. */
function isMemory(error: unknown): boolean {
  return messageOf(error).startsWith('Out of Memory Error')
}

/** From COPY's RETURN_STATS: its statistics are texts, such as `2026-07-04 14:38:08.086096+00`, always UTC. */
function written(stats: Row): Written {
  const columns = stats['column_statistics'] as { key: string; value: { key: string; value: string }[] }[]
  const times = columns.find(({ key }) => key === '"event_time"')?.value ?? []
  const at = (which: string): number => {
    const text = times.find(({ key }) => key === which)?.value
    return text === undefined ? NaN : Date.parse(text.replace(' ', 'T').replace(/\+00$/, 'Z'))
  }
  return { rows: Number(stats['count']), from: at('min'), to: at('max') }
}
