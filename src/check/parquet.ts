import { open } from 'node:fs/promises'
import type { Engine, Row, Session } from '../duckdb.ts'
import { openEngine, quote } from '../duckdb.ts'
import { codeOf, messageOf } from '../failure.ts'
import type { Layout } from '../lake/format.ts'
import { LAYOUT_NAMES, layoutOf } from '../lake/format.ts'
import { HOUR_MS } from '../lake/names.ts'
import { recordFiles, rowsOf } from '../lake/older.ts'
import { IDENTITY } from '../lake/schema.ts'

/** Why a file, or part of it, cannot be read. */
export interface Broken {
  broken: string
}

export type Found<T extends object> = Map<string, T | Broken>

/** What the footer says of the whole file. */
export interface Rows {
  rows: number
  bytes: number
  /** Bytes before the footer. */
  room: number
}

/** What the footer says of the row groups. Times are µs since 1970. */
export interface Groups {
  rows: number
  /** Where the last column chunk ends. */
  end: number
  /** By the statistics; undefined where a row group has none. */
  from: number | undefined
  to: number | undefined
}

/** What reading every value gives. Times are µs since 1970. */
export interface Content {
  rows: number
  /** Rows without a time, a kind or a user. */
  incomplete: number
  from: number | undefined
  to: number | undefined
  /** Rows by the hour of their time. */
  hours: Map<number, number>
}

/** Events that are in the lake more than once, by the hours of the first and the last. */
export interface Repeated {
  hour: number
  last: number
  events: number
  /** Rows too many. */
  surplus: number
}

const HOUR_OF = `epoch_us(event_time) // ${HOUR_MS * 1000}`

/** Files of one statement: of the names in it DuckDB makes an error message each time one of them is broken. */
const AT_ONCE = 500

/** Identities counted at a time: bounds the memory to about 400 MB, at the price of reading the lake again for each. */
const IDENTITIES = 4_000_000

/** Asks DuckDB about files. A file that it cannot read is answered for by itself, whatever it does to the statement. */
export interface Inspector {
  rows(files: readonly string[]): Promise<Found<Rows>>
  groups(files: readonly string[]): Promise<Found<Groups>>
  /** Columns as DuckDB sees them, `name type`, in order. */
  schemas(files: readonly string[]): Promise<Found<{ columns: string[] }>>
  /** Only of files of one layout. */
  contents(files: readonly string[]): Promise<Found<Content>>
  /** Only of files with the lake's columns that can be read; `rows` is about how many there are, `record` those of the layout of that name. */
  repeated(files: readonly string[], rows: number, record: ReadonlySet<string>): Promise<Repeated[]>
  /** How many of the events in these files are in none of those. All can be read. */
  missing(files: readonly string[], among: readonly string[]): Promise<number>
  close(): void
}

/** Those of the files that have the lake's columns and can be read whole. */
export async function soundFiles(inspector: Inspector, files: readonly string[]): Promise<string[]> {
  const schemas = await inspector.schemas(files)
  const layouts = LAYOUT_NAMES.map((layout) => files.filter((file) => layoutOfFile(schemas.get(file)) === layout))
  const contents = new Map<string, Content | Broken>()
  for (const alike of layouts) for (const [file, content] of await inspector.contents(alike)) contents.set(file, content)
  return files.filter((file) => 'rows' in (contents.get(file) ?? {}))
}

/** Undefined where its rows cannot be read as events. */
export function layoutOfFile(schema: { columns: string[] } | Broken | undefined): Layout | undefined {
  return schema === undefined || 'broken' in schema ? undefined : layoutOf(schema.columns)
}

export async function openInspector(): Promise<Inspector> {
  let opened = await connect()

  async function ask<T extends Row>(sql: string): Promise<T[]> {
    try {
      return await opened.session.rows<T>(sql)
    } catch (error) {
      // After an error of its own DuckDB answers nothing any more.
      if (/^(INTERNAL|FATAL) Error/i.test(messageOf(error))) {
        shut(opened)
        opened = await connect()
      }
      throw error
    }
  }

  /** One answer for each file. A broken file fails the statement: it is found by halving. */
  async function each<T extends object>(files: readonly string[], read: (files: readonly string[]) => Promise<[string, T][]>): Promise<Found<T>> {
    const found: Found<T> = new Map()
    for (let at = 0; at < files.length; at += AT_ONCE) await halve(files.slice(at, at + AT_ONCE), read, found)
    return found
  }

  async function halve<T extends object>(
    files: readonly string[],
    read: (files: readonly string[]) => Promise<[string, T][]>,
    found: Found<T>,
  ): Promise<void> {
    try {
      for (const [file, answer] of await read(files)) found.set(file, answer)
    } catch (error) {
      if (files.length === 1) {
        found.set(files[0] as string, { broken: reason(error) })
        return
      }
      const middle = files.length >> 1
      await halve(files.slice(0, middle), read, found)
      await halve(files.slice(middle), read, found)
    }
  }

  return {
    rows: (files) =>
      each(files, async (some) => {
        const rows = await ask<{ file: string; rows: bigint; bytes: bigint; footer: bigint }>(
          `SELECT file_name AS file, num_rows AS rows, file_size_bytes AS bytes, footer_size AS footer FROM parquet_file_metadata(${patterns(some)})`,
        )
        return rows.map(({ file, rows, bytes, footer }) => [file, { rows: Number(rows), bytes: Number(bytes), room: Number(bytes - footer) - TRAILER }])
      }),
    groups: (files) =>
      each(files, async (some) => {
        const time = (text: string): string => `epoch_us(try_cast(${text} AS TIMESTAMPTZ))`
        const rows = await ask<{ file: string; rows: bigint; end: bigint; groups: bigint; timed: bigint; from: bigint | null; to: bigint | null }>(
          `SELECT file_name AS file, (sum(row_group_num_rows) FILTER (column_id = 0))::BIGINT AS rows, count(*) FILTER (column_id = 0) AS groups,
            max(least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset)) + total_compressed_size)::BIGINT AS end,
            count(*) FILTER (path_in_schema = 'event_time' AND ${time('stats_min_value')} IS NOT NULL AND ${time('stats_max_value')} IS NOT NULL) AS timed,
            min(${time('stats_min_value')}) FILTER (path_in_schema = 'event_time') AS from,
            max(${time('stats_max_value')}) FILTER (path_in_schema = 'event_time') AS to
          FROM parquet_metadata(${patterns(some)}) GROUP BY file_name`,
        )
        const found = new Map(
          rows.map(({ file, rows, end, groups, timed, from, to }): [string, Groups] => {
            const all = timed === groups
            return [file, { rows: Number(rows), end: Number(end), from: all ? numberOf(from) : undefined, to: all ? numberOf(to) : undefined }]
          }),
        )
        // A file without row groups gives no row.
        return some.map((file) => [file, found.get(file) ?? { rows: 0, end: 0, from: undefined, to: undefined }])
      }),
    async schemas(files) {
      const alike = await each(files, async (some) => {
        const rows = await ask<{ file: string; like: string }>(
          `SELECT file_name AS file, string_agg(concat_ws(' ', name, type, converted_type, logical_type::VARCHAR, num_children), ',' ORDER BY column_id) AS like
          FROM parquet_schema(${patterns(some)}) GROUP BY file_name`,
        )
        return rows.map(({ file, like }): [string, { like: string }] => [file, { like }])
      })
      const described = new Map<string, { columns: string[] } | Broken>()
      const found: Found<{ columns: string[] }> = new Map()
      for (const [file, answer] of alike) {
        if ('broken' in answer) found.set(file, answer)
        else {
          const known = described.get(answer.like) ?? (await describe(file))
          described.set(answer.like, known)
          found.set(file, known)
        }
      }
      return found
    },
    contents: (files) =>
      each(files, async (some) => {
        const rows = await ask<{ file: string; hour: bigint | null; rows: bigint; incomplete: bigint; from: bigint | null; to: bigint | null }>(
          `SELECT filename AS file, ${HOUR_OF} AS hour, count(*) AS rows, epoch_us(min(event_time)) AS from, epoch_us(max(event_time)) AS to,
            count(*) FILTER (event_time IS NULL OR kind IS NULL OR did IS NULL) AS incomplete, bit_xor(hash(*COLUMNS(* EXCLUDE (filename)))) AS every_value
          FROM read_parquet(${patterns(some)}, hive_partitioning = false, filename = true) GROUP BY ALL`,
        )
        const found = new Map(some.map((file): [string, Content] => [file, { rows: 0, incomplete: 0, from: undefined, to: undefined, hours: new Map() }]))
        for (const { file, hour, rows: count, incomplete, from, to } of rows) {
          const content = found.get(file) as Content
          content.rows += Number(count)
          content.incomplete += Number(incomplete)
          if (hour === null) continue
          content.from = Math.min(content.from ?? Infinity, Number(from))
          content.to = Math.max(content.to ?? -Infinity, Number(to))
          content.hours.set(Number(hour), Number(count))
        }
        return [...found]
      }),
    async repeated(files, rows, record) {
      if (files.length === 0) return []
      const found = new Map<string, Repeated>()
      const passes = Math.ceil(Math.max(1, rows) / IDENTITIES)
      for (let pass = 0; pass < passes; pass++) {
        const some = await ask<{ hour: bigint; last: bigint; events: bigint; surplus: bigint }>(
          `SELECT hour, last, count(*) AS events, sum(more)::BIGINT AS surplus FROM (
            SELECT min(hour) AS hour, max(hour) AS last, count(*) - 1 AS more FROM (
              SELECT ${IDENTITY} AS identity, ${HOUR_OF} AS hour FROM ${rowsOf(files, record)}
            ) WHERE identity % ${passes} = ${pass} GROUP BY identity HAVING count(*) > 1
          ) WHERE hour IS NOT NULL GROUP BY ALL ORDER BY ALL`,
        )
        for (const { hour, last, events, surplus } of some) {
          const sum = found.get(`${hour} ${last}`) ?? { hour: Number(hour), last: Number(last), events: 0, surplus: 0 }
          found.set(`${hour} ${last}`, { ...sum, events: sum.events + Number(events), surplus: sum.surplus + Number(surplus) })
        }
      }
      return [...found.values()].sort((a, b) => a.hour - b.hour || a.last - b.last)
    },
    async missing(files, among) {
      if (files.length === 0) return 0
      const record = await recordFiles(opened.session, [...files, ...among])
      const known = among.length === 0 ? '' : `AND identity NOT IN (SELECT ${IDENTITY} FROM ${rowsOf(among, record)})`
      const [found] = await ask<{ missing: bigint }>(
        `SELECT count(DISTINCT identity) AS missing FROM (
          SELECT ${IDENTITY} AS identity FROM ${rowsOf(files, record)} WHERE event_time IS NOT NULL AND kind IS NOT NULL AND did IS NOT NULL
        ) WHERE true ${known}`,
      )
      return Number(found?.missing)
    },
    close: () => shut(opened),
  }

  async function describe(file: string): Promise<{ columns: string[] } | Broken> {
    try {
      const columns = await ask<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM read_parquet(${patterns([file])}, hive_partitioning = false)`)
      return { columns: columns.map(({ column_name: name, column_type: type }) => `${name} ${type}`) }
    } catch (error) {
      return { broken: reason(error) }
    }
  }
}

/** Behind the footer: its length and the magic. */
const TRAILER = 8

const MAGIC = 'PAR1'

/** What is wrong with the first bytes of a file: DuckDB does not look at them. */
export async function badStart(path: string): Promise<string | undefined> {
  try {
    const file = await open(path, 'r')
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0)
      return buffer.toString('latin1', 0, bytesRead) === MAGIC ? undefined : `it does not begin with ${MAGIC}`
    } finally {
      await file.close()
    }
  } catch (error) {
    return `it cannot be read (${codeOf(error) ?? messageOf(error)})`
  }
}

async function connect(): Promise<{ engine: Engine; session: Session }> {
  const engine = await openEngine({ memoryLimit: '1GB', tempDirectory: '' })
  return { engine, session: await engine.connect() }
}

function shut({ engine, session }: { engine: Engine; session: Session }): void {
  session.close()
  engine.close()
}

/** File names as a list of patterns that match only them. */
export function patterns(files: readonly string[]): string {
  return `[${files.map((file) => quote(file.replace(/[*?[]/g, '[$&]'))).join(', ')}]`
}

/** Where and how it was asked is no matter of the file's. */
function reason(error: unknown): string {
  return (messageOf(error).split(/ LINE \d+:/, 1)[0] as string).replace(/^[A-Za-z ]+ Error: (Failed to read file "[^"]*": )?/, '').trim()
}

function numberOf(value: bigint | null): number | undefined {
  return value === null ? undefined : Number(value)
}
