import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEngine, quote } from '../../src/duckdb.ts'
import { columnDefinitions, EVENTS } from '../../src/lake/schema.ts'

/** One event as the models see it; times in microseconds since 1970. */
export interface EventRow {
  event_time: number
  kind: string
  action: string | null
  did: string
  collection: string | null
  rkey: string | null
  subject_uri: string | null
  text: string | null
  langs: string[] | null
  reply_parent: string | null
  /** The record whole, as it may stand there. */
  rest: unknown
  ingested_at: number
}

interface Commit {
  operation: string
  collection: string
  rkey: string
  record?: { subject?: { uri?: string } | string; text?: string; langs?: string[]; reply?: { parent?: { uri?: string } } }
}

type Line =
  | { did: string; time_us: number; kind: string; commit?: Commit; identity?: unknown; account?: unknown }
  | { repo: string; time_us: number; kind: string; action: string | null; path: string | null; record: unknown }

/** A line of `./bluesky` or of Jetstream v1, read two seconds after it happened. */
export function rowOfLine(text: string): EventRow {
  const line = JSON.parse(text) as Line
  const [did, commit] = 'repo' in line ? [line.repo, commitOf(line)] : [line.did, line.commit]
  const record = commit?.record
  const subject = record?.subject
  return {
    event_time: line.time_us,
    kind: line.kind,
    action: commit?.operation ?? null,
    did,
    collection: commit?.collection ?? null,
    rkey: commit?.rkey ?? null,
    subject_uri: typeof subject === 'object' ? (subject.uri ?? null) : null,
    text: record?.text ?? null,
    langs: record?.langs ?? null,
    reply_parent: record?.reply?.parent?.uri ?? null,
    rest: record ?? ('repo' in line ? line.record : (line.identity ?? line.account)) ?? null,
    ingested_at: line.time_us + 2_000_000,
  }
}

function commitOf({ action, path, record }: Extract<Line, { repo: string }>): Commit | undefined {
  if (action === null || path === null) return undefined
  const [collection = '', rkey = ''] = path.split('/')
  return { operation: action, collection, rkey, ...(record === null ? {} : { record: record as NonNullable<Commit['record']> }) }
}

/** Adds the rows to a lake, one file of this name per hour, in the hour's current generation, without any code of the ingest. */
export async function writeLake(lake: string, rows: readonly EventRow[], name = '20260704T000000000Z-000000-00000001'): Promise<void> {
  const engine = await openEngine({ threads: 1 })
  const source = `${lake}.ndjson`
  try {
    const session = await engine.connect()
    await session.run(`CREATE TABLE rows (${columnDefinitions()})`)
    if (rows.length > 0) {
      writeFileSync(source, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
      const types = Object.entries(EVENTS).map(([name, type]) => `${name}: '${type.startsWith('TIMESTAMP') ? 'BIGINT' : type}'`)
      const values = Object.entries(EVENTS).map(([name, type]) => (type.startsWith('TIMESTAMP') ? `make_timestamptz(${name})` : name))
      const lines = `read_json(${quote(source)}, format = 'newline_delimited', columns = {${types.join(', ')}})`
      await session.run(`INSERT INTO rows SELECT ${values.join(', ')} FROM ${lines}`)
    }
    const hourOf = "strftime(event_time, 'date=%Y-%m-%d/hour=%H')"
    const hours = await session.rows<{ hour: string }>(`SELECT DISTINCT ${hourOf} AS hour FROM rows`)
    for (const { hour } of hours) {
      const generations = existsSync(join(lake, hour)) ? readdirSync(join(lake, hour)).map(Number) : [0]
      const directory = join(lake, hour, String(Math.max(...generations)))
      mkdirSync(directory, { recursive: true })
      const file = join(directory, `${name}.parquet`)
      await session.run(`COPY (FROM rows WHERE ${hourOf} = ${quote(hour)}) TO ${quote(file)} (FORMAT parquet)`)
    }
  } finally {
    engine.close()
    rmSync(source, { force: true })
  }
}
