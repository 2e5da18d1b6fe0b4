import type { DuckDBConnection, DuckDBUBigIntVector } from '@duckdb/node-api'
import { DuckDBInstance, version } from '@duckdb/node-api'

/** A value as DuckDB's result comes to JavaScript: BIGINT and wider as bigint, timestamps as Date, lists as arrays, structs as objects. */
export type SqlValue = null | boolean | number | bigint | string | Date | SqlValue[] | { [key: string]: SqlValue }

export type Row = Record<string, SqlValue>

/** `1.5.5`. */
export const DUCKDB_VERSION = version().replace(/^v/, '')

/** One connection: its statements run one after another, on a thread of its own. */
export interface Session {
  run(sql: string): Promise<void>
  rows<T extends Row = Row>(sql: string): Promise<T[]>
  /** The values of the only column, UBIGINT, each as two words, the low one first; some thousands at a time, to be copied. */
  words(sql: string, take: (words: Uint32Array) => void): Promise<void>
  /** Appends rows of texts to an existing table whose columns are all VARCHAR. */
  append(table: string, rows: Iterable<readonly (string | null)[]>): Promise<void>
  interrupt(): void
  close(): void
}

/** An in-memory DuckDB: no file, so no lock. */
export interface Engine {
  connect(): Promise<Session>
  close(): void
}

/** `readsOnce`: nothing of files that were read is kept. DuckDB keeps footers, also of files that are long gone: 53 kB a batch, up to its memory limit. */
export async function openEngine(settings: { threads?: number; memoryLimit?: string; tempDirectory?: string; readsOnce?: boolean } = {}): Promise<Engine> {
  const instance = await DuckDBInstance.create(':memory:', {
    // Every extension we use is built in; without these, a query that names an unknown function waits for the network.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(settings.readsOnce ? { enable_external_file_cache: 'false' } : {}),
    ...(settings.threads === undefined ? {} : { threads: String(settings.threads) }),
    ...(settings.memoryLimit === undefined ? {} : { memory_limit: settings.memoryLimit }),
    ...(settings.tempDirectory === undefined ? {} : { temp_directory: settings.tempDirectory }),
  })
  return {
    async connect() {
      const connection = await instance.connect()
      // Not possible among the instance's options: the time zone belongs to ICU, loaded later.
      await connection.run("SET TimeZone = 'UTC'")
      return session(connection)
    },
    close() {
      instance.closeSync()
    },
  }
}

function session(connection: DuckDBConnection): Session {
  return {
    async run(sql) {
      await connection.run(sql)
    },
    async rows<T extends Row>(sql: string) {
      const reader = await connection.runAndReadAll(sql)
      return reader.getRowObjectsJS() as T[]
    },
    async words(sql, take) {
      const result = await connection.stream(sql)
      for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
        // By its accessor, each value would be a bigint: three times as long as the query.
        const items = (chunk.getColumnVector(0) as DuckDBUBigIntVector)['items']
        take(new Uint32Array(items.buffer, items.byteOffset, 2 * items.length))
      }
    },
    async append(table, rows) {
      const appender = await connection.createAppender(table)
      for (const row of rows) {
        for (const value of row) {
          if (value === null) appender.appendNull()
          else appender.appendVarchar(value)
        }
        appender.endRow()
      }
      appender.closeSync()
    },
    interrupt() {
      connection.interrupt()
    },
    close() {
      connection.closeSync()
    },
  }
}

export interface Column {
  name: string
  /** As DuckDB writes it. */
  type: string
}

/** The columns of what a FROM clause takes. */
export async function columnsOf(session: Session, relation: string): Promise<Column[]> {
  const columns = await session.rows<{ column_name: string; column_type: string }>(`DESCRIBE FROM ${relation}`)
  return columns.map(({ column_name: name, column_type: type }) => ({ name, type }))
}

/** A text as a SQL literal. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** Paths as a SQL list of patterns, as which DuckDB takes them in a list too: each matches that path alone. */
export function exactly(...paths: readonly string[]): string {
  return `[${paths.map((path) => quote(patternOf(path))).join(', ')}]`
}

function patternOf(path: string): string {
  return path.replace(/[*?[]/g, '[$&]')
}

/** The same as an expression that gives the list: of 17,520 paths in a fifth of the time. */
export function listOf(paths: readonly string[]): string {
  return paths.length === 0 || paths.some((path) => path.includes('\n')) ? exactly(...paths) : `string_split(${quote(paths.map(patternOf).join('\n'))}, chr(10))`
}

/** A name as a SQL identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
