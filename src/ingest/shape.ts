/**
 * The three shapes that lines come in, told apart line by line: `./bluesky`'s own, Jetstream v1, Jetstream v2. What is here is SQL
 * about `t`, a line as {@link FIELDS} types it: a row of read_json, or a struct of json_transform.
 */

/** What a shape calls the columns of a row, as expressions. */
interface Names {
  /** The time as it came. */
  claimed: string
  event_time: string
  kind: string
  action: string
  did: string
  /** collection/rkey */
  path: string
  cid: string
  rev: string
  record: string
}

const PLAIN = {
  timestamp: 'VARCHAR',
  action: 'VARCHAR',
  path: 'VARCHAR',
  cid: 'VARCHAR',
  record: 'JSON',
  repo: 'VARCHAR',
  rev: 'VARCHAR',
  kind: 'VARCHAR',
}

const COMMIT = { rev: 'VARCHAR', operation: 'VARCHAR', collection: 'VARCHAR', rkey: 'VARCHAR', cid: 'VARCHAR' }

/** Keys whose values columns hold: of `./bluesky`'s lines, but for time_us, and of a commit, but for its record. */
export const HELD = { plain: Object.keys(PLAIN), commit: Object.keys(COMMIT) }

/** The kinds whose body is not under `commit` (v1) or `record` (v2), but under their own name. */
export const BODIES = { v1: ['identity', 'account'], v2: ['identity', 'account', 'sync'] } as const

/** Keys that lines have as a rule and no column holds: what v2 has beside an event, and the original script printed. */
export const EXTRA = { plain: ['prev', 'py_type', 'seq', 'witnessedAt'], v1: [], v2: ['seq', 'witnessedAt'] } as const

/** Collections whose records may hold the address of their subject as `uri`, without `subject`. */
export const WITH_URI = ['app.bsky.feed.like', 'app.bsky.feed.repost']

const json = (keys: readonly string[]): Record<string, string> => Object.fromEntries(keys.map((key) => [key, 'JSON']))

/** The keys of each shape, as json_transform takes them. */
export const FIELDS = {
  plain: { ...PLAIN, time_us: 'VARCHAR', ...json(EXTRA.plain) },
  v1: { did: 'VARCHAR', time_us: 'VARCHAR', kind: 'VARCHAR', commit: { ...COMMIT, record: 'JSON' }, ...json(BODIES.v1) },
  v2: { $type: 'VARCHAR', payload: { $type: 'VARCHAR', did: 'VARCHAR', time: 'VARCHAR', ...COMMIT, record: 'JSON', ...json(BODIES.v2), ...json(EXTRA.v2) } },
}

export type Shape = keyof typeof FIELDS

export const SHAPES = Object.keys(FIELDS) as Shape[]

/** Of a line with the keys of all shapes. */
export const SHAPE = `CASE WHEN t."$type" = 'message' AND t.payload IS NOT NULL THEN 'v2' WHEN t.did IS NOT NULL AND t.repo IS NULL THEN 'v1' ELSE 'plain' END`

const KIND_V2 = `split_part(t.payload."$type", '#', 2)`

export const NAMES: Record<Shape, Names> = {
  plain: {
    claimed: 'coalesce(t.timestamp, t.time_us)',
    event_time: `CASE WHEN t.timestamp IS NULL THEN ${micros('t.time_us')} ELSE ${timeIn('t.timestamp')} END`,
    kind: `coalesce(t.kind, 'commit')`,
    action: 't.action',
    did: 't.repo',
    path: 't.path',
    cid: 't.cid',
    rev: 't.rev',
    record: 't.record',
  },
  v1: {
    claimed: 't.time_us',
    event_time: micros('t.time_us'),
    kind: 't.kind',
    action: 't.commit.operation',
    did: 't.did',
    path: `t.commit.collection || '/' || t.commit.rkey`,
    cid: 't.commit.cid',
    rev: 't.commit.rev',
    record: bodyOf('t.kind', BODIES.v1, 't', 't.commit.record'),
  },
  v2: {
    claimed: 't.payload.time',
    event_time: timeIn('t.payload.time'),
    kind: KIND_V2,
    action: 't.payload.operation',
    did: 't.payload.did',
    path: `t.payload.collection || '/' || t.payload.rkey`,
    cid: 't.payload.cid',
    rev: 't.payload.rev',
    record: bodyOf(KIND_V2, BODIES.v2, 't.payload', 't.payload.record'),
  },
}

/**
 * The time that a text says, null where it names its zone (`… Europe/Berlin`): after such a text, DuckDB 1.5.6 reads
 * those without a zone in the same vector in that zone too.
 */
export function timeIn(text: string): string {
  return `CASE WHEN strpos(${text}, ' ') = 0 OR NOT regexp_matches(${text}, ' [A-Za-z]') THEN try_cast(${text} AS TIMESTAMPTZ) END`
}

function micros(text: string): string {
  return `try(make_timestamptz(try_cast(${text} AS BIGINT)))`
}

function bodyOf(kind: string, bodies: readonly string[], parent: string, otherwise: string): string {
  return `CASE ${kind} ${bodies.map((body) => `WHEN '${body}' THEN ${parent}.${body}`).join(' ')} ELSE ${otherwise} END`
}
