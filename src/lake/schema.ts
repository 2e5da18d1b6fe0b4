/** The columns of a file of the events table (bronze), in its order, with their DuckDB types. All times are UTC, microseconds. */
export const EVENTS = {
  /** When it happened, by the source's clock. Partitions come from it. */
  event_time: 'TIMESTAMP WITH TIME ZONE',
  /** commit, identity, account, … */
  kind: 'VARCHAR',
  /** create, update or delete; null unless kind is commit. */
  action: 'VARCHAR',
  /** The acting user. */
  did: 'VARCHAR',
  collection: 'VARCHAR',
  rkey: 'VARCHAR',
  cid: 'VARCHAR',
  rev: 'VARCHAR',
  /** What a like, repost, follow or block points at. */
  subject_uri: 'VARCHAR',
  text: 'VARCHAR',
  langs: 'VARCHAR[]',
  reply_parent: 'VARCHAR',
  /** The client's claim, null where it is no time. */
  created_at: 'TIMESTAMP WITH TIME ZONE',
  /** Of the record, or of the body of identity and account events, what no column holds; see `derived.ts`. */
  rest: 'VARCHAR',
  /** Every top-level field that no column holds; null where there is none. */
  extra: 'VARCHAR',
  ingested_at: 'TIMESTAMP WITH TIME ZONE',
} as const

export type EventColumn = keyof typeof EVENTS

/** JSON texts: plain strings in a file, since other engines fail on Parquet's JSON type, which saves no byte; JSON in `events`. */
export const JSON_COLUMNS: readonly EventColumn[] = ['rest', 'extra']

/** The same for a SELECT list or REPLACE: `rest::JSON AS rest, …`. */
export const AS_JSON = JSON_COLUMNS.map((name) => `${name}::JSON AS ${name}`).join(', ')

/** `name type, …` as CREATE TABLE takes it; of type JSON are those named. */
export function columnDefinitions(json: readonly string[] = []): string {
  return Object.entries(EVENTS).map(([name, type]) => `${name} ${json.includes(name) ? 'JSON' : type}`).join(', ')
}

/** The columns in order, as SELECT takes them. */
export const COLUMNS = Object.keys(EVENTS).join(', ')

/** The same with the types of a file, whatever those of JSON texts are where they come from. */
export const STORED = (Object.keys(EVENTS) as EventColumn[]).map((name) => (JSON_COLUMNS.includes(name) ? `${name}::VARCHAR AS ${name}` : name)).join(', ')

/** The relay's number of an identity or account event, which is the same everywhere; what else is no commit may have that of its host in `extra`. */
const SEQ = "CASE WHEN kind <> 'commit' THEN coalesce(try(rest ->> '$.seq'), try(extra ->> '$.seq')) END"

/**
 * A row's identity as 64 bits, in SQL: two events that agree in all of this are one event. Each host has its own time for what it passes on,
 * so the time counts only where there is nothing else.
 */
export const IDENTITY = `hash(did, kind, collection, rkey, action, coalesce(rev, cid, ${SEQ}, epoch_us(event_time)::VARCHAR))`
