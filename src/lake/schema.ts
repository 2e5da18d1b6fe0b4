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
  rest: 'JSON',
  /** Every top-level field that no column holds; null where there is none. */
  extra: 'JSON',
  ingested_at: 'TIMESTAMP WITH TIME ZONE',
} as const

export type EventColumn = keyof typeof EVENTS

/** `name type, …` as CREATE TABLE takes it. */
export function columnDefinitions(): string {
  return Object.entries(EVENTS).map(([name, type]) => `${name} ${type}`).join(', ')
}

/** The columns in order, as SELECT takes them. */
export const COLUMNS = Object.keys(EVENTS).join(', ')

/** A row's identity as 64 bits, in SQL: two events that agree in all of this are one event. */
export const IDENTITY = 'hash(did, kind, collection, rkey, action, coalesce(rev, cid, epoch_us(event_time)::VARCHAR))'
